#!/usr/bin/env python3
"""ends.py - what only shows when all is read: keys twice, ids that meet,
references to nothing."""
import os
import re
import sys

from e2e import (FIXTURES, check, contains, equal, lines, main, read, report,
                 run, table_of, write, write_items, write_plan)

sys.path.insert(0, FIXTURES)
from make import Export, compact        # noqa: E402


def S(x):
    return {'S': x}


def N(x):
    return {'N': str(x)}


def failed(here, job, r, *parts):
    """It failed in the end: one message, nothing final, all still there."""
    equal(r.status, 3, 'exit status (%s)' % r)
    contains(r.err, *parts)
    check(not os.path.exists(job + '/out'), 'there is an out/')
    check(os.path.isdir(job + '/out.partial'), 'there is no out.partial/')


def items_twice(here, options):
    """Two source items with one primary key."""
    for threads in ('1', '2'):
        for name, items in (
                ('same-file', [['a', 'b', 'a'], ['c']]),
                ('two-files', [['a', 'b'], ['c', 'a']])):
            folder = '%s/%s' % (here, name)
            for k, ids in enumerate(items):
                write_items('%s/data/f%d.json.gz' % (folder, k), [
                    {'id': S(i), 'at': N(k)} for i in ids])
            # Known by their keys, by their ids, or by both.
            more = {'1': {}, '2': {'id': 'id'}}[threads]
            plan = write_plan(folder + '/plan.json', {
                'source': {'exports': ['data']},
                'target': {'environment': 'prod'},
                'tables': {'Things': {'key': ['id'], **more}}})
            job = folder + '/job' + threads
            r = run(plan, job, '--quiet', '--threads', threads, status=3)
            last = 'f0.json.gz' if name == 'same-file' else 'f1.json.gz'
            failed(here, job, r, "'Things'", 'primary key', 'f0.json.gz',
                   'line 1', last, 'line 3' if name == 'same-file'
                   else 'line 2')
            # And so again, from what is on disk.
            again = run(plan, job, '--quiet', status=3)
            equal(again.err, r.err, 'the second time')


def items_twice_among_many(here, options):
    """Whatever number of threads, memory and files."""
    n = 200000
    for k in range(4):
        write_items('%s/data/f%d.json.gz' % (here, k), (
            '{"Item":{"id":{"S":"%d"},"sk":{"N":"1"}}}' %
            (i if i not in (7777, 190001) else 100042)
            for i in range(n * k // 4, n * (k + 1) // 4)))
    for i, (key, more) in enumerate((
            (['id'], {}), (['id'], {'id': 'id'}), (['id', 'sk'], {'id': 'id'}),
            (['id', 'sk'], {}))):
        for words in (('--threads', '1', '--memory', '8M'),
                      ('--threads', '2')):
            plan = write_plan('%s/plan%d.json' % (here, i), {
                'source': {'exports': ['data']},
                'target': {'environment': 'prod'},
                'tables': {'Things': {'key': key, **more}}})
            job = '%s/job%d%s' % (here, i, words[1])
            r = run(plan, job, '--quiet', *words, status=3)
            failed(here, job, r, "'Things'", '(2 too many)', 'f0.json.gz',
                   'line 7778', 'f2.json.gz', 'line 43')


def messages_stay_whole_in_deep_folders(here, options):
    deep = here + '/' + '/'.join(['a-folder-with-a-long-name'] * 9)
    for name in 'ab':
        write_items('%s/data/%s.json.gz' % (deep, name), [{'id': S('x')}])
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': [deep + '/data']},
        'tables': {'Things': {'key': ['id']}}})
    r = run(plan, here + '/job', '--quiet', status=3)
    failed(here, here + '/job', r, ' a.json.gz: line 1', ' b.json.gz: line 1',
           'mend the source or the plan')


def keys_that_the_plan_makes_equal(here, options):
    write_items(here + '/data/a.json.gz', [
        {'id': S('%04d' % i), 'sk': N(i % 7)} for i in range(500)])
    write_items(here + '/data/b.json.gz', [
        {'id': S('%04d' % i), 'sk': N(i % 7)} for i in range(500, 1000)])
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': ['data']}, 'tables': {'Things': {
            'key': ['id', 'sk'],
            'steps': [{'when': "id IN ('0003', '0990')",
                       'update': "SET id = 'one', sk = 1.0"}]}}})
    r = run(plan, here + '/job', '--quiet', status=3)
    failed(here, here + '/job', r, "target table 'Things'",
           'one primary key (1 too many)', 'a.json.gz', 'line 4', 'b.json.gz', 'line 491')

    # A number is a number, however it is written.
    plan = write_plan(here + '/number.json', {
        'source': {'exports': ['data']}, 'tables': {'Things': {
            'key': ['n'],
            'update': "SET n = to_number(concat(id, "
                      "CASE WHEN id = '0010' THEN '.0' ELSE '' END))"}}})
    run(plan, here + '/number.job', '--quiet')
    plan = write_plan(here + '/number2.json', {
        'source': {'exports': ['data']}, 'tables': {'Things': {
            'key': ['n'],
            'update': "SET n = CASE WHEN id = '0010' THEN 77 "
                      "ELSE to_number(concat(id, '.00')) END"}}})
    r = run(plan, here + '/number2.job', '--quiet', status=3)
    failed(here, here + '/number2.job', r, 'line 11', 'line 78')


def types_of_a_key_differ(here, options):
    """S `1` and N 1 are two keys, but no table has both."""
    write_items(here + '/data/a.json.gz', [{'id': S('1')}, {'id': N(1)}])
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': ['data']},
        'tables': {'Things': {'key': ['id']}}})
    r = run(plan, here + '/job', '--quiet', status=3)
    failed(here, here + '/job', r, 'several types', 'key: {id: S}')
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': ['data']},
        'tables': {'Things': {'key': {'id': 'S'}}}})
    run(plan, here + '/typed', '--quiet', status=1)
    equal(len(lines(here + '/typed', 'Things')), 1, 'items')


def two_tables_into_one(here, options):
    for name in ('Old', 'New'):
        write_items('%s/%s/a.json.gz' % (here, name), [
            {'id': S('%s-%d' % (name if i else 'both', i))}
            for i in range(100)])
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': [{'path': n, 'table': n}
                               for n in ('Old', 'New')]},
        'tables': {n: {'key': ['id'], 'to': 'One'} for n in ('Old', 'New')}})
    r = run(plan, here + '/job', '--quiet', status=3)
    failed(here, here + '/job', r, "'One'", 'Old/a.json.gz', 'New/a.json.gz',
           'line 1')


def ids_that_meet_by_the_map(here, options):
    write_items(here + '/data/a.json.gz', [
        {'pk': S('P#%d' % i), 'id': S('id-%d' % i)} for i in range(50)])
    write(here + '/map.csv',
          'table,source,target\nThings,id-7,x\nThings,id-31,x\n')
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': ['data']}, 'ids': {'map': 'map.csv'},
        'target': {'environment': 'prod'},
        'tables': {'Things': {'key': ['pk'], 'id': 'id'}}})
    r = run(plan, here + '/job', '--quiet', status=None)
    if r.status == 2:       # the map alone says so
        contains(r.err, 'map.csv', 'id-7', 'id-31')
        return
    failed(here, here + '/job', r, "'Things'", "'P#7'", "'P#31'", 'line 8',
           'line 32', 'ids.map')


def an_id_that_is_kept_meets_a_mapped_one(here, options):
    write_items(here + '/data/a.json.gz', [
        {'pk': N(1), 'id': S('SYSTEM-1')}, {'pk': N(2), 'id': S('two')}])
    write(here + '/map.csv', 'table,source,target\nThings,two,SYSTEM-1\n')
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': ['data']},
        'ids': {'map': 'map.csv', 'keep': '^SYSTEM-'},
        'target': {'environment': 'prod'},
        'tables': {'Things': {'key': ['pk'], 'id': 'id'}}})
    r = run(plan, here + '/job', '--quiet', status=3)
    failed(here, here + '/job', r, 'line 1', 'line 2')


def ids_that_meet_by_their_length(here, options):
    """Of 2^32 hex ids, 300,000 meet about ten times."""
    n = 1000000 if options.long else 300000
    write_items(here + '/data/a.json.gz', (
        '{"Item":{"id":{"S":"%d"}}}' % i for i in range(n)))
    plan = {'source': {'exports': ['data']},
            'ids': {'form': 'hex', 'length': 8},
            'target': {'environment': 'prod'},
            'tables': {'Things': {'key': ['id'], 'id': 'id'}}}
    r = run(write_plan(here + '/plan.json', plan), here + '/job', '--quiet',
            status=3)
    # The two that it names do meet.
    import hashlib
    failed(here, here + '/job', r, "'Things'", 'longer form')
    found = [int(x) - 1 for x in re.findall(r'line (\d+)', r.err)]
    equal(len(found), 2, 'items named')
    a, b = (hashlib.sha256(b'Things\0%d\0prod' % i).hexdigest()[:8]
            for i in found)
    equal(a, b, 'their new ids')
    met = len({hashlib.sha256(b'Things\0%d\0prod' % i).digest()[:4]
               for i in range(n)})
    contains(r.err, '(%d times)' % (n - met))
    plan['ids']['length'] = 16
    run(write_plan(here + '/more.json', plan), here + '/more', '--quiet')
    equal(table_of(here + '/more', 'Things')['ids'], n, 'ids')


def one_id_on_several_items_is_none(here, options):
    write_items(here + '/data/a.json.gz', [
        {'id': S('id-%d' % (i // 4)), 'sk': N(i % 4)} for i in range(400)])
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': ['data']}, 'target': {'environment': 'prod'},
        'tables': {'Things': {'key': ['id', 'sk'], 'id': 'id'}}})
    run(plan, here + '/job', '--quiet')
    equal(table_of(here + '/job', 'Things')['ids'], 100, 'ids')
    equal(len(lines(here + '/job', 'Things')), 400, 'items')


def dangling(here, how):
    write_items(here + '/People/a.json.gz', [
        {'id': S('p%d' % i)} for i in range(10)])
    write_items(here + '/Things/a.json.gz', [
        {'id': S('t%d' % i), 'owner': S('p%d' % i),
         'others': {'SS': ['p%d' % (i + 1), 'p%d' % (i + 2)]}}
        for i in range(12)])
    return write_plan('%s/%s.json' % (here, how), {
        'source': {'exports': [{'path': n, 'table': n}
                               for n in ('People', 'Things')]},
        'target': {'environment': 'prod'},
        'tables': {'People': {'key': ['id'], 'id': 'id'},
                   'Things': {'key': ['id'], 'id': 'id', 'dangling': how,
                              'references': {'owner': 'People',
                                             'others': 'People'}}}})


def dangling_report(here, options):
    r = run(dangling(here, 'report'), here + '/job')
    contains(r.out, 'Things.owner', 'Things.others', '2 of 12', '7 of 24')
    rules = {x['path']: x for x in table_of(here + '/job', 'Things')['rules']}
    (owner,), (others,) = rules['owner']['to'], rules['others']['to']
    equal((owner['references'], owner['resolved'], owner['dangling']),
          (12, 10, 2), 'owner')
    equal((others['references'], others['resolved'], others['dangling']),
          (24, 17, 7), 'others')
    contains(owner['danglingExamples'][0], 'Things/a.json.gz', 'line 11',
             "id 't10': 'p10'")
    # Of the one that two rules name, each has its own id, as it was.
    contains(others['danglingExamples'][1], 'line 10', "id 't9': 'p10'")
    contains(others['danglingExamples'][2], 'line 11', "id 't10': 'p11'")
    check('there is a person' not in r.out)


def dangling_fail(here, options):
    plan = dangling(here, 'fail')
    r = run(plan, here + '/job', '--quiet', status=3)
    failed(here, here + '/job', r, 'Things', 'People', 'dangling: fail',
           'a.json.gz', 'report.json')
    # The list: every rule that has some, with its items.
    contains(r.err, 'owner', "line 11, id 't10': 'p10'", "'p11'")


def a_reference_to_a_rejected_item(here, options):
    write_items(here + '/People/a.json.gz', [
        {'id': S('p%d' % i), 'n': N(i)} for i in range(10)])
    write_items(here + '/Things/a.json.gz', [
        {'id': S('t%d' % i), 'owner': S('p%d' % i)} for i in range(11)])
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': [{'path': n, 'table': n}
                               for n in ('People', 'Things')]},
        'target': {'environment': 'prod'},
        'tables': {
            'People': {'key': ['id'], 'id': 'id', 'where': 'n <> 3',
                       'assert': ['n <> 4']},
            'Things': {'key': ['id'], 'references': {'owner': 'People'}}}})
    run(plan, here + '/job', '--quiet', status=1)
    (rule,) = [x for x in table_of(here + '/job', 'Things')['rules']]
    (to,) = rule['to']
    equal((to['references'], to['resolved'], to['toRejected'],
           to['dangling']), (11, 9, 1, 2), 'owner')


def an_end_check_is_done_again_after_a_kill(here, options):
    """What failed once fails again; what is mended needs a new job."""
    write_items(here + '/data/a.json.gz', [{'id': S('a')}, {'id': S('a')}])
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': ['data']},
        'tables': {'Things': {'key': ['id']}}})
    first = run(plan, here + '/job', '--quiet', status=3)
    before = read(here + '/job/journal', 'rb')
    again = run(plan, here + '/job', '--quiet', status=3)
    equal(again.err, first.err, 'message')
    equal(read(here + '/job/journal', 'rb'), before, 'journal')


def examples_in_odd_files(here, options):
    """References to nothing in an increment, and right before damage."""
    def item(i, **more):
        return {'id': S('a%d' % i), 'n': N(i), **more}

    def go(exports, *options):
        plan = write_plan(here + '/plan.json', {
            'source': {'exports': exports}, 'target': {'environment': 'e'},
            'tables': {'Things': {'key': ['id'], 'id': 'id', 'dangling':
                                  'report', 'references': {'to': 'Things'}}}})
        job = here + '/job-' + exports[0][:3]
        r = run(plan, job, '--quiet', *options, status=None)
        check(r.status in (0, 1), r)
        return str(table_of(job, 'Things')['rules'])

    full = Export(here, 'Things', 0)
    full.changes = {'exportTime': '2025-03-01T04:00:00.000Z'}
    full.split([item(i) for i in range(50)], 1).write()
    records = b''.join(compact({
        'Metadata': {'WriteTimestampMicros': {'N': '1740797000000001'}},
        'Keys': {'id': S('a%d' % i)}, 'OldImage': item(i),
        'NewImage': item(i, to=S('nowhere%d' % i))}).encode() + b'\n'
        for i in (7, 11))
    more = Export(here, 'Things', 1, kind='incremental')
    more.changes = {'exportFromTime': '2025-03-01T04:00:00.000Z',
                    'exportToTime': '2025-03-01T05:00:00.000Z'}
    more.add(records).write()
    contains(go([full.folder(), more.folder()]), "line 1, id 'a7'",
             "line 2, id 'a11'")
    path = write_items(here + '/cut/f.json.gz', [
        item(i, to=S('nowhere%d' % i)) for i in range(900)])
    data = read(path, 'rb')
    with open(path, 'wb') as f:
        f.write(data[:len(data) // 2])
    contains(go(['cut'], '--accept', 'f.json.gz'), "line 1, id 'a0'")


main([examples_in_odd_files, items_twice, items_twice_among_many,
      messages_stay_whole_in_deep_folders, keys_that_the_plan_makes_equal, types_of_a_key_differ,
      two_tables_into_one, ids_that_meet_by_the_map,
      an_id_that_is_kept_meets_a_mapped_one, ids_that_meet_by_their_length,
      one_id_on_several_items_is_none, dangling_report, dangling_fail,
      a_reference_to_a_rejected_item,
      an_end_check_is_done_again_after_a_kill])
