#!/usr/bin/env python3
"""shards.py [--long] - a job divided over shards and merged: the same bytes, and
the same report, as by one machine; whatever is killed, done twice or left out.

The long form is of 1,000,000 items.
"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

from e2e import (FIXTURES, PROGRAM, ROOT, SLOW, Result, check, clean, contains,
                 equal, generate, main, read, report, run, same_jobs, start,
                 table_of, write, write_items, write_plan)

sys.path.insert(0, FIXTURES)
from make import Export, compact, line      # noqa: E402

TIME = '--run-time', '2025-02-01T12:00:00Z'
N = 7
DATA = {}


def S(x):
    return {'S': x}


def dynamill(*words, status=0, env=None):
    done = subprocess.run([PROGRAM, *words], text=True, errors='replace',
                          capture_output=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, **(env or {})})
    r = Result(done.returncode, done.stdout, done.stderr)
    clean(r)
    if status is not None:
        check(r.status == status, 'exit status', r.status, 'not', status, r)
    return r


def run_shard(plan, job, i, *options, n=N, status=0, env=None,
              command='run'):
    return dynamill(command, plan, '--job', job, '--shard', '%s/%d' % (i, n),
                    *TIME, *options, status=status, env=env)


def merge(job, *options, status=0):
    return dynamill('merge', '--job', job, *options, status=status)


def facts(job):
    """What a report says but for how long it took."""
    r = report(job)
    del r['thisRun']
    return r


def same(whole, job):
    """Are out, rejected, index and the report's facts equal?"""
    same_jobs(whole, job)
    equal(facts(job), facts(whole), 'the report')
    check(not os.path.exists(job + '/shards'), 'shards are left behind')


def prepare(options):
    """Four tables by the generator, and notes of which we know what is not."""
    items = (1_000_000 if options.long else 20_000) // SLOW
    data = DATA['path'] = options.top + '/data'
    generate(items, data, '--files', '5', '--seed', str(options.seed))
    rng = random.Random(options.seed)
    contacts = contact_ids(data, 500)
    gone = 0
    for f in range(9):
        notes = []
        for i in range(40 + 30 * f):
            there = rng.random() < .8
            gone += not there
            notes.append({'id': S('note-%d-%d' % (f, i)), 'about': S(
                rng.choice(contacts) if there else 'nobody-%d-%d' % (f, i))})
        write_items('%s/notes/n%d.json.gz' % (data, f), notes)
    DATA['gone'] = gone
    # One that nobody wants: shard and whole must agree on rejects too.
    write_items(data + '/notes/x.json.gz', [
        '{"Item":{"id":{"S":"x"},"about":{"S":"y"}}', {'about': S('z')},
        {'id': S('note-x'), 'about': S(contacts[0])}])
    plan = DATA['plan'] = write_plan(options.top + '/plan.json', {
        'source': {'environment': 'staging', 'exports': [
            'data/Contacts', 'data/Properties', 'data/Projects',
            'data/Quotes', {'path': 'data/notes', 'table': 'Notes'}]},
        'target': {'environment': 'production'},
        'tables': {
            'Contacts': {'key': ['id'], 'id': 'id',
                         'references': {'addressId': 'Properties'},
                         'steps': [{'update': 'SET schemaVersion = 2 '
                                    'REMOVE legacyField'}]},
            'Properties': {'key': ['id'], 'id': 'id', 'references': {
                'homeownerContactId': 'Contacts',
                'agentContactId': 'Contacts'}},
            'Projects': {'key': ['id'], 'id': 'id', 'references': {
                'agentContactId': 'Contacts',
                'homeownerContactId': 'Contacts', 'addressId': 'Properties'}},
            'Quotes': {'key': ['id'], 'id': 'id', 'references': {
                'addressId': 'Properties'}},
            'Notes': {'key': ['id'], 'id': 'id',
                      'references': {'about': 'Contacts'}}}})
    DATA['whole'] = options.top + '/whole'
    run(plan, DATA['whole'], *TIME, status=1)
    notes = table_of(DATA['whole'], 'Notes')
    equal(notes['rejected'], 2, 'rejects')


def contact_ids(data, n):
    """The first ids of contacts, as the generator made them."""
    r = dynamill('cat', data + '/Contacts', '--select', 'id', '--as', 'json',
                 '--limit', str(n))
    return [json.loads(line)['id'] for line in r.out.splitlines()]


def dangling(job):
    rule = [x for x in table_of(job, 'Notes')['rules']
            if x['path'] == 'about'][0]
    return rule['to'][0]


def wait_for(path, child):
    while child.poll() is None and not os.path.exists(path):
        time.sleep(.001)


def killed(plan, job, i):
    """Begin a shard and kill it once it has something; was it under way?"""
    child = start(plan, job, '--shard', '%d/%d' % (i, N), '--threads', '1',
                  *TIME)
    wait_for('%s/shards/run/%d/1/journal' % (job, i), child)
    time.sleep(.01 if SLOW == 1 else .1)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    return not os.path.exists('%s/shards/run/%d/done' % (job, i))


def as_one_machine(here, options):
    """Killed, left out, named, run again, merged: nothing can be seen of it."""
    plan, whole, job = DATA['plan'], DATA['whole'], here + '/job'
    cut = sum(killed(plan, job, i) for i in (3, 6))
    for i in (1, 2, 4, 7):
        r = run_shard(plan, job, i)
        contains(r.out, 'shard %d of 7' % i, 'dynamill merge --job')
    r = merge(job, status=5)
    contains(r.err, 'shard 5/7: not begun', '5', 'of 7')
    if cut == 2:
        contains(r.err, 'shards 3, 5, 6 of 7 are not done', 'shard 3/7: stopped')
    check(not os.path.exists(job + '/out'), 'it made out/')
    before = json.loads(merge(job, '--dry-run', '--output', 'json',
                              status=5).out)
    equal(before['shards'], 7, 'shards')
    check({'shard': 5, 'state': 'not begun'} in before['notDone'], before)
    r = dynamill('status', '--job', job)
    contains(r.out, 'divided', 'of 7', 'not done')
    for i in (3, 5, 6):
        run_shard(plan, job, i)
    contains(dynamill('status', '--job', job).out, 'all shards are done')
    contains(merge(job, '--dry-run').out, 'all 7 shards are done')
    check(not os.path.exists(job + '/out'), 'a dry run made out/')
    r = merge(job, status=1)
    contains(r.out, 'dangling: Notes.about')
    same(whole, job)
    ref = dangling(job)
    equal(ref['dangling'], DATA['gone'], 'dangling, as planted')
    check(ref['resolved'] > 0, 'nothing was resolved')
    contains(merge(job).out, 'done already')
    contains(run_shard(plan, job, 2).out, 'done already')
    contains(run(plan, job, *TIME, status=1).out, 'done already')
    dynamill('validate', '--job', job, status=None)
    return '%d of 2 kills were in time' % cut


def merge_is_killed(here, options):
    """At any moment, and again: the same."""
    plan, whole, job = DATA['plan'], DATA['whole'], here + '/job'
    rng = random.Random(options.seed)
    for i in range(1, N + 1):
        run_shard(plan, job, i)
    kills = 0
    for i in range(20 if options.long else 6):
        child = subprocess.Popen([PROGRAM, 'merge', '--job', job],
                                 stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        time.sleep(rng.random() * (.5 if options.long else .08) * SLOW)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        kills += not os.path.exists(job + '/out')
        if os.path.exists(job + '/out'):
            break
    r = merge(job, status=None)
    check(r.status in (0, 1), r)
    same(whole, job)
    return '%d kills' % kills


def two_at_once(here, options):
    """Two processes at the same shard: one counts, no harm is done."""
    plan, whole, job = DATA['plan'], DATA['whole'], here + '/job'
    words = [PROGRAM, 'run', plan, '--job', job, *TIME, '--threads', '1']
    # All begin a new job in the same moment, too.
    all = [subprocess.Popen([*words, '--shard', '%d/3' % i],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)
           for i in (1, 1, 2, 2, 3, 3)]
    said = ''
    for child in all:
        out, err = child.communicate()
        equal(child.returncode, 0, 'a shard ended with ' + err)
        said += out + err
    merge(job, status=1)
    same(whole, job)
    return 'one was outrun' if 'by another process' in said else 'in turn'


def what_is_lost_is_done_again(here, options):
    """A shard's file is gone: merge names the shard, which mends it."""
    plan, whole, job = DATA['plan'], DATA['whole'], here + '/job'
    for i in (1, 2, 3):
        run_shard(plan, job, i, n=3)
    top = job + '/shards/run/2/1/'
    for kind in 'out.partial', 'index/units':
        found = [os.path.join(f, x) for f, _, names in os.walk(top + kind)
                 for x in names]
        os.unlink(sorted(found)[0])
        r = merge(job, status=3)
        contains(r.err, 'shard 2 of 3 is not whole', '--shard 2/3')
        check(not os.path.exists(job + '/out'), 'out/ is there')
        run_shard(plan, job, 2, n=3)
    contains(run_shard(plan, job, 2, n=3).out, 'done already')
    # Something has its size and is damaged; whoever wants to know reads it.
    found = sorted(x for f, _, names in os.walk(top + 'out.partial')
                   for x in (os.path.join(f, n) for n in names))
    with open(found[-1], 'r+b') as f:
        f.seek(40)
        byte = f.read(1)
        f.seek(40)
        f.write(bytes([byte[0] ^ 1]))
    r = merge(job, '--verify', status=3)
    contains(r.err, 'shard 2 of 3 is not whole', 'is not what was written',
             'it was removed', '--shard 2/3')
    run_shard(plan, job, 2, n=3)
    # Half merged, and then something is gone.
    os.makedirs(job + '/out.partial/Notes/data', exist_ok=True)
    for f in sorted(os.listdir(top + 'out.partial/Contacts/data'))[:1]:
        os.makedirs(job + '/out.partial/Contacts/data', exist_ok=True)
        os.rename(top + 'out.partial/Contacts/data/' + f,
                  job + '/out.partial/Contacts/data/' + f)
    contains(run_shard(plan, job, 2, n=3).out, 'done already')
    merge(job, '--verify', status=1)
    same(whole, job)


def says_no(here, options):
    """Other divisions, half jobs, what cannot be divided."""
    plan, job = DATA['plan'], here + '/job'
    for word in '0/7', '8/7', '7', '1/0', 'a/7', '1/7x', '1/10001', '/7':
        contains(dynamill('run', plan, '--job', job, '--shard', word,
                          status=2).err, '--shard', word)
    contains(run_shard(plan, job, 1, '--limit', '5', status=2).err, '--limit')
    check(not os.path.exists(job), 'a job was made')
    run_shard(plan, job, 1)
    contains(run_shard(plan, job, 1, n=6, status=5).err, 'into 7 shards')
    contains(run(plan, job, *TIME, status=5).err, 'is divided', '--shard')
    contains(run_shard(plan, job, 2, '--level', '3', status=5).err, '--level')
    contains(run_shard(plan, job, 2, '--table', 'Notes', status=5).err,
             '--table')
    whole = shutil.copytree(DATA['whole'], here + '/done')
    contains(run_shard(plan, whole, 1).out, 'done already')
    os.rename(whole + '/out', whole + '/out.partial')
    contains(run_shard(plan, whole, 1, status=5).err, 'without --shard')
    contains(merge(whole, status=2).err, 'no shard')
    contains(dynamill('merge', status=2).err, '--job')
    contains(merge(here + '/none', status=2).err, 'no job')
    contains(run_shard(plan, job, 2, '--scratch', here, status=2).err,
             '--scratch')
    contains(run(plan, job, '--verify', status=2).err, "takes no '--verify'")
    submit = os.path.join(ROOT, 'scripts', 'slurm', 'submit')
    done = subprocess.run([submit, '--job', job, '--scratch', here, '--shards',
                           '2', plan], capture_output=True, text=True,
                          env={**os.environ, 'DYNAMILL': PROGRAM}, cwd=here)
    equal(done.returncode, 2, 'exit status')
    contains(done.stderr, '--scratch is for a job in S3')
    write_items(here + '/in.json', [{'id': S('a')}])
    contains(dynamill('push', '--job', job, '--shard', '1/2', status=5).err,
             'no out/ yet')
    contains(dynamill('rollback', '--job', job, '--shard', '1/2',
                      status=2).err, "takes no '--shard'")


def numbers_of_schedulers(here, options):
    """auto/N: what Batch, Kubernetes and Slurm call the first is shard 1."""
    plan = DATA['plan']
    for name, first in (('AWS_BATCH_JOB_ARRAY_INDEX', 0),
                        ('JOB_COMPLETION_INDEX', 0),
                        ('SLURM_ARRAY_TASK_ID', 1)):
        job = '%s/%s' % (here, name)
        for i in range(3):
            r = run_shard(plan, job, 'auto', '--table', 'Notes', n=3,
                          env={name: str(first + i)})
            contains(r.out, 'shard %d of 3' % (i + 1))
        r = run_shard(plan, job, 'auto', '--table', 'Notes', n=3, status=2,
                      env={name: str(first + 3)})
        contains(r.err, name, 'from %d to %d' % (first, first + 2))
        merge(job, status=1)
    r = run_shard(plan, here + '/x', 'auto', n=3, status=2,
                  env={'SLURM_ARRAY_TASK_ID': '0'})
    contains(r.err, 'SLURM_ARRAY_TASK_ID')
    contains(run_shard(plan, here + '/x', 'auto', n=3, status=2).err, 'none of')
    both = {'SLURM_ARRAY_TASK_ID': '1', 'JOB_COMPLETION_INDEX': '1'}
    contains(run_shard(plan, here + '/x', 'auto', n=3, status=2,
                       env=both).err, 'different')


def make_rounds(here, seed):
    """Items that share keys, and refer to what is not there."""
    rng = random.Random(seed)
    for f in range(7):
        write_items('%s/data/People/p%d.json.gz' % (here, f), [
            {'id': S('p%d' % rng.randrange(300)), 'n': S('%d.%d' % (f, i)),
             'boss': S('p%d' % rng.randrange(600))} for i in range(60)])
        write_items('%s/data/Notes/n%d.json.gz' % (here, f), [
            {'pk': S('k%d' % rng.randrange(100)), 'n': S('%d.%d' % (f, i)),
             'sk': S('p%d' % rng.randrange(600))} for i in range(50)])
    return write_plan(here + '/plan.json', {
        'source': {'exports': [{'path': 'data/People', 'table': 'People'},
                               {'path': 'data/Notes', 'table': 'Notes'}]},
        'target': {'environment': 'prod'},
        'tables': {
            'People': {'key': ['id'], 'id': 'id', 'dangling': 'null',
                       'references': {'boss': 'People'}},
            'Notes': {'key': {'pk': 'S', 'sk': 'S'}, 'dangling': 'keep',
                      'references': {'sk': 'People'}}}})


def plans_that_must_know(here, options):
    """dangling and --on-duplicate: analyze, merge, run, merge."""
    for seed, policy in enumerate(('keep-first', 'keep-last', 'reject')):
        top = '%s/%d' % (here, seed)
        plan, job = make_rounds(top, seed), top + '/job'
        more = '--on-duplicate', policy
        status = 1 if policy == 'reject' else 0
        run(plan, top + '/whole', *TIME, *more, status=status)
        r = run_shard(plan, job, 1, *more, n=4, status=5)
        contains(r.err, 'must know', 'dynamill analyze %s' % plan,
                 'dynamill merge --job %s' % job, '--shard N/4')
        for words in 'which ids there are', 'which primary keys are double':
            for i in range(1, 5):
                run_shard(plan, job, i, *more, n=4, command='analyze')
                if i == 2:
                    contains(merge(job, status=5).err, 'shards 3, 4 of 4')
            contains(run_shard(plan, job, 1, *more, n=4, status=5).err,
                     'must know')
            contains(merge(job).out, words)
            r = json.loads(read('%s/survey/%sreport.json' % (
                job, 'keys/' if 'double' in words else '')))
            equal(r['total']['read'], 770, 'items read')
        for i in range(1, 6):
            run_shard(plan, job, i, *more, n=5)
        merge(job, status=status)
        same(top + '/whole', job)


def analyzed_by_one_and_run_by_many(here, options):
    """What one machine has found out serves the shards."""
    plan, job = make_rounds(here, 9), here + '/job'
    more = '--on-duplicate', 'keep-last'
    run(plan, here + '/whole', *TIME, *more)
    dynamill('analyze', plan, '--job', job, *TIME, *more, status=None)
    r = run_shard(plan, job, 1, *more, n=2, status=5)
    contains(r.err, 'which primary keys are double')
    for i in (1, 2):
        run_shard(plan, job, i, *more, n=2, command='analyze')
    merge(job)
    for i in (1, 2):
        run_shard(plan, job, i, *more, n=2)
    merge(job)
    same(here + '/whole', job)


def collisions_across_shards(here, options):
    """Two ids that become one, and two items of one key, of two shards."""
    for f in range(2):
        write_items('%s/data/f%d.json' % (here, f), [
            {'id': S('%s%d' % ('ab'[f], i))} for i in range(300)])
    rows = 'table,source,target\n' + ''.join(
        'Ids,%s,same%d\n' % (x, i) for i in (7, 9) for x in
        ('a%d' % i, 'b%d' % i))
    for name, table, words in (
            ('ids', {'id': 'id', 'key': ['id']}, 'become one new id (2 times)'),
            ('keys', {'key': ['id'], 'update': "SET id = 'same'"},
             'several items with one primary key (599 too many)')):
        top = here + '/' + name
        write(top + '/map.csv', rows)
        plan = write_plan(top + '/plan.json', {
            'source': {'exports': [{'path': '../data', 'table': 'Ids'}]},
            'target': {'environment': 'prod'},
            **({'ids': {'map': 'map.csv'}} if name == 'ids' else {}),
            'tables': {'Ids': table}})
        whole = run(plan, top + '/whole', *TIME, status=3)
        for i in (1, 2):
            run_shard(plan, top + '/job', i, n=2)
        parts = merge(top + '/job', status=3)
        contains(parts.err, words)
        equal(parts.err, whole.err, 'what is wrong')
        contains(merge(top + '/job', status=3).err, words)


def increments(here, options):
    """A base and what came after: which record is the last, all must know."""
    rng = random.Random(options.seed)
    items = {'k%d' % i: 0 for i in range(400)}

    def write_export(number, lines_, **more):
        e = Export(here, 'Tab', number, **more)
        at = ['2025-03-01T%02d:00:00.000Z' % (h + 4)
              for h in (number - 1, number)]
        e.changes = {'exportTime': at[1]} if not more else \
            {'exportFromTime': at[0], 'exportToTime': at[1]}
        for part in range(4):
            e.add(b''.join(lines_[part::4]))
        e.write()
        return e.folder()

    def item(k):
        return {'id': S(k), 'v': {'N': str(items[k])},
                'ref': S('k%d' % rng.randrange(900))}

    exports = [write_export(0, [line(item(k)) for k in items])]
    for number in (1, 2):
        records = []
        for k in rng.sample(sorted(items), 150) + ['n%d.%d' % (number, i)
                                                   for i in range(30)]:
            r = {'Metadata': {'WriteTimestampMicros': {'N': '17'}},
                 'Keys': {'id': S(k)}}
            if k in items and rng.random() < .3:
                del items[k]
            else:
                items[k] = number
                r['NewImage'] = item(k)
            records.append(compact(r).encode() + b'\n')
        exports.append(write_export(number, records, kind='incremental',
                                    view='NEW_IMAGE'))
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': exports}, 'target': {'environment': 'prod'},
        'tables': {'Tab': {'key': ['id'], 'id': 'id', 'dangling': 'remove',
                           'references': {'ref': 'Tab'}}}})
    job = here + '/job'
    run(plan, here + '/whole', *TIME)
    equal(table_of(here + '/whole', 'Tab')['written'], len(items), 'items')
    r = run_shard(plan, job, 1, n=3, status=5)
    contains(r.err, 'which items increments changed', 'which ids there are')
    for command in 'analyze', 'analyze', 'run':
        for i in (1, 2, 3):
            run_shard(plan, job, i, n=3, command=command)
        merge(job)
    same(here + '/whole', job)


def validated_in_parts(here, options):
    """Each file by one shard, of a dump and of what a job wrote."""
    def checks(i, *words, status=0):
        r = dynamill('validate', *words, '--shard', '%d/3' % i, '--verbose',
                     '--output', 'json', status=status)
        return [json.loads(line) for line in r.out.splitlines()]

    def files(*words):
        found = [c['name'] for i in (1, 2, 3) for c in checks(i, *words)
                 if 'name' in c]
        equal(len(found), len(set(found)), 'files that two shards have')
        return sorted(found)
    dump, job = DATA['path'] + '/Contacts', here + '/job'
    names = sorted(json.loads(line)['name'] for line in dynamill(
        'validate', dump, '--verbose', '--output', 'json').out.splitlines()
        if '"name"' in line)
    check(len(names) > 3, names)
    equal(files(dump), names, 'files')
    shutil.copytree(DATA['whole'], job)
    words = '--job', job
    sums = [checks(i, *words)[-1] for i in (1, 2, 3)]
    equal(sum(s['items'] for s in sums), report(job)['total']['read'],
          'items')
    # What is wrong is seen by one of them, and a source may be of another.
    path = sorted(x for x in os.listdir(job + '/out/Notes/data'))[0]
    data = read('%s/out/Notes/data/%s' % (job, path), 'rb')
    with open('%s/out/Notes/data/%s' % (job, path), 'wb') as f:
        f.write(data[:60] + bytes([data[60] ^ 1]) + data[61:])
    ends = [dynamill('validate', *words, '--shard', '%d/3' % i,
                     status=None).status for i in (1, 2, 3)]
    check(3 in ends and 0 in ends, ends)
    contains(dynamill('validate', dump, '--against', dump, '--shard', '1/3',
                      status=2).err, '--against', 'all of it')


main([as_one_machine, merge_is_killed, two_at_once,
      what_is_lost_is_done_again, says_no, numbers_of_schedulers,
      plans_that_must_know, analyzed_by_one_and_run_by_many,
      collisions_across_shards, increments, validated_in_parts], prepare)
