#!/usr/bin/env python3
"""written.py - what jobs wrote that is no DynamoDB JSON, or is of an increment
alone, against what it should be; and YAML rules of a base and its increments.
"""
import glob
import json
import os
import random
import sys

import e2e
from validate import put_signed, tampered, validate

sys.path.insert(0, e2e.FIXTURES)
from make import Export, compact  # noqa: E402

WORDS = ['plain', 'é✓', 'a,b', 'say "x"', ' spaces ', '1', 'true', '']


def items_of(n, dice, all_types=True):
    found = []
    for i in range(n):
        item = {'id': {'S': 'i%d' % i}, 'n': {'N': str(i)},
                'word': {'S': dice.choice(WORDS[:-1])}}
        if all_types and dice.random() < .5:
            item['more'] = dice.choice([
                {'BOOL': True}, {'NULL': True}, {'N': '1.50'},
                {'SS': ['b', 'a']}, {'S': ''}, {'S': 'two\nlines'},
                {'M': {'x': {'L': [{'B': 'AAE='}]}}}])
        found.append(item)
    return found


def plan_of(here, name, target, key=('id',), **more):
    return e2e.write_plan('%s/%s.json' % (here, name), {
        'name': name, 'source': {'exports': [
            {'path': here + '/data', 'table': 'T'}]}, 'target': target,
        'tables': {'T': {'to': 'Things', 'key': list(key) if
                         isinstance(key, tuple) else key, **more}}})


def sound(job, more_than):
    found, total = validate('--job', job, status=0)
    e2e.equal([x for x in found if x['kind'] != 'sound'], [], 'found')
    e2e.check(total['checks'] > more_than, total)


def replace_in(path, old, new):
    """In a data file that is not packed, and its manifests; once."""
    before = tampered(path, lambda lines: b''.join(lines).replace(
        old, new, 1).splitlines(True), keep_count=True)
    e2e.check(old in b''.join(before), old, 'is not in', path)


def csv_is_read_again_and_compared(here, options):
    dice = random.Random(options.seed)
    e2e.write_items(here + '/data/a.json.gz', items_of(700, dice))
    for name, csv in (('strict', {}), ('lossy', {'lossy': True}),
                      ('bare', {'lossy': True, 'header': False,
                                'delimiter': 'tab'})):
        p = plan_of(here, name, {'format': 'csv', 'compression': 'none',
                                 'csv': {'columns': ['id', 'n', 'word',
                                                     'more'], **csv}},
                    key={'id': 'S', 'n': 'N'})
        job = here + '/' + name
        e2e.run(p, job, '--quiet', status=None)
        sound(job, 300)
        (path,) = glob.glob(job + '/out/Things/data/*.csv')
        replace_in(path, 'é✓'.encode(), 'é✗'.encode())
        found, _ = validate('--job', job, status=1)
        bad, = [x for x in found if x['kind'] != 'sound']
        e2e.equal((bad['kind'], [(d['path'], d['expected'], d['found'])
                                 for d in bad['differences']]),
                  ('different', [('word', {'S': 'é✓'}, {'S': 'é✗'})]), name)


def references_are_held_against_all_ids_anew(here, _):
    e2e.write_items(here + '/a/0.json.gz', [{'id': {'S': 'a%d' % i}}
                                            for i in range(9)])
    e2e.write_items(here + '/b/0.json.gz', [
        {'id': {'S': 'b%d' % i}, 'a': {'S': 'a%d' % i}} for i in range(12)])
    plan = e2e.write_plan(here + '/plan.json', {
        'source': {'exports': [{'path': x[0].lower(), 'table': x}
                               for x in ('AAA', 'BBB')]},
        'target': {'environment': 'e'}, 'tables': {
            'AAA': {'key': {'id': 'S'}, 'id': 'id'},
            'BBB': {'key': {'id': 'S'}, 'id': 'id',
                  'references': {'a': 'AAA'}}}})
    job = here + '/job'
    e2e.run(plan, job, '--quiet')
    sound(job, 21)
    path = job + '/report.json'
    text = json.loads(e2e.read(path))
    to, = [x for t in text['tables'] for r in t['rules'] for x in r['to']
           if x['dangling'] > 0]
    e2e.equal((to['references'], to['dangling']), (12, 3), to)
    to['dangling'] = 2
    e2e.write(path, json.dumps(text))
    found, _ = validate('--job', job, status=1)
    e2e.equal([x['text'] for x in found if x['kind'] == 'different'],
              ['a to AAA: 3 of 12 find nothing, where it says 2 of 12'], found)


def csv_of_ours_is_a_dump_by_its_manifest(here, options):
    """Keys with their types, whatever the delimiter, with a header or without.
    """
    items = items_of(300, random.Random(options.seed), all_types=False)
    e2e.write_items(here + '/data/a.json.gz', items)
    for name, csv in (('comma', {}), ('semicolon', {'delimiter': ';'}),
                      ('bare', {'header': False, 'delimiter': 'tab'})):
        job = here + '/' + name
        e2e.run(plan_of(here, name, {'format': 'csv', 'csv': {
            'columns': ['id', 'n', 'word'], **csv}},
            key={'id': 'S', 'n': 'N'}), job, '--quiet')
        done = e2e.subprocess.run([
            e2e.PROGRAM, 'diff', here + '/data', job + '/out', '--key',
            'id,n'], capture_output=True, text=True)
        e2e.equal(done.returncode, 0, done.stdout + done.stderr)
        back = e2e.write_plan(here + '/back.json', {
            'source': {'exports': [job + '/out']}, 'tables': {'Things': {
                'key': {'id': 'S', 'n': 'N'}}}})
        e2e.run(back, job + '-back', '--quiet')
        e2e.equal(e2e.lines(job + '-back', 'Things'), items, name)


def requests_are_read_again_and_compared(here, options):
    dice = random.Random(options.seed)
    items = items_of(310, dice)
    items += [{**i, 'again': {'BOOL': True}} for i in items[10:40]]
    e2e.write_items(here + '/data/a.json.gz', items[:200])
    e2e.write_items(here + '/data/b.json.gz', items[200:])
    p = plan_of(here, 'requests', {'format': 'batch-requests'})
    job = here + '/job'
    e2e.run(p, job, '--quiet', '--on-duplicate', 'keep-last')
    sound(job, 310)
    # As a dump: by its manifests, and by the looks of its files.
    last = {i['id']['S']: i for i in items}
    e2e.write_items(here + '/want.json.gz', last.values())
    for dump in job + '/out', job + '/out/Things/data':
        done = e2e.subprocess.run([
            e2e.PROGRAM, 'diff', here + '/want.json.gz', dump, '--key', 'id'],
            capture_output=True, text=True)
        e2e.equal(done.returncode, 0, done.stdout + done.stderr)
    path = sorted(glob.glob(job + '/out/Things/data/*'))[3]
    replace_in(path, b'"word":{"S":"', b'"word":{"S":"X')
    found, _ = validate('--job', job, status=1)
    bad, = [x for x in found if x['kind'] != 'sound']
    e2e.equal((bad['kind'], bad['file']), ('different', path), bad)
    os.rename(path, here + '/away')
    found, _ = validate('--job', job, status=3)
    e2e.check(any('not there' in (x['text'] or '') for x in found), found)


def bodies_of_others_come_in(here, options):
    """Several in a file, printed over lines; deletes are no items."""
    dice = random.Random(options.seed)
    items = items_of(60, dice)
    text = ''
    for k in range(0, 60, 25):
        text += json.dumps({'Things': [{'PutRequest': {'Item': i}}
                                       for i in items[k:k + 25]]}, indent=2)
    e2e.write(here + '/data/all.json', text + '\n' + json.dumps(
        {'Things': [{'DeleteRequest': {'Key': {'id': {'S': 'x'}}}}]}))
    p = plan_of(here, 'read', {})
    e2e.run(p, here + '/job', '--quiet', status=1)
    got = e2e.lines(here + '/job', 'Things')
    e2e.equal(got, items, 'items')
    bad, = e2e.rejected(here + '/job', 'T')
    e2e.contains(bad['reason'], 'a request to delete is no item')
    e2e.write(here + '/data/all.json', '{"A":[{"PutRequest":{"Item":{}}}],'
              '"B":[{"PutRequest":{"Item":{}}}]}')
    e2e.run(p, here + '/two', '--quiet', status=1)
    e2e.contains(e2e.rejected(here + '/two', 'T')[-1]['reason'],
                 "a request for another table than 'A'")


# ---- increments --------------------------------------------------------------

def put_world(here, dice, n=400):
    """A base, two windows after it, and the states after each."""
    state = {i: item(dice, i) for i in range(n)}
    e = Export(here + '/export', 'Things', 0)
    e.changes = {'exportTime': at(0)}
    e.split(list(state.values()), 3).write()
    exports, states = [here + '/export/' + e.folder()], [dict(state)]
    for w in (1, 2):
        e = Export(here + '/export', 'Things', w, kind='incremental')
        e.changes = {'exportFromTime': at(w - 1), 'exportToTime': at(w)}
        text = ['', '']
        for i in dice.sample(range(n + 50), n // 2):
            old = state.pop(i, None)
            new = item(dice, i) if old is None or dice.random() < .6 else None
            if new:
                state[i] = new
            text[i % 2] += compact({
                'Metadata': {'WriteTimestampMicros': {'N': '17'}},
                'Keys': {k: (new or old)[k] for k in ('pk', 'sk')},
                **({'OldImage': old} if old else {}),
                **({'NewImage': new} if new else {})}) + '\n'
        for t in text:
            e.add(t.encode())
        e.write()
        exports.append(here + '/export/' + e.folder())
        states.append(dict(state))
    return exports, states


def at(n):
    return '2025-03-01T%02d:00:00.000Z' % (n + 4)


def item(dice, i):
    return {'pk': {'S': 'p%d' % (i % 7)}, 'sk': {'N': str(i)},
            'v': {'N': str(dice.randrange(9))},
            'tag': {'S': 't%d' % i}, 'kind': {'S': dice.choice('ab')}}


def a_job_of_an_increment_is_what_it_comes_to(here, options):
    exports, _ = put_world(here, random.Random(options.seed))
    for i, target in enumerate(({}, {'format': 'ion', 'compression': 'none'},
                                {'format': 'batch-requests'})):
        p = e2e.write_plan('%s/%d.json' % (here, i), {
            'name': str(i), 'source': {'exports': exports[1:2]},
            'target': target, 'tables': {'Things': {
                'key': ['tag', 'sk'], 'sourceKey': ['pk', 'sk'],
                'where': "kind = 'a'", 'id': 'tag',
                'update': 'SET w = v + 1'}}})
        job = '%s/job%d' % (here, i)
        e2e.run(p, job, '--quiet')
        sound(job, 50)
        (path, *_) = sorted(glob.glob(job + '/out/Things/deletes/*'))
        what = tampered(path, lambda lines: lines[1:],
                        manifest='manifest-deletes.json')
        found, _ = validate('--job', job, status=1)
        bad = [x for x in found if x['kind'] != 'sound']
        e2e.contains(bad[0]['text'], 'another key stands in its place')
        tampered(path, lambda lines: what, manifest='manifest-deletes.json')
        sound(job, 50)
        with open(job + '/out/Things/manifest-changes.json', 'a') as f:
            f.write(' ')
        found, _ = validate('--job', job, status=3)
        e2e.contains(str(found), 'is not what its checksum was taken of')


def yaml_rules_know_the_state_after_increments(here, options):
    dice = random.Random(options.seed)
    exports, states = put_world(here, dice)
    for upto in (1, 2):
        state, rules, want = states[upto], [], {}
        for i in dice.sample(range(450), 200):
            by_tag = dice.random() < .3
            rule = {'key': {'tag': 't%d' % i} if by_tag else
                    {'pk': 'p%d' % (i % 7), 'sk': i}}
            is_there = i in state
            kind = dice.choice(['absent', 'v', 'there'])
            bad = None
            if kind == 'absent':
                rule['absent'] = True
                bad = 'extra' if is_there else None
            elif not is_there:
                bad = 'missing'
            if kind == 'v':
                v = dice.randrange(9)
                rule['attributes'] = {'v': v}
                if is_there and state[i]['v']['N'] != str(v):
                    bad = 'different'
            rules.append(rule)
            if bad:
                want[i] = bad
        e2e.write(here + '/rules.yaml', json.dumps({'tables': {
            'Things': rules}}))
        words = [*exports[:upto + 1], '--against', here + '/rules.yaml']
        for threads in '1', '3':
            found, total = validate(*words, '--threads', threads,
                                    status=1 if want else 0)
            got = {}
            for x in found:
                if x['kind'] != 'sound':
                    k = x['key']
                    got[int(k['sk']['N'] if 'sk' in k else
                            k['tag']['S'][1:])] = x['kind']
            e2e.equal(got, want, 'what is not well')
            e2e.equal(total['checks'], 200, 'checks')
        # Rules by primary key alone, so that all else is too much.
        rules = [r for r in rules if 'sk' in r['key']]
        e2e.write(here + '/rules.yaml', json.dumps({'tables': {
            'Things': rules}}))
        found, _ = validate(*words, '--exact', status=1)
        named = {r['key']['sk'] for r in rules}
        e2e.equal(sorted(int(x['key']['sk']['N']) for x in found
                         if x['kind'] == 'extra' and
                         int(x['key']['sk']['N']) not in named),
                  sorted(i for i in state if i not in named), 'too much')
    r = e2e.subprocess.run([
        e2e.PROGRAM, 'validate', exports[1], '--against',
        here + '/rules.yaml'], capture_output=True, text=True)
    e2e.equal(r.returncode, 2, r.stderr)
    e2e.contains(r.stderr, 'an increment alone', 'name its full export')


if __name__ == '__main__':
    e2e.main([csv_is_read_again_and_compared,
              references_are_held_against_all_ids_anew,
              csv_of_ours_is_a_dump_by_its_manifest,
              requests_are_read_again_and_compared,
              bodies_of_others_come_in,
              a_job_of_an_increment_is_what_it_comes_to,
              yaml_rules_know_the_state_after_increments])
