#!/usr/bin/env python3
"""formats.py [--long] - dumps of every format in, and what imports take out.

Random items of all ten types (long: 100,000) go through each format and come
back equal, or are refused where the format has no words for them.
"""
import csv
import decimal
import glob
import io
import json
import os
import random
import re
import shutil
import subprocess

from e2e import (PROGRAM, PYTHON, ROOT, SLOW, Skipped, check, contains, equal,
                 lines, main, read, rejected, report, run, same_jobs, write,
                 write_plan)

WORDS = ['', 'a', 'plain', 'qu"ote', 'back\\slash', 'line\nend', 'tab\t',
         'é✓🏠', ' spaces ', ',', ';|:', '{"x":1}', '\u0001', '1', 'true']


def number(dice):
    return dice.choice(['0', '-1', '1.50', '3e2', '-2.5E-7', '1E+125',
                        '12345678901234567890123456789012345678'])


def value(dice, depth=0):
    kind = dice.randrange(10 if depth < 4 else 8)
    word = dice.choice(WORDS)
    if kind == 0:
        return {'N': number(dice)}
    if kind == 1:
        return {'B': dice.choice(['', 'AA==', 'aGVsbG8='])}
    if kind == 2:
        return {'BOOL': dice.random() < 0.5}
    if kind == 3:
        return {'NULL': True}
    if kind == 4:
        return {'SS': sorted(set(dice.choices(WORDS, k=3)))}
    if kind == 5:
        return {'NS': ['1', '-2.5', '3E5'][:dice.randint(1, 3)]}
    if kind == 6:
        return {'BS': ['AA==', 'AAE='][:dice.randint(1, 2)]}
    if kind == 8:
        return {'L': [value(dice, depth + 1)
                      for _ in range(dice.randrange(4))]}
    if kind == 9:
        return {'M': {name or '_': value(dice, depth + 1)
                      for name in dice.choices(WORDS, k=3)}}
    return {'S': word}


def items_of(n, seed=1):
    dice = random.Random(seed)
    found = []
    for i in range(n):
        item = {'id': {'S': 'item-%d' % i}}
        for name in dice.sample(['x', 'é', 'a b', 'q"', 'm', 'l', 'n'], 4):
            item[name] = value(dice)
        found.append(item)
    return found


def plan(here, source, target=None, key=('id',), **more):
    return write_plan(here + '/plan.json', {
        'source': {'exports': [source]}, 'target': target or {},
        'tables': {'T': {'to': 'Things', 'key': list(key) if
                         isinstance(key, tuple) else key, **more}}})


def canonical(v):
    """Sets unordered; numbers as they stand."""
    ((tag, x),) = v.items()
    if tag in ('SS', 'NS', 'BS'):
        return tag, tuple(sorted(x))
    if tag == 'L':
        return tag, tuple(canonical(e) for e in x)
    if tag == 'M':
        return tag, tuple(sorted((k, canonical(e)) for k, e in x.items()))
    return tag, x


def same(found, want, what):
    def keyed(items):
        return sorted(canonical({'M': i}) for i in items)
    a, b = keyed(found), keyed(want)
    equal(len(a), len(b), what + ': items')
    for x, y in zip(a, b):
        if x != y:
            equal(x, y, what)


def reads(here, what, source, want, status=0, **more):
    job = '%s/%s.job' % (here, what)
    run(plan(here, source, **more), job, '--quiet', '--threads', '2',
        status=status)
    same(lines(job, 'Things'), want, what)
    return job


def count(options):
    return (100000 if options.long else 4000) // SLOW


def typed_and_scanned_items_come_in_as_they_are(here, options):
    items = items_of(count(options))
    third = len(items) // 3
    dump = json.dumps
    shapes = {
        'lines': '\n'.join(dump(i) for i in items),
        'array': dump(items),
        'pretty': dump(items, indent=2, ensure_ascii=False),
        'pages': ''.join(dump({'Items': items[k:k + third],
                               'Count': len(items[k:k + third]),
                               'LastEvaluatedKey': {'id': {'S': 'x'}}},
                              indent=4) for k in
                         range(0, len(items), third)),
        'items': ''.join(dump({'Item': i, 'reason': 'mended', 'line': 7}) +
                         '\n' for i in items),
        'item': ''.join(dump({'Item': i}, indent=1) + '\n' for i in items),
    }
    for what, text in shapes.items():
        path = write('%s/%s.json' % (here, what), text)
        reads(here, what, path, items)


def a_folder_of_dynamodump_is_its_data(here, options):
    items = items_of(60, seed=8)
    for k in range(0, 60, 25):
        write('%s/dump/T/data/%04d.json' % (here, k // 25 + 1), json.dumps(
            {'Items': items[k:k + 25], 'Count': len(items[k:k + 25]),
             'ScannedCount': 25}, indent=2))
    write(here + '/dump/T/schema.json', '{"Table": {"TableName": "T"}}')
    reads(here, 'dump', here + '/dump/T', items)


def plain(v):
    ((tag, x),) = v.items()
    if tag == 'N':
        return json.loads(x, parse_float=Exact, parse_int=Exact)
    if tag == 'NULL':
        return None
    if tag == 'L':
        return [plain(e) for e in x]
    if tag == 'M':
        return {k: plain(e) for k, e in x.items()}
    return x


class Exact(float):
    """A number that is written as it was."""
    def __new__(cls, text):
        self = super().__new__(cls, text)
        self.text = text
        return self

    def __repr__(self):
        return self.text


def dump_exactly(v):
    if isinstance(v, Exact):
        return v.text
    if isinstance(v, list):
        return '[' + ','.join(map(dump_exactly, v)) + ']'
    if isinstance(v, dict):
        return '{' + ','.join(json.dumps(k) + ':' + dump_exactly(e)
                              for k, e in v.items()) + '}'
    return json.dumps(v)


def typed_by_rules(dice, i):
    """An item whose sets and binary are where the plan says."""
    item = {'id': {'S': 'item-%d' % i}, 'n': {'N': number(dice)},
            's': {'S': dice.choice(WORDS)}, 't': {'BOOL': i % 2 == 0},
            'z': {'NULL': True}, 'tags': {'SS': ['a', 'b"']},
            'm': {'M': {'blob': {'B': 'AAE='}, 'k': {'N': '1'},
                        'l': {'L': [{'S': ''}, {'N': '-0.5'}]}}},
            'l': {'L': [{'M': {'ns': {'NS': ['1', '2.5']}}},
                        {'M': {'bs': {'BS': ['AA==']}}}]}}
    return {k: item[k] for k in ['id'] + dice.sample(sorted(item), 5)}


TYPES = {'tags': 'SS', 'm.blob': 'B', 'l[*].ns': 'NS', 'l[*].bs': 'BS'}


def plain_json_is_typed_by_rules(here, options):
    dice = random.Random(2)
    items = [typed_by_rules(dice, i) for i in range(count(options))]
    text = [dump_exactly({k: plain(v) for k, v in i.items()}) for i in items]
    for what, path in (
            ('lines', write(here + '/lines.json', '\n'.join(text))),
            ('array', write(here + '/array.json', '[' + ','.join(text) +
                            ']\n'))):
        reads(here, what, {'path': path, 'types': TYPES}, items)


def plain_json_of_ours_comes_back(here, options):
    """dynamill cat --as json is what `format: json` reads."""
    dice = random.Random(3)
    items = [typed_by_rules(dice, i) for i in range(count(options) // 4)]
    source = write(here + '/items.json', ''.join(
        json.dumps({'Item': i}) + '\n' for i in items))
    done = subprocess.run([PROGRAM, 'cat', source, '--as', 'json'],
                          capture_output=True)
    equal(done.returncode, 0, done.stderr)
    with open(here + '/plain.json', 'wb') as f:
        f.write(done.stdout)
    reads(here, 'again', {'path': here + '/plain.json', 'format': 'json',
                          'types': TYPES}, items)


def strings_of(dice, i):
    item = {'id': {'N': str(i)}}
    for name in dice.sample(['a', 'b', 'c d', 'e'], 3):
        word = dice.choice([w for w in WORDS if w and '\n' not in w])
        item[name] = {'S': word}
    return item


COLUMNS = ['id', 'a', 'b', 'c d', 'e']


def csv_of_strings_and_keys_comes_back(here, options):
    dice = random.Random(4)
    items = [strings_of(dice, i) for i in range(count(options))]
    source = write(here + '/items.json', ''.join(
        json.dumps({'Item': i}) + '\n' for i in items))
    for mark in (',', 'tab', '|', ';', ':', 'space'):
        here_too = here + '/' + str(COLUMNS.index('e')) + mark[0].strip('|/')
        os.makedirs(here_too, exist_ok=True)
        job = here_too + '/out.job'
        run(plan(here_too, source, {'format': 'csv', 'csv': {
            'columns': {'T': COLUMNS}, 'delimiter': mark}},
            key={'id': 'N'}), job, '--quiet')
        mine = [path for path in glob.glob(glob.escape(job) +
                                           '/out/Things/data/*')]
        check(all(p.endswith('.csv.gz') for p in mine) and mine, mine)
        reads(here_too, 'back', {'path': job + '/out/Things/data',
                                 'table': 'T', 'format': 'csv',
                                 'delimiter': mark}, items, key={'id': 'N'})
    # And as others read it.
    run(plan(here, source, {'format': 'csv', 'compression': 'none',
                            'csv': {'columns': COLUMNS}}, key={'id': 'N'}),
        here + '/plain.job', '--quiet')
    (path,) = glob.glob(here + '/plain.job/out/Things/data/*.csv')
    with open(path, newline='') as f:
        rows = list(csv.reader(f))
    equal(rows[0], COLUMNS, 'the header')
    want = [[i.get(c, {'S': ''}).get('S') or i[c]['N'] if c in i else ''
             for c in COLUMNS] for i in items]
    equal(rows[1:], want, 'rows as Python reads them')
    # With its own manifest, as any export.
    back = write_plan(here + '/manifest.json', {
        'source': {'exports': [here + '/plain.job/out']},
        'tables': {'Things': {'key': {'id': 'N'}}}})
    run(back, here + '/manifest.job', '--quiet')
    same(lines(here + '/manifest.job', 'Things'), items, 'by its manifest')


def csv_of_others_comes_in(here, options):
    dice = random.Random(5)
    out = io.StringIO()
    w = csv.writer(out, lineterminator='\r\n')
    w.writerow(['id', 'text', 'n', 'ok', 'tags', 'm'])
    items = []
    for i in range(count(options)):
        word = dice.choice(WORDS)
        n = number(dice)
        w.writerow([i, word, n, 'true', '["a","b"]', '{"x":[1]}'])
        items.append({'id': {'S': str(i)}, 'n': {'N': n},
                      'ok': {'BOOL': True}, 'tags': {'SS': ['a', 'b']},
                      'm': {'M': {'x': {'NS': ['1']}}},
                      **({'text': {'S': word}} if word else {})})
    source = here + '/items.csv'
    with open(source, 'w', newline='') as f:
        f.write(out.getvalue())
    reads(here, 'csv', {'path': source, 'format': 'csv', 'types': {
        'n': 'N', 'ok': 'BOOL', 'tags': 'SS', 'm': 'M', 'm.x': 'NS'}}, items)


def csv_refuses_what_it_cannot_say(here, options):
    items = [{'id': {'S': '1'}, 'x': {'S': 'fine'}},
             {'id': {'S': '2'}, 'x': {'BOOL': True}},
             {'id': {'S': '3'}, 'other': {'S': 'y'}}]
    source = write(here + '/items.json', ''.join(
        json.dumps({'Item': i}) + '\n' for i in items))
    target = {'format': 'csv', 'compression': 'none',
              'csv': {'columns': ['id', 'x']}}
    run(plan(here, source, target), here + '/strict', '--quiet', status=1)
    (path,) = glob.glob(here + '/strict/out/Things/data/*')
    equal(read(path), 'id,x\n1,fine\n', 'what is left')
    why = [r['reason'] for r in rejected(here + '/strict', 'T')]
    contains(why[0], "attribute 'x' is of type BOOL")
    contains(why[1], "attribute 'other' is not among the columns")
    target['csv']['lossy'] = True
    r = run(plan(here, source, target), here + '/lossy')
    (path,) = glob.glob(here + '/lossy/out/Things/data/*')
    equal(read(path), 'id,x\n1,fine\n2,true\n3,\n', 'all of it')
    equal(report(here + '/lossy')['total']['valuesLost'], 2, 'counted')
    contains(r.out, '2 values went without their type')


def damage_is_told(here, options):
    for what, text, words in (
            ('cut', '[{"id":"1"},{"id":"2"}', 'cut short'),
            ('count', '{"Items":[{"id":{"S":"1"}}],"Count":2}',
             "says 'Count': 2"),
            ('header', 'id,id\n1,2\n3,4\n', "two columns are called 'id'")):
        path = write('%s/%s.txt' % (here, what), text)
        r = run(plan(here, path), here + '/' + what, '--quiet', status=3)
        contains(r.err, words, what + '.txt')
    run(plan(here, here + '/cut.txt'), here + '/accepted', '--quiet',
        '--accept', 'cut.txt')
    equal(len(lines(here + '/accepted', 'Things')), 2, 'items')
    equal(report(here + '/accepted')['total']['acceptedDamagedFiles'], 1,
          'accepted')


def rejected_items_come_in_after_mending(here, options):
    source = write(here + '/items.json', ''.join(
        json.dumps({'Item': {'id': {'S': str(i)}, 'n': {'N': str(i)}}}) + '\n'
        for i in range(9)))
    run(plan(here, source, **{'assert': 'n <> 4'}), here + '/first',
        '--quiet', status=1)
    bad = read(here + '/first/rejected/T.jsonl')
    mended = write(here + '/mended.jsonl', bad.replace('"N":"4"', '"N":"5"'))
    reads(here, 'second', mended, [{'id': {'S': '4'}, 'n': {'N': '5'}}],
          **{'assert': 'n <> 4'})


def bodies_of(job):
    """Every request of a job, in the order of their files."""
    found = []
    for path in sorted(glob.glob(glob.escape(job) + '/out/Things/data/*')):
        with open(path) as f:
            found.append(json.load(f))
        equal(list(found[-1]), ['Things'], path)
    return found


def requests_hold_all_items_and_no_key_twice(here, options):
    items = items_of(count(options) // 4)
    items += [{**i, 'again': {'BOOL': True}} for i in items[10:40]]
    source = write(here + '/items.json', ''.join(
        json.dumps({'Item': i}) + '\n' for i in items))
    target = {'format': 'batch-requests'}
    run(plan(here, source, target), here + '/job', '--quiet',
        '--on-duplicate', 'keep-last')
    run(plan(here, source, target), here + '/two', '--quiet', '--threads',
        '2', '--on-duplicate', 'keep-last')
    same_jobs(here + '/job', here + '/two')
    found = []
    for body in bodies_of(here + '/job'):
        put = [r['PutRequest']['Item'] for r in body['Things']]
        check(1 <= len(put) <= 25, len(put))
        equal(len({i['id']['S'] for i in put}), len(put), 'keys')
        found += put
    last = {i['id']['S']: i for i in items}
    same(found, list(last.values()), 'items')


BOTO = """
import json, os, sys
try:
    import boto3
except ImportError:
    print('python3-boto3 is not installed', file=sys.stderr)
    sys.exit(77)
db = boto3.client('dynamodb', endpoint_url=os.environ['DYNAMODB_URL'])
for name in sys.argv[1:]:
    with open(name) as f:
        body = json.load(f)
    for request in body['Things']:          # over what is there
        request['PutRequest']['Item']['boto'] = {'BOOL': True}
    left = db.batch_write_item(RequestItems=body)['UnprocessedItems']
    assert left == {}, left
items = db.scan(TableName='Things')['Items']
assert len(items) == 60, len(items)
assert all(i['boto'] == {'BOOL': True} for i in items)
"""


def the_aws_cli_and_boto3_send_requests_as_they_are(here, options):
    """To a server that others wrote, and what Scan gives is read again.

    Without binary: version 1 of the CLI takes base64 for the bytes.
    """
    items = [i for i in items_of(400, seed=7) if '"B' not in
             json.dumps(i).replace('"BOOL"', '')][:60]
    source = write(here + '/items.json', ''.join(
        json.dumps({'Item': i}) + '\n' for i in items))
    run(plan(here, source, {'format': 'batch-requests'}), here + '/job',
        '--quiet')
    files = sorted(glob.glob(here + '/job/out/Things/data/*.json'))
    equal(len(files), 3, 'requests of 60 items')
    if shutil.which('aws') is None:
        raise Skipped('the AWS CLI is not installed')
    script = write(here + '/send.sh', 'set -e\naws() { command aws '
                   '--endpoint-url "$DYNAMODB_URL" dynamodb "$@"; }\n'
                   'aws create-table --table-name Things --billing-mode '
                   'PAY_PER_REQUEST --key-schema AttributeName=id,KeyType='
                   'HASH --attribute-definitions AttributeName=id,'
                   'AttributeType=S >/dev/null\n'
                   'aws wait table-exists --table-name Things\n'
                   'for f; do aws batch-write-item --request-items '
                   '"file://$f" >/dev/null; done\n'
                   'aws scan --table-name Things --page-size 25 >"$OUT"\n'
                   '"$PYTHON" "$BOTO" "$@"\n')
    done = subprocess.run([ROOT + '/tests/servers/up.sh', 'sh', script,
                           *files], capture_output=True, text=True, env={
        **os.environ, 'OUT': here + '/scan.json', 'PYTHON': PYTHON,
        'BOTO': write(here + '/boto.py', BOTO), 'AWS_ACCESS_KEY_ID': 'x',
        'AWS_SECRET_ACCESS_KEY': 'y', 'AWS_DEFAULT_REGION': 'us-east-1',
        'AWS_EC2_METADATA_DISABLED': 'true'})
    if done.returncode == 77:
        raise Skipped(done.stderr.strip())
    equal(done.returncode, 0, done.stderr)

    def settled(v):
        """A value as the server gives it back: numbers canonical."""
        ((tag, x),) = v.items()
        if tag == 'N':
            return {'N': canonical_number(x)}
        if tag == 'NS':
            return {'NS': [canonical_number(n) for n in x]}
        if tag == 'L':
            return {'L': [settled(e) for e in x]}
        if tag == 'M':
            return {'M': {k: settled(e) for k, e in x.items()}}
        return v
    reads(here, 'scan', here + '/scan.json',
          [settled({'M': i})['M'] for i in items])


IMPORT = """
import glob, json, os, sys, time
try:
    import boto3
    from moto import mock_aws
except ImportError:
    print('moto 5 is not installed', file=sys.stderr)
    sys.exit(77)
top, packed = sys.argv[1:]
with mock_aws():
    s3, db = boto3.client('s3'), boto3.client('dynamodb')
    s3.create_bucket(Bucket='imports')
    for path in glob.glob(top + '/data/*'):
        s3.upload_file(path, 'imports', 'x/data/' + os.path.basename(path))
    with open(top + '/table.json') as f:
        table = json.load(f)
    d = db.import_table(
        S3BucketSource={'S3Bucket': 'imports', 'S3KeyPrefix': 'x/data/'},
        InputFormat='DYNAMODB_JSON', InputCompressionType=packed,
        TableCreationParameters=table)['ImportTableDescription']
    while d['ImportStatus'] == 'IN_PROGRESS':
        time.sleep(.05)
        d = db.describe_import(
            ImportArn=d['ImportArn'])['ImportTableDescription']
    assert d['ImportStatus'] == 'COMPLETED', d
    for page in db.get_paginator('scan').paginate(
            TableName=table['TableName']):
        for item in page['Items']:
            print(json.dumps(item, default=lambda b: b.decode()))
"""


def an_import_takes_what_is_written(here, options):
    """ImportTable as others wrote it, whose JSON has its weak sides."""
    items = [{'id': {'S': 'item-%d' % i}, 'n': {'N': '%d.25' % i},
              's': {'S': 'some text, %d' % i}, 't': {'BOOL': i % 2 == 0},
              'z': {'NULL': True}, 'tags': {'SS': ['a', 'b %d' % i]},
              'ns': {'NS': ['1', str(i + 2)]},
              'l': {'L': [{'S': 'x'}, {'N': '-7'}, {'NULL': True}]},
              'm': {'M': {'k': {'N': '1'}, 'in': {'M': {'x': {'S': 'y'}}}}}}
             for i in range(100)]
    source = write(here + '/items.json', ''.join(
        json.dumps({'Item': i}) + '\n' for i in items))
    for packed in ('GZIP', 'NONE'):
        job = here + '/' + packed
        run(plan(here, source, {'compression': packed.lower()}), job,
            '--quiet')
        done = subprocess.run(
            ['python3', write(here + '/import.py', IMPORT),
             job + '/out/Things', packed], capture_output=True, text=True,
            env={**os.environ, 'AWS_ACCESS_KEY_ID': 'x',
                 'AWS_SECRET_ACCESS_KEY': 'y',
                 'AWS_DEFAULT_REGION': 'us-east-1'})
        if done.returncode == 77:
            raise Skipped(done.stderr.strip())
        equal(done.returncode, 0, done.stderr)
        same([json.loads(x) for x in done.stdout.splitlines()], items,
             packed)


def canonical_number(text):
    d = format(decimal.Decimal(text), 'f')
    return d.rstrip('0').rstrip('.') if '.' in d else d


def peak(child):
    """KiB; what wait4() says may be what this process had when it forked."""
    return int(re.search(r'VmHWM:\s*(\d+) kB',
                         read('/proc/%d/status' % child.pid)).group(1))


def pour(child, size):
    """An array of about so many bytes, one line; its items, and the memory."""
    to = child.stdin
    text = 'x' * 900
    n = at = 0
    with to:
        to.write(b'[')
        while at < size:
            block = ','.join('{"id":"%d","text":"%s","l":[1,{"a":null}]}' % (
                i, text) for i in range(n, n + 4096))
            at += to.write((',' if n else '').encode() + block.encode())
            n += 4096
        to.flush()
        most = peak(child)
        to.write(b']')
    return n, most


def an_array_of_any_length_takes_little_memory(here, options):
    """Long: 10 GB, or E2E_ARRAY bytes, through a pipe: no disk holds it."""
    size = int(os.environ.get('E2E_ARRAY') or (
        10 ** 10 if options.long else 30000000 // SLOW))
    p = plan(here, '-')
    peaks = []
    for words in (['run', p, '--job', here + '/job', '--quiet'],
                  ['cat', '-', '--where', "id = '4095'", '--as', 'json']):
        child = subprocess.Popen([PROGRAM, *words], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)
        n, most = pour(child, size)
        out = child.stdout.read()
        equal(child.wait(), 0, words)
        peaks.append(most)
        shutil.rmtree(here + '/job/out', ignore_errors=True)
    equal(json.loads(out)['id'], '4095', 'cat')
    equal(report(here + '/job')['total']['written'], n, 'items')
    if SLOW == 1:
        check(max(peaks) < 150 * 1024, peaks, 'KiB')
    return '%s KiB for %d KiB' % (peaks, size / 1024)


if __name__ == '__main__':
    main([typed_and_scanned_items_come_in_as_they_are,
          a_folder_of_dynamodump_is_its_data,
          plain_json_is_typed_by_rules, plain_json_of_ours_comes_back,
          csv_of_strings_and_keys_comes_back, csv_of_others_comes_in,
          csv_refuses_what_it_cannot_say, damage_is_told,
          rejected_items_come_in_after_mending,
          requests_hold_all_items_and_no_key_twice,
          the_aws_cli_and_boto3_send_requests_as_they_are,
          an_import_takes_what_is_written,
          an_array_of_any_length_takes_little_memory])
