#!/usr/bin/env python3
"""increments.py [--long] - bases and increments, and increments alone.

A table lives through three windows here, by dice, and is exported as AWS would:
in full at the start, then what each window changed.  The state that this file
keeps is the oracle: what the program makes of base and increments must be it,
and what it makes of one increment must lead from one state to the next.
"""
import glob
import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

from e2e import (FIXTURES, PROGRAM, SLOW, Result, clean, check, contains, equal, finish, lines, main,
                 read, rejected, report, run, same_jobs, start, table_of,
                 write_plan)

sys.path.insert(0, FIXTURES)
from make import Export, compact, line      # noqa: E402

SPELLED = ('{}', '{}.0', '{}e0', '0{}', '{}.00E+0')
STATES = []     # 0: the base; then after each window
RECORDS = []    # of each window
DATA = {}


def at(n):
    return '2025-03-01T%02d:00:00.000Z' % (n + 4)


class Table:
    """A table with a key of an N and an S, spelled as the dice fall."""

    def __init__(self, seed, size):
        self.dice = random.Random(seed)
        self.items = {}
        self.next = 0
        for _ in range(size):
            self.insert({})

    def item(self, number):
        return {'n': {'N': self.dice.choice(SPELLED).format(number)},
                's': {'S': 'é"\\{%d' % (number % 7)},
                'v': {'N': str(self.dice.randrange(1000))},
                'kind': {'S': self.dice.choice('abc')},
                'b': {'B': 'AAAA'}, 'ref': {'S': 'x%d' % (number % 11)},
                'bad': {'BOOL': self.dice.random() < .02},
                'm': {'M': {'l': {'L': [{'NULL': True}, {'S': '}'}]}}}}

    def insert(self, before):
        self.next += 1
        self.items[self.next] = self.item(self.next)
        before.setdefault(self.next, None)

    def live(self, changes):
        """One window: the items as they were before, of all that changed."""
        before = {}
        for _ in range(changes):
            what = self.dice.random()
            key = self.dice.choice(list(self.items) or [0])
            if what < .3 or not self.items:
                self.insert(before)
                continue
            before.setdefault(key, self.items[key])
            if what < .75:
                self.items[key] = self.item(key)
            else:
                del self.items[key]
                if self.dice.random() < .3:     # and back again
                    self.items[key] = self.item(key)
        # What came and went within the window is not in it.
        return {k: (old, self.items.get(k)) for k, old in before.items()
                if old is not None or k in self.items}


def record(old, new, view):
    of = new or old
    r = {'Metadata': {'WriteTimestampMicros': {'N': '1740797000000001'}},
         'Keys': {'n': of['n'], 's': of['s']}}
    if old is not None and view != 'NEW_IMAGE':
        r['OldImage'] = old
    if new is not None:
        r['NewImage'] = new
    return compact(r).encode() + b'\n'


def write_export(root, number, parts, **more):
    full = more.get('kind') is None
    e = Export(root, 'Tab', number, **more)
    e.changes = {'exportTime': at(0)} if full else \
        {'exportFromTime': at(number - 1), 'exportToTime': at(number)}
    for part in parts:
        e.add(b''.join(part))
    e.write()
    return root + '/' + e.folder()


def split(all, n, dice):
    parts = [[] for _ in range(n)]
    for x in all:
        dice.choice(parts).append(x)
    return parts


def prepare(options, size=None):
    size = size or (20000 if options.long else 1500)
    table = Table(options.seed, size)
    dice = random.Random(options.seed + 1)
    top = options.top + '/data'

    def full(number):
        items = [line(i) for i in STATES[-1].values()]
        dice.shuffle(items)
        return write_export(top + '/full%d' % number, 0 if number == 0 else
                            100 + number, split(items, 3, dice))

    STATES.append(dict(table.items))
    DATA['full', 0] = full(0)
    for n in (1, 2, 3):
        changed = list(table.live(size // 2).values())
        dice.shuffle(changed)
        RECORDS.append(changed)
        STATES.append(dict(table.items))
        for view in ('NEW_AND_OLD_IMAGES', 'NEW_IMAGE'):
            DATA[view, n] = write_export(
                top + '/' + view, n, split([record(o, w, view)
                                            for o, w in changed], 2, dice),
                kind='incremental', view=view)
        DATA['full', n] = full(n)


def value(item):
    """An item as what it means: equal ones are equal."""
    def one(v):
        (kind, x), = v.items()
        if kind == 'N':
            return kind, float(x)
        if kind == 'M':
            return kind, tuple(sorted((k, one(y)) for k, y in x.items()))
        if kind == 'L':
            return kind, tuple(map(one, x))
        return kind, x
    return tuple(sorted((k, one(v)) for k, v in item.items()))


def same(items, wanted, what):
    got, want = sorted(map(value, items)), sorted(map(value, wanted))
    check(len(got) == len(want), what, len(got), 'items, not', len(want))
    check(got == want, what, next((g, w) for g, w in zip(got, want) if g != w)
          if got != want else '')


def plan(here, exports, name='plan.json', table=None, **more):
    return write_plan(os.path.join(here, name), {
        'source': {'exports': exports}, 'target': {'environment': 'prod'},
        'tables': {'Tab': table or {'key': ['n', 's']}}, **more})


def go(p, job, *options):
    """Run it; rejects are fine."""
    r = run(p, job, *options, status=None)
    check(r.status in (0, 1), r)


def windows(view, *numbers):
    return [DATA[view, n] for n in numbers]


# ---- bases and increments ----------------------------------------------------

def base_and_increments(here, options, view):
    for upto in (1, 2, 3):
        job = '%s/job%d' % (here, upto)
        run(plan(here, [DATA['full', 0]] + windows(view, *range(1, upto + 1))),
            job)
        same(lines(job, 'Tab'), STATES[upto].values(), 'after %d' % upto)
        t = report(job)['total']
        whole = len(STATES[0]) + sum(map(len, RECORDS[:upto]))
        equal(t['read'] + t['superseded'] + t['gone'], whole, 'lines')
        equal(t['gone'], sum(k not in STATES[upto] for k in
                             {int(float((o or n)['n']['N']))
                              for r in RECORDS[:upto] for o, n in r}), 'gone')
        check(os.path.exists(job + '/out/Tab/table.json'), 'no table.json')


def base_and_increments_with_old_images(here, options):
    base_and_increments(here, options, 'NEW_AND_OLD_IMAGES')


def base_and_increments_of_new_images(here, options):
    base_and_increments(here, options, 'NEW_IMAGE')


def threads_and_memory_change_nothing(here, options):
    p = plan(here, [DATA['full', 0]] + windows('NEW_IMAGE', 1, 2, 3))
    run(p, here + '/a', '--threads', '1')
    run(p, here + '/b', '--threads', '3', '--memory', '1M')
    same_jobs(here + '/a', here + '/b')


def it_goes_on_as_a_full_export_would(here, options):
    """The same plan over base and increments, and over the state itself."""
    table = {'key': ['id', 's'], 'id': 'ref', 'where': "kind <> 'b'",
             'references': {'s': 'Tab'}, 'dangling': 'remove', 'steps': [
                 {'rename': {'n': 'id'}},
                 {'update': 'SET w = v + 1, v = v * 2 REMOVE b'}],
             'assert': ['bad = false']}
    table['references'] = {'b': 'Tab'}
    for number, exports in enumerate((
            [DATA['full', 0]] + windows('NEW_IMAGE', 1, 2),
            [DATA['full', 2]])):
        go(plan(here, exports, table=table), here + '/%d' % number)
    same(lines(here + '/0', 'Tab'), lines(here + '/1', 'Tab'), 'items')
    check(rejected(here + '/0', 'Tab'), 'nothing was rejected')
    same([r['Item'] for r in rejected(here + '/0', 'Tab')],
         [r['Item'] for r in rejected(here + '/1', 'Tab')], 'rejects')
    a, b = table_of(here + '/0', 'Tab'), table_of(here + '/1', 'Tab')
    for word in ('read', 'moved', 'filtered', 'rejected', 'written', 'ids'):
        equal(a[word], b[word], word)


def ion(v):
    (kind, x), = v.items()
    if kind == 'M':
        return '{%s}' % ','.join("'%s':%s" % (k, ion(y)) for k, y in x.items())
    return {'S': json.dumps, 'N': lambda n: repr(float(n)).rstrip('0'),
            'BOOL': json.dumps, 'B': lambda b: '{{%s}}' % b,
            'NULL': lambda _: 'null',
            'L': lambda l: '[%s]' % ','.join(map(ion, l))}[kind](x)


def increments_in_Ion(here, options):
    """A base in JSON, two windows in Ion and one in JSON again."""
    exports = [DATA['full', 0]]
    for n in (1, 2):
        e = Export(here, 'Tab', n, kind='incremental', ending='ion.gz')
        e.changes = {'exportFromTime': at(n - 1), 'exportToTime': at(n)}
        text = ''
        for old, new in RECORDS[n - 1]:
            of = new or old
            r = {'Metadata': {'WriteTimestampMicros': {'N': '17'}},
                 'Keys': {'n': of['n'], 's': of['s']}}
            if old:
                r['OldImage'] = old
            if new:
                r['NewImage'] = new
            text += '$ion_1_0 {%s}\n' % ','.join(
                '%s:%s' % (k, ion({'M': v})) for k, v in r.items())
        e.add(text.encode()).write()
        exports.append(here + '/' + e.folder())
    run(plan(here, exports + windows('NEW_IMAGE', 3)), here + '/job')
    same(lines(here + '/job', 'Tab'), STATES[3].values(), 'items')
    run(plan(here, exports[1:2]), here + '/alone')
    run(plan(here, windows('NEW_AND_OLD_IMAGES', 1)), here + '/json')
    same(lines(here + '/alone', 'Tab'), lines(here + '/json', 'Tab'), 'puts')
    same(keys_in(here + '/alone'), keys_in(here + '/json'), 'deletes')


def killed_anywhere_the_bytes_are_the_same(here, options):
    p = plan(here, [DATA['full', 0]] + windows('NEW_AND_OLD_IMAGES', 1, 2, 3))
    begun = time.monotonic()
    run(p, here + '/whole', '--quiet')
    took = time.monotonic() - begun
    rng = random.Random(3)
    killed = 0
    for i in range(300):
        child = start(p, here + '/job', '--quiet')
        try:
            child.wait(rng.random() * took)
        except Exception:
            child.send_signal(signal.SIGKILL)
            killed += 1
        if finish(child).status == 0:
            if killed >= 8:
                break
            os.rename(here + '/job', '%s/done%d' % (here, i))
    else:
        check(False, 'it never ended')
    same_jobs(here + '/whole', here + '/job')
    check(not os.path.exists(here + '/job/out.partial'), 'out.partial is left')
    return '%d kills' % killed


def windows_must_follow_one_another(here, options):
    full, w = DATA['full', 0], windows('NEW_AND_OLD_IMAGES', 1, 2, 3)
    late = write_export(here + '/late', 2, [[]], kind='incremental')
    e = Export(here + '/over', 'Tab', 9, kind='incremental')
    e.changes = {'exportFromTime': at(0).replace(':00:00', ':30:00'),
                 'exportToTime': at(2)}
    e.add(b'').write()
    over = here + '/over/' + e.folder()

    for exports, *says in (
            ([full, w[0], w[2]], 'leaves a gap behind', w[2], w[0]),
            ([full, w[1]], 'leaves a gap behind', w[1], full),
            ([full, w[1], w[0]], 'out of order', w[1], full),
            ([full, w[0], w[2], w[1]], 'out of order', w[2], w[0]),
            ([full, w[0], over], 'overlaps', over, w[0]),
            ([full, w[0], w[1], late], 'overlaps', late, w[1]),
            ([w[0], full], 'stands behind the increment', full, w[0]),
            ([DATA['full', 1], w[0]], 'overlaps', w[0]),
            (w[:2], '2 increments', 'one by one')):
        if DATA['full', 1] == exports[0]:
            # The state of a later time, said so.
            folder = exports[0]
            text = read(folder + '/manifest-summary.json')
            os.makedirs(here + '/then', exist_ok=True)
            os.system('cp -r %s/. %s/then' % (folder, here))
            with open(here + '/then/manifest-summary.json', 'w') as f:
                f.write(text.replace(at(0), at(0).replace(':00:00', ':10:00')))
            os.remove(here + '/then/manifest-summary.md5')
            exports = [here + '/then'] + exports[1:]
        r = run(plan(here, exports), here + '/job', status=2)
        for part in says:
            # Paths may be cut where they are too long for a message.
            contains(r.err, part if ' ' in part else part[:60])
    run(plan(here, [full] + w), here + '/good')


def a_table_of_the_same_name_is_another_table(here, options):
    arn = 'arn:aws:dynamodb:us-west-2:210987654321:table/Tab'
    for changes, *says in (
            ({'tableArn': arn, 'exportArn': arn + '/export/01740787200000-a'},
             arn, 'name exports of one table'),
            ({'tableId': '00000000-0000-4000-8000-000000000000'},
             'deleted and made anew', '00000000-0000-4000-8000-000000000000')):
        e = Export(here + '/else', 'Tab', 9, kind='incremental')
        e.changes = {'exportFromTime': at(0), 'exportToTime': at(1), **changes}
        e.add(b'').write()
        r = run(plan(here, [DATA['full', 0], here + '/else/' + e.folder()]),
                here + '/job', status=2)
        contains(r.err, *says)


def a_full_export_of_now_is_of_some_millisecond(here, options):
    e = Export(here, 'Tab', 1)
    e.changes = {'exportTime': at(0).replace('.000Z', '.816Z')}
    e.add(b''.join(line(i) for i in STATES[0].values())).write()
    first, second = windows('NEW_AND_OLD_IMAGES', 1, 2)
    p = plan(here, [here + '/' + e.folder(), first])
    r = run(p, here + '/job', status=None)
    check(r.status in (0, 1), r)
    contains(r.err, 'warning', at(0).replace('.000Z', '.816Z'),
             '--accept within-second')
    same(lines(here + '/job', 'Tab'), STATES[1].values(), 'the state')
    # Only within that second.
    p = plan(here, [here + '/' + e.folder(), second], 'other.json')
    contains(run(p, here + '/other', status=2).err, 'leaves a gap behind')


def a_bad_record_is_rejected_and_its_item_stays(here, options):
    e = Export(here, 'Tab', 1, kind='incremental')
    e.changes = {'exportFromTime': at(0), 'exportToTime': at(1)}
    old = STATES[0][1]
    new = dict(old, v={'N': 'x'})
    e.add(record(old, new, '') + record(STATES[0][2], None, '')).write()
    run(plan(here, [DATA['full', 0], here + '/' + e.folder()]), here + '/job',
        status=1)
    same(lines(here + '/job', 'Tab'),
         [i for k, i in STATES[0].items() if k != 2], 'items')
    equal(len(rejected(here + '/job', 'Tab')), 1, 'rejects')
    r = run(plan(here, [DATA['full', 0], here + '/' + e.folder()]),
            here + '/fails', '--on-bad-item', 'fail', status=3)
    contains(r.err, 'line 1')


def a_source_key_must_be_that_of_the_records(here, options):
    exports = [DATA['full', 0]] + windows('NEW_IMAGE', 1)
    r = run(plan(here, exports, table={'key': ['n', 's'],
                                       'sourceKey': ['n']}),
            here + '/a', status=2)
    contains(r.err, 'sourceKey', "'n' and 's'")
    run(plan(here, exports, table={'key': ['n', 's'],
                                   'sourceKey': ['s', 'n']}), here + '/b')


# ---- increments alone --------------------------------------------------------

def keys_in(job, table='Tab'):
    found = []
    for path in sorted(glob.glob('%s/out/%s/deletes/*' % (job, table))):
        with gzip.open(path, 'rt') as f:
            found += [json.loads(x)['Keys'] for x in f]
    return found


def apply(items, job, key):
    """Deletes, then puts."""
    state = {value({k: i[k] for k in key}): i for i in items}
    for k in keys_in(job):
        check(value(k) in state, 'a delete of what is not there', k)
        del state[value(k)]
    for i in lines(job, 'Tab'):
        state[value({k: i[k] for k in key})] = i
    return state.values()


PLANS = {
    'identity': ({'key': ['n', 's']}, ('n', 's')),
    'ids': ({'key': ['id', 's'], 'id': 'n', 'where': 's <> \'é"\\{3\'',
             'steps': [{'rename': {'n': 'id'}},
                       {'update': 'SET w = v + 1 REMOVE b'}]}, ('id', 's')),
    # What these do, a key alone does not say.
    'where': ({'key': ['n', 's'], 'where': "kind <> 'b'"}, ('n', 's')),
    'moves': ({'key': ['n', 'to'], 'id': 'n',
               'steps': [{'when': "kind = 'a'",
                          'update': "SET #t = concat('a#', s)",
                          'attributeNames': {'#t': 'to'}},
                         {'when': "kind <> 'a'",
                          'update': "SET #t = concat(kind, s)",
                          'attributeNames': {'#t': 'to'}}]}, ('n', 'to')),
}


def from_state_to_state(here, options):
    """T(state) and the changes of a window are T(the next state)."""
    for name, (table, key) in PLANS.items():
        for n in range(4):
            go(plan(here, [DATA['full', n]], table=table),
                '%s/%s%d' % (here, name, n))
        for view in ('NEW_AND_OLD_IMAGES', 'NEW_IMAGE'):
            if view == 'NEW_IMAGE' and name in ('where', 'moves'):
                continue
            for n in (1, 2, 3):
                job = '%s/%s-%s-%d' % (here, name, view, n)
                go(plan(here, windows(view, n), table=table), job)
                before = lines('%s/%s%d' % (here, name, n - 1), 'Tab')
                if view == 'NEW_IMAGE':
                    # What the window did not have before cannot be told.
                    same(apply(before, job, key), lines('%s/%s%d' % (
                        here, name, n), 'Tab'), job)
                    continue
                same(apply(before, job, key),
                     lines('%s/%s%d' % (here, name, n), 'Tab'), job)
                check(not os.path.exists(job + '/out/Tab/table.json'),
                      'table.json of changes')
                check(not os.path.exists(job +
                                         '/out/Tab/manifest-summary.json'),
                      'changes that look like an export')
                m = json.loads(read(job + '/out/Tab/manifest-changes.json'))
                equal(m['putCount'], len(lines(job, 'Tab')), 'putCount')
                equal(m['deleteCount'], len(keys_in(job)), 'deleteCount')
                equal(m['deleteCount'], table_of(job, 'Tab')['deletes'],
                      'deletes')


def revert_undoes_a_window(here, options):
    for name, (table, key) in PLANS.items():
        for n in range(4):
            go(plan(here, [DATA['full', n]], table=table),
                '%s/%s%d' % (here, name, n))
        for n in (3, 2, 1):
            job = '%s/%s-%d' % (here, name, n)
            go(plan(here, windows('NEW_AND_OLD_IMAGES', n), table=table), job,
                '--revert')
            same(apply(lines('%s/%s%d' % (here, name, n), 'Tab'), job, key),
                 lines('%s/%s%d' % (here, name, n - 1), 'Tab'), job)
    w = windows('NEW_AND_OLD_IMAGES', 1)
    contains(run(plan(here, windows('NEW_IMAGE', 1)), here + '/x', '--revert',
                 status=2).err, 'NEW_AND_OLD_IMAGES')
    contains(run(plan(here, [DATA['full', 0]] + w), here + '/x', '--revert',
                 status=2).err, 'leave out the full export')
    contains(run(plan(here, [DATA['full', 0]]), here + '/x', '--revert',
                 status=2).err, 'names none')
    run(plan(here, w, table=PLANS['moves'][0]), here + '/moves-1',
                 status=5)


def new_images_need_a_key_that_follows(here, options):
    w = windows('NEW_IMAGE', 2)
    for table, says in (
            ({'key': ['n', 's'], 'where': "kind <> 'b'"}, "its 'where'"),
            ({'key': ['n', 'to'], 'update': 'SET "to" = kind'}, "'update'"),
            ({'key': ['n', 'kind']}, "'kind' is not in the source's key"),
            ({'key': ['n', 'x'], 'steps': [
                {'when': "kind = 'a'", 'rename': {'s': 'x'}}]},
             'under a condition'),
            ({'key': ['n', 's'], 'steps': [{'rename': {'s': 'x'}},
                                           {'rename': {'kind': 's'}}]},
             "'kind' is not in"),
            ({'key': ['n', 's'], 'id': 'n', 'references': {
                's': [{'table': 'Tab', 'when': "kind = 'a'"}]}}, "a 'when'")):
        r = run(plan(here, w, table=table), here + '/job', status=2)
        contains(r.err, 'NEW_IMAGE', says)
    # What does not touch the key does not matter.
    run(plan(here, w, table={'key': ['s', 'x'], 'steps': [
        {'update': 'SET v = 1'}, {'rename': {'n': 'y', 'kind': 'z'}},
        {'rename': {'y': 'x'}}], 'assert': ['v = 1']}), here + '/job')


def what_changes_alone_cannot_know_is_refused(here, options):
    w = windows('NEW_AND_OLD_IMAGES', 1)
    r = run(plan(here, w, table={'key': ['n', 's'], 'id': 'n',
                                 'references': {'ref': 'Tab'},
                                 'dangling': 'remove'}), here + '/job',
            status=2)
    contains(r.err, 'dangling: remove')
    r = run(plan(here, w), here + '/job', '--on-duplicate', 'keep-last',
            status=2)
    contains(r.err, '--on-duplicate keep-last')
    run(plan(here, w, table={'key': ['n', 's'], 'id': 'n',
                             'references': {'ref': 'Tab'}}), here + '/good')
    rel = table_of(here + '/good', 'Tab')['rules'][1]['to'][0]
    equal(rel['unchecked'], rel['references'], 'unchecked references')


def a_refused_record_changes_nothing(here, options):
    """Neither its old key goes nor does its new item come."""
    e = Export(here, 'Tab', 1, kind='incremental')
    old = dict(STATES[0][1], bad={'BOOL': False})
    e.add(record(old, dict(old, bad={'BOOL': True}, kind={'S': 'x'}), '') +
          record(dict(old, bad={'BOOL': True}), None, '') +
          record(dict(old, bad={'BOOL': True}), old, '')).write()
    run(plan(here, [here + '/' + e.folder()],
             table={'key': ['n', 's'], 'assert': ['bad = false']}),
        here + '/job', status=1)
    equal(keys_in(here + '/job'), [], 'deletes')
    same(lines(here + '/job', 'Tab'), [old], 'puts')
    r = rejected(here + '/job', 'Tab')
    equal([sorted(x)[0] for x in r], ['Item', 'OldImage'], 'rejects')


def changes_killed_anywhere(here, options):
    p = plan(here, windows('NEW_AND_OLD_IMAGES', 2), table=PLANS['moves'][0])
    begun = time.monotonic()
    run(p, here + '/whole', '--quiet')
    took = time.monotonic() - begun
    rng = random.Random(4)
    killed = 0
    for i in range(300):
        child = start(p, here + '/job', '--quiet')
        try:
            child.wait(rng.random() * took)
        except Exception:
            child.send_signal(signal.SIGKILL)
            killed += 1
        if finish(child).status == 0:
            same_jobs(here + '/whole', here + '/job')
            if killed >= 8:
                break
            os.rename(here + '/job', '%s/done%d' % (here, i))
    else:
        check(False, 'it never ended')
    return '%d kills' % killed


def records_without_a_manifest_are_refused(here, options):
    path = glob.glob(os.path.dirname(os.path.dirname(
        DATA['NEW_IMAGE', 1])) + '/AWSDynamoDB/data/*')[0]
    r = run(plan(here, [path]), here + '/job', status=3)
    contains(r.err, 'only its manifest')


# ---- those who only look -----------------------------------------------------

def ask(*words, status=0):
    done = subprocess.run([PROGRAM, *words], capture_output=True)
    r = Result(done.returncode, done.stdout.decode(), done.stderr.decode())
    clean(r)
    equal(r.status, status, r)
    return r


def json_of(*words, **more):
    return [json.loads(x) for x in ask(*words, **more).out.split('\n')[:-1]]


def pairs(n, view):
    """Keys, old and new of each record, as sortable values."""
    return sorted((value({k: (o or w)[k] for k in 'ns'}),
                   value(o) if o and view != 'NEW_IMAGE' else (),
                   value(w) if w else ()) for o, w in RECORDS[n - 1])


def cat_shows_records_as_items_of_maps(here, options):
    def of(record):
        return tuple(value(record.get(k, {'M': {}})['M'])
                     for k in ('Keys', 'OldImage', 'NewImage'))
    for view in ('NEW_AND_OLD_IMAGES', 'NEW_IMAGE'):
        found = [x['Item'] for x in json_of('cat', DATA[view, 2])]
        equal(sorted(map(of, found)), pairs(2, view), view)
        gone = json_of('cat', DATA[view, 2], '--where',
                       'attribute_not_exists(NewImage)')
        equal(len(gone), sum(w is None for _, w in RECORDS[1]), 'deleted')
    of, = [o or w for o, w in RECORDS[1]][:1]
    one, = json_of('cat', DATA['NEW_IMAGE', 2], '--key',
                   json.dumps({k: of[k] for k in 'ns'}), '--select',
                   'Keys.n', '--as', 'json')
    equal(one['Keys'], {'n': float(of['n']['N'])}, 'by key')
    r = ask('validate', DATA['NEW_IMAGE', 2])
    contains(r.out, '%d items read' % len(RECORDS[1]), 'all sound')
    for words in (['diff', DATA['NEW_IMAGE', 1], DATA['NEW_IMAGE', 2],
                   '--key', 'n,s'],
                  ['validate', DATA['NEW_IMAGE', 1], '--against',
                   DATA['full', 0], '--key', 'n,s']):
        contains(ask(*words, status=2).err, "'dynamill cat' shows",
                 'name its full export too')
    rules = here + '/rules.yaml'
    with open(rules, 'w') as f:
        f.write('tables: {Tab: [{key: {n: 1}}]}')
    r = ask('validate', DATA['NEW_IMAGE', 1], '--against', rules, status=2)
    contains(r.err, 'name its full export too')


def test_shows_both_images(here, options):
    table = {'key': ['id', 's'], 'id': 'n', 'where': "kind <> 'b'", 'steps': [
        {'rename': {'n': 'id'}}, {'update': 'SET w = v + 1'}]}
    p = plan(here, windows('NEW_AND_OLD_IMAGES', 1), table=table)
    run(p, here + '/job')
    for revert in [], ['--revert']:
        shown = json_of('test', p, '--output', 'json', '--limit', '1000000',
                        *revert)
        images = [x for o, w in RECORDS[0] for x in
                  ((('old', o), ('new', w)) if not revert else
                   (('new', o), ('old', w))) if x[1]]
        equal(sorted((x['image'], value(x['before'])) for x in shown),
              sorted((i, value(x)) for i, x in images), 'images')
        if revert:
            continue
        same([y['item'] for x in shown if x['image'] == 'new'
              for y in x['after']], lines(here + '/job', 'Tab'), 'puts')
        olds = {value({k: y['item'][k] for k in ('id', 's')})
                for x in shown if x['image'] == 'old' for y in x['after']}
        news = {value({k: y['item'][k] for k in ('id', 's')})
                for x in shown if x['image'] == 'new' for y in x['after']}
        equal(olds - news, set(map(value, keys_in(here + '/job'))),
              'deletes')
    shown = json_of('test', p, '--output', 'json', '--limit', '7')
    equal(len({x['line'] for x in shown}), 7, 'records')
    p = plan(here, windows('NEW_IMAGE', 1), name='new.json')
    shown = json_of('test', p, '--output', 'json', '--limit', '1000000')
    equal(sorted(x['image'] for x in shown), sorted(
        'new' if w else 'key' for _, w in RECORDS[0]), 'of new images')


def init_takes_base_and_increments(here, options):
    p = here + '/plan.yaml'
    exports = [DATA['full', 0]] + windows('NEW_IMAGE', 1, 2)
    ask('init', *exports, '-o', p)
    contains(read(p), '2 increments, put onto it')
    run(p, here + '/job', status=None)
    equal(table_of(here + '/job', 'Tab')['read'], len(STATES[2]), 'items')
    r = ask('init', *exports[1:], '-o', here + '/other.yaml', status=2)
    contains(r.err, 'name its full export too')


def folder_of(here, *exports):
    """All in one, as they lie in a bucket: by time."""
    os.makedirs(here)
    for e in exports:
        shutil.copytree(os.path.dirname(os.path.dirname(e)), here,
                        dirs_exist_ok=True)
    return here


def diff_takes_the_state_at_the_end(here, options):
    for upto in 1, 2, 3:
        for view in 'NEW_AND_OLD_IMAGES', 'NEW_IMAGE':
            state = folder_of('%s/%s%d' % (here, view, upto),
                              DATA['full', 0])
            for w in windows(view, *range(1, upto + 1)):
                name = os.path.basename(w)
                shutil.copytree(w, state + '/AWSDynamoDB/' + name)
                shutil.copytree(os.path.dirname(w) + '/data', state +
                                '/AWSDynamoDB/data', dirs_exist_ok=True)
            for words in [], ['--threads', '3'], ['--memory', '1']:
                r = ask('diff', state, DATA['full', upto], '--key', 'n,s',
                        *words)
                n = len(STATES[upto])
                contains(r.out, '%d in A, %d in B: %d equal, 0 changed' % (
                    n, n, n))
            r = ask('validate', state, '--against', DATA['full', upto],
                    '--key', 'n,s', '--exact')
            contains(r.out, 'all sound')
    # What a window did, item by item.
    before, now = DATA['full', 0], here + '/NEW_IMAGE1'
    found = json_of('diff', before, now, '--key', 'n,s', '--output', 'json',
                    status=1)
    kinds = {}
    for x in found[:-1]:
        kinds[value(x['key'])] = x['kind']
    want = {}
    for old, new in RECORDS[0]:
        key = value({k: (old or new)[k] for k in 'ns'})
        if old is None or new is None:
            want[key] = 'added' if old is None else 'removed'
        elif value(old) != value(new):
            want[key] = 'changed'
    equal(kinds, want, 'differences')
    r = ask('diff', here + '/NEW_IMAGE2', *windows('NEW_IMAGE', 2), '--key',
            'n,s', status=2)


def check_says_it_as_json(here, options):
    p = plan(here, [DATA['full', 0]] + windows('NEW_IMAGE', 1, 2))
    x, = json.loads(ask('check', p, '--output', 'json').out)['increments']
    equal(x, {'source': 'Tab', 'gives': 'state', 'windows': 2, 'from': at(0),
              'to': at(2), 'view': None, 'revert': False,
              'tables': ['Tab']}, 'state')
    p = plan(here, windows('NEW_AND_OLD_IMAGES', 3))
    x, = json.loads(ask('check', p, '--output', 'json', '--revert')
                    .out)['increments']
    equal((x['gives'], x['windows'], x['from'], x['to'], x['view'],
           x['revert']), ('changes', 1, at(2), at(3), 'NEW_AND_OLD_IMAGES',
                          True), 'changes')
    p = plan(here, [DATA['full', 0]])
    check('increments' not in json.loads(ask('check', p, '--output',
                                             'json').out), 'none')


if __name__ == '__main__':
    main([cat_shows_records_as_items_of_maps, test_shows_both_images,
          diff_takes_the_state_at_the_end, init_takes_base_and_increments, check_says_it_as_json,
          base_and_increments_with_old_images, base_and_increments_of_new_images,
          threads_and_memory_change_nothing, it_goes_on_as_a_full_export_would, increments_in_Ion,
          killed_anywhere_the_bytes_are_the_same, windows_must_follow_one_another,
          a_table_of_the_same_name_is_another_table,
          a_full_export_of_now_is_of_some_millisecond,
          a_bad_record_is_rejected_and_its_item_stays,
          a_source_key_must_be_that_of_the_records, from_state_to_state,
          revert_undoes_a_window, new_images_need_a_key_that_follows,
          what_changes_alone_cannot_know_is_refused,
          a_refused_record_changes_nothing, changes_killed_anywhere,
          records_without_a_manifest_are_refused], prepare)
