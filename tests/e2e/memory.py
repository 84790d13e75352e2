#!/usr/bin/env python3
"""memory.py [--long] - does a run keep to docs/MEMORY.md?

Peak resident memory on 200,000 items (long: 5,000,000) with one thread and two,
the same under `ulimit -v`, and the longest lines there are.
"""
import json
import os
import subprocess
import sys
import time

from e2e import (ASAN, PROGRAM, TSAN, Skipped, check, check_report, command,
                 contains, equal, generate, lines, main, reference_plan,
                 rejected, run, table_of, write, write_plan)

KIB, MIB = 1024, 1 << 20
DATA = {}

# docs/MEMORY.md in numbers.
FIXED = 12 * MIB
THREAD = 1 * MIB
WIDTH = 8                   # files under way in a thread
UNIT = 3 * MIB // 2
TABLE = 1 * MIB
LINE = 31                   # times the longest line, where that is over 64 KiB
HOSTILE = 55                # the same for the worst that can be made up
FILE = 2 * KIB
SPACE = (8 + 128) * MIB     # of a thread's addresses: stack, malloc's reserve


def formula(threads, memory, files=8, line=0, times=LINE, tables=1):
    """Bytes that may be resident, mapped indexes aside."""
    return (FIXED + files * FILE + memory +
            threads * (THREAD + WIDTH * (UNIT + (tables - 1) * TABLE) +
                       (times * line if line > 64 * KIB else 0)))


def addresses(threads, memory, index, **more):
    """What `ulimit -v` must allow."""
    return (formula(threads, memory, **more) + index + least_addresses() +
            threads * SPACE)


def least_addresses():
    """What the program and its libraries take before it does anything."""
    if 'least' not in DATA:
        low, high = 0, 1024 * MIB
        while high - low > MIB // 4:
            limit = (low + high) // 2
            got = subprocess.run(
                [sys.executable, '-S', '-E', '-c', METER, str(limit),
                 PROGRAM, '--version'], stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True)
            if got.stdout.splitlines()[-1:] and \
                    got.stdout.splitlines()[-1].startswith('0 '):
                high = limit
            else:
                low = limit
        DATA['least'] = high
    return DATA['least']


# A small process, so that the peak is not that of the Python that forked.
METER = '''
import os, resource, sys
limit = int(sys.argv[1])
if limit:
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), used.ru_maxrss * 1024)
'''


def measure(plan, job, *options, limit=0, status=0):
    """Run it under a limit of addresses; its peak, and its messages."""
    return measure_command(command(plan, job, '--quiet', *options), limit,
                           status)


def measure_command(words, limit=0, status=0):
    meter = subprocess.Popen(
        [sys.executable, '-S', '-E', '-c', METER, str(limit), *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True)
    own = 0         # anonymous memory, seen now and then
    while meter.poll() is None:
        own = max(own, anonymous_of(meter.pid))
        time.sleep(.002)
    out, err = meter.communicate()
    if not out:
        raise Exception('the meter failed: ' + err)
    got, peak = (int(x) for x in out.split())
    check(got == status, 'exit status', got, err)
    return peak, own, err


def anonymous_of(meter):
    """RssAnon of the meter's child."""
    try:
        with open('/proc/%d/task/%d/children' % (meter, meter)) as f:
            child = f.read().split()
        with open('/proc/%s/status' % child[0]) as f:
            for line in f:
                if line.startswith('RssAnon'):
                    return int(line.split()[1]) * KIB
    except (OSError, IndexError):
        pass
    return 0


def index_len(job):
    top = job + '/index'
    return sum(os.path.getsize(os.path.join(top, x)) for x in os.listdir(top)
               if x.endswith(('.idx', '.ids')))


def prepare(options):
    if ASAN or TSAN:
        raise Skipped('a sanitizer needs memory of its own')
    options.data = generate(5000000 if options.long else 200000,
                            options.top + '/data')
    options.plan = reference_plan(options.top + '/plan.yaml', options.data)


def megabytes(n):
    return '%.1f MiB' % (n / MIB)


def keeps_to_it(here, options, threads):
    memory = 64 * MIB if options.long else 32 * MIB
    words = ('--threads', str(threads), '--memory', str(memory))
    job = here + '/job'
    peak, own, _ = measure(options.plan, job, *words)
    check_report(job)
    most = formula(threads, memory)
    index = index_len(job)
    check(own <= most, megabytes(own), 'of own memory, not', megabytes(most))
    check(peak <= most + index, megabytes(peak), 'with mapped indexes of',
          megabytes(index), 'not', megabytes(most + index))

    # And under a limit: the same bytes, nothing refused.
    limit = addresses(threads, memory, index)
    measure(options.plan, here + '/limited', *words, limit=limit)
    check_report(here + '/limited')
    return '%s, own %s; formula %s' % (megabytes(peak), megabytes(own),
                                       megabytes(most))


def one_thread(here, options):
    return keeps_to_it(here, options, 1)


def two_threads(here, options):
    return keeps_to_it(here, options, 2)


def it_does_not_grow_with_the_input(here, options):
    """The own memory of a quarter of the items is much the same."""
    data = generate(1000000 if options.long else 50000, here + '/data')
    plan = reference_plan(here + '/plan.yaml', data)
    words = ('--threads', '1', '--memory', '8M')
    _, few, _ = measure(plan, here + '/few', *words)
    _, many, _ = measure(options.plan, here + '/many', *words)
    check(many < few + 8 * MIB, megabytes(few), 'and', megabytes(many))
    return '%s and %s' % (megabytes(few), megabytes(many))


def more_than_is_of_use_is_not_taken(here, options):
    """The end checks may have 1 GiB, and come after the threads."""
    data = generate(1000000 if options.long else 50000, here + '/data')
    plan = reference_plan(here + '/plan.yaml', data)
    peak, own, _ = measure(plan, here + '/job', '--threads', '2')
    most = 19 * MIB
    check(own <= most, megabytes(own), 'of own memory, not', megabytes(most))
    return '%s, own %s' % (megabytes(peak), megabytes(own))


def too_little_memory_is_told(here, options):
    """One message, exit 4, and it goes on when there is more."""
    _, _, err = measure(options.plan, here + '/job', '--threads', '1',
                        limit=least_addresses() + 14 * MIB,
                        status=4)
    contains(err, 'out of memory', 'same command')
    run(options.plan, here + '/job', '--quiet')


# ---- long lines --------------------------------------------------------------

def one_line(here, name, text, *options, status=0, times=LINE):
    write('%s/%s/data.json' % (here, name), text + '\n')
    plan = write_plan('%s/%s/plan.json' % (here, name), {
        'source': {'exports': ['data.json']},
        'tables': {'Things': {'key': ['id'], 'update': 'SET more = 1'}}})
    job = '%s/%s/job' % (here, name)
    peak, _, err = measure(plan, job, '--threads', '1', '--memory', '8M',
                           status=status)
    most = formula(1, 8 * MIB, line=len(text), times=times)
    check(peak <= most, name, megabytes(peak), 'not', megabytes(most))
    return job, err


def the_largest_items_in_their_worst_spelling(here, options):
    """400 KB as 2.4 MB of JSON, and what else takes as much."""
    room = 400 * KIB - 100
    for name, kind, value in (
            ('escapes', 'S', '\\u0001' * room),
            ('quotes', 'S', '\\"' * room),
            ('nulls', 'L', ','.join(['{"NULL":true}'] * (room // 2))),
            ('lists', 'L', ','.join(['{"L":[]}'] * (room // 4))),
            ('numbers', 'L', ','.join(['{"N":"1"}'] * (room // 3)))):
        text = ('{"Item":{"id":{"S":"1"},"x":{"%s":%s}}}' %
                (kind, '[%s]' % value if kind == 'L' else '"%s"' % value))
        job, _ = one_line(here, name, text)
        equal(table_of(job, 'Things')['moved'], 1, name)
        (item,) = lines(job, 'Things')
        was = json.loads(text)['Item']
        was['more'] = {'N': '1'}
        equal(item == was, True, name)


def lines_that_are_no_items(here, options):
    """Up to 16 MiB, and made up to be hard."""
    n = 15 * MIB if options.long else 3 * MIB
    for name, text in (
            ('junk', 'z' * n), ('quotes', '{"Item":{' + '"' * n),
            ('brackets', '{"Item":{"a":' + '[' * n),
            ('twice', '{"Item":{' + ','.join(['"a":{"S":""}'] * (n // 13)) +
             '}}'),
            ('set', '{"Item":{"id":{"S":"1"},"a":{"NS":[' +
             ','.join('"%d"' % i for i in range(n // 9)) + ']}}}')):
        job, _ = one_line(here, name, text, status=1, times=HOSTILE)
        (r,) = rejected(job, 'Things')
        equal(r['line'], 1, name)


def a_line_of_17_MiB_is_refused(here, options):
    text = ('{"Item":{"id":{"S":"0"}}}\n{"Item":{"id":{"S":"1"},"x":{"S":"' +
            'x' * (17 * MIB) + '"}}}')
    job, err = one_line(here, 'long', text, status=3)
    contains(err, 'data.json', 'line 2', '16 MiB')


def many_short_lines(here, options):
    """What is said of each bad line is more than the line."""
    text = 'x\n' * 100000
    one_line(here, 'bad', text[:-1], status=1)
    job, _ = one_line(here, 'blank', '\n' * 500000 + '{"Item":{"id":{"S":"1"'
                      '}}}')
    equal(table_of(job, 'Things')['moved'], 1, 'moved')
    # Behind a long line they come out of a large window.
    text = ('{"Item":{"id":{"S":"1"},"x":{"S":"%s"}}}\n' % ('x' * 300000) +
            'x\n' * 100000)
    write(here + '/mixed/data.json', text)
    job, _ = one_line(here, 'mixed', text[:-1], status=1)
    t = table_of(job, 'Things')
    equal((t['read'], t['rejected']), (100001, 100000), 'read, rejected')


if __name__ == '__main__':
    main([one_thread, two_threads, it_does_not_grow_with_the_input,
          more_than_is_of_use_is_not_taken, too_little_memory_is_told,
          the_largest_items_in_their_worst_spelling, lines_that_are_no_items,
          a_line_of_17_MiB_is_refused, many_short_lines], prepare)
