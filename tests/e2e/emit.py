#!/usr/bin/env python3
"""emit.py - one item to several, against a slow model: what is written, what
refers to it, which of equal keys stays, and that a kill changes nothing.
"""
import csv
import glob
import gzip
import io
import json
import os
import random
import signal
import subprocess
import sys
import time

from e2e import (FIXTURES, ORACLE, PROGRAM, check, contains, equal, finish, lines, main,
                 read, rejected, report, run, same_jobs, start, table_of,
                 write, write_items, write_plan)

sys.path[:0] = [ORACLE, FIXTURES]
import ids as oracle  # noqa: E402
from make import Export, compact  # noqa: E402
from validate import validate  # noqa: E402
from written import put_world  # noqa: E402


def S(x):
    return {'S': x}


def N(x):
    return {'N': str(x)}


def new(table, id):
    return oracle.uuid(oracle.digest(table, id.encode(), 'prod'))


def text(item):
    return json.dumps(item, sort_keys=True)


def products(rng, n, skus):
    """Products of up to four variants; some have none, some cannot be."""
    items = []
    for i in range(n):
        item = {'id': S('p%d' % i), 'supplier': S('s%d' % rng.randrange(9))}
        if rng.random() < .8:
            item['variants'] = {'L': [
                {'M': {'sku': S('sku%d' % rng.randrange(skus)),
                       **({'price': N(rng.randrange(100))}
                          if rng.random() < .5 else {})}}
                for _ in range(rng.randrange(4))]}
        if rng.random() < .1:
            item['variants'] = S('none')
        items.append(item)
    return items


TABLES = {
    'Suppliers': {'key': ['id'], 'id': 'id'},
    'Products': {
        'key': ['id'], 'id': 'id', 'references': {'supplier': 'Suppliers'},
        'steps': [{'emit': [
            {'to': 'Products', 'when': "id <> ''",
             'update': 'SET kind = \'METADATA\' REMOVE variants'},
            {'to': 'Variants', 'each': 'variants', 'as': 'v', 'index': 'i',
             'item': {'id': 'new_id(Variants, v.sku)', 'n': 'i',
                      'product': 'id', 'supplier': 'supplier',
                      'price?': 'v.price'}}]}]},
    'Variants': {'key': ['id'], 'id': 'id',
                 'references': {'product': 'Products',
                                'supplier': 'Suppliers'}},
    'Stock': {'key': ['id'], 'id': 'id',
              'references': {'variant': 'Variants'}},
}


def become(item):
    """(table, item) of all that a product becomes; None if it is refused."""
    v = item.get('variants', {'L': []})
    if 'L' not in v:
        return None
    me = {**item, 'id': S(new('Products', item['id']['S'])),
          'supplier': S(new('Suppliers', item['supplier']['S']))}
    meta = {k: x for k, x in me.items() if k != 'variants'}
    out = [('Products', {**meta, 'kind': S('METADATA')})]
    for i, x in enumerate(v['L']):
        x = x['M']
        one = {'id': S(new('Variants', x['sku']['S'])), 'n': N(i),
               'product': me['id'], 'supplier': me['supplier']}
        if 'price' in x:
            one['price'] = x['price']
        out.append(('Variants', one))
    return out


def make(here, rng, n, skus):
    """Files of all tables but Variants, which is emitted only."""
    items = products(rng, n, skus)
    for f in range(3):
        write_items('%s/data/Products/f%d.json.gz' % (here, f),
                    items[f * n // 3:(f + 1) * n // 3])
    write_items(here + '/data/Suppliers/f.json.gz',
                [{'id': S('s%d' % i)} for i in range(7)])
    stock = [{'id': S('x%d' % i), 'variant': S('sku%d' % rng.randrange(skus))}
             for i in range(n)]
    write_items(here + '/data/Stock/f.json.gz', stock)
    return items, stock


def plan_of(here, name='plan.json', tables=TABLES, read=('Products',
            'Suppliers', 'Stock'), **more):
    return write_plan(here + '/' + name, {
        'source': {'exports': [{'path': 'data/' + t, 'table': t}
                               for t in read]},
        'target': {'environment': 'prod'}, 'tables': tables, **more})


def unique(n):
    """Every sku once: no two variants have one key."""
    counter = iter(range(10 ** 9))

    class Rng(random.Random):
        def randrange(self, *a):
            if a == (n,):
                return next(counter)
            return super().randrange(*a)
    return Rng(7)


def everything_that_items_become_is_there(here, options):
    n = 3000 if options.long else 600
    items, stock = make(here, unique(12345), n, 12345)
    for threads in '1', '2':
        run(plan_of(here), here + '/job' + threads, '--threads', threads,
            status=1)
    same_jobs(here + '/job1', here + '/job2')
    job = here + '/job1'
    want = {'Products': [], 'Variants': []}
    good = bad = 0
    for item in items:
        out = become(item)
        if out is None:
            bad += 1
            continue
        good += 1
        for table, x in out:
            want[table].append(x)
    for table in want:
        equal(sorted(map(text, lines(job, table))),
              sorted(map(text, want[table])), table)
        equal(table_of(job, table)['written'], len(want[table]), 'written')
    t = table_of(job, 'Products')
    equal((t['read'], t['moved'], t['rejected']), (n, good, bad), 'account')
    for x in rejected(job, 'Products'):
        contains(x['reason'], "to 'Variants'", 'a list, a map or a set')
        equal(x['step'], 'step 1 (emit)', 'step')

    # What refers to them, and to what they refer.
    made = {x['id']['S'] for x in want['Variants']}
    rule = table_of(job, 'Stock')['rules']
    rule = next(r for r in rule if r['path'] == 'variant')['to'][0]
    there = sum(new('Variants', x['variant']['S']) in made for x in stock)
    equal((rule['resolved'], rule['dangling']), (there, n - there), 'Stock')
    rules = {r['path']: r['to'][0] for r in table_of(job, 'Variants')['rules']
             if r['to']}
    suppliers = {new('Suppliers', 's%d' % i) for i in range(7)}
    lost = sum(x['supplier']['S'] not in suppliers for x in want['Variants'])
    equal((rules['supplier']['references'], rules['supplier']['dangling']),
          (len(want['Variants']), lost), 'Variants.supplier')
    equal((rules['product']['resolved'], rules['product']['dangling']),
          (len(want['Variants']), 0), 'Variants.product')


def policies_know_the_ids_of_what_is_emitted(here, options):
    items, stock = make(here, unique(12345), 300, 12345)
    made = {x['id']['S'] for item in items for t, x in become(item) or []
            if t == 'Variants'}
    tables = {**TABLES, 'Stock': {**TABLES['Stock'], 'dangling': 'skip-item'}}
    run(plan_of(here, tables=tables), here + '/job', status=1)
    there = [x for x in stock if new('Variants', x['variant']['S']) in made]
    equal(len(lines(here + '/job', 'Stock')), len(there), 'Stock')
    equal(table_of(here + '/job', 'Stock')['skipped'],
          len(stock) - len(there), 'skipped')


def policies_hold_for_what_is_emitted(here, options):
    """Suppliers s7 and s8 are not there."""
    items, _ = make(here, unique(12345), 300, 12345)
    for x in items:
        x['deep'] = {'M': {'l': {'L': [x['supplier'], S('s1')]}}}
    for f in range(3):
        write_items('%s/data/Products/f%d.json.gz' % (here, f),
                    items[f * 100:f * 100 + 100])
    there = {new('Suppliers', 's%d' % i) for i in range(7)}

    def change(policy, x):
        """What a variant is under the policy, or None."""
        gone = x['supplier']['S'] not in there
        deep = [new('Suppliers', v['S']) for v in x['deep']['M']['l']['L']]
        x = {**x, 'deep': {'M': {'l': {'L': [S(v) for v in deep]}}}}
        if not gone or policy == 'keep':
            return x
        if policy == 'skip-item':
            return None
        if policy == 'null':
            x['supplier'] = {'NULL': True}
            x['deep'] = {'M': {'l': {'L': [{'NULL': True}, S(deep[1])]}}}
        else:
            del x['supplier']
            x['deep'] = {'M': {'l': {'L': [S(deep[1])]}}}
        return x

    rules = {'supplier': 'Suppliers', 'deep.l[*]': 'Suppliers'}
    emit = [dict(e) for e in TABLES['Products']['steps'][0]['emit']]
    emit[1]['item'] = {**emit[1]['item'], 'deep': 'deep'}
    for policy in 'null', 'remove', 'skip-item', 'keep':
        tables = {**TABLES,
                  'Products': {**TABLES['Products'], 'references': rules,
                               'steps': [{'emit': emit}]},
                  'Variants': {**TABLES['Variants'], 'dangling': policy,
                               'references': {**rules,
                                              'product': 'Products'}}}
        plan = plan_of(here, name=policy + '.json', tables=tables)
        want, left, moved = [], 0, 0
        for item in items:
            out = become(item)
            if out is None:
                continue
            moved += 1
            for t, x in out:
                if t != 'Variants':
                    continue
                x = change(policy, {**x, 'deep': item['deep']})
                want += [x] if x else []
                left += x is None
        for threads in '1', '2':
            job = '%s/%s%s' % (here, policy, threads)
            run(plan, job, '--threads', threads, status=1)
        same_jobs(here + '/%s1' % policy, here + '/%s2' % policy)
        equal(sorted(map(text, lines(job, 'Variants'))),
              sorted(map(text, want)), policy)
        # What it shares with its product stays as it is there.
        for x in lines(job, 'Products'):
            equal(len(x['deep']['M']['l']['L']), 2, (policy, x))
            check('supplier' in x and 'S' in x['supplier'], policy, x)
        equal(table_of(job, 'Variants')['emittedSkipped'], left, policy)
        validate('--job', job, status=0)
        equal(table_of(job, 'Products')['moved'], moved, policy)
    check(left == 0 and len(want) > 100, 'nothing dangled')


def an_item_is_skipped_if_all_of_it_is(here, options):
    write_items(here + '/data/From/f.json', [
        {'id': S(str(i)), 'l': {'L': [S(x) for x in l]}}
        for i, l in enumerate((['a', 'b'], ['b'], ['b', 'b'], []))])
    write_items(here + '/data/Into/f.json', [{'id': S('a')}])
    tables = {
        'Into': {'key': ['id']},
        'From': {'key': ['id'], 'steps': [{'emit': [
            {'to': 'Tags', 'each': 'l', 'as': 'x', 'index': 'i', 'item': {
                'tag': "concat(id, '/', i)", 'ref': 'x', 'key': 'x'}}]}]},
        'Tags': {'key': ['tag'], 'references': {'ref': 'Into'},
                 'dangling': 'skip-item'}}
    plan = plan_of(here, read=('From', 'Into'), tables=tables)
    r = run(plan, here + '/job')
    equal([x['tag']['S'] for x in lines(here + '/job', 'Tags')], ['0/0'],
          'tags')
    t = table_of(here + '/job', 'From')
    equal((t['moved'], t['skipped'], t['dropped']), (1, 2, 1), 'account')
    equal(table_of(here + '/job', 'Tags')['emittedSkipped'], 4, 'skipped')
    contains(r.out, '4 emitted and skipped')
    contains(read(here + '/job/report.html'), 'Tags: 4 items that emit made')
    # In a key nothing can be NULL: then the item that it came of is rejected.
    tables['Tags'] = {'key': ['ref', 'tag'], 'references': {'ref': 'Into'},
                      'dangling': 'null'}
    run(plan_of(here, 'null.json', read=('From', 'Into'), tables=tables),
        here + '/null', status=1)
    equal([x['Item']['id']['S'] for x in rejected(here + '/null', 'From')],
          ['0', '1', '2'], 'rejected')
    contains(rejected(here + '/null', 'From')[0]['reason'],
             'a key attribute cannot be NULL')


def equal_keys_are_told_apart_in_any_format(here, options):
    """The same three files as Ion, CSV and plain JSON of one line."""
    rng = random.Random(8)
    items = [{'id': S('p%d' % i), 'l': {'L': [
        S('k%d' % rng.randrange(60)) for _ in range(rng.randrange(4))]}}
        for i in range(90)]
    tables = {'From': {'key': ['id'], 'steps': [{'emit': [
        {'to': 'From', 'update': 'REMOVE l'},
        {'to': 'Tags', 'each': 'l', 'as': 'x', 'index': 'i', 'item': {
            'tag': 'x', 'of': 'id', 'n': 'i'}}]}]},
        'Tags': {'key': ['tag']}}
    sources = {}
    for f in range(3):
        part = items[f * 30:f * 30 + 30]
        write_items('%s/typed/f%d.json.gz' % (here, f), part)
        plain = [{'id': x['id']['S'], 'l': [v['S'] for v in x['l']['L']]}
                 for x in part]
        write('%s/array/f%d.json' % (here, f), json.dumps(plain))
        write('%s/ion/f%d.ion' % (here, f), ''.join(
            '$ion_1_0 {Item:%s}' % json.dumps(x) for x in plain))
        write('%s/scan/f%d.json' % (here, f), json.dumps({'Items': part}))
        out = io.StringIO()
        w = csv.writer(out)
        w.writerow(['id', 'l'])
        for x in plain:
            w.writerow([x['id'], json.dumps(x['l'])])
        write('%s/csv/f%d.csv' % (here, f), out.getvalue())
    for policy in 'keep-first', 'keep-last', 'reject':
        want = None
        for kind in 'typed', 'array', 'ion', 'scan', 'csv':
            source = {'path': '%s/%s' % (here, kind), 'table': 'From'}
            if kind == 'csv':
                source.update(format='csv', types={'l': 'L'})
            plan = write_plan('%s/%s.json' % (here, kind), {
                'source': {'exports': [source]},
                'target': {'environment': 'prod'}, 'tables': tables})
            job = '%s/%s-%s' % (here, kind, policy)
            run(plan, job, '--on-duplicate', policy, '--threads', '2',
                status=1 if policy == 'reject' else 0)
            got = [lines(job, t) for t in ('From', 'Tags')]
            want = want or got
            equal(got, want, (policy, kind))
        keys = [x['tag']['S'] for x in want[1]]
        equal(len(set(keys)), len(keys), 'keys')


def equal_keys_are_told_apart_in_records(here, options):
    """A base and two increments; what is gone or replaced makes nothing."""
    exports, states = put_world(here, random.Random(9))
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': exports}, 'target': {'environment': 'prod'},
        'tables': {
            'Things': {'key': ['pk', 'sk'], 'steps': [{'emit': [
                {'to': 'Things', 'update': 'REMOVE v'},
                {'to': 'Kinds', 'item': {'kind': 'kind', 'n': 'v'}},
                {'to': 'Kinds', 'item': {'kind': "'all'", 'n': 'v'}}]}]},
            'Kinds': {'key': ['kind', 'n']}}})
    for threads in '1', '2':
        run(plan, here + '/job' + threads, '--on-duplicate', 'keep-first',
            '--threads', threads)
    same_jobs(here + '/job1', here + '/job2')
    last = states[-1].values()
    equal(sorted((x['kind']['S'], x['n']['N'])
                 for x in lines(here + '/job1', 'Kinds')),
          sorted({(k, x['v']['N']) for x in last
                  for k in (x['kind']['S'], 'all')}), 'Kinds')
    equal(sorted(x['tag']['S'] for x in lines(here + '/job1', 'Things')),
          sorted(x['tag']['S'] for x in last), 'Things')


def equal_keys_are_found_and_one_stays(here, options):
    rng = random.Random(3)
    items, _ = make(here, rng, 90, 100)
    plan = plan_of(here)
    r = run(plan, here + '/fail', status=3)
    contains(r.err, "target table 'Variants'", 'one primary key', 'line')

    # In the order of units: those of Products come first.
    outs = [become(x) for x in items]
    for policy in 'keep-first', 'keep-last', 'reject':
        last = {}
        for i, out in enumerate(outs):
            for k, (t, x) in enumerate(out or []):
                if policy == 'keep-last':
                    last[t, x['id']['S']] = (i, k)
                else:
                    last.setdefault((t, x['id']['S']), (i, k))
        stay = set(last.values())
        want, refused = {'Products': [], 'Variants': []}, 0
        for i, out in enumerate(outs):
            if out is None:
                refused += 1
                continue
            keeps = [(i, k) in stay for k in range(len(out))]
            if policy == 'reject' and not all(keeps):
                refused += 1
                continue
            for keep, (t, x) in zip(keeps, out):
                if keep:
                    want[t].append(x)
        for threads in '1', '2':
            job = '%s/%s%s' % (here, policy, threads)
            run(plan, job, '--on-duplicate', policy, '--threads', threads,
                status=1)
        same_jobs(here + '/%s1' % policy, here + '/%s2' % policy)
        for t in want:
            equal(sorted(map(text, lines(job, t))),
                  sorted(map(text, want[t])), (policy, t))
        equal(table_of(job, 'Products')['rejected'], refused, 'rejected')


def an_item_is_a_duplicate_if_nothing_of_it_stays(here, options):
    items = [{'id': S(str(i)), 'l': {'L': [S(x) for x in l]}}
             for i, l in enumerate((['a', 'b'], ['b', 'a'], ['b', 'c'], []))]
    write_items(here + '/data/From/f.json', items)
    plan = plan_of(here, read=('From',), tables={
        'From': {'key': ['id'], 'steps': [{'emit': [
            {'to': 'Tags', 'each': 'l', 'as': 'x', 'item': {'tag': 'x'}}]}]},
        'Tags': {'key': ['tag']}})
    run(plan, here + '/job', '--on-duplicate', 'keep-first')
    equal([x['tag']['S'] for x in lines(here + '/job', 'Tags')],
          ['a', 'b', 'c'], 'tags')
    t = table_of(here + '/job', 'From')
    equal((t['moved'], t['duplicate'], t['dropped']), (2, 1, 1), 'account')


def what_is_too_large_takes_its_others_along(here, options):
    big = 'x' * 250000
    write_items(here + '/data/From/f.json', [
        {'id': S('1'), 'a': S(big)}, {'id': S('2'), 'a': S('y')}])
    tables = {
        'From': {'key': ['id'], 'steps': [{'emit': [
            {'to': 'From', 'update': 'REMOVE a'},
            {'to': 'Large', 'update': 'SET b = a'}]}]},
        'Large': {'key': ['id']}}
    plan = plan_of(here, read=('From',), tables=tables)
    for threads in '1', '2':
        job = here + '/job' + threads
        run(plan, job, '--threads', threads, status=1)
        equal([x['id']['S'] for x in lines(job, 'From')], ['2'], 'From')
        equal([x['id']['S'] for x in lines(job, 'Large')], ['2'], 'Large')
        contains(rejected(job, 'From')[0]['reason'], '400 KB')


def other_formats_take_all_or_nothing(here, options):
    """CSV cannot say a map: neither output may then be there."""
    write_items(here + '/data/From/f.json', [
        {'id': S('1')}, {'id': S('2'), 'm': {'M': {'a': S('b')}}},
        {'id': S('3')}])
    plan = plan_of(here, read=('From',), tables={
        'From': {'key': {'id': 'S'}, 'steps': [{'emit': [
            {'to': 'From', 'item': {'id': 'id'}},
            {'to': 'Other', 'item': {'id': 'id', 'm?': 'm'}}]}]},
        'Other': {'key': {'id': 'S'}}},
        target={'environment': 'prod', 'format': 'csv',
                'compression': 'none',
                'csv': {'columns': {'From': ['id'], 'Other': ['id', 'm']}}})
    run(plan, here + '/job', status=1)
    for table in 'From', 'Other':
        folder = here + '/job/out/' + table + '/data/'
        got = ''.join(read(folder + x) for x in sorted(os.listdir(folder)))
        equal([r['id'] for r in csv.DictReader(io.StringIO(got))], ['1', '3'],
              table)


def lookup_knows_what_was_made(here, options):
    make(here, unique(12345), 60, 12345)
    job = here + '/job'
    run(plan_of(here), job, status=1)
    sku = None
    for x in lines(job, 'Variants'):
        sku = x['id']['S']
        break
    source = next('sku%d' % i for i in range(12345)
                  if new('Variants', 'sku%d' % i) == sku)
    for id in sku, source:
        done = subprocess.run([PROGRAM, 'lookup', '--job', job, id,
                               '--output', 'json'], text=True,
                              capture_output=True)
        equal(done.returncode, 0, done.stderr)
        contains(done.stdout, 'Variants', sku, 'Products')
    done = subprocess.run([PROGRAM, 'lookup', '--job', job, 'sku99999'],
                          text=True, capture_output=True)
    equal(done.returncode, 1, done.stderr)


def a_table_left_out_gets_nothing(here, options):
    items, _ = make(here, unique(12345), 60, 12345)
    job = here + '/job'
    run(plan_of(here), job, '--table', 'Products', '--table', 'Suppliers',
        status=1)
    check(not os.path.exists(job + '/out/Variants'), 'Variants')
    equal(table_of(job, 'Products')['written'],
          sum(become(x) is not None for x in items), 'written')


def killed_anywhere_the_bytes_are_the_same(here, options):
    make(here, unique(10 ** 7), 60000 if options.long else 9000, 10 ** 7)
    plan = plan_of(here)
    words = '--threads', '2', '--quiet'
    begun = time.monotonic()
    run(plan, here + '/whole', *words, status=1)
    took = time.monotonic() - begun
    rng = random.Random(3)
    job, killed = here + '/killed', 0
    for _ in range(100):
        child = start(plan, job, *words)
        try:
            child.wait(rng.random() * took * 1.2)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            killed += 1
        r = finish(child)
        if r.status == 1:
            break
    else:
        check(False, 'it never ended')
    same_jobs(here + '/whole', job)
    return '%d kills' % killed


def validate_and_analyze_understand_it(here, options):
    make(here, unique(12345), 300, 12345)
    plan = plan_of(here)
    run(plan, here + '/job', status=1)
    for words in (['analyze', plan, '--output', 'json'],
                  ['check', plan, '--output', 'json'],
                  ['test', plan, '--output', 'json']):
        done = subprocess.run([PROGRAM, *words], text=True, cwd=here,
                              capture_output=True)
        check(done.returncode in (0, 1), words[0], done.stderr)
        for line in ([done.stdout] if words[0] != 'test' else
                     done.stdout.splitlines()):
            json.loads(line)


def changes_alone_become_puts_and_deletes(here, options):
    """Of what an item was and is no more, each part is deleted."""
    def item(id, *tags):
        return {'id': S(id), 'tags': {'L': [S(t) for t in tags]}}

    windows = [(item('1', 'a', 'b'), item('1', 'b', 'c')),
               (None, item('2', 'd')), (item('3', 'e', 'f'), None),
               (item('4', 'g'), item('4'))]
    e = Export(here + '/export', 'Things', 1, kind='incremental')
    e.changes = {'exportFromTime': '2025-03-01T04:00:00.000Z',
                 'exportToTime': '2025-03-01T05:00:00.000Z'}
    text = b''
    for old, new in windows:
        r = {'Metadata': {'WriteTimestampMicros': {'N': '1740797000000001'}},
             'Keys': {'id': (new or old)['id']}}
        if old is not None:
            r['OldImage'] = old
        if new is not None:
            r['NewImage'] = new
        text += compact(r).encode() + b'\n'
    e.add(text).write()
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': ['export']}, 'target': {'environment': 'prod'},
        'tables': {
            'Things': {'key': ['id'], 'sourceKey': ['id'], 'steps': [
                {'emit': [{'to': 'Things', 'update': 'REMOVE tags'},
                          {'to': 'Tags', 'each': 'tags', 'as': 't',
                           'item': {'id': "concat(id, '/', t)"}}]}]},
            'Tags': {'key': ['id']}}})
    for threads in '1', '2':
        run(plan, here + '/job' + threads, '--threads', threads)
    same_jobs(here + '/job1', here + '/job2')
    job = here + '/job1'
    equal([x['id']['S'] for x in lines(job, 'Things')], ['1', '2', '4'],
          'Things')
    equal([x['id']['S'] for x in lines(job, 'Tags')], ['1/b', '1/c', '2/d'],
          'Tags')

    def deleted(table):
        found = []
        for path in sorted(glob.glob('%s/out/%s/deletes/*' % (job, table))):
            with gzip.open(path, 'rt') as f:
                found += [json.loads(x)['Keys']['id']['S'] for x in f]
        return found

    validate('--job', job, status=0)
    equal(deleted('Things'), ['3'], 'deletes of Things')
    equal(deleted('Tags'), ['1/a', '3/e', '3/f', '4/g'], 'deletes of Tags')


main([changes_alone_become_puts_and_deletes, everything_that_items_become_is_there,
      policies_know_the_ids_of_what_is_emitted,
      policies_hold_for_what_is_emitted, an_item_is_skipped_if_all_of_it_is,
      equal_keys_are_told_apart_in_any_format,
      equal_keys_are_told_apart_in_records,
      equal_keys_are_found_and_one_stays,
      an_item_is_a_duplicate_if_nothing_of_it_stays,
      what_is_too_large_takes_its_others_along,
      other_formats_take_all_or_nothing, lookup_knows_what_was_made,
      a_table_left_out_gets_nothing,
      killed_anywhere_the_bytes_are_the_same,
      validate_and_analyze_understand_it])
