#!/usr/bin/env python3
"""resume.py [--long] - a job that is killed, stopped, damaged or repeated.

Short: 60,000 items and 6 kills for each number of threads; long: 1,000,000
items and 20 kills.
"""
import glob
import os
import random
import shutil
import signal
import socket
import subprocess
import time

from e2e import (ASAN, PROGRAM, SLOW, TSAN, Skipped, check, clean, contains,
                 digests, equal, finish, generate, main, read, reference_plan,
                 run, same_jobs, stamps, start, write, check_report,
                 write_items)

PLAN = {}       # what prepare() made


def spoil(data):
    """A few bad lines, so that rejected/ has something to be compared."""
    import gzip
    import json
    import hashlib
    import base64
    path = sorted(glob.glob(data + '/Projects/AWSDynamoDB/*/data/*'))[0]
    with gzip.open(path, 'rt') as f:
        text = f.read().splitlines()
    for i in range(7, len(text), 997):
        text[i] = text[i].replace('{"S":', '{"Q":', 1)
    with gzip.open(path, 'wt', compresslevel=1) as f:
        f.write('\n'.join(text) + '\n')
    md5 = base64.b64encode(hashlib.md5(read(path, 'rb')).digest()).decode()
    folder = os.path.dirname(os.path.dirname(path))
    manifest = folder + '/manifest-files.json'
    out = []
    for line in read(manifest).splitlines():
        entry = json.loads(line)
        if entry['dataFileS3Key'].endswith(os.path.basename(path)):
            entry['md5Checksum'] = md5
        out.append(json.dumps(entry))
    write(manifest, '\n'.join(out) + '\n')
    for name in glob.glob(folder + '/manifest-files.md5'):
        os.remove(name)


def prepare(options):
    items = 1000000 if options.long else 60000 // SLOW
    data = generate(items, options.top + '/data', '--files', '4')
    spoil(data)
    PLAN['plan'] = reference_plan(options.top + '/plan.yaml', data)
    PLAN['kills'] = 20 if options.long else 6
    PLAN['calm'] = options.top + '/calm'
    began = time.monotonic()
    run(PLAN['plan'], PLAN['calm'], '--threads', '1', '--quiet',
        '--run-time', '2025-01-01T00:00:00Z', status=1)
    PLAN['seconds'] = time.monotonic() - began


def again(job, *options, status=1):
    return run(PLAN['plan'], job, '--quiet', '--run-time',
               '2025-01-01T00:00:00Z', *options, status=status)


def begin(job, *options):
    return start(PLAN['plan'], job, '--quiet', '--run-time',
                 '2025-01-01T00:00:00Z', *options)


def no_leftovers(job):
    """Nothing is left of files that were under way."""
    for folder, _, names in os.walk(job):
        for name in names:
            check(not name.endswith('.part'), folder, name)
    check(not os.path.exists(job + '/out.partial'), 'out.partial is there')


def killed(here, options, threads):
    """kill -9 at random moments, and the same command each time."""
    dice = random.Random(options.seed * 100 + threads)
    job = here + '/job'
    hits = 0
    # Moments all over a run, of which each attempt does what is left.
    longest = PLAN['seconds'] * 1.1 / threads
    for i in range(PLAN['kills'] * 10):
        child = begin(job, '--threads', str(threads))
        time.sleep(dice.uniform(0, longest * dice.choice([.1, .3, 1])))
        child.send_signal(signal.SIGKILL)
        r = finish(child)
        clean(r)
        if r.status == -signal.SIGKILL:
            hits += 1
        else:       # it was done before: a new one
            equal(r.status, 1, 'exit status of a run that was left alone')
            same_jobs(PLAN['calm'], job)
            shutil.rmtree(job)
        if hits >= PLAN['kills']:
            break
    check(hits >= PLAN['kills'], 'only', hits, 'kills hit')
    again(job, '--threads', str(threads))
    same_jobs(PLAN['calm'], job)
    no_leftovers(job)
    return '%d kills' % hits


def kill_9_with_one_thread(here, options):
    return killed(here, options, 1)


def kill_9_with_two_threads(here, options):
    return killed(here, options, 2)


def kill_9_at_the_end_checks(here, options):
    """Every moment between the last unit and the last rename."""
    dice = random.Random(options.seed)
    job = here + '/job'
    hits = 0
    for i in range(10 * PLAN["kills"]):
        child = begin(job, '--threads', '2')
        while child.poll() is None and not glob.glob(job + '/index/*.i*') \
                and not glob.glob(job + '/index/tmp/*'):
            pass
        time.sleep(dice.uniform(0, PLAN['seconds'] * .05))
        child.send_signal(signal.SIGKILL)
        hits += finish(child).status == -signal.SIGKILL
        if hits >= PLAN['kills']:
            break
        if i % 5 == 4:
            again(job)
        if os.path.exists(job + '/out'):
            same_jobs(PLAN['calm'], job)
            shutil.rmtree(job)
    again(job)
    same_jobs(PLAN['calm'], job)
    no_leftovers(job)
    return '%d kills' % hits


def catches(child, number):
    """Has it got as far as to have a handler for this signal?"""
    try:
        for line in read('/proc/%d/status' % child.pid).splitlines():
            if line.startswith('SigCgt:'):
                return int(line.split()[1], 16) >> (number - 1) & 1
    except OSError:
        pass
    return True


def interrupted(here, number, threads):
    job = here + '/job'
    stops = 0
    for delay in (.15, .3, .5, .1, .2, .4, .05, .6):
        child = begin(job, '--threads', threads)
        while child.poll() is None and not (
                os.path.exists(job + '/job.json') and catches(child, number)):
            time.sleep(.001)
        time.sleep(delay * PLAN['seconds'])
        child.send_signal(number)
        r = finish(child)
        clean(r)
        if r.status == 130:
            stops += 1
            contains(r.err, 'interrupted', 'same command')
            check(not os.path.exists(job + '/out'), 'there is an out/')
            check(r.err.count('\n') == 2, r)
        else:
            equal(r.status, 1, 'exit status of one that was done')
            same_jobs(PLAN['calm'], job)
            shutil.rmtree(job)
    check(stops >= 2, 'only', stops, 'were interrupted')
    again(job, '--threads', threads)
    same_jobs(PLAN['calm'], job)
    no_leftovers(job)


def SIGINT_stops_and_says_how_to_go_on(here, options):
    interrupted(here, signal.SIGINT, '2')


def SIGTERM_stops_and_says_how_to_go_on(here, options):
    interrupted(here, signal.SIGTERM, '1')


def half_done(job):
    """A job stopped in the middle, with at least one unit on record."""
    for i in range(20):
        child = begin(job, '--threads', '1')
        while child.poll() is None and \
                not glob.glob(job + '/index/units/*.keys'):
            time.sleep(.0005)
        time.sleep(.002)        # the record follows the last of the files
        child.send_signal(signal.SIGKILL)
        finish(child)
        if os.path.exists(job + '/out.partial') and \
                glob.glob(job + '/out.partial/*/data/0*'):
            return
        shutil.rmtree(job)
    check(False, 'no run could be stopped in the middle')


def a_torn_journal_is_cut_off(here, options):
    dice = random.Random(options.seed)
    for i in range(6):
        job = '%s/job%d' % (here, i)
        half_done(job)
        size = os.path.getsize(job + '/journal')
        os.truncate(job + '/journal', dice.randrange(size + 1))
        again(job, '--threads', '2')
        same_jobs(PLAN['calm'], job)
        no_leftovers(job)


def a_journal_of_a_done_job_is_cut_off(here, options):
    """What lies in out/ is believed only as far as the journal goes."""
    dice = random.Random(options.seed)
    for i in range(4):
        job = '%s/job%d' % (here, i)
        shutil.copytree(PLAN['calm'], job)
        size = os.path.getsize(job + '/journal')
        os.truncate(job + '/journal', dice.randrange(size))
        again(job, '--threads', '2')
        same_jobs(PLAN['calm'], job)
        no_leftovers(job)


def a_damaged_journal_is_refused(here, options):
    job = here + '/job'
    shutil.copytree(PLAN['calm'], job)
    with open(job + '/journal', 'r+b') as f:
        f.seek(os.path.getsize(job + '/journal') // 3)
        byte = f.read(1)
        f.seek(-1, 1)
        f.write(bytes([byte[0] ^ 0x10]))
    r = again(job, status=3)
    contains(r.err, 'journal')
    check(r.err.count('\n') == 1, r)


def data_files_that_are_gone_or_short_are_written_again(here, options):
    job = here + '/job'
    for harm in ('remove', 'shorten', 'lengthen', 'keys'):
        half_done(job)
        files = sorted(glob.glob(job + '/out.partial/*/data/0*'))
        if harm == 'remove':
            os.remove(files[0])
        elif harm == 'shorten':
            os.truncate(files[0], os.path.getsize(files[0]) // 2)
        elif harm == 'lengthen':
            with open(files[0], 'ab') as f:
                f.write(b'more')
        else:
            os.remove(sorted(glob.glob(job + '/index/units/*.keys'))[0])
        again(job, '--threads', '1')
        same_jobs(PLAN['calm'], job)
        shutil.rmtree(job)


def zero(path):
    """The end of a file, as if it never got to the disk."""
    size = os.path.getsize(path)
    os.truncate(path, size // 3)
    os.truncate(path, size)


def stamps_of_data(out):
    return {os.path.relpath(path, out): stamp
            for path, stamp in stamps(out).items() if '/data/' in path}


def after_another_start_all_files_are_read(here, options):
    """A power failure: names and sizes may be right, and the bytes not."""
    tool = os.path.join(os.path.dirname(os.path.realpath(PROGRAM)),
                        'tool_boot')
    if not os.access(tool, os.X_OK):
        raise Skipped('there is no ' + tool)
    job = here + '/job'
    for harm in ('nothing', 'data', 'keys', 'rejects', 'journal'):
        shutil.copytree(PLAN['calm'], job)
        os.rename(job + '/out', job + '/out.partial')
        if subprocess.call([tool, job]) != 0:
            raise Exception('tool_boot failed')
        path = {'data': '/out.partial/Quotes/data/0*',
                'keys': '/index/units/0*',
                'rejects': '/rejected/units/0*', 'journal': '/journal',
                'nothing': '/report.json'}[harm]
        files = sorted(glob.glob(job + path))
        before = stamps_of_data(job + '/out.partial')
        zero(files[len(files) // 2])
        again(job, '--threads', '2')
        same_jobs(PLAN['calm'], job)
        no_leftovers(job)
        after = stamps_of_data(job + '/out')
        equal(sorted(after), sorted(before), 'names')
        redone = sum(after[x] != before[x] for x in before)
        check(redone == 0 if harm == 'nothing' else redone == 1
              if harm != 'journal' else redone > 1, harm, redone)
        shutil.rmtree(job)


def leftovers_are_swept(here, options):
    job = here + '/job'
    half_done(job)
    data = os.path.dirname(glob.glob(job + '/out.partial/*/data/0*')[0])
    for name in (data + '/.00000099.json.gz.part', data + '/00000099.json.gz',
                 job + '/.report.json.part', job + '/.report.html.part',
                 job + '/index/units/.00000099.keys.part',
                 job + '/rejected/units/.00000001-0.jsonl.part'):
        write(name, 'half of somethi')
    again(job, '--threads', '2')
    same_jobs(PLAN['calm'], job)
    no_leftovers(job)


def a_job_that_is_done_changes_nothing(here, options):
    job = here + '/job'
    shutil.copytree(PLAN['calm'], job)
    before = stamps(job)
    r = run(PLAN['plan'], job, status=1)     # it has rejects
    contains(r.out, 'done already', 'nothing changed')
    equal(stamps(job), before, 'times and sizes')
    time.sleep(.01)
    run(PLAN['plan'], job, '--threads', '7', '--memory', '64M', status=1)
    equal(stamps(job), before, 'times and sizes')


def two_at_once(here, options):
    job = here + '/job'
    child = begin(job, '--threads', '1')
    while child.poll() is None and not os.path.exists(job + '/job.json'):
        time.sleep(.001)
    child.send_signal(signal.SIGSTOP)
    try:
        r = again(job, status=5)
    finally:
        child.send_signal(signal.SIGCONT)
    contains(r.err, 'in use', 'pid %d' % child.pid, socket.gethostname())
    equal(finish(child).status, 1, 'the first')
    same_jobs(PLAN['calm'], job)


def what_changes_bytes_is_refused(here, options):
    job = here + '/job'
    half_done(job)
    plan = PLAN['plan']
    for words, part in ((('--level', '3'), '--level'),
                        (('--limit', '10'), '--limit'),
                        (('--table', 'Contacts'), '--table'),
                        (('--strict-ids',), '--strict-ids'),
                        (('--run-time', '2026-01-01T00:00:00Z'), 'time')):
        before = digests(job, '.')
        before.pop('lock')
        r = run(plan, job, '--quiet', *words, status=5)
        contains(r.err, part, 'started with')
        check(r.err.count('\n') == 1, r)
        after = digests(job, '.')
        after.pop('lock')
        equal(after, before, 'the job')
    text = read(plan)
    try:
        write(plan, text.replace('schemaVersion = 2', 'schemaVersion = 3'))
        contains(run(plan, job, '--quiet', status=5).err, plan)
    finally:
        write(plan, text)
    again(job, '--threads', '2', '--memory', '80M')
    same_jobs(PLAN['calm'], job)


def a_source_that_changed_is_refused(here, options):
    """Files without a manifest are known by size and time."""
    data = here + '/data/things.json.gz'
    write_items(data, [{'id': {'S': str(i)}} for i in range(10)])
    plan = write(here + '/plan.yaml', 'dynamill: 1\nname: p\nsource: {exports:'
                 ' [data/things.json.gz]}\ntables: {Things: {key: [id]}}\n')
    run(plan, here + '/job')
    run(plan, here + '/job')
    write_items(data, [{'id': {'S': str(i)}} for i in range(11)])
    contains(run(plan, here + '/job', status=5).err, 'data/things.json.gz')


def threads_and_memory_may_change(here, options):
    for i, words in enumerate((('--threads', '1', '--memory', '64M'),
                               ('--threads', '3', '--memory', '1G'),
                               ('--threads', '2'))):
        job = '%s/job%d' % (here, i)
        run(PLAN['plan'], job, '--quiet', *words, status=1)
        same_jobs(PLAN['calm'], job)


def the_place_of_the_caller_does_not_matter(here, options):
    """The same plan by another name is the same plan."""
    job = here + '/job'
    half_done(job)
    top = os.path.dirname(PLAN['plan'])
    was = os.getcwd()
    os.chdir(top)
    try:
        run('plan.yaml', job, '--quiet', status=1)
        run('../%s/plan.yaml' % os.path.basename(top), job, '--quiet',
            status=1)
    finally:
        os.chdir(was)
    same_jobs(PLAN['calm'], job)


main([kill_9_with_one_thread, kill_9_with_two_threads,
      kill_9_at_the_end_checks, SIGINT_stops_and_says_how_to_go_on,
      SIGTERM_stops_and_says_how_to_go_on, a_torn_journal_is_cut_off,
      a_journal_of_a_done_job_is_cut_off, a_damaged_journal_is_refused,
      data_files_that_are_gone_or_short_are_written_again,
      after_another_start_all_files_are_read,
      leftovers_are_swept, a_job_that_is_done_changes_nothing, two_at_once,
      what_changes_bytes_is_refused, a_source_that_changed_is_refused,
      threads_and_memory_may_change,
      the_place_of_the_caller_does_not_matter], prepare)
