#!/usr/bin/env python3
"""analyze.py - what `dynamill analyze` should find, worked out slowly.

    analyze.py [--items N] [--program PATH] [--keep FOLDER]

Makes exports of N items (20,000) with values of every type and faults of every
kind, has them analyzed with 1, 2 and 4 threads, and compares analysis.json with
what is counted here, item by item. The three must be the same but for the
seconds. Distinct values are estimates beyond 1,024: those must lie within six
standard errors.
"""
import argparse
import base64
import collections
import copy
import decimal
import gzip
import hashlib
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile

from ids import Ids, plain_number

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
NOW = 1740787200                # --run-time
SHOWN = 100
NAMES = 100                     # of a nested map, told apart
failures = 0


def check(name, got, want):
    global failures
    if got != want:
        failures += 1
        if failures <= 20:
            print('%s: is %r, should be %r' % (name, got, want))


def check_near(name, got, want, most):
    if abs(got - want) > most:
        check(name, got, want)


# ---- items -------------------------------------------------------------------

WORDS = ('floor', 'yard client', 'naïve', '東京', 'quote " here', 'tab\there',
         'back\\slash', '\u0007bell', '😀', '', 'a', 'abcdefgh', 'abcdefghi')
PLAN = {
    'dynamill': 1, 'name': 'generated',
    'source': {'environment': 'staging'},
    'target': {'environment': 'production'},
    'names': {'from': '{table}-{source}', 'to': '{table}-{target}'},
    'create': 'orders.json',
    'tables': {
        'People': {
            'key': ['id'], 'id': 'id',
            'references': {'friendId': 'People', 'orders[*]': {
                'table': 'Orders', 'pattern': 'ORDER#{id}'}},
            'where': 'attribute_not_exists(deletedAt)',
            'assert': ['age >= 0'],
        },
        'Orders': {
            'key': ['pk', 'sk'],
            'id': {'path': 'pk', 'pattern': 'ORDER#{id}'},
            'references': {'personId': 'People', 'meta.by': 'People'},
            'update': "SET schemaVersion = 2, note = 'moved' REMOVE legacy",
            'assert': ['total >= 0', 'size(pk) > 6'],
        },
    },
}
CREATE = {
    'TableName': 'Orders-production',
    'AttributeDefinitions': [
        {'AttributeName': 'pk', 'AttributeType': 'S'},
        {'AttributeName': 'sk', 'AttributeType': 'N'},
        {'AttributeName': 'personId', 'AttributeType': 'S'}],
    'KeySchema': [{'AttributeName': 'pk', 'KeyType': 'HASH'},
                  {'AttributeName': 'sk', 'KeyType': 'RANGE'}],
    'BillingMode': 'PAY_PER_REQUEST',
    'GlobalSecondaryIndexes': [{
        'IndexName': 'person',
        'KeySchema': [{'AttributeName': 'personId', 'KeyType': 'HASH'}],
        'Projection': {'ProjectionType': 'ALL'}}],
    'TimeToLiveSpecification': {'AttributeName': 'ttl', 'Enabled': True},
}


class Maker:
    def __init__(self, seed):
        self.dice = random.Random(seed)

    def id(self):
        h = '%032x' % self.dice.getrandbits(128)
        return '-'.join((h[:8], h[8:12], h[12:16], h[16:20], h[20:]))

    def number(self):
        d = self.dice
        return d.choice((
            lambda: str(d.randrange(10)),
            lambda: str(d.randrange(-100000, 100000)),
            lambda: '%d.%02d' % (d.randrange(-999, 999), d.randrange(100)),
            lambda: '0.%04d' % d.randrange(1, 9999),
            lambda: '%dE+%d' % (d.randrange(1, 99), d.randrange(0, 100)),
            lambda: '-%d.5E-%d' % (d.randrange(1, 99), d.randrange(0, 100)),
            lambda: str(d.randrange(10 ** 37, 10 ** 38)),
            lambda: d.choice(('0', '-0', '0.0', '1.10', '007', '+5', '.5',
                              '5.', '1e2', '100')),
        ))()

    def text(self):
        d = self.dice
        return ' '.join(d.choice(WORDS) for _ in range(d.choice(
            (1, 1, 1, 2, 3, 30))))

    def value(self, depth=2):
        d = self.dice
        kinds = 'SSSNNNBTFZ' + ('MLsnb' if depth else '')
        kind = d.choice(kinds)
        if kind == 'S':
            return {'S': self.text()}
        if kind == 'N':
            return {'N': self.number()}
        if kind == 'B':
            return {'B': base64.b64encode(
                d.randbytes(d.randrange(20))).decode()}
        if kind in 'TF':
            return {'BOOL': kind == 'T'}
        if kind == 'Z':
            return {'NULL': True}
        if kind == 'M':
            return {'M': {d.choice('abcdefg'): self.value(depth - 1)
                          for _ in range(d.randrange(4))}}
        if kind == 'L':
            return {'L': [self.value(depth - 1)
                          for _ in range(d.randrange(4))]}
        if kind == 's':
            return {'SS': sorted({d.choice(WORDS[:4]) + str(d.randrange(50))
                                  for _ in range(1 + d.randrange(3))})}
        if kind == 'n':
            return {'NS': sorted({str(d.randrange(1000))
                                  for _ in range(1 + d.randrange(3))})}
        return {'BS': sorted({base64.b64encode(d.randbytes(3)).decode()
                              for _ in range(1 + d.randrange(3))})}

    def shuffled(self, item):
        names = list(item)
        self.dice.shuffle(names)
        return {name: item[name] for name in names}


def make_items(n):
    m = Maker(20250301)
    d = m.dice
    people = [m.id() for _ in range(n * 2 // 5)]
    orders = [m.id() for _ in range(n - len(people))]
    tables = {'People': [], 'Orders': []}

    def person():
        return m.id() if d.random() < 0.01 else d.choice(people)

    for id in people:
        item = {'id': {'S': id}, 'name': {'S': m.text()},
                'age': {'N': str(-1 if d.random() < 0.005
                                 else d.randrange(100))},
                'odd name': m.value(), 'any': m.value(3)}
        if d.random() < 0.5:
            item['friendId'] = d.choice((
                {'S': person()}, {'S': person()}, {'NULL': True}))
        if d.random() < 0.3:
            item['orders'] = {'L': [
                {'S': 'ORDER#' + d.choice(orders)} for _ in
                range(d.randrange(4))]}
        if d.random() < 0.4:
            item['byDevice'] = {'M': {
                'device-%d' % d.randrange(300): {'M': {
                    'seen': {'N': str(d.randrange(10 ** 9))}}}
                for _ in range(1 + d.randrange(2))}}
        if d.random() < 0.02:
            item['deletedAt'] = {'S': '2024-01-01'}
        tables['People'].append(m.shuffled(item))
    for id in orders:
        item = {'pk': {'S': 'ORDER#' + id}, 'sk': {'N': '1'},
                'personId': {'S': person()},
                'total': {'N': '-3' if d.random() < 0.005
                          else '%d.%02d' % (d.randrange(9000),
                                            d.randrange(100))}}
        if d.random() < 0.5:
            item['legacy'] = {'S': m.text()}
        if d.random() < 0.5:
            item['meta'] = {'M': {'by': {'S': person()}, 'x': m.value(1)}}
        if d.random() < 0.6:
            item['ttl'] = d.choice((
                {'N': str(NOW + d.randrange(10 ** 7))},
                {'N': str(NOW - d.randrange(10 ** 7))},
                {'N': '12'}, {'S': 'never'}))
        if d.random() < 0.2:
            item['text'] = {'S': 'long ' * d.randrange(1500)}
        tables['Orders'].append(m.shuffled(item))
        if len(tables['Orders']) % 400 == 7:
            tables['Orders'].append(m.shuffled(dict(
                item, total={'N': '1'})))
    d.shuffle(tables['Orders'])
    return tables


def compact(value):
    return json.dumps(value, separators=(',', ':'), ensure_ascii=False)


def write_exports(folder, tables):
    """Files of each table, with lines that are no items among them; returns
    [(table, path, [(line, item or None, bytes)])] in the order of units."""
    units = []
    for table, items in tables.items():
        where = os.path.join(folder, 'exports', table)
        os.makedirs(where)
        for k in range(3):
            path = os.path.join(where, '%d.json.gz' % k)
            lines, unit = [], []
            for i, item in enumerate(items[k::3], 1):
                line = compact({'Item': item})
                if i % 2000 == 77:
                    line, item = '{"Item":{"id":{"N":"x%d"}}}' % i, None
                lines.append(line)
                unit.append((i, item, len(line.encode()) + 1))
            with gzip.open(path, 'wt', encoding='utf-8',
                           compresslevel=1) as f:
                f.write(''.join(line + '\n' for line in lines))
            units.append((table, path, unit))
    return units


# ---- DynamoDB's rules --------------------------------------------------------

def number_size(text):
    """A byte for every two digits, in pairs from the point on, without the
    zeros at either end; one more; and one for a minus."""
    sign, digits, exponent = decimal.Decimal(text).as_tuple()
    if not any(digits):
        return 1
    digits = list(digits)
    while digits[-1] == 0:
        digits.pop()
        exponent += 1
    while digits[0] == 0:
        digits.pop(0)
    first = (exponent + len(digits) - 1) // 2
    last = exponent // 2
    return 1 + (first - last + 1) + sign


def value_size(value):
    (kind, v), = value.items()
    if kind == 'S':
        return len(v.encode())
    if kind == 'N':
        return number_size(v)
    if kind == 'B':
        return len(base64.b64decode(v))
    if kind in ('BOOL', 'NULL'):
        return 1
    if kind == 'L':
        return 3 + sum(1 + value_size(x) for x in v)
    if kind == 'M':
        return 3 + sum(1 + len(k.encode()) + value_size(x)
                       for k, x in v.items())
    return sum(value_size({kind[0]: x}) for x in v)


def item_size(item):
    return sum(len(k.encode()) + value_size(v) for k, v in item.items())


# ---- paths -------------------------------------------------------------------

class Path:
    def __init__(self):
        self.present = 0
        self.types = collections.Counter()
        self.values = set()     # of scalars: (type, canonical text)
        self.texts = set()
        self.numbers = set()


def quoted(name):
    plain = name and not any(c in ' \t.[]"\'`,()*' for c in name)
    return name if plain else '"%s"' % name.replace('"', '""')


def names_of(items):
    """The different names of every map, by path: what is more than NAMES
    becomes one path."""
    found = collections.defaultdict(set)

    def walk(at, value):
        (kind, v), = value.items()
        if kind == 'M':
            for k, x in v.items():
                found[at].add(k)
                walk(at + (k,), x)
        elif kind == 'L':
            for x in v:
                walk(at + (0,), x)
    for item in items:
        walk((), {'M': item})
    return found


def paths_of(items):
    """{path as text: Path} of items."""
    many = {at for at, names in names_of(items).items()
            if at and len(names) > NAMES}
    paths = collections.defaultdict(Path)

    def note(at, value):
        (kind, v), = value.items()
        p = paths[at]
        p.present += 1
        p.types[kind] += 1
        if kind == 'S':
            p.values.add(('S', v))
            p.texts.add(v)
        elif kind == 'N':
            n = plain_number(v)
            p.values.add(('N', n))
            p.numbers.add(n)
        elif kind == 'B':
            p.values.add(('B', v))
        elif kind in ('BOOL', 'NULL'):
            p.values.add((kind, v))

    def walk(raw, text, value):
        (kind, v), = value.items()
        note(text, value)
        if kind == 'M':
            for k, x in v.items():
                walk(raw + (k,), text + '.' + (
                    '*' if raw in many else quoted(k)), x)
        elif kind in ('L', 'SS', 'NS', 'BS'):
            for x in v:
                walk(raw + (0,), text + '[*]',
                     x if kind == 'L' else {kind[0]: x})

    for item in items:
        for k, v in item.items():
            walk((k,), quoted(k), v)
    return paths


def cut(text):
    data = text.encode()
    if len(data) <= SHOWN:
        return text
    return data[:SHOWN].decode(errors='ignore') + '…'


def check_attributes(table, got, items, error):
    paths = paths_of(items)
    check(table + ' paths', [a['path'] for a in got], sorted(
        (a['path'] for a in got if a['path'] in paths),
        key=[a['path'] for a in got].index))
    check(table + ' all paths', sorted(a['path'] for a in got),
          sorted(paths))
    for a in got:
        p = paths.get(a['path'])
        if p is None:
            continue
        name = '%s %s' % (table, a['path'])
        check(name + ' present', a['present'], p.present)
        check(name + ' types', a['types'], dict(p.types))
        check(name + ' mixed', a['mixed'],
              len([t for t in p.types if t != 'NULL']) > 1)
        n = len(p.values)
        if n <= 1024:
            check(name + ' distinct', a['distinct'], n)
        elif abs(a['distinct'] - n) > 6 * error * n:
            check(name + ' distinct, about', a['distinct'], n)
        low = high = None
        if p.types['S'] and p.types['S'] >= p.types['N']:
            texts = sorted(t.encode() for t in p.texts)
            low, high = (cut(t.decode()) for t in (texts[0], texts[-1]))
        elif p.types['N']:
            numbers = sorted(p.numbers, key=decimal.Decimal)
            low, high = numbers[0], numbers[-1]
        check(name + ' min', a['min'], low)
        check(name + ' max', a['max'], high)
        words = {'true', 'false', 'null'}
        texts = {cut(v) for t, v in p.values if t in 'SNB'}
        for example in a['examples']:
            if example not in texts and example not in words:
                check(name + ' example', example, 'a value')


# ---- the plan, done ----------------------------------------------------------

class Done:
    """What becomes of every item."""

    def __init__(self, units):
        self.ids = {t: Ids(t, 'production', {}) for t in PLAN['tables']}
        self.counts = {t: collections.Counter() for t in PLAN['tables']}
        self.exists = {t: set() for t in PLAN['tables']}
        self.good = {t: set() for t in PLAN['tables']}
        self.moved = {t: [] for t in PLAN['tables']}
        self.failed = collections.Counter()
        for table, _, unit in units:
            for _, item, _ in unit:
                self.take(table, item)

    def own_id(self, table, item):
        return item['id']['S'] if table == 'People' else item['pk']['S'][6:]

    def take(self, table, item):
        c = self.counts[table]
        c['read'] += 1
        if item is None:
            c['rejected'] += 1
            return
        if table == 'People' and 'deletedAt' in item:
            c['filtered'] += 1
            return
        id = self.own_id(table, item)
        self.exists[table].add(id)
        number = item['age' if table == 'People' else 'total']['N']
        if decimal.Decimal(number) < 0:
            c['rejected'] += 1
            self.failed[table] += 1
            return
        c['moved'] += 1
        self.good[table].add(id)
        self.moved[table].append((item, self.target(table, item)))

    def target(self, table, item):
        new = copy.deepcopy(item)

        def person(v):
            return {'S': self.ids['People'].new_text('S', v['S'])} \
                if 'S' in v else v
        if table == 'People':
            new['id'] = person(item['id'])
            if 'friendId' in item:
                new['friendId'] = person(item['friendId'])
            if 'orders' in item:
                new['orders'] = {'L': [
                    {'S': 'ORDER#' + self.ids['Orders'].new_text(
                        'S', v['S'][6:])} for v in item['orders']['L']]}
            return new
        new['pk'] = {'S': 'ORDER#' + self.ids['Orders'].new_text(
            'S', item['pk']['S'][6:])}
        new['personId'] = person(item['personId'])
        if 'meta' in item:
            new['meta']['M']['by'] = person(item['meta']['M']['by'])
        new['schemaVersion'] = {'N': '2'}
        new['note'] = {'S': 'moved'}
        new.pop('legacy', None)
        return new

    def references(self):
        """{(table, path): counter}"""
        out = collections.defaultdict(collections.Counter)
        out['Orders', 'meta.by'], out['Orders', 'personId']
        out['People', 'friendId'], out['People', 'orders[*]']

        def note(at, to, id):
            c = out[at]
            c['values'] += 1
            there = id in self.exists[to]
            c['resolved' if there else 'dangling'] += 1
            c['toRejected'] += there and id not in self.good[to]
        for item, _ in self.moved['People']:
            if 'S' in item.get('friendId', {}):
                note(('People', 'friendId'), 'People',
                     item['friendId']['S'])
            for v in item.get('orders', {'L': []})['L']:
                note(('People', 'orders[*]'), 'Orders', v['S'][6:])
        for item, _ in self.moved['Orders']:
            note(('Orders', 'personId'), 'People', item['personId']['S'])
            if 'meta' in item:
                note(('Orders', 'meta.by'), 'People',
                     item['meta']['M']['by']['S'])
        return out


# ---- comparing ---------------------------------------------------------------

COUNTS = ('read', 'moved', 'filtered', 'skipped', 'dropped', 'duplicate',
          'rejected')


def key_text(table, item):
    if table == 'People':
        return "id = '%s'" % item['id']['S']
    return "pk = '%s', sk = %s" % (item['pk']['S'], item['sk']['N'])


def check_sizes(name, got, units):
    """Of the items of one table; returns them."""
    sizes, items, lines = [], [], {}
    for number, (table, path, unit) in enumerate(units):
        if table != name:
            continue
        for line, item, _ in unit:
            if item is None:
                continue
            size = item_size(item)
            items.append(item)
            sizes.append((-size, number, line, path, key_text(name, item)))
            lines[path, line] = item
    total = -sum(s[0] for s in sizes)
    b = got['itemBytes']
    check(name + ' bytes', b['total'], total)
    check(name + ' min', b['min'], -max(s[0] for s in sizes))
    check(name + ' max', b['max'], -min(s[0] for s in sizes))
    check_near(name + ' mean', b['mean'], total / len(sizes), 0.051)
    buckets = collections.Counter(
        max(7, math.ceil(math.log2(-s[0]))) for s in sizes)
    check(name + ' histogram', {h['upTo']: h['items']
                                for h in b['histogram'] if h['items']},
          {2 ** k: n for k, n in buckets.items()})
    check(name + ' largest',
          [(x['bytes'], x['file'], x['line'], x['key'])
           for x in got['largest']],
          [(-s[0], s[3], s[2], s[4]) for s in sorted(sizes)[:10]])
    return items, lines


def check_table(got, done, units):
    name = got['name']
    items, lines = check_sizes(name, got, units)
    check(name + ' counts', got['counts'],
          {c: done.counts[name][c] for c in COUNTS})
    check_attributes(name, got['attributes'], items, got['distinctError'])
    check(name + ' asserts', got['asserts'][0]['failed'], done.failed[name])
    for example in got['asserts'][0]['examples']:
        item = lines[example['file'], example['line']]
        check(name + ' assert key', example['key'], key_text(name, item))

    targets = [t for _, t in done.moved[name]]
    units_of = [max(1, -(-item_size(t) // 1024)) for t in targets]
    check(name + ' write units', got['writeUnits'], sum(units_of))
    check(name + ' import bytes', got['estimates']['import']['bytes'],
          sum(len(compact({'Item': t}).encode()) + 1 for t in targets))
    push = sum(units_of) * (2 if name == 'Orders' else 1)
    check(name + ' push units', got['estimates']['push']['writeUnits'], push)
    rejected = collections.Counter(
        r['step'].split()[0] for r in got['rejects'] for _ in
        range(r['items']))
    check(name + ' rejects', sum(rejected.values()),
          done.counts[name]['rejected'] - done.failed[name])

    keys = collections.Counter(
        (t['id']['S'] if name == 'People' else
         (t['pk']['S'], plain_number(t['sk']['N']))) for t in targets)
    check(name + ' duplicates', got['duplicateKeys']['items'],
          sum(n - 1 for n in keys.values()))
    if name == 'Orders':
        ttl = [t.get('ttl', {}) for t in targets]
        late = [NOW - int(v['N']) for v in ttl if 'N' in v]
        check('ttl', got['ttl'], {
            'attribute': 'ttl',
            'expired': len([x for x in late if 0 <= x <= 5 * 366 * 86400]),
            'without': len([v for v in ttl if 'N' not in v])})
    else:
        check(name + ' ttl', got['ttl'], None)


def check_references(got, done, units):
    want = done.references()
    at = {(path, line): item for _, path, unit in units
          for line, item, _ in unit}
    check('references', sorted((r['table'], r['path']) for r in got),
          sorted(want))
    for r in got:
        c = want[r['table'], r['path']]
        name = '%s.%s' % (r['table'], r['path'])
        for count in ('values', 'resolved', 'dangling', 'toRejected'):
            check(name + ' ' + count, r[count], c[count])
        check_near(name + ' share', r['share'],
                   c['resolved'] / max(1, c['values']), 1e-6)
        check(name + ' examples', len(r['examples']),
              min(10, c['dangling']))
        for e in r['examples']:
            item = at[e['file'], e['line']]
            check(name + ' key', e['key'], key_text(r['table'], item))
            if e['value'] not in compact(item) or \
                    e['value'] in done.exists[r['to']]:
                check(name + ' value', e['value'], 'an id of nothing')


def check_problems(analysis, done):
    names = {p['name'] for p in analysis['problems']}
    check('problems', names & {
        'rejected', 'assert', 'duplicate-keys', 'dangling', 'to-rejected',
        'expired'}, {'rejected', 'assert', 'duplicate-keys', 'dangling',
                     'to-rejected', 'expired'})


def analyze(program, folder, threads):
    job = os.path.join(folder, 'job-%d' % threads)
    ran = subprocess.run(
        [program, 'analyze', os.path.join(folder, 'plan.json'), '--job', job,
         '--threads', str(threads), '--quiet', '--run-time',
         '2025-03-01T00:00:00Z'], capture_output=True, text=True)
    check('exit status', (ran.returncode, ran.stderr), (1, ''))
    with open(os.path.join(job, 'analysis.json'), encoding='utf-8') as f:
        out = json.load(f)
    check_schema(out)
    del out['seconds']
    return out


def check_schema(analysis):
    """By jsonschema, or by what tests/e2e has in its place."""
    with open(ROOT + '/docs/analysis.schema.json') as f:
        schema = json.load(f)
    sys.path.insert(0, ROOT + '/tests/e2e')
    import e2e
    e2e.validate(analysis, schema, schema, 'analysis')


def main():
    args = argparse.ArgumentParser()
    args.add_argument('--items', type=int, default=20000)
    args.add_argument('--program', default=ROOT + '/build/dynamill')
    args.add_argument('--keep')
    args = args.parse_args()
    folder = args.keep or tempfile.mkdtemp()
    try:
        units = write_exports(folder, make_items(args.items))
        with open(folder + '/plan.json', 'w') as f:
            json.dump(dict(PLAN, source={'environment': 'staging', 'exports': [
                {'path': 'exports/' + t, 'table': t}
                for t in PLAN['tables']]}), f)
        with open(folder + '/orders.json', 'w') as f:
            json.dump(CREATE, f)
        got = [analyze(args.program, folder, n) for n in (1, 2, 4)]
        check('with 2 threads', got[1] == got[0], True)
        check('with 4 threads', got[2] == got[0], True)
        done = Done(units)
        for table in got[0]['tables']:
            check_table(table, done, units)
        check_references(got[0]['references'], done, units)
        check_problems(got[0], done)
        total = collections.Counter()
        for c in done.counts.values():
            total.update(c)
        check('total', {c: got[0]['total'][c] for c in COUNTS},
              {c: total[c] for c in COUNTS})
    finally:
        if not args.keep:
            shutil.rmtree(folder)
    print('%d items, %d differences' % (args.items, failures))
    sys.exit(failures > 0)


main()
