#!/usr/bin/env python3
"""bench.py - measure dynamill against the floor and against its peers.

    bench.py [short|full] [--only ROWS] [--results FILE]

Called by scripts/bench, which builds first. Everything that is compared is run
in turns (A B A B …), medians are given, and ratios are medians of the ratios of
neighbours, so that a machine that others use disturbs both alike. The rows are
those of the table of goals in docs/PERFORMANCE.md; p is the one of push. Charts
go beside FILE.

A ratio that misses its goal by more than twice is a gross regression, and the
only figure that makes it fail: what is less than that, noise can do.
"""
import glob
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time

import chart

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BUILD = os.path.join(ROOT, 'build', 'bench')
DYNAMILL = os.path.join(ROOT, 'build', 'dynamill')
FLOOR = os.path.join(BUILD, 'floor')
MB = 1e6


class Sample:
    """What one run took."""

    def __init__(self, wall, cpu, rss):
        self.wall, self.cpu, self.rss = wall, cpu, rss


def run(command, cores=None, env=None, cwd=None):
    """Run a command on so many cores; time it, children and all."""
    allowed = sorted(os.sched_getaffinity(0))

    def pin():
        if cores:
            os.sched_setaffinity(0, allowed[:cores])

    with open(BUILD + '/log', 'wb') as log:
        start = time.monotonic()
        child = subprocess.Popen(command, stdout=log, stderr=log, cwd=cwd,
                                 stdin=subprocess.DEVNULL, preexec_fn=pin,
                                 env={**os.environ, **(env or {})})
        _, status, used = os.wait4(child.pid, 0)
        wall = time.monotonic() - start
        child.returncode = status
    if status != 0:
        with open(BUILD + '/log', errors='replace') as log:
            sys.exit('bench: %s\n%s' % (' '.join(command), log.read()[-2000:]))
    return Sample(wall, used.ru_utime + used.ru_stime, used.ru_maxrss)


def turns(n, *commands):
    """Run each command n times, in turns. A list of samples for each."""
    samples = [[] for _ in commands]
    for _ in range(n):
        for command, into in zip(commands, samples):
            into.append(command())
    return samples


def median(samples, what):
    return statistics.median(getattr(s, what) for s in samples)


def ratio(a, b, what):
    return statistics.median(getattr(x, what) / getattr(y, what)
                             for x, y in zip(a, b))


# ---- data and commands ------------------------------------------------------

class Data:
    """An export of so many items, made once and kept under build/bench."""

    def __init__(self, items, name, *options):
        self.items = items
        self.path = '%s/%s-%d' % (BUILD, name, items)
        if not os.path.exists(self.path + '/.complete'):
            shutil.rmtree(self.path, ignore_errors=True)
            subprocess.run([BUILD + '/generate', '--items', str(items),
                            '--out', self.path, *options], check=True)
            open(self.path + '/.complete', 'w').close()
        self.files = sorted(glob.glob(self.path + '/*/*/*/data/*'),
                            key=os.path.getsize, reverse=True)
        read = subprocess.run([FLOOR, '--own', '--only-read', self.path],
                              check=True, capture_output=True,
                              text=True).stdout
        self.len = int(read.split()[2])


def write_plan(data, compression, tables):
    """bench/plan.yaml over this data; the tables not named are skipped."""
    with open(HERE + '/plan.yaml') as f:
        head, *parts = re.split(r'^(?=  [A-Z])', f.read(), flags=re.M)
    text = head
    for part in parts:
        name = part.split(':')[0].strip()
        text += (part if tables is None or name in tables
                 else '  %s: {skip: true, id: id}\n' % name)
    text = text.replace('../build/bench/data', data.path)
    text = text.replace('{environment: production}',
                        '{environment: production, compression: %s}' %
                        compression)
    path = '%s/plan-%s-%s.yaml' % (BUILD, os.path.basename(data.path),
                                   compression)
    with open(path, 'w') as f:
        f.write(text)
    return path


def transform(data, threads, cores=None, compression='gzip', job=None,
              tables=None, plan=None, env=None):
    """A function that runs the reference plan once, into a new job."""
    plan = plan or write_plan(data, compression, tables)
    job = job or BUILD + '/job'

    def once():
        shutil.rmtree(job, ignore_errors=True)
        return run([DYNAMILL, 'run', plan, '--job', job, '--threads',
                    str(threads), '--quiet'], cores or threads, env)
    return once


def floor(data, threads, cores=None, *options):
    out = BUILD + '/floor.out'

    def once():
        shutil.rmtree(out, ignore_errors=True)
        return run([FLOOR, '--threads', str(threads), *options, data.path, out],
                   cores or threads)
    return once


# ---- rows -------------------------------------------------------------------

class Table:
    """Rows of text for people and for RESULTS.md."""

    def __init__(self):
        self.lines = []
        self.gross = []
        self.peers = []

    def judge(self, cells):
        """Is it a ratio, and more than twice beside what it must be?"""
        got = re.match(r'([\d.]+) ×', cells[2]) if len(cells) > 3 else None
        must = re.match(r'([≤≥]) ([\d.]+) ×', cells[3]) if got else None
        if must is None:
            return
        value, goal = float(got[1]), float(must[2])
        if value > 2 * goal if must[1] == '≤' else value < goal / 2:
            self.gross.append('%s: %s, not %s' % (cells[1], cells[2],
                                                  cells[3]))
        if cells[0] == '4':
            self.peers.append((re.sub('^against |,.*', '', cells[1]), value,
                               goal, '%.1f ×' % value))

    def add(self, *cells):
        self.judge(cells)
        line = '| ' + ' | '.join(cells) + ' |'
        self.lines.append(line)
        print(line, flush=True)


def row_1(t, data, runs):
    """The floor is the program's own reading and packing; ISA-L's beside it."""
    a, b, c, d = turns(runs, transform(data, 1), floor(data, 1, None, '--own'),
                       floor(data, 1), floor(data, 1, None, '--own', '--md5'))
    t.add('1', 'gzip to gzip, reference plan, CPU against the floor, 1 thread',
          '%.2f × (wall %.2f ×; floor by ISA-L both ways: %.2f ×; with MD5 of '
          'both sides: %.2f ×)' % (
              ratio(a, b, 'cpu'), ratio(a, b, 'wall'), ratio(a, c, 'cpu'),
              ratio(a, d, 'cpu')),
          '≤ 1.30 × / ≤ 1.15 ×',
          '%.2f s against %.2f s; %.0f items/s, %.0f MB/s' % (
              median(a, 'cpu'), median(b, 'cpu'),
              data.items / median(a, 'wall'),
              data.len / MB / median(a, 'wall')))


def packed_len(top):
    """Of all data files below it."""
    return sum(os.path.getsize(os.path.join(d, f))
               for d, _, files in os.walk(top) for f in files
               if f.endswith('.gz') or 'floor' in top)


def row_11(t, data, runs):
    """Size: what a run makes, against its own output packed by zlib."""
    run_job = transform(data, 1)
    a = [run_job() for _ in range(min(runs, 3))]
    ours = packed_len(BUILD + '/job/out')
    out = BUILD + '/floor.out'
    shutil.rmtree(out, ignore_errors=True)
    b = [run([FLOOR, '--level', '6', BUILD + '/job/out', out], 1)]
    theirs = packed_len(out)
    t.add('11', 'output as small as zlib\'s level 6 makes it, CPU against '
          'recompression at that level',
          '%.1f ×, %+.1f %% in size' % (
              median(b, 'cpu') / median(a, 'cpu'),
              100 * (ours / theirs - 1)),
          '≥ 1.7 × / ≥ 4.5 ×, within 5 %',
          '%.2f s and %.1f MB against %.2f s and %.1f MB' % (
              median(a, 'cpu'), ours / 1e6, median(b, 'cpu'), theirs / 1e6))


def row_2(t, data, runs):
    """The transformation alone, by bench/memory, over all four tables."""
    plain = Data(data.items, 'plain', '--plain')
    plan = write_plan(plain, 'none', None)
    seconds, length = {}, 0
    for table in 'Contacts', 'Properties', 'Projects', 'Quotes':
        files = [f for f in plain.files if '/%s/' % table in f]
        out = subprocess.run(
            [BUILD + '/memory', '--repeat', str(runs), plan, table, *files],
            capture_output=True, text=True, check=True).stdout
        for stage, ns in re.findall(r'^(.*?) +[\d.]+ GB/s +(\d+) ns', out,
                                    re.M):
            items = int(re.search(r'(\d+) items', out).group(1))
            seconds[stage] = seconds.get(stage, 0) + int(ns) / 1e9 * items
        length += int(re.search(r'(\d+) bytes', out).group(1))
    speed = {stage: length / 1e9 / s for stage, s in seconds.items()}
    t.add('2', 'plain to plain in memory, one core, all checks',
          '%.2f GB/s' % speed['decode, program, encode'],
          '≥ 1.2 / ≥ 2.0 GB/s',
          ', '.join('%s %.2f' % (stage, gb) for stage, gb in speed.items()))


def row_3(t, data, runs):
    """Passes without output, against unpacking alone."""
    job = BUILD + '/job-survey'
    plan = write_plan(data, 'gzip', None)
    ids = BUILD + '/plan-ids.yaml'
    with open(plan) as f, open(ids, 'w') as g:
        g.write(f.read().split('tables:')[0] + 'tables:\n')
        for name in 'Contacts', 'Properties', 'Projects', 'Quotes':
            g.write('  %s: {key: [id], id: id}\n' % name)

    def once(*words):
        def go():
            shutil.rmtree(job, ignore_errors=True)
            return run(words, 1)
        return go

    read, isal, index, joined, analyze = turns(
        runs, once(FLOOR, '--own', '--only-read', data.path),
        once(FLOOR, '--only-read', data.path),
        once(BUILD + '/survey', ids, job), once(BUILD + '/survey', plan, job),
        once(DYNAMILL, 'analyze', plan, '--job', job, '--threads', '1',
             '--quiet'))
    t.add('3', 'one pass that validates, counts and indexes gzip, CPU against '
          'inflate alone', '%.2f × (references resolved too: %.2f ×; against '
          'ISA-L\'s inflate %.2f × and %.2f ×)' % (
              ratio(index, read, 'cpu'), ratio(joined, read, 'cpu'),
              ratio(index, isal, 'cpu'), ratio(joined, isal, 'cpu')),
          '≤ 1.6 × / ≤ 1.4 ×', '%.2f s, %.2f s against %.2f s; ISA-L %.2f s' % (
              median(index, 'cpu'), median(joined, 'cpu'),
              median(read, 'cpu'), median(isal, 'cpu')))
    t.add('3', 'analyze, with all its statistics',
          '%.2f × (against ISA-L\'s inflate %.2f ×)' % (
              ratio(analyze, read, 'cpu'), ratio(analyze, isal, 'cpu')),
          '≤ 2.5 ×', '%.2f s; %.0f items/s' % (
              median(analyze, 'cpu'),
              data.items / median(analyze, 'wall')))


PEERS = (
    ('typical Node script', 'node', 'node_readline.mjs', '≥ 14 × / ≥ 17 ×'),
    ('Node with the SDK\'s marshall', 'node', 'node_marshall.mjs', ''),
    ('tuned Node', 'node', 'node_tuned.mjs', '≥ 9 × / ≥ 12 ×'),
    ('Python json', 'python3', 'python_json.py', ''),
    ('Python orjson', 'python3', 'python_orjson.py', '≥ 9 × / ≥ 12 ×'),
    ('Perl JSON::XS', 'perl', 'perl_xs.pl', ''),
    ('jq (no ids)', 'sh', 'jq.sh', '≥ 22 × / ≥ 29 ×'),
    ('DuckDB', 'node', 'duckdb.mjs', '≥ 14 × / ≥ 19 ×'),
)
PACKAGE = 'test -d %s/node_modules/' % BUILD
NEEDS = {
    'node_marshall.mjs': PACKAGE + '@aws-sdk/util-dynamodb',
    'node_readline.mjs': 'node --version',
    'node_tuned.mjs': 'node --version',
    'python_orjson.py': 'python3 -c "import orjson"',
    'perl_xs.pl': 'perl -MJSON::XS -e 1',
    'jq.sh': 'jq --version',
    'duckdb.mjs': PACKAGE + '@duckdb/node-api',
}


def row_4(t, data, runs):
    """
    Against what people write today, each at its usual level, 6.  jq knows no
    SHA-256, and marshall no export's binary: neither's items are compared.
    """
    outs = []
    for name, runner, script, goal in PEERS:
        probe = NEEDS.get(script, 'true')
        if subprocess.run(probe, shell=True, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode:
            t.add('4', name, 'skipped', goal, 'not here: ' + probe.replace(ROOT + '/', ''))
            continue
        out = '%s/peer-%s' % (BUILD, script)

        def peer():
            shutil.rmtree(out, ignore_errors=True)
            os.makedirs(out)
            return run([runner, HERE + '/peers/' + script, '6', out,
                        *data.files], 1, cwd=BUILD)

        a, b = turns(runs, peer, transform(data, 1))
        if script not in ('jq.sh', 'node_marshall.mjs'):
            outs.append(out)
        t.add('4', 'against ' + name + ', one core, wall',
              '%.1f ×' % ratio(a, b, 'wall'), goal,
              '%.2f s against %.2f s' % (median(a, 'wall'),
                                         median(b, 'wall')))
    same = subprocess.run([sys.executable, HERE + '/compare.py',
                           BUILD + '/job/out', *outs],
                          capture_output=True, text=True)
    t.add('4', 'the items they made', 'the same' if same.returncode == 0
          else 'NOT THE SAME', '', (same.stdout + same.stderr).strip())
    return same.returncode == 0


def row_6(t, data, runs):
    if len(os.sched_getaffinity(0)) < 2:
        t.add('6', '2 cores against 1', 'skipped', '', 'one core here')
        return
    one = Data(data.items * 2, 'single', '--table', 'Contacts',
               '--files', '1')
    for name, d, tables in (('8 files', data, None),
                            ('one file', one, ['Contacts'])):
        a, b = turns(runs, transform(d, 1, tables=tables),
                     transform(d, 2, tables=tables))
        t.add('6', '2 cores against 1, ' + name,
              '%.2f ×' % ratio(a, b, 'wall'), '≥ 1.8 × / ≥ 1.95 ×',
              '%.2f s against %.2f s' % (median(a, 'wall'),
                                         median(b, 'wall')))


def index(n, *options):
    """One run of bench/index; what it said, by word: (numbers)."""
    work = BUILD + '/index-work'
    shutil.rmtree(work, ignore_errors=True)
    run([BUILD + '/index', *options, str(n), work], 1)
    size = sum(os.path.getsize(p) for p in glob.glob(work + '/index/Ids.*'))
    shutil.rmtree(work, ignore_errors=True)
    with open(BUILD + '/log') as f:
        said = {line.split()[0]: [float(x) for x in
                                  re.findall(r'[\d.]+', line)]
                for line in f}
    return {**said, 'size': [size]}


def row_7_and_8(t, counts, runs):
    """The index alone, by bench/index, in the page cache; one core."""
    for n in counts:
        all = [index(n, '--repeat', '5') for _ in range(runs)]
        m = {k: [statistics.median(x) for x in zip(*(said[k] for said in all))]
             for k in all[0]}
        ids = '%d M ids' % (n // 1000000)
        most = n >= 100000000
        t.add('7', 'look-up in batches, hit / miss, ' + ids,
              '%.0f / %.0f ns' % (m['hit'][0], m['miss'][0]),
              '≤ 60 / 90, ≤ 30 / 60 ns' if most else '',
              'CPU, the best of 5 passes over 4 M')
        t.add('8', 'index build into files, one core, %s, CPU' % ids,
              '%.1f s' % m['build'][1], '≤ 10 s / ≤ 5 s' if most else '',
              '%.1f s of wall; from key logs to .idx and .ids, %.2f GB; '
              '%.0f MiB held' % (m['build'][0], m['size'][0] / 1e9,
                                 m['held'][0]))
        memory = 256 if most else 32
        m = index(n, '--memory', str(memory), '--refs', '1', '--repeat', '1')
        t.add('8', 'the same with as many references joined, --memory %dM, '
              'CPU' % memory, '%.1f + %.1f s' % (m['build'][1], m['join'][1]),
              '', '%.1f + %.1f s of wall; %.0f MiB held at most, %.0f MiB '
              'with what is mapped' % (m['build'][0], m['join'][0],
                                       *m['held']))


def row_m(t, each, runs):
    """Indexes of 7 shards merged, from disk to disk, beside a copy of them."""
    work = BUILD + '/merge-work'
    shutil.rmtree(work, ignore_errors=True)
    run([BUILD + '/merge', '--repeat', str(runs), str(each), work], 1)
    with open(BUILD + '/log') as f:
        first, *rest = [[float(x) for x in re.findall(r'[\d.]+', line)]
                        for line in f]
    # wall, CPU, ns, MB/s, copied, KiB
    m = [statistics.median(x) for x in zip(*rest)]
    t.add('m', 'extra: indexes of 7 shards of %d M ids merged, against a copy '
          'of their bytes, disk to disk' % (each // 1000000),
          '%.2f ×' % (m[0] / m[4]), '',
          '%.1f s against %.1f s of wall, %.0f MB/s; %.1f s of CPU; %.2f GB; '
          '%.0f MiB held' % (m[0], m[4], m[3], m[1], first[2],
                             m[5] / 1024))


def row_b(t, data, runs, image):
    """The stages of a run, by the program itself; and their chart."""
    out = subprocess.run([DYNAMILL, 'bench', write_plan(data, 'gzip', None),
                          '--sample', '1G', '--repeat', str(runs), '--output',
                          'json', '-o', image, '--force'], check=True,
                         capture_output=True, text=True).stdout
    r = json.loads(out)
    for s in r['stages']:
        t.add('b', 'extra: of a run with one thread, ' + s['stage'],
              '%.0f ns/item' % s['nanosecondsPerItem'], '',
              '%.0f MB/s' % s['megabytesPerSecond'])


def own_memory(pid):
    """KiB that are resident now, but for indexes, which are the files'."""
    total, own = 0, True
    try:
        with open('/proc/%d/smaps' % pid) as f:
            for line in f:
                words = line.split()
                if not words[0].endswith(':'):
                    own = not words[-1].endswith(('.idx', '.ids'))
                elif words[0] == 'Rss:' and own:
                    total += int(words[1])
    except (OSError, IndexError):
        pass                # it has just ended
    return total


def peak(data, threads):
    """The most of own_memory(), looked at all the time."""
    job = BUILD + '/job'
    shutil.rmtree(job, ignore_errors=True)
    child = subprocess.Popen(
        [DYNAMILL, 'run', write_plan(data, 'gzip', None), '--job', job,
         '--threads', str(threads), '--quiet'])
    most = 0
    while child.poll() is None:
        most = max(most, own_memory(child.pid))
        time.sleep(.002)
    if child.returncode != 0:
        sys.exit('bench: %s' % ' '.join(child.args))
    return most


def row_9(t, data, runs):
    small = Data(max(20, data.items // 10), 'export')
    a, b = turns(runs, transform(data, 2, 2), transform(small, 2, 2))
    t.add('9', 'peak memory, 2 threads, without mapped indexes',
          '%.1f MiB' % (peak(data, 2) / 1024), '≤ 64 / ≤ 24 MiB',
          '%d items; with a tenth of them %.1f MiB; with what is mapped %.1f '
          'and %.1f MiB' % (data.items, peak(small, 2) / 1024,
                            max(s.rss for s in a) / 1024,
                            max(s.rss for s in b) / 1024))


def count(data):
    """Of one table alone there are fewer items than was asked for."""
    n = 0
    for path in glob.glob(data.path + '/*/AWSDynamoDB/*/manifest-summary.json'):
        with open(path) as f:
            n += json.load(f)['itemCount']
    return n


def shuffled(data):
    """The same items in another order and other files, 100 of them changed."""
    import gzip
    import random
    path = data.path + '-shuffled'
    if os.path.exists(path + '/.complete'):
        return path
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    dice = random.Random(1)
    outs = [gzip.open('%s/%d.json.gz' % (path, i), 'wt', compresslevel=1)
            for i in range(5)]
    victims, n, late = set(dice.sample(range(count(data)), 100)), 0, []
    for name in data.files:
        with gzip.open(name, 'rt') as f:
            for line in f:
                if n in victims:
                    line = line.replace('"statusCode":{"S":"',
                                        '"statusCode":{"S":"X')
                n += 1
                if dice.random() < .01:
                    late.append(line)
                else:
                    outs[dice.randrange(5)].write(line)
    outs[0].writelines(late)
    for f in outs:
        f.close()
    open(path + '/.complete', 'w').close()
    return path


def compared(one, other, *words):
    """A function that has dynamill find the 100 changes between two dumps."""
    def once():
        # Exit status 1 says that they differ, which they do.
        return run(['sh', '-c', '"$0" "$@" >diff.out; test $? = 1 && '
                    'test $(grep -c "^~" diff.out) = 100', DYNAMILL, 'diff',
                    one.path, other, '--key', 'id', '--threads', '1', *words],
                   1, cwd=BUILD)
    return once


def row_d(t, data, runs, items):
    """Extra: two dumps compared, of one table."""
    one = Data(data.items, 'table', '--table', 'Contacts', '--files', '4')
    b = shuffled(one)
    ours = compared(one, b)

    for name, words in (('Python json', ['python3', 'diff_python.py']),
                        ('jq, sort and comm', ['sh', 'diff_jq.sh'])):
        if not shutil.which('jq') and 'jq' in name:
            t.add('d', name, 'skipped', '', 'not here: jq')
            continue
        x, y = turns(runs, lambda: run(
            [words[0], HERE + '/peers/' + words[1], one.path, b], 1,
            cwd=BUILD), ours)
        t.add('d', 'extra: diff of two dumps in different order against %s, '
              'CPU' % name, '%.1f ×' % ratio(x, y, 'cpu'), '',
              '%.2f s and %.0f MiB against %.2f s and %.0f MiB' % (
                  median(x, 'cpu'), median(x, 'rss') / 1024,
                  median(y, 'cpu'), median(y, 'rss') / 1024))
    large = Data(items * 5 // 2, 'table', '--table', 'Contacts', '--files',
                 '4')
    items = count(large)
    usual, tight = turns(1, compared(large, shuffled(large)),
                         compared(large, shuffled(large), '--memory', '64M'))
    t.add('d', 'extra: diff of %d items with as many, 100 changes found, CPU' %
          items, '%.2f s' % median(usual, 'cpu'), '',
          '%.0f items/s; %.0f MiB, with --memory 64M %.2f s and %.0f MiB' % (
              2 * items / median(usual, 'cpu'), median(usual, 'rss') / 1024,
              median(tight, 'cpu'), median(tight, 'rss') / 1024))


def row_c(t, data, runs):
    """Extra: cat, as it stands, against gzip alone; and --where."""
    files = ' '.join(data.files)
    for name, words in (('all items', []),
                        ('--where', ['--where', 'version > 50'])):
        a, b = turns(
            runs, lambda: run(['sh', '-c', '"$0" "$@" >/dev/null', DYNAMILL,
                               'cat', data.path, '--threads', '1', *words], 1),
            lambda: run(['sh', '-c', 'gzip -dc %s >/dev/null' % files], 1))
        t.add('c', 'extra: cat, %s, against gzip -dc, CPU' % name,
              '%.2f ×' % ratio(b, a, 'cpu'), '', '%.2f s against %.2f s; '
              '%.0f MB/s' % (median(b, 'cpu'), median(a, 'cpu'),
                             data.len / MB / median(a, 'cpu')))


def row_n(t, data, runs):
    """Extra: read from S3 on this machine, against from its disk."""
    server = subprocess.Popen([sys.executable, HERE + '/s3.py', data.path],
                              stdout=subprocess.PIPE, text=True)
    try:
        env = {'AWS_ENDPOINT_URL_S3': server.stdout.readline().strip(),
               'AWS_ACCESS_KEY_ID': 'A', 'AWS_SECRET_ACCESS_KEY': 'B',
               'AWS_REGION': 'us-east-1'}
        disk = write_plan(data, 'gzip', None)
        with open(disk) as f:
            text = f.read().replace(data.path, 's3://bench')
        remote = disk.replace('.yaml', '-s3.yaml')
        with open(remote, 'w') as f:
            f.write(text)
        a, b = turns(runs, transform(data, 1, plan=disk),
                     transform(data, 1, plan=remote, env=env))
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()
    t.add('n', 'extra: the same run from S3 on this machine, against from disk,'
          ' 1 thread, wall', '%.2f × (CPU %.2f ×)' % (
              ratio(b, a, 'wall'), ratio(b, a, 'cpu')), '≤ 1.10 ×',
          '%.2f s against %.2f s; CPU %.2f s against %.2f s' % (
              median(b, 'wall'), median(a, 'wall'), median(b, 'cpu'),
              median(a, 'cpu')))


def row_10(t, items, runs):
    """Push's own cost, by bench/push.py, which wants node and dynalite."""
    costs = []
    for _ in range(runs):
        done = subprocess.run([sys.executable, HERE + '/push.py', '--items',
                               str(items)], capture_output=True, text=True)
        found = re.search(r'([0-9.]+) us an item', done.stdout)
        if not found:
            t.add('10', 'push', 'skipped', '≤ 10 µs / ≤ 4 µs', 'not here: '
                  'dynalite')
            return
        costs.append(float(found[1]))
    t.add('10', 'push: own CPU of a 600-byte item, one core', '%.1f µs' %
          statistics.median(costs), '≤ 10 µs / ≤ 4 µs',
          '%d items into dynalite on this machine, user and system' % items)


STEPS = (
    ('expressions', None, '{update: SET schemaVersion = 2 REMOVE legacyField}, '
     '{rename: {statusCode: status}}'),
    ('Lua', None, '{lua: %s/steps/step.lua}'),
    ('a pipe to Python', 'python3', '{pipe: [python3, %s/steps/step.py]}'),
    ('a pipe to Node', 'node', '{pipe: [node, %s/steps/step.mjs]}'),
)


def row_s(t, data, runs):
    """Extra: one transformation written in several ways."""
    small = BUILD + '/small.jsonl'
    with open(small, 'w') as f:
        for i in range(200000):
            f.write('{"Item":{"id":{"S":"id-%d"},"version":{"N":"%d"},'
                    '"firstName":{"S":"Ada"},"lastName":{"S":"Lovelace"}}}\n'
                    % (i, i))
    out = subprocess.run([BUILD + '/lua', '--repeat', str(runs),
                          HERE + '/steps/small.lua', small], check=True,
                         capture_output=True, text=True).stdout
    per, ns = re.search(r'(\d+) items/s +(\d+) ns', out).groups()
    t.add('s', 'extra: a script, small items in memory, CPU',
          '%s items/s' % per, '≥ 300000', '%s ns an item' % ns)

    jobs, commands, names = [], [], []
    for number, (name, needs, steps) in enumerate(STEPS):
        if needs and not shutil.which(needs):
            t.add('s', name, 'skipped', '', 'not here: ' + needs)
            continue
        plan = '%s/steps-%d.yaml' % (BUILD, number)
        with open(plan, 'w') as f:
            f.write('dynamill: 1\nname: steps\nsource: {exports: [%s]}\n'
                    'tables:\n' % data.path)
            for table in 'Contacts', 'Properties', 'Projects', 'Quotes':
                f.write('  %s:\n    key: [id]\n    steps: [%s]\n' % (
                    table, steps.replace('%s', HERE)))

        def once(plan=plan, job='%s/job-steps-%d' % (BUILD, number)):
            shutil.rmtree(job, ignore_errors=True)
            return run([DYNAMILL, 'run', plan, '--job', job, '--threads', '1',
                        '--quiet'], 1)
        jobs.append('%s/job-steps-%d/out' % (BUILD, number))
        commands.append(once)
        names.append(name)
    samples = turns(runs, *commands)
    for name, s in zip(names, samples):
        t.add('s', 'extra: steps of the reference plan as %s, gzip to gzip, '
              'CPU of all processes' % name, '%.0f items/s' % (
                  data.items / median(s, 'cpu')), '',
              '%.2f s, %.1f × expressions' % (
                  median(s, 'cpu'), ratio(s, samples[0], 'cpu')))
    same = subprocess.run([sys.executable, HERE + '/compare.py', *jobs],
                          capture_output=True, text=True)
    t.add('s', 'the items they made', 'the same' if same.returncode == 0
          else 'NOT THE SAME', '', (same.stdout + same.stderr).strip())
    return same.returncode == 0


# ---- the whole --------------------------------------------------------------

def machine():
    model = ''
    with open('/proc/cpuinfo') as f:
        for line in f:
            if line.startswith(('model name', 'CPU part')):
                model = line.split(':', 1)[1].strip()
                break
    gcc = subprocess.run(['gcc', '-dumpfullversion'], capture_output=True,
                         text=True).stdout.strip()
    return '%s, %d cores, Linux %s, gcc %s' % (
        model, len(os.sched_getaffinity(0)), platform.release(), gcc)


def commit():
    def git(*words):
        try:
            done = subprocess.run(['git', '-C', ROOT, *words], text=True,
                                  capture_output=True)
        except FileNotFoundError:
            return ''
        return done.stdout.strip() if done.returncode == 0 else ''

    changed = ' with changes' if git('status', '--porcelain', '-uno') else ''
    return (git('rev-parse', '--short=12', 'HEAD') or 'unknown') + changed


def main():
    words = sys.argv[1:]
    results = HERE + '/RESULTS.md'
    only = '12346789bzcdsmnp'
    if '--results' in words:
        at = words.index('--results')
        results = words[at + 1]
        del words[at:at + 2]
    if '--only' in words:
        at = words.index('--only')
        only = words[at + 1]
        del words[at:at + 2]
    short = words != ['full']
    if words not in ([], ['short'], ['full']):
        sys.exit(__doc__)

    items, peer_items = (200000, 100000) if short else (1000000, 200000)
    runs, peer_runs = (3, 1) if short else (5, 3)
    data = Data(items, 'export')
    t = Table()
    t.add('#', 'work', 'measured', 'must / aim', 'medians')
    t.add('---', '---', '---', '---', '---')
    good = True
    if '1' in only:
        row_1(t, data, runs)
    if '2' in only:
        row_2(t, data, runs)
    if '3' in only:
        row_3(t, data, runs)
    if '4' in only:
        good = (row_4(t, Data(peer_items, 'export'), peer_runs) if short
                else row_4(t, data, 2))
    if '6' in only:
        row_6(t, data, runs)
    if '7' in only or '8' in only:
        row_7_and_8(t, [10000000] if short else [10000000, 100000000],
                    1 if short else 3)
    if 'm' in only:
        row_m(t, 1000000 if short else 10000000, runs)
    if '9' in only:
        row_9(t, data, 1)
    images = os.path.splitext(results)[0]
    if 'b' in only:
        row_b(t, data, runs, images + '-stages.svg')
    if 'z' in only:
        row_11(t, data, runs)
    if 'c' in only:
        row_c(t, data, runs)
    if 'd' in only:
        row_d(t, Data(peer_items, 'export'), peer_runs, items)

    if 'p' in only:
        row_10(t, 50000 if short else 200000, 1 if short else 3)
    if 'n' in only:
        row_n(t, data, runs)
    if 's' in only:
        good = row_s(t, Data(peer_items, 'export'), peer_runs) and good

    with open(results, 'w') as f:
        f.write('# Results\n\nMade by `scripts/bench %s`; %s runs each, in '
                'turns, medians. %d items of %.0f bytes in 8 files (rows d and s, '
                'and peers in the short form: %d); a gzip level of 6 for the peers, the default for '
                'dynamill and the floor.\n\n- machine: %s\n- commit: %s\n'
                '- date: %s\n\n' % (
                    'short' if short else 'full', runs, items,
                    data.len / items, peer_items, machine(), commit(),
                    time.strftime('%Y-%m-%d')))
        f.write('\n'.join(t.lines) + '\n')
        for image, what in (('peers', 'how many times as fast as what others '
                             'use'), ('stages', 'where the time goes')):
            if image == 'peers' and t.peers:
                with open('%s-peers.svg' % images, 'w') as g:
                    g.write(chart.bars('times as fast, one core, wall; the '
                                       'line is the goal', t.peers))
            if image == 'peers' and t.peers or image == 'stages' and \
                    'b' in only:
                f.write('\n![%s](%s-%s.svg)\n' % (
                    what, os.path.basename(images), image))
    print('written: ' + os.path.relpath(results, ROOT))
    if not good:
        sys.exit('bench: not all made the same items')
    if t.gross:
        sys.exit('bench: more than twice beside the goal: ' +
                 '; '.join(t.gross))


main()
