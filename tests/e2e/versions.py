#!/usr/bin/env python3
"""versions.py - tables of mixed versions come to one, and every item that came
is counted by the version that it had."""
import json
import random
import subprocess
import sys

from e2e import (PROGRAM, check, contains, equal, lines, main, read, report, run, same_jobs,
                 rejected, table_of, write, write_items, write_plan)


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
    analysis = json.loads(read(here + '/dry/analysis.json'))
    equal(analysis['tables'][0]['versions'], [versions], 'analysis.json')
    contains(read(here + '/dry/analysis.html'), 'Versions of items')
    # A job that is done says it again.
    again = run(plan, job, status=1)
    contains(again.out, 'done already')


def programs_within_versions_are_asked_for_many_items_at_once(here, options):
    """And do the same as expressions there; what they refuse is refused."""
    items = [{'id': S('%04d' % i), **({'v': N(i % 4)} if i % 4 else {}),
              'n': N(i)} for i in range(2000)]
    write_items(here + '/data/Tab/f.json', items)
    write(here + '/t.py', '''
import json, os, sys
n, rest, most = 0, b'', 0
while True:
    some = os.read(0, 1 << 20)
    if not some:
        break
    rest += some
    *whole, rest = rest.split(b'\\n')
    most = max(most, len(whole))
    out = ''
    for line in whole:
        n += 1
        item = json.loads(line)
        item['log'] = item.get('log', '') + sys.argv[1]
        if item['n'] == 7 + len(item['log']):
            out += '!no'
        elif item['n'] != 40:
            out += json.dumps(item)
        out += '\\n#%d\\n' % n if item['n'] != 40 else '#%d\\n' % n
    os.write(1, out.encode())
open('most-' + sys.argv[1], 'a').write('%d\\n' % most)
''')
    write(here + '/t.lua', 'function transform(item)\n  item.log = '
          "(item.log or '') .. 'b'\n  return item\nend\n")
    py = [sys.executable, './t.py']
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': [{'path': 'data/Tab', 'table': 'Tab'}]},
        'tables': {'Tab': {'key': ['id'], 'steps': [
            {'version': {'attribute': 'v', 'missing': 0, 'to': 3,
                         'from 0': [{'pipe': py + ['a']}],
                         'from 1': [{'lua': 't.lua'}],
                         'from 2': [{'when': 'n <> 1999',
                                     'pipe': py + ['c']}]}},
            {'update': "SET log = concat(log, '.')",
             'when': 'attribute_exists(log)'}]}}})
    run(plan, here + '/job', '--threads', '1', status=1)
    want = []
    for x in items:
        i = int(x['n']['N'])
        log, bad = '', i == 40
        for version, word in ((0, 'a'), (1, 'b'), (2, 'c')):
            if i % 4 > version or (word == 'c' and i == 1999):
                continue
            log += word
            bad |= word != 'b' and i == 7 + len(log)
        if not bad:
            want.append({**x, 'v': N(3), **({'log': S(log + '.')}
                                            if log else {})})
    equal([dict(sorted(x.items())) for x in lines(here + '/job', 'Tab')],
          [dict(sorted(x.items())) for x in want], 'items')
    why = {r['Item']['n']['N']: r['reason']
           for r in rejected(here + '/job', 'Tab')}
    equal(why['8'], 'from 0, step 1 (pipe): no', 'why')
    contains(why['40'], 'within \'version\' an item must become one item, '
             'not 0')
    for word in 'ac':
        most = int(read(here + '/most-' + word))
        check(most > 10, 'at most', most, 'lines at once')


def a_table_without_versions_has_none(here, options):
    write_items(here + '/data/Accounts/f.json', [{'id': S('1')}])
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': [{'path': 'data/Accounts',
                                'table': 'Accounts'}]},
        'target': {'environment': 'prod'},
        'tables': {'Accounts': {'key': ['id']}}})
    run(plan, here + '/job')
    check('versions' not in table_of(here + '/job', 'Accounts'), 'versions')


main([mixed_versions_come_to_one,
      programs_within_versions_are_asked_for_many_items_at_once,
      a_table_without_versions_has_none])
