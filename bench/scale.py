#!/usr/bin/env python3
"""scale.py - what 10^9 to 10^13 items take on 1 to 2,000 cores, on paper.

	bench/scale.py [--seed N]

Two parts: rates that were measured, multiplied; and a simulation of shards on
machines that differ, stop and lag. The same seed prints the same, which is what
stands in docs/SCALE.md.
"""
import heapq
import math
import random
import sys

# ---- measured: bench/RESULTS.md and bench/merge, one core ----
RUN = 420e3             # items/s, gzip to gzip, reference plan (row 1)
INDEX = 0.127e-6        # s of CPU an id, building an index (row 8)
MERGE = 0.093e-6        # s of CPU an id, merging indexes (row m)
JOIN = 0.070e-6         # s of CPU a reference, against an index (row 8)
# ---- the reference data, bytes an item ----
PACKED, PLAIN, WRITTEN = 163, 661, 167
REFS = 1.95             # references an item
LOG = 36 + 18 * REFS    # key log
INDEXED = 51            # .idx and .ids
RANGE = 1 << 20         # of a GET (src/aws/s3.h)
# ---- assumed: prices of us-east-1, rounded; sizes of files ----
CORE_HOUR = 0.05        # $ a vCPU-hour, on demand; spot is about a third
GET, PUT = 0.4e-6, 5e-6
DISK = 0.30 / 730       # $ a GB-hour of a shared file system
FILE = 100e6            # packed bytes of a data file
PART = 6 << 20          # of an upload
ONE_DISK = 1e9          # bytes/s of the machine that merges

# What the merge reads and writes, bytes an item: indexes in and out; logs of
# references, their way through index/tmp, and the index that they ask, twice.
MERGED = 2 * INDEXED + 18 * REFS + 2 * 24 * REFS + 2 * 27


def row(*words):
    print('| ' + ' | '.join(words) + ' |')


def head(*words):
    row(*words)
    row(*['---'] * len(words))


def power(n):
    return '10^%d' % round(math.log10(n))


def number(x):
    """Three digits, or a whole number with commas."""
    if x >= 100:
        return '{:,.0f}'.format(x)
    return '%.3g' % x


def size(x):
    for unit in ('B', 'KB', 'MB', 'GB', 'TB', 'PB'):
        if x < 1000:
            break
        x /= 1000
    return '%s %s' % (number(x), unit)


def time_of(s):
    if s < 120:
        return '%.0f s' % s
    if s < 7200:
        return '%.0f min' % (s / 60)
    if s < 5 * 86400:
        return '%s h' % number(s / 3600)
    return '%s days' % number(s / 86400)


# ---- on paper ---------------------------------------------------------------

def sizes(all):
    head('items', 'export, packed', 'data files', 'unpacked', 'out/',
         'key logs', 'index', 'GETs', 'parts put by an import')
    for n in all:
        row(power(n), size(n * PACKED), number(n * PACKED / FILE),
            size(n * PLAIN), size(n * WRITTEN), size(n * LOG),
            size(n * INDEXED), number(n * PACKED / RANGE),
            number(n * WRITTEN / PART))


def paper(all, cores):
    head('items', 'cores', 'shards', 'merge, disk of 1 GB/s',
         'cores', 'requests', 'disk', 'read from S3', 'written by shards')
    for n in all:
        for c in cores:
            shards = n * (1 / RUN + INDEX) / c
            merge = max(n * MERGED / ONE_DISK, n * (MERGE + REFS * JOIN) / 4)
            if c == 1:
                # One machine builds its index at once, and merges nothing.
                merge = n * REFS * JOIN
            wall = shards + merge
            disk = n * (WRITTEN + LOG + 2 * INDEXED) / 1e9
            rate = n / shards
            row(power(n), '{:,}'.format(c), time_of(shards), time_of(merge),
                '$' + number((shards * c + merge * 16 * (c > 1)) / 3600 *
                             CORE_HOUR),
                '$' + number(n * PACKED / RANGE * GET +
                             n * WRITTEN / PART * PUT),
                '$' + number(disk * wall / 3600 * DISK),
                '%s/s, %s GETs/s' % (size(rate * PACKED),
                                     number(rate * PACKED / RANGE)),
                '%s/s' % size(rate * (WRITTEN + LOG + INDEXED)))


def in_s3(all):
    """What a job at s3:// asks of S3 beside reading its sources: parts of
    data, logs and indexes put; logs and indexes got by the merge; data
    copied, a request a file."""
    head('items', 'data put', 'logs and indexes put', '... got by the merge',
         'files copied', 'requests', 'scratch of the merge')
    for n in all:
        data, rest = n * WRITTEN / PART, n * (LOG + INDEXED) / PART
        got, copied = n * (LOG + INDEXED) / RANGE, n * PACKED / FILE
        row(power(n), number(data), number(rest), number(got),
            number(copied), '$' + number((data + rest + copied) * PUT +
                                         got * GET),
            size(n * (LOG + 2 * INDEXED)))


# ---- simulated --------------------------------------------------------------

def divide(files, n):
    """As src/engine/divide.c: the largest first, to who has least."""
    loads = [(0.0, i) for i in range(n)]
    for f in sorted(files, reverse=True):
        load, i = loads[0]
        heapq.heapreplace(loads, (load + f, i))
    return [load for load, _ in loads]


START, LOST, RESTART = 20, 30, 60    # s: to begin; work lost; to begin again


def shard_time(rng, load, failures, lag):
    """Seconds of a shard: work, slower or not, and new starts."""
    speed = math.exp(rng.gauss(0, .05))
    if rng.random() < lag:
        speed /= rng.uniform(2, 5)
    left, spent = load / speed, START
    while failures > 0:
        until = rng.expovariate(failures / 3600)
        if until >= left:
            break
        spent += until + RESTART
        left -= max(until - LOST, 0)
    return spent + left


def simulate(rng, shards, per_shard, work, failures, lag, again):
    """(Slowest shard, seconds of cores) over what would be even."""
    files = [math.exp(rng.gauss(0, .5)) for _ in range(shards * per_shard)]
    scale = work * shards / sum(files)
    loads = divide([f * scale for f in files], shards)
    ends = [shard_time(rng, x, failures, lag) for x in loads]
    used = sum(ends)
    if again:
        # When nine in ten have ended, those left are begun once more.
        at = sorted(ends)[int(.9 * shards)]
        for i, end in enumerate(ends):
            if end > at:
                second = at + shard_time(rng, loads[i], failures, lag)
                used += min(second, end) - at
                ends[i] = min(second, end)
    return max(ends) / work, used / (work * shards)


TROUBLE = (('none', 0, 0), ('each core stops every 10 h', .1, 0),
           ('each core stops every hour', 1, 0),
           ('1 in 50 is 2 to 5 times slower', 0, .02),
           ('both', 1, .02))


def simulation(seed, trials=5):
    head('shards', 'files a shard', 'trouble', 'slowest shard',
         'with second runs', 'cores used', 'with second runs')
    for shards, files in (100, 10), (100, 100), (2000, 2), (2000, 10):
        for name, failures, lag in TROUBLE:
            all = []
            for again in False, True:
                rng = random.Random('%s %s %s %s' % (seed, shards, files,
                                                     name))
                got = [simulate(rng, shards, files, 3600, failures, lag,
                                again) for _ in range(trials)]
                all.append([sum(x) / trials for x in zip(*got)])
            row('{:,}'.format(shards), str(files), name,
                *['%.2f' % all[again][k] for k in (0, 1)
                  for again in (0, 1)])


def main():
    seed = int(sys.argv[2]) if sys.argv[1:2] == ['--seed'] else 1
    sizes((1e9, 1e11, 1e13))
    print()
    paper((1e9, 1e11, 1e13), (1, 100, 2000))
    print()
    in_s3((1e9, 1e11, 1e13))
    print()
    simulation(seed)


main()
