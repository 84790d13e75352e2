#!/usr/bin/env python3
"""analyze_memory.py [--long] - does analyze keep to docs/MEMORY.md?

Peak of its own memory on 200,000 items (long: 5,000,000) with one thread and
two, and on items that have more paths and more values than it keeps.
"""
import json
import random

from e2e import (PROGRAM, check, equal, generate, main, read, write, write_plan)
from memory import (KIB, MIB, WIDTH, formula, measure_command, megabytes,
                    prepare)

# docs/MEMORY.md in numbers.
PATH = 3 * KIB
SAMPLES = 64 * KIB          # of a path with more than MANY different values
MANY = 700
MOST = 16 * MIB             # all samples of an observer


def watching(job, threads):
    """What the statistics and the discovery may take."""
    total = 0
    for t in json.loads(read(job + '/analysis.json'))['tables']:
        paths = len(t['attributes']) + t['pathsLeftOut']
        many = sum(a['distinct'] > MANY for a in t['attributes'])
        total += (min(t['files'], WIDTH * threads) + 1) * (
            PATH * paths + min(MOST, SAMPLES * many))
    return total


def analyze(plan, job, threads, memory, status=0):
    return measure_command([PROGRAM, 'analyze', plan, '--job', job, '--quiet',
                            '--threads', str(threads), '--memory',
                            str(memory)], status=status)


def keeps_to_it(here, options, threads):
    memory = 32 * MIB
    _, own, _ = analyze(options.plan, here + '/job', threads, memory)
    most = formula(threads, memory) + watching(here + '/job', threads)
    check(0 < own <= most, megabytes(own), 'of own memory, not',
          megabytes(most))
    return 'own %s; formula %s' % (megabytes(own), megabytes(most))


def one_thread(here, options):
    return keeps_to_it(here, options, 1)


def two_threads(here, options):
    return keeps_to_it(here, options, 2)


def it_does_not_grow_with_the_input(here, options):
    data = generate(1000000 if options.long else 50000, here + '/data')
    plan = write(here + '/plan.yaml', read(options.plan).replace(
        options.data, data))
    _, few, _ = analyze(plan, here + '/few', 1, 8 * MIB)
    _, many, _ = analyze(options.plan, here + '/many', 1, 8 * MIB)
    check(many < few + 8 * MIB, megabytes(few), 'and', megabytes(many))
    return '%s and %s' % (megabytes(few), megabytes(many))


def of_many_paths_less_is_kept(here, options):
    """700 paths, each of 2,000 values: samples of 1,024 would be 44 MiB."""
    dice = random.Random(4)
    lines = []
    for i in range(2000):
        item = {'a%d' % k: {'S': '%08x' % dice.getrandbits(32)}
                for k in range(700)}
        lines.append(json.dumps({'Item': {'id': {'S': str(i)}, **item}},
                                separators=(',', ':')))
    write(here + '/data.json', '\n'.join(lines) + '\n')
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': ['data.json']},
        'tables': {'Things': {'key': ['id']}}})
    _, own, _ = analyze(plan, here + '/job', 1, 8 * MIB)
    most = formula(1, 8 * MIB) + watching(here + '/job', 1)
    check(0 < own <= most, megabytes(own), 'not', megabytes(most))

    t = json.loads(read(here + '/job/analysis.json'))['tables'][0]
    equal(t['distinctError'], 0.0625, 'the error, of 256 values kept')
    for a in t['attributes']:
        check(abs(a['distinct'] - 2000) < 5 * 0.0625 * 2000, a['path'],
              a['distinct'])
    return 'own %s; formula %s' % (megabytes(own), megabytes(most))


main([one_thread, two_threads, it_does_not_grow_with_the_input,
      of_many_paths_less_is_kept], prepare)
