"""What `dynamill cat` prints: the items of a dump, as a few lines of Python say
they are, whatever the threads, the memory and whoever reads."""
import base64
import csv
import decimal
import gzip
import io
import json
import os
import random
import subprocess

import e2e


def cat(*words, status=0, **more):
    done = subprocess.run([e2e.PROGRAM, 'cat', *words],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          **more)
    r = e2e.Result(done.returncode, done.stdout.decode(),
                   done.stderr.decode())
    e2e.clean(r)
    e2e.equal(r.status, status, r.err)
    return r


def value(dice, depth=0):
    kind = dice.choice(['S', 'N', 'B', 'BOOL', 'NULL', 'M', 'L', 'SS', 'NS',
                        'BS'] if depth < 3 else ['S', 'N'])
    text = lambda: ''.join(dice.choice('aé"\\\n🏠z ') for _ in range(
        dice.randrange(6)))
    number = lambda: dice.choice(['%d', '%d.50', '%de3', '-%d', '0.%d1'
                                  ]) % dice.randrange(1, 10 ** 6)
    binary = lambda n: base64.b64encode(bytes([n, 255])).decode()
    some = range(dice.randrange(1, 4))
    return {kind: {
        'S': text, 'N': number, 'B': lambda: binary(dice.randrange(256)),
        'BOOL': lambda: dice.random() < .5, 'NULL': lambda: True,
        'M': lambda: {text() + str(i): value(dice, depth + 1) for i in some},
        'L': lambda: [value(dice, depth + 1) for _ in some],
        'SS': lambda: ['m%d' % i for i in some],
        'NS': lambda: ['%d.0' % i for i in some],
        'BS': lambda: [binary(i) for i in some]}[kind]()}


def plain(v):
    """The documented rules, once more."""
    (kind, x), = v.items()
    if kind in ('N',):
        return decimal.Decimal(x)
    if kind == 'NS':
        return [decimal.Decimal(n) for n in x]
    if kind == 'NULL':
        return None
    if kind == 'M':
        return {k: plain(y) for k, y in x.items()}
    if kind == 'L':
        return [plain(y) for y in x]
    return x


def make(here, nfiles, nitems, seed):
    """Files of items, in unit order; and the items."""
    dice = random.Random(seed)
    items = []
    for f in range(nfiles):
        mine = [{'id': {'S': '%d-%d' % (f, i)}, 'n': {'N': str(i)},
                 'v': value(dice), 'w': value(dice)}
                for i in range(dice.randrange(nitems))]
        e2e.write_items('%s/dump/f%02d.json.gz' % (here, f), mine)
        items += mine
    return here + '/dump', items


def loads(text):
    return [json.loads(line, parse_float=decimal.Decimal,
                       parse_int=decimal.Decimal)
            for line in text.splitlines()]


def items_come_as_they_stand_whatever_the_threads(here, options):
    dump, items = make(here, 20, 3000 // e2e.SLOW, options.seed)
    raw = ''
    for name in sorted(os.listdir(dump)):
        with gzip.open(os.path.join(dump, name), 'rt', newline='') as f:
            raw += f.read()
    for words in ((), ('--threads', '1'), ('--threads', '7'),
                  ('--threads', '7', '--memory', '1')):
        e2e.check(cat(dump, *words).out == raw, words)


def plain_json_is_what_the_rules_say(here, options):
    dump, items = make(here, 5, 500, options.seed)
    got = loads(cat(dump, '--as', 'json').out)
    e2e.equal(len(got), len(items), 'items')
    for a, b in zip(got, items):
        e2e.equal(a, plain({'M': b}), 'item')


def conditions_paths_and_limits_do_what_python_does(here, options):
    dump, items = make(here, 9, 800, options.seed)
    passing = [x for x in items if int(x['n']['N']) % 10 == 3 and
               'S' in x['v']]
    where = "attribute_type(v, 'S') AND (%s)" % ' OR '.join(
        'n = %d' % n for n in range(3, 800, 10))
    for threads in '1', '4':
        for limit in None, 1, 7, len(passing), 10 ** 6:
            words = ['--where', where, '--select', 'n, id', '--threads',
                     threads, '--as', 'json']
            if limit:
                words += ['--limit', str(limit)]
            got = loads(cat(dump, *words).out)
            want = [{'n': int(x['n']['N']), 'id': x['id']['S']}
                    for x in passing[:limit]]
            e2e.equal(got, want, 'limit %s' % limit)


def columns_of_csv_are_what_python_reads(here, options):
    dump, items = make(here, 4, 900, options.seed)
    for x in items[::3]:
        x['q'] = {'S': 'a "quoted"\nline, and more\n'}
    for i in range(3):
        e2e.write_items('%s/other/%d.json.gz' % (here, i), items[i::3])
    items = [x for i in range(3) for x in items[i::3]]
    for limit in 1, 5, 10 ** 6:
        out = cat(here + '/other', '--as', 'csv', '--select', 'q,id,n',
                  '--limit', str(limit), '--threads', '3').out
        rows = list(csv.reader(io.StringIO(out, newline='')))
        e2e.equal(rows[0], ['q', 'id', 'n'], 'header')
        e2e.equal(rows[1:], [[x.get('q', {'S': ''})['S'], x['id']['S'],
                              x['n']['N']] for x in items[:limit]], 'rows')


def each_table_has_its_limit(here, options):
    dump = os.path.join(e2e.FIXTURES, 'relational')
    tables = {}
    for t in os.listdir(dump):
        tables[t] = cat(dump, '--table', t + '-staging').out.splitlines()
    e2e.check(max(map(len, tables.values())) > 3, 'tables are too small')
    e2e.equal(cat(dump, '--limit', '3', '--threads', '4').out.splitlines(),
              [x for t in sorted(tables) for x in tables[t][:3]], 'items')


def who_has_seen_enough_closes_the_pipe_and_hears_nothing(here, options):
    dump, items = make(here, 4, 20000, options.seed)
    child = subprocess.Popen([e2e.PROGRAM, 'cat', dump],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    e2e.check(child.stdout.readline().startswith(b'{"Item":'))
    child.stdout.close()
    e2e.equal(child.stderr.read(), b'', 'standard error')
    child.stderr.close()
    e2e.equal(child.wait(), -13, 'as of a cat: SIGPIPE')


def bad_lines_keep_their_place_among_the_items(here, options):
    dump, items = make(here, 6, 300, options.seed)
    places = []
    for f in range(6):
        path = '%s/f%02d.json.gz' % (dump, f)
        with gzip.open(path, 'rt', newline='') as file:
            lines = file.read().split('\n')[:-1]
        at = len(lines) // 2
        lines.insert(at, '{"Item":{"id":{"S":1}}}')
        places.append('%s: line %d, ' % (path, at + 1))
        with gzip.open(path, 'wt', newline='') as file:
            file.write('\n'.join(lines) + '\n')
    for threads in '1', '5':
        r = cat(dump, '--threads', threads, status=1)
        e2e.equal(len(r.out.splitlines()), len(items), 'items')
        said = r.err.splitlines()
        e2e.equal(len(said), len(places), 'messages')
        for line, place in zip(said, places):
            e2e.contains(line, place)


def damage_costs_no_more_than_what_is_behind_it(here, options):
    dump, items = make(here, 3, 4000, options.seed)
    path = dump + '/f01.json.gz'
    with open(path, 'rb') as f:
        packed = f.read()
    with open(path, 'wb') as f:
        f.write(packed[:len(packed) // 2])
    with gzip.open(dump + '/f00.json.gz', 'rt') as f:
        first = sum(1 for _ in f)
    with gzip.open(dump + '/f02.json.gz', 'rt') as f:
        last = sum(1 for _ in f)
    for threads in '1', '3':
        r = cat(dump, '--threads', threads, status=3)
        e2e.contains(r.err, path, 'cut short')
        got = [json.loads(x)['Item'] for x in r.out.splitlines()]
        e2e.check(first + last < len(got) < len(items), len(got))
        e2e.equal(got[:len(got) - last], items[:len(got) - last], 'before')
        e2e.equal(got[-last:], items[-last:], 'after')


def memory_does_not_grow_with_what_waits(here, options):
    if e2e.ASAN or e2e.TSAN:
        raise e2e.Skipped('sanitizers take memory of their own')
    os.makedirs(here + '/dump')
    # The first file is slow to come, the others are long.
    os.mkfifo(here + '/dump/a.json')
    line = '{"Item":{"id":{"S":"%s"}}}\n' % ('x' * 1000)
    for name in 'bcde':
        with open('%s/dump/%s.json' % (here, name), 'w') as f:
            f.write(line * 20000)
    child = subprocess.Popen([e2e.PROGRAM, 'cat', here + '/dump', '--threads',
                              '5', '--memory', '8M'], stdout=subprocess.PIPE)
    with open(here + '/dump/a.json', 'w') as slow:
        slow.write(line)
        slow.flush()
        while True:             # until they all wait
            a = int(open('/proc/%d/stat' % child.pid).read().split()[13])
            try:
                child.wait(.3)
            except subprocess.TimeoutExpired:
                pass
            if int(open('/proc/%d/stat' % child.pid).read().split()[13]) == a:
                break
        with open('/proc/%d/status' % child.pid) as f:
            peak = next(int(x.split()[1]) for x in f if x.startswith('VmHWM'))
    out = child.stdout.read()
    e2e.equal(child.wait(), 0, 'status')
    e2e.check(out == (line * 80001).encode(), 'items', len(out))
    e2e.check(peak < 40 * 1024, 'peak of %d KiB' % peak)
    return '%d KiB' % peak


if __name__ == '__main__':
    e2e.main([items_come_as_they_stand_whatever_the_threads,
              plain_json_is_what_the_rules_say,
              conditions_paths_and_limits_do_what_python_does,
              columns_of_csv_are_what_python_reads,
              each_table_has_its_limit,
              who_has_seen_enough_closes_the_pipe_and_hears_nothing,
              bad_lines_keep_their_place_among_the_items,
              damage_costs_no_more_than_what_is_behind_it,
              memory_does_not_grow_with_what_waits])
