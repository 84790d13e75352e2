"""What `dynamill diff` finds: what a few lines of Python find, and of many items
exactly the changes that were planted."""
import copy
import decimal
import glob
import gzip
import json
import os
import random
import subprocess

import e2e

SETS = ('SS', 'NS', 'BS')


def diff(*words, status, **more):
    done = subprocess.run([e2e.PROGRAM, 'diff', '--output', 'json', *words],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          **more)
    r = e2e.Result(done.returncode, done.stdout.decode(),
                   done.stderr.decode())
    e2e.clean(r)
    e2e.equal(r.status, status, r)
    lines = [json.loads(x) for x in r.out.splitlines()]
    return ([x for x in lines if x['kind'] != 'table'],
            [x for x in lines if x['kind'] == 'table'], r)


# ---- the model --------------------------------------------------------------

def same(a, b):
    (ka, x), = a.items()
    (kb, y), = b.items()
    if ka != kb:
        return False
    if ka == 'N':
        return decimal.Decimal(x) == decimal.Decimal(y)
    if ka == 'NS':
        return {decimal.Decimal(n) for n in x} == \
            {decimal.Decimal(n) for n in y}
    if ka in SETS:
        return set(x) == set(y)
    if ka == 'M':
        return x.keys() == y.keys() and all(same(x[k], y[k]) for k in x)
    if ka == 'L':
        return len(x) == len(y) and all(map(same, x, y))
    return x == y


def changes(a, b, path=''):
    """(path, was, is) as diff.h says it."""
    if a is None or b is None:
        return [(path, a, b)]
    (ka, x), = a.items()
    (kb, y), = b.items()
    if ka == kb == 'M':
        names = list(x) + [k for k in y if k not in x]
        return [c for k in names for c in changes(
            x.get(k), y.get(k), path + '.' + k if path else k)]
    if ka == kb == 'L':
        both = max(len(x), len(y))
        return [c for i in range(both) for c in changes(
            x[i] if i < len(x) else None, y[i] if i < len(y) else None,
            '%s[%d]' % (path, i))]
    return [] if same(a, b) else [(path, a, b)]


def value(dice, depth=0):
    kind = dice.choice(['S', 'N', 'BOOL', 'NULL', 'M', 'L', 'SS', 'NS']
                       if depth < 3 else ['S', 'N'])
    some = range(dice.randrange(1, 4))
    return {kind: {
        'S': lambda: dice.choice('abc'), 'N': lambda: str(dice.randrange(3)),
        'BOOL': lambda: dice.random() < .5, 'NULL': lambda: True,
        'M': lambda: {dice.choice('pqrs'): value(dice, depth + 1)
                      for _ in some},
        'L': lambda: [value(dice, depth + 1) for _ in some],
        'SS': lambda: ['m%d' % i for i in some],
        'NS': lambda: [str(i) for i in some]}[kind]()}


def spell(v, dice):
    """The same value, otherwise."""
    (kind, x), = v.items()
    if kind == 'N':
        return {kind: dice.choice([x, x + '.0', x + 'e0', '0' + x])}
    if kind in SETS:
        return {kind: dice.sample(x, len(x))}
    if kind == 'M':
        names = dice.sample(list(x), len(x))
        return {kind: {k: spell(x[k], dice) for k in names}}
    if kind == 'L':
        return {kind: [spell(y, dice) for y in x]}
    return {kind: x}


def item(dice, i):
    return {'pk': {'S': 'p%d' % (i % 97)}, 'sk': {'N': str(i)},
            **{k: value(dice) for k in 'abc'}}


def change(v, dice):
    """Something about an item, at random."""
    name = dice.choice('abcd')
    if dice.random() < .2:
        v.pop(name, None)
    else:
        v[name] = value(dice)


def put(folder, items, dice, nfiles):
    os.makedirs(folder)
    for i in range(nfiles):
        mine = items[i::nfiles]
        if dice.random() < .5:
            e2e.write_items('%s/%d.json.gz' % (folder, i), mine)
        else:
            e2e.write('%s/%d.json' % (folder, i), ''.join(
                json.dumps({'Item': x}) + '\n' for x in mine))
    return folder


def model(a, b):
    """What a comparison by key must find."""
    key = lambda x: (x['pk']['S'], decimal.Decimal(x['sk']['N']))
    a = {key(x): x for x in a}
    b = {key(x): x for x in b}
    found = {}
    for k in a.keys() | b.keys():
        if k not in b or k not in a:
            found[k] = ('removed' if k in a else 'added', None)
            continue
        c = changes({'M': a[k]}, {'M': b[k]})
        if c:
            found[k] = ('changed', sorted(c, key=lambda x: x[0]))
    return found


# ---- tests ------------------------------------------------------------------

def random_dumps_differ_as_python_says(here, options):
    for seed in range(6):
        dice = random.Random(options.seed * 100 + seed)
        a = [item(dice, i) for i in range(1500 // e2e.SLOW)]
        b = [spell({'M': x}, dice)['M'] for x in copy.deepcopy(a)
             if dice.random() < .97]
        for x in b:
            if dice.random() < .1:
                change(x, dice)
        b += [item(dice, 10 ** 6 + i) for i in range(20)]
        dice.shuffle(b)
        want = model(a, b)
        top = '%s/%d' % (here, seed)
        words = [put(top + '/a', a, dice, dice.randrange(1, 6)),
                 put(top + '/b', b, dice, dice.randrange(1, 6)),
                 '--key', 'pk,sk', '--threads', str(dice.randrange(1, 5)),
                 '--memory', dice.choice(['1', '100K', '1G'])]
        found, tables, _ = diff(*words, status=1)
        got = {}
        for x in found:
            k = x['key']['pk']['S'], decimal.Decimal(x['key']['sk']['N'])
            e2e.check(k not in got, 'told twice', k)
            got[k] = (x['kind'], sorted(
                ((c['path'], c['was'], c['is']) for c in x['changes']),
                key=lambda c: c[0]) if x['kind'] == 'changed' else None)
        e2e.equal(got.keys(), want.keys(), 'keys')
        for k in got:
            e2e.equal(got[k], want[k], k)
        t, = tables
        e2e.equal((t['a'], t['b']), (len(a), len(b)), 'items')
        e2e.equal(t['equal'] + t['changed'] + t['removed'], t['a'], 'A')
        e2e.equal(t['equal'] + t['changed'] + t['added'], t['b'], 'B')


def shards_find_together_what_one_does(here, options):
    dice = random.Random(options.seed)
    a = [item(dice, i) for i in range(900 // e2e.SLOW)]
    b = [x for x in copy.deepcopy(a) if dice.random() < .9]
    for x in b:
        if dice.random() < .2:
            change(x, dice)
    b += [item(dice, 10 ** 6 + i) for i in range(50)] + b[:5]
    words = [put(here + '/a', a, dice, 3), put(here + '/b', b, dice, 4),
             '--key', 'pk,sk']
    with open(here + '/b/bad.json', 'w') as f:
        f.write('{"Item":{"pk":1}}\n{"Item":{"sk":{"N":"1"}}}\n')
    found, (t,), r = diff(*words, status=1)
    parts = [diff(*words, '--shard', '%d/3' % n, status=1)
             for n in (1, 2, 3)]
    text = lambda x: json.dumps(x, sort_keys=True)
    e2e.equal(sorted(text(x) for p in parts for x in p[0]),
              sorted(text(x) for x in found), 'found')
    for name, n in t.items():
        if type(n) is int:
            e2e.equal(sum(p[1][0][name] for p in parts), n, name)
    for p in parts:
        e2e.check(p[1][0]['equal'] > t['equal'] // 5, p[1])
    e2e.contains(parts[0][2].err, 'bad.json: line 1', 'bad.json: line 2')
    e2e.check('bad.json' not in parts[1][2].err + parts[2][2].err, parts)
    for n in '1/1', '2/2':
        diff(words[0], words[0], '--key', 'pk,sk', '--shard', n, status=0)
    r = subprocess.run([e2e.PROGRAM, 'diff', *words, '--shard', '4/3'],
                       capture_output=True, text=True)
    e2e.equal(r.returncode, 2, r.stderr)


def differences_come_in_the_order_of_places(here, options):
    dice = random.Random(options.seed)
    a = [item(dice, i) for i in range(3000)]
    b = dice.sample(copy.deepcopy(a), 2700)
    for x in b[::5]:
        x['d'] = {'S': 'new'}
    b += [item(dice, 10 ** 6 + i) for i in range(300)]
    dice.shuffle(b)
    put(here + '/a', a, dice, 4)
    put(here + '/b', b, dice, 3)
    outs = []
    for words in (['--threads', '1'], ['--threads', '5', '--memory', '1']):
        found, _, r = diff(here + '/a', here + '/b', '--key', 'pk,sk', *words,
                           status=1)
        outs.append(r.out)
        places = [(x['was'] is None, (x['was'] or x['is'])['file'],
                   (x['was'] or x['is'])['line']) for x in found]
        e2e.check(places == sorted(places), 'places')
    e2e.check(outs[0] == outs[1], 'the same, whatever the threads')


def equal_dumps_are_equal_however_spelled(here, options):
    dice = random.Random(options.seed)
    a = [item(dice, i) for i in range(500)]
    b = [spell({'M': x}, dice)['M'] for x in a]
    dice.shuffle(b)
    put(here + '/a', a, dice, 2)
    put(here + '/b', b, dice, 3)
    found, _, _ = diff(here + '/a', here + '/b', '--key', 'pk,sk', status=0)
    e2e.equal(found, [], 'differences')
    with open(here + '/in', 'w') as f:
        f.writelines(json.dumps({'Item': x}) + '\n' for x in b)
    with open(here + '/in') as f:
        diff(here + '/a', '-', '--key', 'pk,sk', status=0, stdin=f)


def what_is_ignored_makes_no_difference(here, options):
    dice = random.Random(options.seed)
    a = [item(dice, i) for i in range(300)]
    b = copy.deepcopy(a)
    for x in a:
        x['m'] = {'M': {'at': {'N': '1'}, 'l': {'L': [
            {'M': {'at': {'N': '1'}}}]}}}
        x['v'] = {'N': '1'}
    for x in b:
        x['m'] = {'M': {'at': {'N': '2'}, 'l': {'L': [
            {'M': {'at': {'N': '2'}}}]}}}
    b[7]['m']['M']['l']['L'][0]['M']['other'] = {'S': 'x'}
    put(here + '/a', a, dice, 2)
    put(here + '/b', b, dice, 2)
    words = [here + '/a', here + '/b', '--key', 'pk,sk', '--ignore']
    found, _, _ = diff(*words, 'v, m.at,m.l[*].at', status=1)
    e2e.equal([(x['key'], x['changes']) for x in found],
              [({k: a[7][k] for k in ('pk', 'sk')},
                [{'path': 'm.l[0].other', 'was': None, 'is': {'S': 'x'}}])],
              'found')
    diff(*words, 'v,m', status=0)
    found, _, _ = diff(*words, 'm', status=1)
    e2e.equal(len(found), 300, 'found')


def planted_changes_are_found_and_no_others(here, options):
    n = 1000000 if options.long else 100000 // e2e.SLOW
    dice = random.Random(options.seed)
    e2e.generate(n, here + '/all')
    paths = sorted(glob.glob(here + '/all/*/*/*/data/*'))
    total = 0
    for path in paths:
        with gzip.open(path) as f:
            total += sum(1 for _ in f)
    places = set(dice.sample(range(total), 100))
    # Shuffled by spreading lines over files at random, in another order.
    os.makedirs(here + '/b')
    os.makedirs(here + '/a')
    outs = [open('%s/b/%d.json' % (here, i), 'w') for i in range(7)]
    a = [open('%s/a/%d.json' % (here, i), 'w') for i in range(3)]
    at, want, late = 0, {}, []
    for path in paths:
        with gzip.open(path, 'rt') as f:
            for line in f:
                a[at % 3].write(line)
                if at in places:
                    x = json.loads(line)['Item']
                    kind = dice.choice(['removed', 'changed', 'added'])
                    key = x['id']['S']
                    if kind == 'removed':
                        line = ''
                    elif kind == 'changed':
                        x['statusCode'] = {'S': 'planted'}
                        line = json.dumps({'Item': x}) + '\n'
                    else:
                        key = 'planted-%d' % at
                        x['id'] = {'S': key}
                        late.append(json.dumps({'Item': x}) + '\n')
                    want[key] = kind
                if dice.random() < .001:
                    late.append(line)
                else:
                    outs[dice.randrange(7)].write(line)
                at += 1
    outs[0].writelines(late)
    for f in outs + a:
        f.close()
    command = [e2e.PROGRAM, 'diff', here + '/a', here + '/b', '--key', 'id',
               '--output', 'json', '--memory', '64M', '--threads', '2']
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    out = child.stdout.read().decode()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    e2e.equal(child.returncode, 1, 'status')
    found = [json.loads(x) for x in out.splitlines()]
    got = {x['key']['id']['S']: x['kind'] for x in found
           if x['kind'] != 'table'}
    e2e.equal(got, want, 'planted')
    e2e.equal([[c['path'] for c in x['changes']] for x in found
               if x['kind'] == 'changed'],
              [['statusCode']] * list(want.values()).count('changed'),
              'paths')
    e2e.check(e2e.ASAN or e2e.TSAN or used.ru_maxrss < 150 * 1024,
              'peak of %d KiB' % used.ru_maxrss)
    return '%d items, %d MiB' % (total, used.ru_maxrss / 1024)


def duplicates_are_told_and_paired_in_order(here, options):
    one = {'id': {'S': 'x'}, 'n': {'N': '1'}}
    two = {'id': {'S': 'x'}, 'n': {'N': '2'}}
    e2e.write_items(here + '/a.json', [one, two, two])
    e2e.write_items(here + '/b.json', [one, two])
    found, (t,), r = diff(here + '/a.json', here + '/b.json', '--key', 'id',
                          status=1)
    e2e.equal([x['kind'] for x in found], ['removed'], 'found')
    e2e.equal((t['twiceInA'], t['twiceInB'], t['equal']), (2, 1, 2), 'counts')
    e2e.contains(r.err, 'A has 2 items whose key', 'B has 1 item whose key')
    diff(here + '/a.json', here + '/a.json', '--key', 'id', status=0)


def several_tables_are_compared_by_name(here, options):
    plan = os.path.join(e2e.FIXTURES, 'plans', 'demo.yaml')
    for name in 'ab':
        e2e.run(plan, '%s/%s' % (here, name))
    # The job's own table.json says the keys.
    found, tables, _ = diff(here + '/a/out', here + '/b/out', status=0)
    e2e.equal(len(tables), 6, 'tables')
    e2e.equal(sum(t['equal'] for t in tables), 142, 'items')
    os.rename(here + '/b/out/Quotes-production', here + '/Quotes')
    found, tables, _ = diff(here + '/a/out', here + '/b/out', status=1)
    e2e.equal([t['table'] for t in tables if t['only'] == 'A'],
              ['Quotes-production'], 'only in A')
    found, tables, _ = diff(
        os.path.join(e2e.FIXTURES, 'relational'), here + '/a/out', '--key',
        'id', status=1)
    e2e.equal(len([t for t in tables if t['only']]), 13, 'lonely tables')


if __name__ == '__main__':
    e2e.main([random_dumps_differ_as_python_says,
              shards_find_together_what_one_does,
              differences_come_in_the_order_of_places,
              equal_dumps_are_equal_however_spelled,
              what_is_ignored_makes_no_difference,
              planted_changes_are_found_and_no_others,
              duplicates_are_told_and_paired_in_order,
              several_tables_are_compared_by_name])
