"""What `dynamill validate` says of dumps: what a few lines of Python say, and in
XML that a parser takes."""
import copy
import glob
import gzip
import json
import os
import random
import shutil
import subprocess
import xml.etree.ElementTree as xml

import compare
import e2e


def validate(*words, status, output='json'):
    done = subprocess.run([e2e.PROGRAM, 'validate', *words, '--output',
                           output], capture_output=True)
    r = e2e.Result(done.returncode, done.stdout.decode(),
                   done.stderr.decode())
    e2e.clean(r)
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


if __name__ == '__main__':
    e2e.main([yaml_rules_say_what_python_says,
              golden_dumps_say_what_python_says,
              every_damage_of_an_export_is_found,
              junit_is_what_a_parser_takes])
