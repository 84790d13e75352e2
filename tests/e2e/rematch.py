#!/usr/bin/env python3
"""rematch.py [--long] - gzip to gzip with the input's matches, or --level 1.

Odd plans over odd inputs: what is written must hold the same text as that of
the other way of packing, be sound to other readers, have the MD5s that its
manifest says, and be the same bytes with other threads, on another processor,
and however the input came.
"""
import base64
import glob
import gzip
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
import zlib

from e2e import (ASAN, FIXTURES, PROGRAM, SLOW, TSAN, Skipped, check, clean,
                 command, contains, equal, finish, main, read, report, run,
                 same_jobs, start, write_plan, Result)

sys.path.insert(0, FIXTURES)
from make import Export                             # noqa: E402

FEW = ('--quiet',)


# ---- input -------------------------------------------------------------------

def compact(x):
    return json.dumps(x, separators=(',', ':')).encode() + b'\n'


def item(rng, i, **more):
    return {'id': {'S': '%08x-%04x' % (i * 2654435761 % 2 ** 32, i % 65536)},
            'n': {'N': str(i)}, 'kind': {'S': rng.choice(('even', 'odd'))},
            'legacyField': {'S': 'v%d' % rng.randrange(3)},
            'address': {'M': {'street': {'S': '%d Main Street' %
                                         rng.randrange(300)},
                              'zip': {'N': str(rng.randrange(99999))}}},
            'tags': {'L': [{'S': rng.choice(('new', 'seen', 'gone'))}
                           for _ in range(rng.randrange(4))]},
            'active': {'BOOL': rng.random() < .5}, **more}


def items_of(rng, n, **more):
    return b''.join(compact({'Item': item(rng, i, **{
        k: f(i) for k, f in more.items()})}) for i in range(n))


def deflated(text, level=6, strategy=zlib.Z_DEFAULT_STRATEGY, flush=0):
    """One member, with a flush of the packer every `flush` bytes."""
    z = zlib.compressobj(level, zlib.DEFLATED, 31, 8, strategy)
    out = []
    for at in range(0, len(text), flush or len(text) or 1):
        out.append(z.compress(text[at:at + flush] if flush else text))
        if flush:
            out.append(z.flush(zlib.Z_SYNC_FLUSH))
    return b''.join(out) + z.flush()


def members(text, size):
    """Many members, cut anywhere, some of them empty."""
    parts = [text[i:i + size] for i in range(0, len(text), size)]
    return b''.join(gzip.compress(p, 6, mtime=0) +
                    (gzip.compress(b'', mtime=0) if i % 3 == 0 else b'')
                    for i, p in enumerate(parts))


def by_7z(here, text):
    """An optimal packer: its matches often end where they could go on."""
    if shutil.which('7z') is None:
        raise Skipped('7z (p7zip-full) is not installed')
    path = here + '/text.json'
    with open(path, 'wb') as f:
        f.write(text)
    subprocess.run(['7z', 'a', '-bso0', '-bsp0', '-tgzip', '-mx9',
                    path + '.gz', path], check=True)
    return open(path + '.gz', 'rb').read()


def put(here, *files, folder='data'):
    """Data files of these packed bytes."""
    top = here + '/' + folder
    os.makedirs(top, exist_ok=True)
    for i, data in enumerate(files):
        with open('%s/f%d.json.gz' % (top, i), 'wb') as f:
            f.write(data)
    return top


# ---- output ------------------------------------------------------------------

def text_of(path):
    """The text of one member and nothing behind, as zlib reads it."""
    data = open(path, 'rb').read()
    z = zlib.decompressobj(31)
    text = z.decompress(data) + z.flush()
    check(z.eof and z.unused_data == b'', path, 'is not one gzip member')
    equal(gzip.decompress(data) == text, True, path + ' read again')
    return text


def texts(job):
    """Text by path, of all that was written; held against the manifests."""
    found = {}
    for path in sorted(glob.glob(job + '/out/*/data/*')):
        found[os.path.relpath(path, job)] = text = text_of(path)
        done = subprocess.run(['gzip', '-t', path], capture_output=True)
        equal((done.returncode, done.stderr), (0, b''), 'gzip -t ' + path)
        del text
    told = {}
    for path in glob.glob(job + '/out/*/manifest-files.json') + \
            glob.glob(job + '/out/*/manifest-puts.json'):
        top = os.path.dirname(os.path.relpath(path, job))
        for line in open(path):
            m = json.loads(line)
            name = top + '/' + m['dataFileS3Key']
            told[name] = m['itemCount'], m['md5Checksum']
    equal(sorted(told), sorted(found), 'files in manifests')
    for name, text in found.items():
        data = open(job + '/' + name, 'rb').read()
        equal((text.count(b'\n'), base64.b64encode(
            hashlib.md5(data).digest()).decode()), told[name], name)
    return found


def counts(job):
    """The account of a job, and what it says of the length of its text."""
    r = report(job)
    return [[t[w] for w in ('read', 'written', 'moved', 'filtered', 'rejected',
                            'skipped', 'dropped', 'duplicate')]
            for t in r['tables']]


def both(here, plan, *options, status=0, stdin=None):
    """Run it in all the ways that must come to the same."""
    ended = [] if status is None else [status]

    def go(name, *more, env=None):
        job = here + '/' + name
        with open(stdin or os.devnull, 'rb') as f:
            r = subprocess.run(command(plan, job, *FEW, *options, *more),
                               stdin=f, capture_output=True, text=True,
                               env={**os.environ, **(env or {})})
        clean(Result(r.returncode, r.stdout, r.stderr))
        ended.append(r.returncode)
        check(ended[0] in (0, 1), r.stderr)
        equal(ended[-1], ended[0], name + ' ended with ' + r.stderr)
        return job
    moved = go('moved', '--threads', '1')
    same_jobs(moved, go('two', '--threads', '2'))
    same_jobs(moved, go('plain', '--threads', '2',
                        env={'CPU_MASK': 'avx512,avx2'}))
    level = go('level', '--level', '1')
    a, b = texts(moved), texts(level)
    equal(sorted(a), sorted(b), 'files')
    for name in a:
        check(a[name] == b[name], name, 'has another text than with --level 1')
    equal(counts(moved), counts(level), 'counts')
    return a


def plan_of(here, tables=None, name='plan.json', exports=None, **more):
    return write_plan(here + '/' + name, {
        'source': {'exports': exports or [{'path': 'data',
                                           'table': 'Things'}]},
        'tables': tables or {'Things': {'key': ['id'], **more}}})


EDIT = "SET version = 2, kind = concat(kind, '!') REMOVE legacyField"


# ---- packers -----------------------------------------------------------------

def whoever_packed_the_input(here, options):
    """zlib in all its ways, many members, flushes, stored, optimal parsing."""
    rng = random.Random(options.seed)
    text = items_of(rng, 4000 // SLOW)
    packed = [deflated(text, level, strategy) for level, strategy in (
        (6, 0), (1, 0), (9, zlib.Z_FILTERED), (0, 0), (6, zlib.Z_HUFFMAN_ONLY),
        (6, zlib.Z_RLE), (6, zlib.Z_FIXED))]
    packed += [deflated(text, flush=n) for n in (37, 1000, 40000)]
    packed += [members(text, n) for n in (97, 5000, 65536)]
    packed += [b'', gzip.compress(b'', mtime=0), gzip.compress(b'\n\n',
                                                               mtime=0)]
    if shutil.which('7z') is not None:
        packed.append(by_7z(here, text))
    for i, p in enumerate(packed):
        put(here, p, folder='data/d%d' % i)
    # The same ids in every file: they go to tables of their own.
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': [{'path': 'data/d%d' % i, 'table': 'T%02d' % i}
                               for i in range(len(packed))]},
        'tables': {'T%02d' % i: {'key': ['id'], 'update': EDIT}
                   for i in range(len(packed))}})
    found = both(here, plan)
    all = {t for t in found.values()}
    equal(len(all), 1, 'texts')


def matches_cut_short_by_an_optimal_packer(here, options):
    """What was found as a crash: few literals matched, long repeats split."""
    rng = random.Random(options.seed)
    words = [''.join(rng.choices('abcdefghij', k=rng.randrange(3, 30)))
             for _ in range(40)]
    text = items_of(rng, 6000 // SLOW, words=lambda i: {'S': ' '.join(
        rng.choices(words, k=rng.randrange(1, 40)))}, junk=lambda i: {
        'S': '%0*x' % (1000 if i % 9 == 0 else 8, rng.getrandbits(
            4000 if i % 9 == 0 else 32))})
    put(here, by_7z(here, text), deflated(text.replace(b'-', b'_'), 9))
    both(here, plan_of(here, update="SET junk = concat('x', junk), kind = "
                       "words REMOVE address.zip"))


# ---- plans -------------------------------------------------------------------

def where_that_drops_nearly_everything(here, options):
    rng = random.Random(options.seed)
    n = 120000 // SLOW
    text = b''.join(compact({'Item': {
        'id': {'S': '%08x' % (i * 2654435761 % 2 ** 32)}, 'n': {'N': str(i)},
        **({'long': {'S': '%030x' % rng.getrandbits(120)}}
           if i % 8009 < 3 else {})}}) for i in range(n))
    put(here, deflated(text))
    for every in (1009, 30011):
        some = ' OR '.join('n = %d' % i for i in range(0, n, every))
        both('%s/%d' % (here, every), plan_of(
            '%s/%d' % (here, every), where=some,
            exports=[{'path': here + '/data', 'table': 'Things'}]))
    # Nothing at all, and only what comes last.
    both(here + '/none', plan_of(here + '/none', where='n < 0', exports=[
        {'path': here + '/data', 'table': 'Things'}]))
    both(here + '/last', plan_of(here + '/last', where='n > %d' % (n - 3000),
                                 exports=[{'path': here + '/data',
                                           'table': 'Things'}]))


def several_tables_of_one_file(here, options):
    rng = random.Random(options.seed)
    put(here, *(deflated(items_of(rng, 5000 // SLOW, id=lambda i: {
        'S': '%d-%d' % (f, i)})) for f in range(3)))
    both(here, plan_of(here, {
        'Things': {'key': ['id'], 'to': 'Main_v2', 'where': 'n < 40',
                   'update': EDIT},
        'Rare': {'of': 'Things', 'key': ['id'], 'where': 'n > 4000 AND '
                 'begins_with(address.street, \'7 \')'},
        'Evens': {'of': 'Things', 'key': ['id'], 'where': "kind = 'even'",
                  'update': 'REMOVE tags, address.street'},
        'Rest': {'of': 'Things', 'key': ['id'], 'update': 'SET note = id'}}))


def items_that_become_several(here, options):
    rng = random.Random(options.seed)
    n = 3000 // SLOW
    put(here, deflated(items_of(rng, n, variants=lambda i: {'L': [
        {'M': {'sku': {'S': 'sku%d-%d' % (i, k)},
               'price': {'N': str(rng.randrange(1000))}}}
        for k in range(rng.choice((0, 1, 2, 3, 40 if i % 50 == 0 else 4)))]})))
    both(here, plan_of(here, {
        'Things': {'key': ['id'], 'steps': [{'emit': [
            {'to': 'Things', 'when': "id <> ''",
             'update': "SET kind = 'METADATA' REMOVE variants"},
            {'to': 'Variants', 'each': 'variants', 'as': 'v', 'index': 'i',
             'item': {'id': 'v.sku', 'n': 'i', 'whole': 'address',
                      'price': 'v.price', 'back': 'id'}}]}]},
        'Variants': {'key': ['id']}}))


def an_item_that_becomes_megabytes(here, options):
    """A batch of much more text than was read: it is packed in parts."""
    rng = random.Random(options.seed)
    text = items_of(rng, 300, big=lambda i: {
        'S': '%0*x' % (30000, rng.getrandbits(120000)) if i % 100 == 7
        else 'x'}, variants=lambda i: {'L': [{'N': str(i * 1000 + k)} for k in
                                             range(400 if i % 100 == 7 else
                                                   2)]})
    put(here, deflated(text))
    found = both(here, plan_of(here, {
        'Things': {'key': ['id'], 'steps': [{'emit': [
            {'to': 'Things', 'when': "id <> ''", 'update': 'SET a = 1'},
            {'to': 'Variants', 'each': 'variants', 'as': 'v', 'index': 'i',
             'item': {'id': 'v', 'all': 'big', 'address': 'address'}}]}]},
        'Variants': {'key': {'id': 'N'}}}))
    check(sum(map(len, found.values())) > 20 << 20, 'is not much')


def long_literal_runs(here, options):
    """What nothing matches, in the input and put in by the plan."""
    rng = random.Random(options.seed)

    def noise(i):
        n = rng.choice((0, 10, 600, 5000, 60000))
        return {'B': base64.b64encode(rng.randbytes(n)).decode()}
    text = items_of(rng, 500 // SLOW, noise=noise)
    put(here, deflated(text))
    long = base64.b64encode(rng.randbytes(20000)).decode()
    both(here + '/a', plan_of(here + '/a', update=EDIT, exports=[
        {'path': here + '/data', 'table': 'Things'}]))
    both(here + '/b', plan_of(here + '/b', update="SET long = '%s' REMOVE "
                              "noise" % long, exports=[
                                  {'path': here + '/data',
                                   'table': 'Things'}]))


def items_that_are_taken_back(here, options):
    """Too large only when they are encoded; bad keys, asserts, bad lines."""
    rng = random.Random(options.seed)
    out = []
    for i in range(3000 // SLOW):
        x = item(rng, i)
        if i % 97 == 5:
            x['big'] = {'S': '\\"' * 199000}
        if i % 89 == 3:
            del x['id']
        if i % 83 == 1:
            x['n'] = {'S': 'none'}
        out.append(compact({'Item': x}))
        if i % 71 == 0:
            out.append(b'{"Item":{"id":\n')
        if i % 301 == 0:
            out.append(b'\n\r\n')
    put(here, deflated(b''.join(out)))
    both(here, plan_of(here, update="SET more = '%s'" % ('y' * 3000),
                       **{'assert': ['n >= 0']}), status=1)
    check(report(here + '/moved')['total']['rejected'] > 50 // SLOW, 'few rejects')


def reformatted_and_escaped_lines(here, options):
    """White space and escapes: nothing is copied as a whole line."""
    rng = random.Random(options.seed)
    out = []
    for i in range(3000 // SLOW):
        x = item(rng, i, **{'naïve "q"': {'S': 'é\\ \n"%d' % i}})
        out.append(json.dumps({'Item': x}, separators=(
            (',', ':'), (', ', ': '), (' ,\t', ' :  '))[i % 3],
            ensure_ascii=i % 2 == 0).encode() +
            (b'\r\n' if i % 5 == 0 else b'\n'))
    text = b''.join(out)[:-1]       # and no end of the last line
    put(here, deflated(text))
    both(here, plan_of(here, update=EDIT))


def a_line_of_nearly_16_MiB(here, options):
    rng = random.Random(options.seed)
    n = (16 << 20) - 40
    some = items_of(rng, 2000 // SLOW)
    text = (some + b'{"Item":{"id":{"S":"' + b'z' * (n - 30) + b'"}}}\n' +
            some.replace(b'"id":{"S":"', b'"id":{"S":"b'))
    put(here, deflated(text))
    both(here, plan_of(here, update=EDIT), status=1)


# ---- where it comes from -----------------------------------------------------

def archives(here, options):
    rng = random.Random(options.seed)
    parts = [deflated(items_of(rng, 2000 // SLOW, id=lambda i: {
        'S': '%d-%d' % (f, i)}), 1 + 4 * f) for f in range(3)]
    for i, p in enumerate(parts):
        put(here, p, folder='data/%d' % i)
    with zipfile.ZipFile(here + '/all.zip', 'w') as z:
        for i, p in enumerate(parts):
            z.writestr('data/%d/f0.json.gz' % i, p)
    a = both(here, plan_of(here, update=EDIT))
    b = both(here + '/zip', plan_of(here + '/zip', update=EDIT, exports=[
        {'path': here + '/all.zip', 'table': 'Things'}]))
    equal(sorted(a.values()), sorted(b.values()), 'texts')


def standard_input_however_it_comes(here, options):
    """A byte or three at a time is the same as a file."""
    rng = random.Random(options.seed)
    text = items_of(rng, 1500 // SLOW)
    data = members(text, 70000)
    put(here, data)
    plan = plan_of(here, update=EDIT, exports=['-'])
    both(here, plan, stdin=here + '/data/f0.json.gz')
    for name, most in (('slow', 3), ('fits', 3000)):
        child = subprocess.Popen(command(plan, here + '/' + name, *FEW),
                                 stdin=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        at = 0
        while at < len(data):
            n = rng.randrange(1, most)
            os.write(child.stdin.fileno(), data[at:at + n])
            at += n
            if rng.random() < .02:
                time.sleep(.0005)
        child.stdin.close()
        err = child.stderr.read().decode()
        equal(child.wait(), 0, err)
        same_jobs(here + '/moved', here + '/' + name)


def damaged_input_that_is_accepted(here, options):
    """What was before the damage, wherever it is."""
    rng = random.Random(options.seed)
    text = items_of(rng, 3000 // SLOW)
    good = deflated(text)
    two = members(text, 150000)
    for i, bad in enumerate((
            good[:len(good) // 2], good[:300], good[:12], good[:-3],
            good[:-8] + bytes(8), two[:len(two) * 2 // 3],
            good[:5000] + bytes(40) + good[5040:],
            good[:len(good) // 2] + b'\xff' * 9 + good[len(good) // 2:],
            good + b'trailing')):
        where = '%s/%d' % (here, i)
        put(where, bad)
        both(where, plan_of(where, update=EDIT), '--accept', 'f0.json.gz',
             status=None)


def a_base_and_its_increments(here, options):
    rng = random.Random(options.seed)
    n = 3000 // SLOW
    base = {i: item(rng, i) for i in range(n)}
    full = Export(here, 'Things', 0)
    full.changes = {'exportTime': '2025-03-01T04:00:00.000Z'}
    for part in range(2):
        full.add(b''.join(compact({'Item': x}) for i, x in base.items()
                          if i % 2 == part))
    full.write()
    inc = Export(here, 'Things', 1, kind='incremental')
    inc.changes = {'exportFromTime': '2025-03-01T04:00:00.000Z',
                   'exportToTime': '2025-03-01T05:00:00.000Z'}
    records = []
    for i, x in base.items():
        if rng.random() < .6:
            continue
        r = {'Metadata': {'WriteTimestampMicros': {'N': '1740797000000001'}},
             'Keys': {'id': x['id']}, 'OldImage': x}
        if rng.random() < .7:
            r['NewImage'] = {**x, 'n': {'N': '-%d' % (i + 1)}}
        records.append(compact(r))
    inc.add(b''.join(records)).write()
    exports = [here + '/' + full.folder(), here + '/' + inc.folder()]
    both(here, plan_of(here, update=EDIT, exports=exports))
    both(here + '/alone', plan_of(here + '/alone', update=EDIT,
                                  exports=exports[1:]))


def killed_and_taken_up_again(here, options):
    rng = random.Random(options.seed)
    n = 20000 // SLOW
    put(here, *(deflated(items_of(rng, n, id=lambda i: {
        'S': '%d-%d' % (f, i)})) for f in range(6)))
    plan = plan_of(here, update=EDIT)
    both(here, plan)
    begun = time.monotonic()
    run(plan, here + '/job0', *FEW, '--threads', '2')
    took = time.monotonic() - begun
    killed = 0
    for i in range(1, 100):
        job = '%s/job%d' % (here, i - i % 10)
        child = start(plan, job, *FEW, '--threads', '2')
        try:
            child.wait(rng.random() * took)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            killed += 1
        finish(child)
        if killed >= 8:
            break
    for job in glob.glob(here + '/job*'):
        run(plan, job, *FEW)
        same_jobs(here + '/moved', job)
    return 'killed %d times' % killed


# ---- size --------------------------------------------------------------------

def blank_lines_without_end(here, options):
    """A small file that unpacks to very much keeps its memory and its time."""
    if ASAN or TSAN:
        raise Skipped('a sanitizer needs memory of its own')
    from memory import formula, measure, megabytes
    size = (2 << 30 if options.long else 256 << 20)
    rng = random.Random(options.seed)
    z = zlib.compressobj(6, zlib.DEFLATED, 31)
    out = [z.compress(items_of(rng, 50))]
    blank = b'\n' * (1 << 20)
    for _ in range(size >> 20):
        out.append(z.compress(blank))
    out.append(z.compress(items_of(rng, 50, id=lambda i: {'S': 'z%d' % i})))
    put(here, b''.join(out) + z.flush())
    plan = plan_of(here, update=EDIT)
    peak, own, _ = measure(plan, here + '/job', '--threads', '1', '--memory',
                           '8M')
    check(own <= formula(1, 8 << 20), megabytes(own), megabytes(peak))
    (text,) = texts(here + '/job').values()
    equal(text.count(b'\n'), 100, 'items')
    return '%s of %s' % (megabytes(own), megabytes(size))


def text_that_nothing_matches_keeps_its_memory(here, options):
    """No match, no end of a block: it is written all the same."""
    if ASAN or TSAN:
        raise Skipped('a sanitizer needs memory of its own')
    from memory import formula, measure, megabytes
    rng = random.Random(options.seed)
    n = 400 if options.long else 80
    text = b''.join(b'{"Item":{"id":{"S":"%d"},"x":{"B":"%s"}}}\n' % (
        i, base64.b64encode(rng.randbytes(290000))) for i in range(n))
    put(here, deflated(text, 6, zlib.Z_HUFFMAN_ONLY))
    plan = plan_of(here, update='SET a = 1')
    peak, own, _ = measure(plan, here + '/job', '--threads', '1', '--memory',
                           '8M')
    check(own <= formula(1, 8 << 20), megabytes(own), megabytes(peak))
    texts(here + '/job')
    return megabytes(own)


def more_than_4_GiB_of_text(here, options):
    """Positions that are 32 bits wide come round; --long only."""
    if not options.long:
        raise Skipped('--long only')
    rng = random.Random(options.seed)
    words = [rng.randbytes(9).hex() for _ in range(500)]
    part = items_of(rng, 2000, words=lambda i: {
        'S': ' '.join(rng.choices(words, k=9) * 50)})
    packed = []
    for k in range((9 << 29) // len(part) + 1):
        packed.append(deflated(part.replace(
            b'"id":{"S":"', b'"id":{"S":"%d-' % k), 1))
    put(here, b''.join(packed))
    sums = []
    for name, more in (('moved', ()), ('level', ('--level', '1'))):
        plan = plan_of(here, update=EDIT)
        run(plan, here + '/' + name, *FEW, *more)
        (path,) = glob.glob(here + '/' + name + '/out/*/data/*')
        h, n = hashlib.blake2b(), 0
        with gzip.open(path) as f:
            for b in iter(lambda: f.read(1 << 20), b''):
                h.update(b)
                n += len(b)
        sums.append((h.hexdigest(), n))
        os.unlink(path)
    equal(sums[0], sums[1], 'text')
    check(sums[0][1] > 1 << 32, sums[0][1])
    return '%d bytes' % sums[0][1]


if __name__ == '__main__':
    main([whoever_packed_the_input, matches_cut_short_by_an_optimal_packer,
          where_that_drops_nearly_everything, several_tables_of_one_file,
          items_that_become_several, an_item_that_becomes_megabytes,
          long_literal_runs, items_that_are_taken_back,
          reformatted_and_escaped_lines, a_line_of_nearly_16_MiB, archives,
          standard_input_however_it_comes, damaged_input_that_is_accepted,
          a_base_and_its_increments, killed_and_taken_up_again,
          blank_lines_without_end, text_that_nothing_matches_keeps_its_memory,
          more_than_4_GiB_of_text])
