"""What `dynamill validate` says of dumps: what a few lines of Python say, and in
XML that a parser takes."""
import base64
import copy
import glob
import gzip
import hashlib
import json
import os
import random
import shutil
import subprocess
import xml.etree.ElementTree as xml

import compare
import e2e


def validate(*words, status, output='json', env=None):
    done = subprocess.run([e2e.PROGRAM, 'validate', *words, '--output',
                           output], capture_output=True,
                          env={**os.environ, **(env or {})})
    r = e2e.Result(done.returncode, done.stdout.decode(),
                   done.stderr.decode())
    e2e.clean(r)
    if status is not None:
        e2e.equal(r.status, status, r)
    if output != 'json':
        return r.out
    lines = [json.loads(x) for x in r.out.splitlines()]
    e2e.equal(lines[-1]['kind'], 'total', 'the last line')
    return lines[:-1], lines[-1]


def plain(v, dice):
    """A value as YAML may have it: plain where that says all, or typed."""
    (kind, x), = v.items()
    if kind in ('S', 'BOOL') and dice.random() < .7:
        return x
    if kind == 'N' and dice.random() < .7:
        return int(float(x))
    if kind == 'NULL':
        return dice.choice([None, v])
    if kind == 'L':
        inner = [plain(y, dice) for y in x]
        return inner if dice.random() < .7 else {kind: inner}
    if kind == 'M':
        inner = {k: plain(y, dice) for k, y in x.items()}
        return {kind: inner} if len(x) == 1 or dice.random() < .3 else inner
    return v


def yaml_rules_say_what_python_says(here, options):
    for seed in range(5):
        dice = random.Random(options.seed * 100 + seed)
        items = [compare.item(dice, i) for i in range(400)]
        dump = compare.put('%s/%d' % (here, seed), items, dice, 3)
        rules, want = [], []
        for i in dice.sample(range(600), 150):
            there = i < 400
            item = copy.deepcopy(items[i] if there else
                                 compare.item(dice, i))
            key = {'pk': item['pk']['S'], 'sk': i}
            if dice.random() < .3:
                compare.change(item, dice)
            item = compare.spell({'M': item}, dice)['M']
            kind = dice.choice(['item', 'attributes', 'assert', 'absent'])
            rule = {'key': key}
            bad = None
            if kind == 'absent':
                rule['absent'] = True
                bad = 'extra' if there else None
            elif kind == 'assert':
                n = dice.randrange(800)
                rule['assert'] = ['sk = %d' % i, 'sk < %d' % n]
                bad = None if there and i < n else 'broken'
            else:
                some = {k: v for k, v in item.items()
                        if k not in ('pk', 'sk')} if kind == 'item' else \
                    {k: item[k] for k in 'ac' if k in item}
                rule[kind] = {k: plain(v, dice) for k, v in some.items()}
                if there:
                    have = {k: items[i][k] for k in items[i]
                            if kind == 'item' or k in some}
                    expect = dict(item) if kind == 'item' else some
                    paths = compare.changes({'M': expect}, {'M': have})
                    if kind == 'attributes':    # told whole
                        paths = [p for p in some if p not in have or
                                 not compare.same(some[p], have[p])]
                    bad = 'different' if paths else None
            if not there and kind != 'absent':
                bad = 'missing'
            rules.append(rule)
            want.append((i, bad or 'sound'))
        path = e2e.write('%s/%d.yaml' % (here, seed), json.dumps(
            {'tables': {'T': rules}}))
        found, total = validate(dump, '--against', path, '--threads', '3',
                                status=1)
        got = [(int(float(x['key']['sk']['N'])), x['kind']) for x in found]
        e2e.equal(got, want, 'checks')
        e2e.equal(total['failed'], sum(k != 'sound' for _, k in want),
                  'failed')


def golden_dumps_say_what_python_says(here, options):
    dice = random.Random(options.seed)
    items = [compare.item(dice, i) for i in range(2000)]
    golden = copy.deepcopy(dice.sample(items, 300))
    for x in golden:
        if dice.random() < .2:
            compare.change(x, dice)
    golden += [compare.item(dice, 10 ** 6 + i) for i in range(20)]
    dice.shuffle(golden)
    dump = compare.put(here + '/dump', items, dice, 4)
    golden_path = compare.put(here + '/golden', golden, dice, 2)
    want = compare.model(golden, items)
    for words in [], ['--exact'], ['--partial'], ['--memory', '1']:
        found, total = validate(dump, '--against', golden_path, '--key',
                                'pk,sk', *words, status=1)
        got = {}
        for x in found:
            k = x['key']['pk']['S'], int(float(x['key']['sk']['N']))
            got[k] = (x['kind'], sorted(
                ((c['path'], c['expected'], c['found'])
                 for c in x['differences']), key=lambda c: c[0]))
        e2e.equal(len(got), len(found), 'each once')
        model = {}
        for k, (kind, rows) in want.items():
            kind = {'removed': 'missing', 'added': 'extra',
                    'changed': 'different'}[kind]
            rows = rows or []
            if '--partial' in words:
                rows = [r for r in rows if r[1] is not None or
                        '.' in r[0] or '[' in r[0]]
            if (kind == 'extra' and '--exact' not in words) or \
                    (kind == 'different' and not rows):
                continue
            model[k] = (kind, rows)
        e2e.equal(got, model, 'found with %s' % words)
        e2e.equal(total['failed'], len(model), 'failed')


def every_damage_of_an_export_is_found(here, options):
    top = e2e.generate(2000, here + '/all') + '/Contacts'
    whole = sorted(glob.glob(top + '/AWSDynamoDB/*/data/*'))
    found, total = validate(top, status=0)
    e2e.equal((total['files'], total['failed']), (len(whole), 0), 'sound')
    e2e.equal(sorted(x['name'] for x in found), whole, 'files')
    dice = random.Random(options.seed)
    for how in 'flip', 'cut', 'drop a line', 'remove', 'add', 'manifest':
        copy_of = here + '/copy'
        shutil.rmtree(copy_of, ignore_errors=True)
        shutil.copytree(top, copy_of)
        path = dice.choice(sorted(glob.glob(copy_of +
                                            '/AWSDynamoDB/*/data/*')))
        with open(path, 'rb') as f:
            packed = bytearray(f.read())
        if how == 'flip':
            packed[dice.randrange(len(packed))] ^= 1 << dice.randrange(8)
        elif how == 'cut':
            del packed[dice.randrange(len(packed)):]
        elif how == 'drop a line':
            lines = gzip.decompress(packed).splitlines(True)
            del lines[dice.randrange(len(lines))]
            packed = gzip.compress(b''.join(lines))
        if how == 'remove':
            os.remove(path)
        elif how == 'add':
            shutil.copy(path, os.path.dirname(path) + '/other.json.gz')
            path = os.path.dirname(path) + '/other.json.gz'
        elif how == 'manifest':
            path, = glob.glob(copy_of +
                              '/AWSDynamoDB/*/manifest-files.json')
            with open(path, 'a') as f:
                f.write('\n')
        else:
            with open(path, 'wb') as f:
                f.write(packed)
        found, total = validate(copy_of, status=3)
        bad = [x['name'] for x in found if x['kind'] != 'sound']
        e2e.check(path in bad, how, path, bad)


def junit_is_what_a_parser_takes(here, options):
    names = ['<a>&"\'', ']]>', 'tab\there', 'ctl\x01\x1f', 'é🏠', '\u202e',
             'x' * 5000]
    items = [{'id': {'S': n}, 'v': {'S': n}} for n in names[:4]]
    e2e.write_items(here + '/d.json.gz', items)
    e2e.write(here + '/r.yaml', json.dumps({'tables': {'<T>': [
        {'key': {'id': n}, 'attributes': {'v': 'other ' + n}}
        for n in names]}}, ensure_ascii=False))
    out = validate(here + '/d.json.gz', '--against', here + '/r.yaml',
                   status=1, output='junit')
    root = xml.fromstring(out.encode())
    e2e.equal(root.tag, 'testsuites', 'root')
    suite, = root
    e2e.equal((suite.get('name'), suite.get('tests'), suite.get('failures')),
              ('<T>', '7', '7'), 'suite')
    cases = list(suite)
    e2e.equal(len(cases), 7, 'cases')
    e2e.equal([c.find('failure').get('type') for c in cases],
              ['different'] * 4 + ['missing'] * 3, 'failures')
    e2e.contains(cases[0].get('name'), '<a>&')
    e2e.contains(cases[0].find('failure').text, '~ v', 'other <a>&')
    e2e.check('\u202e' not in out and '\x01' not in out, 'controls')


# ---- of a plan, of a job ---------------------------------------------------

def world(dice, n):
    """Users, and orders that refer to them; orders with a large n."""
    users = [{'id': {'S': 'u%d' % i}, 'age': {'N': str(dice.randrange(99))}}
             for i in range(n // 4)]
    orders, wrong = [], set()
    for i in range(n):
        order = {'pk': {'S': 'o%d' % i}, 'sk': {'N': str(i % 3)},
                 'user': dice.choice(users)['id'],
                 'n': {'N': str(dice.randrange(100))}}
        if dice.random() < .02:
            order['user'] = {'S': 'nobody%d' % i}
        if int(order['n']['N']) >= 97:
            wrong.add('o%d' % i)
        orders.append(order)
    dice.shuffle(orders)
    return users, orders, wrong


def put_world(here, users, orders):
    e2e.write_items(here + '/dump/users.json.gz', users)
    for k in range(4):
        e2e.write_items('%s/dump/orders/%d.json.gz' % (here, k),
                        orders[k::4])
    return [{'path': here + '/dump/users.json.gz', 'table': 'Users'},
            {'path': here + '/dump/orders', 'table': 'Orders'}]


def world_plan(here, exports, name='plan', **more):
    return e2e.write_plan('%s/%s.yaml' % (here, name), {
        'source': {'exports': exports, 'environment': 'a'},
        'target': {'environment': 'b', **more.pop('target', {})},
        'tables': {
            'Users': {'key': ['id'], 'id': 'id'},
            'Orders': {'key': ['pk', 'sk'], 'references': {'user': 'Users'},
                       'update': 'SET seen = true REMOVE age',
                       'assert': ['n < 97'], **more}}})


def a_plan_says_what_python_says_of_a_dump(here, options):
    dice = random.Random(options.seed)
    users, orders, wrong = world(dice, 400)
    twice = orders[7]
    twin = {**twice, 'user': users[0]['id'], 'n': {'N': '1'}}
    twice_is_good = twice['pk']['S'] not in wrong
    put_world(here, users, orders + [twin])
    found, total = validate(here + '/dump/users.json.gz', '--plan',
                            one_table(here, 'Users', 'id'), status=0)
    e2e.equal((found, total['items']), ([], len(users)), 'users')
    found, total = validate(here + '/dump/orders', '--plan',
                            one_table(here, 'Orders', 'pk', 'sk', **{
                                'assert': ['n < 97']}), status=1)
    e2e.equal({x['key']['pk']['S'] for x in found if x['key']}, wrong,
              'broken')
    for x in found:
        if x['key']:
            e2e.contains(x['text'], 'assert', 'n < 97')
            line = gzip.open(x['file']).read().splitlines()[x['line'] - 1]
            e2e.contains(line.decode(), x['key']['pk']['S'])
    double = [x for x in found if 'same primary key' in x['text']]
    e2e.equal(len(double), int(twice_is_good), found)
    e2e.equal(total['items'], len(orders) + 1, 'items')


def one_table(here, table, *key, **more):
    return e2e.write_plan('%s/%s.yaml' % (here, table), {'tables': {
        table: {'key': list(key), **more}}})


def references_of_a_dump_are_checked(here, options):
    """A whole export of the generator's, with items taken out."""
    top = e2e.generate(2000, here + '/all')
    plan = e2e.ROOT + '/bench/plan.yaml'
    first, _ = validate(top, '--plan', plan, status=None)
    e2e.equal([x for x in first if x['kind'] == 'bad line'], [], 'bad lines')
    path = sorted(glob.glob(top + '/Contacts/AWSDynamoDB/*/data/*'))[0]
    lines = gzip.open(path).read().splitlines(True)
    gone = json.loads(lines[0])['Item']['id']['S']
    tampered(path, lambda items: items[1:])
    found, _ = validate(top, '--plan', plan, status=1)
    lost = [x for x in found if gone in x['text']]
    refers = sum(gone.encode() in gzip.open(p).read() for p in
                 glob.glob(top + '/*/AWSDynamoDB/*/data/*'))
    e2e.check(lost or refers == 0, 'nobody misses', gone, found)
    e2e.equal(validate(top, '--plan', plan, '--threads', '1', status=1)[0],
              found, 'one thread')


def tampered(path, change, manifest='manifest-files.json', keep_count=False):
    """Change the lines of a data file, and its manifests with it; those it had.
    """
    packed = path.endswith('.gz')
    with (gzip.open if packed else open)(path, 'rb') as f:
        before = f.read().splitlines(True)
    lines = change(before)
    bytes = b''.join(lines)
    if packed:
        bytes = gzip.compress(bytes)
    with open(path, 'wb') as f:
        f.write(bytes)
    md5 = hashlib.md5(bytes).digest()
    top = os.path.dirname(os.path.dirname(path))
    manifest = os.path.join(top, manifest)
    files, n = [], 0
    with open(manifest) as f:
        for entry in map(json.loads, f):
            if entry['dataFileS3Key'].endswith(os.path.basename(path)):
                if not keep_count:
                    entry['itemCount'] = len(lines)
                entry['md5Checksum'] = base64.b64encode(md5).decode()
                entry['etag'] = hashlib.md5(md5).hexdigest() + '-1'
            n += entry['itemCount']
            files.append(json.dumps(entry, separators=(',', ':')) + '\n')
    put_signed(manifest, ''.join(files))
    manifest = top + '/manifest-summary.json'
    if os.path.exists(manifest):
        with open(manifest) as f:
            summary = json.load(f)
        summary['itemCount'] = n
        put_signed(manifest, json.dumps(summary, separators=(',', ':')))
    return before


def put_signed(path, text):
    e2e.write(path, text)
    e2e.write(path[:-5] + '.md5', base64.b64encode(
        hashlib.md5(text.encode()).digest()).decode())


def a_job_is_what_its_sources_come_to(here, options):
    dice = random.Random(options.seed)
    users, orders, _ = world(dice, 3000)
    orders += [{**o, 'n': {'N': '2'}} for o in orders[5:30]]
    exports = put_world(here, users, orders)
    for i, (words, more) in enumerate([
            ([], {}),
            (['--on-duplicate', 'keep-last'], {'dangling': 'null'}),
            (['--on-duplicate', 'reject', '--threads', '3'],
             {'dangling': 'skip-item', 'target': {'compression': 'zstd'}}),
            (['--limit', '50'], {'target': {'format': 'ion'}}),
            (['--on-duplicate', 'keep-first', '--run-time',
              '2024-02-03T04:05:06Z'],
             {'target': {'compression': 'none'},
              'update': 'SET at = run_time()'})]):
        plan = world_plan(here, exports if words else [
            exports[0], {**exports[1], 'path': exports[1]['path'] +
                         '/0.json.gz'}], 'plan%d' % i, **more)
        job = '%s/job%d' % (here, i)
        e2e.run(plan, job, *words, status=None)
        before = e2e.digests(job)
        os.makedirs(here + '/tmp', exist_ok=True)
        found, total = validate('--job', job, status=0,
                                env={'TMPDIR': here + '/tmp'})
        e2e.equal(os.listdir(here + '/tmp'), [], 'left behind')
        n = e2e.report(job)['total']['written']
        e2e.check(n > 20 and total['checks'] > n, n, total)
        e2e.equal([x for x in found if x['kind'] != 'sound'], [], 'found')
        e2e.equal(e2e.digests(job), before, 'the job')


def what_a_job_did_not_write_is_found(here, options):
    dice = random.Random(options.seed)
    users, orders, _ = world(dice, 300)
    plan = world_plan(here, put_world(here, users, orders))
    e2e.run(plan, here + '/job', status=None)
    path = sorted(glob.glob(here + '/job/out/Orders/data/*'))[2]
    whole = here + '/whole'
    shutil.copytree(here + '/job', whole)

    def again(change, status=1):
        shutil.rmtree(here + '/job')
        shutil.copytree(whole, here + '/job')
        tampered(path, change)
        found, _ = validate('--job', here + '/job', status=status)
        return [x for x in found if x['kind'] != 'sound']

    def set_n(lines):
        item = json.loads(lines[4])
        item['Item']['n'] = {'S': 'other'}
        lines[4] = json.dumps(item).encode() + b'\n'
        return lines
    x, = again(set_n)
    e2e.equal((x['kind'], x['table'], x['file'], x['line']),
              ('different', 'Orders', path, 5), 'where')
    e2e.equal([d['path'] for d in x['differences']], ['n'], 'what')
    x, = again(lambda lines: lines[:-1])
    e2e.equal((x['kind'], x['file']), ('missing', None), 'the last')
    x, = again(lambda lines: lines + [
        b'{"Item":{"pk":{"S":"z"},"sk":{"N":"1"}}}\n'])
    e2e.equal((x['kind'], x['key']), ('extra', {
        'pk': {'S': 'z'}, 'sk': {'N': '1'}}), 'one more')
    x, = again(lambda lines: lines[:3] + lines[4:])
    e2e.equal((x['kind'], x['line']), ('different', 4), 'in the middle')
    e2e.contains(x['text'], 'another item')
    # Spelling is not what counts.
    e2e.equal(again(lambda lines: [json.dumps(json.loads(x), indent=None)
                                   .encode() + b'\n' for x in lines], 0),
              [], 'spelled otherwise')
    again(lambda lines: lines, 0)
    with open(path, 'ab') as f:
        f.write(b'x')
    found, _ = validate('--job', here + '/job', status=3)
    e2e.check(any(x['kind'] == 'damaged' for x in found), found)
    rejects = here + '/job/rejected/Orders.jsonl'
    if os.path.exists(rejects):
        again(lambda lines: lines, 0)
        e2e.write(rejects, '')
        found, _ = validate('--job', here + '/job', status=1)
        e2e.check(any('rejected' in (x['text'] or '') for x in found), found)
    with open(plan, 'a') as f:
        f.write('\n')
    validate('--job', here + '/job', status=5, output='text')
    shutil.rmtree(here + '/job/out')
    validate('--job', here + '/job', status=2, output='text')


if __name__ == '__main__':
    e2e.main([a_plan_says_what_python_says_of_a_dump,
              references_of_a_dump_are_checked,
              a_job_is_what_its_sources_come_to,
              what_a_job_did_not_write_is_found,
              yaml_rules_say_what_python_says,
              golden_dumps_say_what_python_says,
              every_damage_of_an_export_is_found,
              junit_is_what_a_parser_takes])
