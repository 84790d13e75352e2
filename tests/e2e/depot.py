#!/usr/bin/env python3
"""depot.py - a divided job that is kept in S3, by machines that share nothing
else: the same bytes as by one machine on its disk, whatever is killed."""
import glob
import json
import os
import random
import shutil
import signal
import subprocess
import time

import e2e
import s3
import servers

TIME = '--run-time', '2025-02-01T12:00:00Z'
JOB = s3.BUCKET + 'jobs/x.job'


def S(x):
    return {'S': x}


def prepare(options):
    """Items that refer to others, of which some are not there."""
    top = options.top
    rng = random.Random(options.seed)
    n = 3000 if options.long else 300
    for f in range(7):
        e2e.write_items('%s/data/People/p%d.json.gz' % (top, f), [
            {'id': S('p%d.%d' % (f, i)), 'boss': S('p%d.%d' % (
                rng.randrange(8), i)), 'text': S('%0200x' % rng.getrandbits(
                    800))} for i in range(n + 100 * f)])
    # One that nobody wants.
    e2e.write_items(top + '/data/People/x.json.gz', [
        '{"Item":{"id":{"S":"x"},"boss":{"S":"y"}}', {'id': S('x')}])
    for policy in 'report', 'null':
        e2e.write_plan('%s/%s.json' % (top, policy), {
            'source': {'exports': [{'path': 'data/People',
                                    'table': 'People'}]},
            'target': {'environment': 'prod'},
            'tables': {'People': {'key': ['id'], 'id': 'id',
                                  'dangling': policy,
                                  'references': {'boss': 'People'}}}})
        e2e.run('%s/%s.json' % (top, policy), '%s/%s' % (top, policy), *TIME,
                '--on-duplicate', 'fail' if policy == 'report' else
                'keep-last', status=1)
    DATA['top'] = top


DATA = {}


def dynamill(s, *args, status=0, wait=True):
    child = subprocess.Popen([e2e.PROGRAM, *args], env=s.env, text=True,
                             errors='replace', stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return finish(child, status) if wait else child


def finish(child, status=0):
    out, err = child.communicate()
    r = e2e.Result(child.returncode, out, err)
    e2e.clean(r)
    e2e.check(status is None or r.status == status, 'exit status', r.status,
              'not', status, r)
    return r


def shard(s, here, i, *options, n=3, command='run', policy='report', **more):
    """On a machine of its own, but for one that says otherwise."""
    if '--scratch' not in options:
        options += '--scratch', '%s/node%s' % (here, i)
    return dynamill(s, command, '%s/%s.json' % (DATA['top'], policy), '--job',
                    JOB, '--shard', '%s/%d' % (i, n), *TIME, *options, **more)


def merge(s, here, *options, status=0, **more):
    return dynamill(s, 'merge', '--job', JOB, '--scratch', here + '/merge',
                    *options, status=status, **more)


def same(s, here, whole):
    """What is there, and what one machine has on its disk, but for what
    nobody reads any more."""
    there = s.get('jobs/x.job', here + '/there%d' % time.monotonic_ns())
    disk = shutil.copytree(whole, here + '/disk%d' % time.monotonic_ns())
    for folder in glob.glob(disk + '/*/units'):
        shutil.rmtree(folder)
    e2e.equal(e2e.read(there + '/out/_address'), JOB + '/out\n', 'address')
    os.unlink(there + '/out/_address')
    e2e.same_jobs(disk, there)
    facts = [e2e.report(job) for job in (disk, there)]
    for r in facts:
        del r['thisRun']
    e2e.equal(facts[1], facts[0], 'the report')
    e2e.check(not os.path.exists(there + '/shards'), 'shards are left behind')
    e2e.equal(s.stat()['uploads'], 0, 'uploads that stay')
    for folder in glob.glob(here + '/node*/*/shards/*/*/*') + glob.glob(
            here + '/merge/*'):
        raise e2e.Failed(folder + ' is left behind')
    return there


def says_no(s, here):
    """What is no job, no place for one, or no way to begin it."""
    plan, job = DATA['top'] + '/report.json', JOB + '2'

    def no(*words, status=2):
        return dynamill(s, *words, status=status).err
    e2e.contains(no('run', plan, '--job', job), '--shard')
    e2e.contains(no('run', plan, '--job', job, '--shard', '1/2', '-o',
                    s3.BUCKET + 'x'), '-o')
    e2e.contains(no('run', plan, '--job', here + '/x', '--shard', '1/2',
                    '--scratch', here), '--scratch')
    e2e.contains(no('merge', '--job', job), job + ' is no job')
    e2e.contains(no('push', '--job', job), job, 'is in S3')
    for bad in 's3://', 's3://test-bucket', 's3:///x':
        no('run', plan, '--job', bad, '--shard', '1/2')
    e2e.contains(no('run', plan, '--job', s3.BUCKET + 'jobs', '--shard', '1/2',
                    status=5), 'is no job, and not empty')
    for words in ('1/4',), ('2/3', '--level', '3'):
        err = no('run', plan, '--job', JOB, '--scratch', here + '/node9',
                 *TIME, '--shard', *words, status=5)
        e2e.contains(err, '--level' if len(words) > 1 else 'into 3 shards')


def as_one_machine_on_its_disk(here, options):
    """One killed and its machine gone, one left out, named, run, merged."""
    faults = .03 if options.long else .005
    with servers.s3('--e500', faults, '--reset', faults, '--lost',
                    faults) as s:
        r = shard(s, here, 1)
        e2e.contains(r.out, 'shard 1 of 3', 'merge --job ' + JOB)
        child = shard(s, here, 2, '--threads', '1', wait=False)
        while child.poll() is None and not glob.glob(
                here + '/node2/*/shards/run/2/1/journal'):
            time.sleep(.002)
        child.kill()
        child.communicate()
        shutil.rmtree(here + '/node2')
        r = merge(s, here, status=5)
        e2e.contains(r.err, 'shard 3/3: not begun', JOB, 'not done')
        cut = 'shard 2/3: stopped: or still under way, by pid' in r.err
        before = json.loads(merge(s, here, '--dry-run', '--output', 'json',
                                  status=5).out)
        e2e.equal(before['shards'], 3, 'shards')
        e2e.check({'shard': 3, 'state': 'not begun'} in before['notDone'],
                  before)
        says_no(s, here)
        r = dynamill(s, 'status', '--job', JOB, '--scratch', here)
        e2e.contains(r.out, JOB + ': divided', 'of 3 are not done')
        shard(s, here, 2)
        shard(s, here, 3)
        e2e.contains(shard(s, here, 2).out, 'done already')
        e2e.contains(merge(s, here, '--dry-run').out, 'all 3 shards are done')
        r = dynamill(s, 'status', '--job', JOB, '--output', 'json')
        e2e.contains(json.loads(r.out)['shards'], 'all shards are done',
                     'dynamill merge --job ' + JOB)
        merge(s, here, '--verify', status=1)
        r = dynamill(s, 'status', '--job', JOB, '--watch')
        e2e.contains(r.out, JOB + ': done', 'all there are')
        there = same(s, here, DATA['top'] + '/report')
        e2e.contains(merge(s, here).out, 'done already')
        e2e.contains(shard(s, here, 2).out, 'done already')
        # Without its data it is a job as any other, whose output is in S3.
        shutil.rmtree(there + '/out/People')
        e2e.write(there + '/out/_address', JOB + '/out\n')
        r = dynamill(s, 'validate', '--job', there)
        e2e.contains(r.out, 'all sound')
        e2e.equal(s.stat()['refused'], 0, 'refused')
        return 'killed in time' if cut else 'was done before'


def two_at_once_do_no_harm(here, options):
    with servers.s3() as s:
        # On two machines and on one; all begin the job in the same moment.
        children = [shard(s, here, i, '--scratch', '%s/node%s' % (here, x),
                          wait=False, n=2)
                    for i, x in ((1, 'a'), (1, 'b'), (2, 'c'), (2, 'c'))]
        said = ''
        for child in children:
            r = finish(child)
            said += r.out + r.err
        first = merge(s, here, wait=False)
        second = dynamill(s, 'merge', '--job', JOB, '--scratch',
                          here + '/merge2', wait=False)
        ends = [finish(x, None).status for x in (first, second)]
        e2e.check(1 in ends, ends)
        merge(s, here)
        same(s, here, DATA['top'] + '/report')
        return 'one was outrun' if 'by another process' in said else 'in turn'


def rounds(here, options):
    """What must know all ids and keys: analyze, merge, run, merge."""
    more = '--on-duplicate', 'keep-last'
    with servers.s3() as s:
        r = shard(s, here, 1, *more, policy='null', status=5)
        e2e.contains(r.err, 'must know', 'dynamill analyze', '--job ' + JOB,
                     'dynamill merge --job ' + JOB, '--shard N/3')
        for words in 'which ids there are', 'which primary keys are double':
            for i in (1, 2):
                shard(s, here, i, *more, command='analyze', n=2,
                      policy='null')
            e2e.contains(merge(s, here, status=1).out, words)
        for i in (1, 2):
            shard(s, here, i, *more, policy='null', n=2)
        merge(s, here, status=1)
        same(s, here, DATA['top'] + '/null')


def what_is_lost_is_done_again(here, options):
    if not options.long:
        raise e2e.Skipped('--long does it')
    with servers.s3() as s:
        for i in (1, 2):
            shard(s, here, i, n=2)
        for kind in 'out/*/data', 'part/index/units':
            found = s.get('jobs/x.job/shards/run/2', here + '/found')
            path = sorted(glob.glob('%s/*/%s/*' % (found, kind)))[0]
            s.get('jobs/x.job/shards/run/2/' + os.path.relpath(
                os.path.dirname(path), found), 'remove')
            shutil.rmtree(found)
            r = merge(s, here, status=3)
            e2e.contains(r.err, 'shard 2 of 2 is not whole', '--shard 2/2')
            shard(s, here, 2, n=2)
        # Something has its size and is damaged: seen by who reads it all.
        for kind in 'out/*/data', 'part/index/units':
            found = s.get('jobs/x.job/shards/run/1', here + '/found')
            path = sorted(glob.glob('%s/*/%s/*' % (found, kind)))[0]
            data = e2e.read(path, 'rb')
            at = len(data) // 2
            shutil.rmtree(found)
            e2e.write(here + '/bad/x', '')
            with open(here + '/bad/x', 'wb') as f:
                f.write(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
            name = os.path.basename(path)
            os.rename(here + '/bad/x', here + '/bad/' + name)
            s.put(here + '/bad', 'jobs/x.job/shards/run/1/' + os.path.dirname(
                os.path.relpath(path, found)))
            shutil.rmtree(here + '/bad')
            shutil.rmtree(here + '/merge')
            r = merge(s, here, '--verify', status=3)
            e2e.contains(r.err, 'shard 1 of 2 is not whole', 'it was removed')
            shard(s, here, 1, n=2)
        merge(s, here, '--verify', status=1)
        same(s, here, DATA['top'] + '/report')


def a_merge_is_killed(here, options):
    """At any moment, also with its machine, and again: the same."""
    if not options.long:
        raise e2e.Skipped('--long does it')
    rng = random.Random(options.seed)
    with servers.s3() as s:
        for i in (1, 2):
            shard(s, here, i, n=2)
        kills = 0
        for i in range(12 if options.long else 4):
            child = merge(s, here, wait=False)
            time.sleep(rng.random() * .5)
            child.send_signal(signal.SIGKILL)
            child.communicate()
            kills += child.returncode < 0
            if i % 2 and os.path.exists(here + '/merge'):
                shutil.rmtree(here + '/merge')
        child = merge(s, here, wait=False)
        child.communicate()
        e2e.check(child.returncode in (0, 1), child.returncode)
        same(s, here, DATA['top'] + '/report')
        return '%d kills' % kills


def copies_are_made_by_the_service(here, options):
    """In parts where it is long; an error behind a 200 is one."""
    seen = []
    fails = [0, 0]

    def answer(request):
        seen.append((request.command, request.path, request.headers.get(
            'x-amz-copy-source'), request.headers.get(
                'x-amz-copy-source-range'), request.body.decode()))
        if fails[0] > 0:
            fails[0] -= 1
            return 200, {}, b'<Error><Code>InternalError</Code></Error>'
        if request.path.endswith('?uploads='):
            return 200, {}, b'<R><UploadId>a/b+</UploadId></R>'
        if fails[1] > 0 and request.command == 'PUT':
            fails[1] -= 1
            return 403, {}, b'<Error><Code>AccessDenied</Code></Error>'
        return 200, {}, b'<R><ETag>"e%d"</ETag></R>' % len(seen)

    def copy(n):
        del seen[:]
        return s3.tool(s3.environment(url), 'copy', 's3://bbb/a b%+',
                       's3://bbb/to/c', str(n))
    part = 256 << 20
    with servers.answers(answer) as url:
        e2e.equal(copy(part).status, 0, 'status')
        e2e.equal(seen, [('PUT', '/bbb/to/c', '/bbb/a%20b%25%2B', None, '')],
                  'requests')
        fails[0] = 2
        e2e.equal((copy(1).status, len(seen)), (0, 3), 'asked again')
        fails[0] = 5
        e2e.contains(copy(1).err, 's3://bbb/to/c', 'InternalError')
        e2e.equal(copy(2 * part + 7).status, 0, 'status')
        e2e.equal([x[3] for x in seen], [
            None, 'bytes=0-%d' % (part - 1), 'bytes=%d-%d' % (
                part, 2 * part - 1), 'bytes=%d-%d' % (2 * part, 2 * part + 6),
            None], 'ranges')
        e2e.contains(seen[2][1], 'partNumber=2&uploadId=a%2Fb%2B')
        e2e.contains(seen[-1][4], '<PartNumber>3</PartNumber><ETag>"e4"')
        # What breaks off leaves nothing.
        fails[1] = 1
        e2e.contains(copy(2 * part).err, 'AccessDenied')
        e2e.equal(seen[-1][:2], ('DELETE', '/bbb/to/c?uploadId=a%2Fb%2B'),
                  'called off')


if __name__ == '__main__':
    e2e.main([as_one_machine_on_its_disk, two_at_once_do_no_harm, rounds,
              what_is_lost_is_done_again, a_merge_is_killed,
              copies_are_made_by_the_service], prepare)
