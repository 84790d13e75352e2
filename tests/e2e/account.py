#!/usr/bin/env python3
"""account.py - every item is accounted for.

run() in e2e.py checks report.json after every run: its schema, and that its
sums meet. Here they are compared with what went in.
"""
import base64
import glob
import gzip
import json
import os

from e2e import (FIXTURES, SLOW, check, contains, equal, generate, lines, main,
                 read, reference_plan, rejected, report, run, table_of, write,
                 write_items, write_plan)

TABLES = ('Contacts', 'Properties', 'Projects', 'Quotes')


def S(x):
    return {'S': x}


def N(x):
    return {'N': str(x)}


def things(here, n, **more):
    """n items in three plain files, and one plan table for them."""
    for k in range(3):
        write_items('%s/data/part-%d.json.gz' % (here, k), [
            {'id': S('t%04d' % i), 'n': N(i),
             'kind': S('even' if i % 2 == 0 else 'odd')}
            for i in range(n * k // 3, n * (k + 1) // 3)])
    return {'source': {'exports': ['data']}, 'tables': {
        'Things': {'key': ['id'], **more}}}


def go(here, plan, *words, status=0, name='plan'):
    path = write_plan('%s/%s.json' % (here, name), plan)
    job = '%s/%s.job' % (here, name)
    return run(path, job, '--quiet', *words, status=status), job


def sums(t, **want):
    for word in ('read', 'moved', 'filtered', 'skipped', 'dropped',
                 'duplicate', 'rejected', 'written'):
        equal(t[word], want.get(word, 0), word)


def counts_are_those_of_the_manifests(here, options):
    data = generate(20000 // SLOW, here + '/data')
    run(reference_plan(here + '/plan.yaml', data), here + '/job', '--quiet')
    nbytes = nplain = 0
    for name in TABLES:
        (m,) = glob.glob('%s/%s/*/*/manifest-summary.json' % (data, name))
        n = json.loads(read(m))['itemCount']
        t = table_of(here + '/job', name)
        sums(t, read=n, moved=n, written=n)
        equal(t['ids'], n, 'ids of ' + name)

        # What was written says so too.
        out = '%s/job/out/%s' % (here, name)
        equal(json.loads(read(out + '/manifest-summary.json'))['itemCount'],
              n, 'items in the manifest')
        files = [json.loads(x) for x in
                 read(out + '/manifest-files.json').splitlines()]
        equal(sum(f['itemCount'] for f in files), n, 'of its files')
        equal(sorted(f['dataFileS3Key'] for f in files),
              sorted('data/' + x for x in os.listdir(out + '/data')), 'files')
        equal(t['out']['files'], len(files), 'files in the report')
        equal(t['out']['bytes'], sum(os.path.getsize(
            out + '/' + f['dataFileS3Key']) for f in files), 'bytes')
        equal(len(lines(here + '/job', name)), n, 'lines')
        for path in glob.glob('%s/%s/*/*/data/*' % (data, name)):
            nbytes += os.path.getsize(path)
            with gzip.open(path) as f:
                nplain += len(f.read())
    total = report(here + '/job')['total']
    equal(total['bytesRead'], nbytes, 'bytes read')
    equal(total['uncompressedBytesRead'], nplain, 'uncompressed')
    equal(total['units'], 8, 'units')


def filtered_items(here, options):
    _, job = go(here, things(here, 100, where="kind = 'odd' AND n < 50"))
    sums(table_of(job, 'Things'), read=100, filtered=75, moved=25, written=25)
    equal([i['n']['N'] for i in lines(job, 'Things')],
          [str(i) for i in range(1, 50, 2)], 'items')


def a_unit_without_items_writes_no_file(here, options):
    _, job = go(here, things(here, 90, where="n < 30"))
    equal(os.listdir(job + '/out/Things/data'), ['00000000.json.gz'], 'files')
    _, job = go(here, things(here, 90, where="n < 0"), name='none')
    equal(os.listdir(job + '/out/Things/data'), [], 'files')
    check(os.path.exists(job + '/out/Things/manifest-summary.json'))


def refused(here, threads):
    plan = things(here, 300, steps=[
        {'when': 'n IN (7, 120, 290)', 'update': "SET x = n + kind"},
        {'update': 'SET m = n + 1'}], **{'assert': ["m <> 11"]})
    bad = here + '/data/part-1.json.gz'
    with gzip.open(bad, 'rt') as f:
        text = f.read().splitlines()
    text[40] = '{"Item":{"id":{"S":"x"},"n":{"N":"1x"}}}'
    text[3] = 'no json'
    text[60] = ''
    with gzip.open(bad, 'wt') as f:
        f.write('\n'.join(text) + '\n')
    return go(here, plan, '--threads', threads, status=1,
              name='plan' + threads)[1]


def rejects_in_unit_and_line_order(here, options):
    job = refused(here, '1')
    told = rejected(job, 'Things')
    # part-0 holds 0 to 99, part-1 100 to 199, and so on; lines from 1.
    equal([(os.path.basename(r['file']), r['line'], r['step'])
           for r in told],
          [('part-0.json.gz', 8, 'step 1 (update)'), ('part-0.json.gz', 11, 'assert 1'),
           ('part-1.json.gz', 4, 'decode'), ('part-1.json.gz', 21, 'step 1 (update)'),
           ('part-1.json.gz', 41, 'decode'), ('part-2.json.gz', 91, 'step 1 (update)')],
          'rejects')
    equal(told[0]['Item'], {'id': S('t0007'), 'n': N(7), 'kind': S('odd')},
          'the item as it was')
    equal(base64.b64decode(told[2]['raw']), b'no json', 'the raw line')
    equal(told[4]['byte'], len('{"Item":{"id":{"S":"x"},"n":{"N":"1'),
          'byte')
    for r in told:
        check(r['reason'], r)
    sums(table_of(job, 'Things'), read=299, moved=293, written=293,
         rejected=6)
    equal(report(job)['total']['blankLines'], 1, 'blank lines')

    other = refused(here, '2')
    equal(read(other + '/rejected/Things.jsonl'),
          read(job + '/rejected/Things.jsonl'), 'with two threads')


def rejects_are_a_dump_to_read_again(here, options):
    """After mending: the same items, by the same program."""
    job = refused(here, '1')
    told = rejected(job, 'Things')
    write(here + '/mended/Things.jsonl', ''.join(
        json.dumps({'Item': r['Item']}) + '\n' for r in told if 'Item' in r))
    _, job = go(here, {'source': {'exports': ['mended']}, 'tables': {
        'Things': {'key': ['id']}}}, name='again')
    sums(table_of(job, 'Things'), read=4, moved=4, written=4)


def on_bad_item_fail_stops_at_the_first(here, options):
    plan = things(here, 300, update='SET m = n + 1',
                  **{'assert': ["m <> 211"]})
    r, job = go(here, plan, '--on-bad-item', 'fail', status=3)
    contains(r.err, 'part-2.json.gz', 'line 11', 'assert')
    check(not os.path.exists(job + '/out'), 'there is an out/')
    equal(rejected(job, 'Things'), [], 'rejected')
    # It goes on from there if told to: this option changes no bytes.
    r, job = go(here, plan, status=1)
    sums(table_of(job, 'Things'), read=300, moved=299, written=299, rejected=1)


def limit_takes_the_first_of_each_table(here, options):
    data = generate(2000, here + '/data', '--files', '3')
    plan = reference_plan(here + '/plan.yaml', data)
    for n in (1, 7, 150, 290, 100000):
        job = '%s/job%d' % (here, n)
        run(plan, job, '--quiet', '--limit', str(n))
        for name in TABLES:
            t = table_of(job, name)
            most = {'Contacts': 800, 'Properties': 500, 'Projects': 400,
                    'Quotes': 300}[name]
            equal(t['read'], min(n, most), '%s of %d' % (name, n))
            equal(len(lines(job, name)), min(n, most), 'lines')
    every = lines(here + '/job100000', 'Contacts')
    equal(lines(here + '/job290', 'Contacts'), every[:290], 'the first 290')


def limit_counts_bad_lines_too(here, options):
    write_items(here + '/data/a.json.gz', ['bad', {'id': S('1')}, 'bad',
                                           {'id': S('2')}, {'id': S('3')}])
    _, job = go(here, {'source': {'exports': ['data']}, 'tables': {
        'Things': {'key': ['id']}}}, '--limit', '3', status=1)
    t = table_of(job, 'Things')
    equal(t['read'], 3, 'read')
    equal(t['moved'] + t['rejected'], 3, 'sum')


def one_table_of_several(here, options):
    data = generate(3000, here + '/data')
    plan = reference_plan(here + '/plan.yaml', data)
    run(plan, here + '/all', '--quiet')
    run(plan, here + '/some', '--quiet', '--table', 'Projects', '--table',
        'Contacts')
    equal(sorted(os.listdir(here + '/some/out')), ['Contacts', 'Projects'],
          'tables')
    for name in ('Contacts', 'Projects'):
        equal(lines(here + '/some', name), lines(here + '/all', name), name)
        equal(os.listdir('%s/some/out/%s/data' % (here, name)),
              os.listdir('%s/all/out/%s/data' % (here, name)),
              'names of files')
    rules = table_of(here + '/some', 'Projects')['rules']
    to = {x['table']: x for r in rules for x in r['to']}
    equal(to['Properties']['unchecked'], to['Properties']['references'],
          'unchecked')
    equal(to['Contacts']['resolved'], to['Contacts']['references'],
          'resolved')
    r = run(plan, here + '/no', '--table', 'Contact', status=2)
    contains(r.err, 'Contact', "did you mean 'Contacts'")


def several_plans_in_one_pass(here, options):
    first = things(here, 60, where='n < 40', steps=[
        {'update': 'SET a = n + 1'}])
    one = write_plan(here + '/one.json', {**first, 'name': 'one'})
    two = write_plan(here + '/two.json', {
        'name': 'two', 'tables': {'Things': {
            'to': 'Target', 'where': 'a > 10', 'update': 'SET b = a * 2',
            'assert': ['b <> 40']}}})
    run([one, two], here + '/job', '--quiet', status=1)
    sums(table_of(here + '/job', 'Things'), read=60, filtered=30, moved=29,
         written=29, rejected=1)
    equal([(i['a']['N'], i['b']['N']) for i in lines(here + '/job', 'Target')],
          [(str(a), str(2 * a)) for a in range(11, 41) if a != 20], 'items')
    # In the other order it is another job.
    r = run([two, one], here + '/job', '--quiet', status=None)
    check(r.status in (2, 5), r)


def tables_of_one_export(here, options):
    plan = things(here, 99)
    plan['tables'] = {
        'Main': {'key': ['id'], 'to': 'Main_v2', 'where': 'n < 10'},
        'Evens': {'of': 'Main', 'key': ['id'], 'where': "kind = 'even'"},
        'Others': {'of': 'Main', 'key': ['id', 'n'], 'where': 'n <> 97'},
    }
    plan['source']['exports'] = [{'path': 'data', 'table': 'Main'}]
    _, job = go(here, plan)
    main_, evens, others = (table_of(job, n)
                            for n in ('Main', 'Evens', 'Others'))
    equal(main_['moved'], 10, 'main')
    equal(evens['moved'], 45, 'evens')
    equal(others['moved'], 43, 'others')
    equal(report(job)['total']['read'], 99, 'read')
    equal(report(job)['total']['filtered'], 1, 'filtered')
    equal(sorted(os.listdir(job + '/out')), ['Evens', 'Main_v2', 'Others'],
          'tables')
    equal([i['n']['N'] for i in lines(job, 'Others')],
          [str(i) for i in range(11, 99, 2) if i != 97], 'items')


def bad_lines_of_a_shared_export_are_counted_once(here, options):
    write_items(here + '/data/a.json.gz', [
        {'id': S('1'), 'n': N(1)}, 'bad', {'id': S('2'), 'n': N(2)}])
    _, job = go(here, {
        'source': {'exports': [{'path': 'data', 'table': 'Main'}]},
        'tables': {'Main': {'key': ['id'], 'where': 'n = 1'},
                   'Rest': {'of': 'Main', 'key': ['id']}}}, status=1)
    total = report(job)['total']
    equal((total['read'], total['moved'], total['rejected']), (3, 2, 1),
          'read, moved, rejected')
    equal(len(rejected(job, 'Main')), 1, 'rejects')


def stages(here, options):
    plan = things(here, 30, update='SET stage = 0')
    plan['target'] = {'environment': 'none'}
    plan['names'] = {'from': '{table}', 'to': '{table}-{target}-{stage}'}
    plan['stages'] = {
        'dev': {'target': {'environment': 'd'}},
        'prod': {'target': {'environment': 'p', 'compression': 'none'},
                 'tables': {'Things': {'update': 'SET stage = 9'}}}}
    path = write_plan(here + '/plan.json', plan)
    run(path, here + '/dev', '--quiet', '--stage', 'dev')
    run(path, here + '/prod', '--quiet', env={'STAGE': 'prod'})
    equal(os.listdir(here + '/dev/out'), ['Things-d-dev'], 'dev')
    equal(os.listdir(here + '/prod/out'), ['Things-p-prod'], 'prod')
    equal(sorted(os.listdir(here + '/prod/out/Things-p-prod/data'))[0],
          '00000000.json', 'not packed')
    equal({i['stage']['N'] for i in lines(here + '/dev', 'Things-d-dev')},
          {'0'}, 'dev')
    equal({i['stage']['N'] for i in lines(here + '/prod', 'Things-p-prod')},
          {'9'}, 'prod')
    contains(run(path, here + '/dev', '--stage', 'prod', status=5).err,
             'stage')
    contains(run(path, here + '/no', '--stage', 'pord', status=2).err, 'prod')


def standard_input(here, options):
    text = ''.join(json.dumps({'Item': {'id': S(str(i))}}) + '\n'
                   for i in range(1000))
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': ['-']}, 'tables': {'Things': {'key': ['id']}}})
    run(plan, here + '/job', '--quiet', stdin=text)
    sums(table_of(here + '/job', 'Things'), read=1000, moved=1000,
         written=1000)


def an_item_too_large_is_rejected(here, options):
    """By DynamoDB's own count of bytes, to the byte."""
    fits = 400 * 1024 - len('id') - 1 - len('a')
    write_items(here + '/data/a.json.gz', [
        {'id': S('1'), 'a': S('x' * fits)},
        {'id': S('2'), 'a': S('x' * (fits + 1))}])
    _, job = go(here, {'source': {'exports': ['data']}, 'tables': {
        'Things': {'key': ['id']}}}, status=1)
    equal([i['id']['S'] for i in lines(job, 'Things')], ['1'], 'moved')
    contains(rejected(job, 'Things')[0]['reason'], '400 KB')


def warnings_are_told_unless_accepted(here, options):
    """And a name that means nothing is told too."""
    write_items(here + '/data/a.json.gz', [{'id': S('1')}])
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': ['data']},
        'tables': {'Things': {'key': ['id'], 'id': 'id'}}})
    r = run(plan, here + '/told')
    contains(r.err, 'warning:', 'plan.json', '(--accept no-environment)')
    r = run(plan, here + '/accepted', '--accept', 'no-environment')
    equal(r.err.count('warning'), 0, 'warnings')
    r = run(plan, here + '/wrong', '--accept', 'no-envronment')
    contains(r.err, '--accept no-envronment', 'nothing of that name',
             '(--accept no-environment)')
    r = run(plan, here + '/quiet', '--quiet')
    equal(r.err, '', 'standard error')


def the_demo(here, options):
    run(os.path.join(FIXTURES, 'plans', 'demo.yaml'), here + '/job')
    r = report(here + '/job')
    equal(table_of(here + '/job', 'Requests')['filtered'], 2, 'filtered')
    equal(r['total']['read'], r['total']['moved'] + 2, 'read')


main([counts_are_those_of_the_manifests, filtered_items,
      a_unit_without_items_writes_no_file, rejects_in_unit_and_line_order,
      rejects_are_a_dump_to_read_again, on_bad_item_fail_stops_at_the_first,
      limit_takes_the_first_of_each_table, limit_counts_bad_lines_too,
      one_table_of_several, several_plans_in_one_pass, tables_of_one_export,
      bad_lines_of_a_shared_export_are_counted_once, stages, standard_input,
      an_item_too_large_is_rejected, warnings_are_told_unless_accepted,
      the_demo])
