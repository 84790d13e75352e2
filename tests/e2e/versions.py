#!/usr/bin/env python3
"""versions.py - tables of mixed versions come to one, and every item that came
is counted by the version that it had."""
import random
import subprocess

from e2e import (PROGRAM, check, contains, equal, lines, main, read, report, run, same_jobs,
                 table_of, write_items, write_plan)


def S(x):
    return {'S': x}


def N(x):
    return {'N': str(x)}


PLAN = {
    'key': ['id'],
    'where': "attribute_not_exists(gone)",
    'steps': [{'version': {
        'attribute': 'version', 'missing': 1, 'to': 4,
        'from 1': [{'rename': {'addr': 'address'}}],
        'from 2': [{'update': "SET #l = list_append(if_not_exists(#l, []), "
                              "['two'])", 'attributeNames': {'#l': 'log'}}],
        'from 3': [{'when': 'attribute_exists(address)',
                    'update': "SET address = concat(address, '!')"}]}}]}


def upgrade(item):
    x = dict(item)
    v = x.pop('version', N(1))['N']
    if v not in ('1', '2', '3', '4'):
        return None
    v = int(v)
    if v <= 1 and 'addr' in x:
        x['address'] = x.pop('addr')
    if v <= 2:
        x['log'] = {'L': x.get('log', {'L': []})['L'] + [S('two')]}
    if v <= 3 and 'address' in x:
        x['address'] = S(x['address']['S'] + '!')
    x['version'] = N(4)
    return x


def mixed_versions_come_to_one(here, options):
    rng = random.Random(5)
    items, seen = [], {}
    for i in range(900):
        v = rng.choice([None, 1, 2, 3, 4, 4, 7])
        item = {'id': S(str(i))}
        if v is not None:
            item['version'] = N(v)
        if rng.random() < .7:
            item['addr' if v in (None, 1) else 'address'] = S('x%d' % i)
        if rng.random() < .1:
            item['gone'] = S('y')
        else:
            seen[v] = seen.get(v, 0) + 1
        items.append(item)
    for f in range(3):
        write_items('%s/data/Accounts/f%d.json' % (here, f),
                    items[300 * f:300 * f + 300])
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': [{'path': 'data/Accounts',
                                'table': 'Accounts'}]},
        'target': {'environment': 'prod'}, 'tables': {'Accounts': PLAN}})
    for threads in '1', '2':
        r = run(plan, here + '/job' + threads, '--threads', threads, status=1)
    same_jobs(here + '/job1', here + '/job2')
    job = here + '/job2'
    want = [upgrade(x) for x in items if 'gone' not in x]
    equal(sorted(map(str, (sorted(x.items())
                           for x in lines(job, 'Accounts')))),
          sorted(str(sorted(x.items())) for x in want if x), 'items')
    versions, = table_of(job, 'Accounts')['versions']
    equal(versions, {
        'to': 4, 'before': [{'version': v, 'items': seen[v]}
                            for v in (1, 2, 3, 4)],
        'missing': seen[None], 'unknown': seen[7],
        'after': sum(x is not None for x in want)}, 'versions')
    contains(r.out, 'versions of Accounts: %d of 1,' % seen[1],
             '%d without,' % seen[None], '%d unknown,' % seen[7],
             'now %d of 4' % versions['after'])
    contains(read(job + '/report.html'), 'Versions of items',
             '1: %d, 2: %d, 3: %d' % (seen[1], seen[2], seen[3]))
    done = subprocess.run([PROGRAM, 'analyze', plan, '--job', here + '/dry'],
                          capture_output=True, text=True)
    contains(done.stdout, 'versions of Accounts: %d of 1,' % seen[1],
             'now %d of 4' % versions['after'])
    # A job that is done says it again.
    again = run(plan, job, status=1)
    contains(again.out, 'done already')


def a_table_without_versions_has_none(here, options):
    write_items(here + '/data/Accounts/f.json', [{'id': S('1')}])
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': [{'path': 'data/Accounts',
                                'table': 'Accounts'}]},
        'target': {'environment': 'prod'},
        'tables': {'Accounts': {'key': ['id']}}})
    run(plan, here + '/job')
    check('versions' not in table_of(here + '/job', 'Accounts'), 'versions')


main([mixed_versions_come_to_one, a_table_without_versions_has_none])
