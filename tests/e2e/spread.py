#!/usr/bin/env python3
"""spread.py - one large file that all threads carry through together.

Whatever it is packed with, and whatever is wrong with it, no number of threads
may show: not in the output, nor in rejects, the account or an error.
"""
import glob
import gzip
import os
import random
import shutil
import signal
import subprocess
import time

from e2e import (ASAN, SLOW, TSAN, Skipped, check, clean, command, equal,
                 finish, main, read, report, run, same_jobs, start, write_plan,
                 Result)
from memory import formula, measure, megabytes
from rematch import (EDIT, Export, compact, deflated, item, items_of, plan_of,
                     put)

FEW = ('--quiet',)
THREADS = '2', '4'


def text_of_parts(rng, n, **more):
    """So much that it comes in several parts of 2 MiB."""
    return items_of(rng, n // SLOW, pad=lambda i: {
        'S': '%0200x' % rng.getrandbits(800)}, **more)


def all_ways(here, plan, *options, status=0, stdin=None):
    """With one thread and with several."""
    for threads in ('1', *THREADS):
        with open(stdin or os.devnull, 'rb') as f:
            done = subprocess.run(
                command(plan, here + '/job' + threads, *FEW, *options,
                        '--threads', threads),
                stdin=f, capture_output=True, text=True)
        clean(Result(done.returncode, done.stdout, done.stderr))
        equal(done.returncode, status, 'exit status with %s threads: %s'
              % (threads, done.stderr))
        said = done.stderr.replace('/job' + threads, '/job')
        if threads == '1':
            first = said
        equal(said, first, 'what is said with %s threads' % threads)
    if status in (0, 1):
        for threads in THREADS:
            same_jobs(here + '/job1', here + '/job' + threads)
            equal(counts(here + '/job' + threads), counts(here + '/job1'),
                  'the account')
    return here + '/job1'


def counts(job):
    r = report(job)
    return r['total'], r['tables']


def every_packing(here, options):
    """gzip, zstd and none, in and out, and the deflaters."""
    rng = random.Random(options.seed)
    put(here, deflated(text_of_parts(rng, 16000)))
    zstd, none = (all_ways(here + '/' + packed, write_plan(
        here + '/%s.json' % packed, {
            'source': {'exports': [{'path': 'data', 'table': 'Things'}]},
            'target': {'compression': packed},
            'tables': {'Things': {'key': ['id'], 'update': EDIT}}}))
        for packed in ('zstd', 'none'))
    for name, top, more in (
            ('gzip-gzip', here + '/data', ()),
            ('gzip-level-1', here + '/data', ('--level', '1')),
            ('gzip-level-6', here + '/data', ('--level', '6')),
            ('zstd-gzip', zstd + '/out/Things/data', ()),
            ('none-gzip', none + '/out/Things/data', ('--level', '2'))):
        all_ways('%s/%s' % (here, name), plan_of(
            '%s/%s' % (here, name), update='SET more = pad', exports=[
                {'path': top, 'table': 'Things'}]), *more)


def on_standard_input(here, options):
    rng = random.Random(options.seed)
    put(here, deflated(text_of_parts(rng, 12000)))
    all_ways(here, plan_of(here, update=EDIT, exports=['-']),
             stdin=here + '/data/f0.json.gz')


def tables_with_much_and_little(here, options):
    """What is too little for a block is carried on over the parts."""
    rng = random.Random(options.seed)
    put(here, deflated(text_of_parts(rng, 24000)))
    all_ways(here, plan_of(here, {
        'Things': {'key': ['id'], 'to': 'Main', 'where': 'n >= 400',
                   'update': EDIT},
        'First': {'of': 'Things', 'key': ['id'], 'where': 'n < 40'},
        'Rare': {'of': 'Things', 'key': ['id'],
                 'where': "begins_with(address.street, '7 ')"},
        'Rest': {'of': 'Things', 'key': ['id'], 'update': 'SET note = id'}}))
    all_ways(here + '/few', plan_of(
        here + '/few', where="begins_with(address.street, '7 ')",
        exports=[{'path': here + '/data', 'table': 'Things'}]))
    all_ways(here + '/none', plan_of(
        here + '/none', where='n < 0',
        exports=[{'path': here + '/data', 'table': 'Things'}]))


def lines_long_and_short(here, options):
    """A line longer than a part, and more lines than are decoded at once."""
    rng = random.Random(options.seed)
    out = []
    for i in range(40000 // SLOW):
        out.append(b'{"Item":{"id":{"N":"%d"}}}\n' % i)
        if i % 9000 == 77:
            out.append(compact({'Item': item(rng, i, id={'N': '-%d' % i}, long={
                'S': '%0*x' % (3 << 20 if i < 9000 else 300000, i)})}))
        if i % 50 == 3:
            out.append(b'\n' * rng.randrange(3000))
    put(here, deflated(b''.join(out)[:-1]))
    all_ways(here, plan_of(here, key={'id': 'N'}, update='SET a = id'),
             status=1)
    all_ways(here + '/level', plan_of(
        here + '/level', key={'id': 'N'}, update='SET a = id', exports=[
            {'path': here + '/data', 'table': 'Things'}]), '--level', '1',
        status=1)


def items_that_become_much(here, options):
    """A part that grows waits for its turn, and keeps no more than it may."""
    rng = random.Random(options.seed)
    put(here, deflated(text_of_parts(rng, 12000)))
    long = '%03000x' % rng.getrandbits(12000)
    all_ways(here, plan_of(here, update="SET long = '%s'" % long))
    all_ways(here + '/level', plan_of(
        here + '/level', update="SET long = '%s'" % long, exports=[
            {'path': here + '/data', 'table': 'Things'}]), '--level', '1')


def bad_lines_and_refused_items(here, options):
    rng = random.Random(options.seed)
    out = []
    for i in range(16000 // SLOW):
        x = item(rng, i, pad={'S': '%0200x' % rng.getrandbits(800)})
        if i % 1013 == 3:
            del x['id']
        out.append(compact({'Item': x}))
        if i % 911 == 7:
            out.append(b'{"Item":{"id":\n')
        if i % 301 == 0:
            out.append(b'\n\r\n')
    put(here, deflated(b''.join(out)))
    all_ways(here, plan_of(here, update=EDIT), status=1)
    all_ways(here + '/first', plan_of(here + '/first', update=EDIT, exports=[
        {'path': here + '/data', 'table': 'Things'}]), '--on-bad-item', 'fail',
        status=3)


def damage_is_told_the_same_way(here, options):
    rng = random.Random(options.seed)
    text = text_of_parts(rng, 16000)
    good = deflated(text)
    for i, bad in enumerate((
            good[:len(good) * 2 // 3], good[:-3], good[:-8] + bytes(8),
            good[:len(good) // 2] + bytes(40) + good[len(good) // 2 + 40:],
            good + b'trailing')):
        where = '%s/%d' % (here, i)
        put(where, bad)
        all_ways(where, plan_of(where, update=EDIT), status=3)


def what_the_manifest_says_of_it(here, options):
    """MD5 and number of items, and that they are looked at."""
    rng = random.Random(options.seed)
    for name, status in (('good', 0), ('other', 3)):
        full = Export(here + '/' + name, 'Things', 0)
        full.add(text_of_parts(rng, 16000)).write()
        (path,) = glob.glob('%s/%s/data/*' % (here + '/' + name,
                                              full.folder()))
        if status != 0:     # the same text packed otherwise
            with gzip.open(path) as f:
                text = f.read()
            with open(path, 'wb') as f:
                f.write(deflated(text, 5))
        all_ways('%s/%s' % (here, name), plan_of(
            '%s/%s' % (here, name), update=EDIT,
            exports=[here + '/' + name + '/' + full.folder()]),
            status=status)


def killed_and_taken_up_again(here, options):
    rng = random.Random(options.seed)
    put(here, deflated(text_of_parts(rng, 40000)))
    plan = plan_of(here, update=EDIT)
    begun = time.monotonic()
    run(plan, here + '/one', *FEW, '--threads', '1')
    took = time.monotonic() - begun
    killed = 0
    for i in range(40):
        child = start(plan, here + '/job', *FEW, '--threads', '2')
        try:
            child.wait(rng.random() * took)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            killed += 1
        finish(child)
        if killed >= (20 if options.long else 5):
            break
    run(plan, here + '/job', *FEW, '--threads', '2')
    same_jobs(here + '/one', here + '/job')
    return 'killed %d times' % killed


def within_the_memory_that_is_promised(here, options):
    if ASAN or TSAN:
        raise Skipped('a sanitizer needs memory of its own')
    rng = random.Random(options.seed)
    part = text_of_parts(rng, 8000)     # the same ids again are refused
    put(here, deflated(part * (40 if options.long else 8)))
    found = []
    for name, update in (('edit', EDIT), ('long', "SET long = '%s'" % (
            '%03000x' % rng.getrandbits(12000)))):
        for more in ((), ('--level', '1')):
            for threads in 2, 4:
                job = '%s/%s%d%d' % (here, name, len(more), threads)
                _, own, _ = measure(plan_of(here, update=update), job, *more,
                                    '--threads', str(threads), '--memory',
                                    '8M', status=3)
                check(own <= formula(threads, 8 << 20, files=1), name, more,
                      threads, 'threads:', megabytes(own))
                found.append(megabytes(own))
                shutil.rmtree(job)
    return ', '.join(found)


def several_threads_work(here, options):
    """Or else all of this would hold anyway."""
    rng = random.Random(options.seed)
    part = text_of_parts(rng, 8000)
    put(here, deflated(part * (8 * SLOW), 1))
    child = start(plan_of(here, update=EDIT), here + '/job', *FEW,
                  '--threads', '2', '--on-duplicate', 'fail')
    ticks = {}
    while child.poll() is None:
        top = '/proc/%d/task' % child.pid
        try:
            for task in os.listdir(top):
                field = read('%s/%s/stat' % (top, task)).rsplit(')')[1].split()
                ticks[task] = int(field[11]) + int(field[12])
        except OSError:
            pass
        time.sleep(.005)
    finish(child)
    busy = [n for n in ticks.values() if n > 0]
    check(len(busy) >= 2, 'only one thread worked:', ticks)
    return '%s ticks' % busy


if __name__ == '__main__':
    main([every_packing, on_standard_input, tables_with_much_and_little,
          lines_long_and_short, items_that_become_much,
          bad_lines_and_refused_items, damage_is_told_the_same_way,
          what_the_manifest_says_of_it, killed_and_taken_up_again,
          within_the_memory_that_is_promised, several_threads_work])
