"""s3out.py - runs whose output goes to S3, an S3 that others wrote: the same
bytes as on disk, whatever breaks, and nothing left behind."""
import glob
import os
import signal
import subprocess
import time

import e2e
import s3
import servers

OUT = s3.BUCKET + 'to/here'


def plan(here, name='plan', exports=('data',), **target):
    return e2e.write_plan('%s/%s.json' % (here, name), {
        'source': {'exports': list(exports)},
        'target': {'environment': 'e', **target},
        'tables': {'Things': {'key': {'id': 'S'}, 'id': 'id',
                              'to': 'Things-e'}}})


def tree(folder):
    """Names to bytes, but for what only one of disk and S3 has."""
    found = {}
    for path in glob.glob(folder + '/**', recursive=True):
        name = os.path.relpath(path, folder)
        if os.path.isfile(path) and not name.startswith('_'):
            found[name] = e2e.read(path, 'rb')
    return found


def same(s, here, disk):
    got = tree(s.get('to/here', here + '/got%d' % time.monotonic_ns()))
    want = tree(disk + '/out')
    e2e.equal(sorted(got), sorted(want), 'names')
    for name in want:
        e2e.check(got[name] == want[name], name, 'differs')
    return got


def dynamill(s, *args, status=0, **more):
    done = subprocess.run([e2e.PROGRAM, *args], env={**s.env, **more},
                          text=True, stdin=subprocess.DEVNULL,
                          capture_output=True)
    r = e2e.Result(done.returncode, done.stdout, done.stderr)
    e2e.clean(r)
    e2e.equal(r.status, status, r)
    return r


def from_s3_to_s3_gives_the_bytes_of_the_disk(here, options):
    n = 30000 if options.long else 9000
    for i in range(3):
        s3.big('%s/data/%d.json.gz' % (here, i), n + i, seed=i)
    s3.big(here + '/data/large.json.gz', 5 * n, seed=9)
    e2e.run(plan(here), here + '/disk', '--quiet')
    with servers.s3('--e500', .05, '--reset', .05, '--lost', .1, '--tear',
                    .1, '--throttle', .3) as s:
        source = s.put(here + '/data', 'data')
        path = plan(here, 's3', [source], out=OUT + '/')
        r = dynamill(s, 'run', path, '--job', here + '/s3', '--threads', '2')
        e2e.contains(r.out, OUT + '/')
        stat = s.faults()
        for what in ('e500', 'reset', 'lost', 'torn', 'throttled'):
            e2e.check(stat[what] > 0, what, stat)
        same(s, here, here + '/disk')
        e2e.equal(s.stat()['uploads'], 0, 'uploads that stay')
        e2e.equal(s.stat()['refused'], 0, 'refused')
        r = dynamill(s, 'run', path, '--job', here + '/s3')
        e2e.contains(r.out, 'done already')
        # Its manifests are followed as any export's.
        e2e.equal(s3.cat(s.env, OUT).out, s3.cat(
            s.env, here + '/disk/out').out, 'items')
        # What it made must be there still.
        s.get('to/here/Things-e/data', 'remove')
        r = dynamill(s, 'run', path, '--job', here + '/s3', status=3)
        e2e.contains(r.err, OUT + '/Things-e/data/', 'is not there')


def every_format_and_packing_goes_there(here, _):
    s3.big(here + '/data/0.json.gz', 300)
    s3.big(here + '/data/1.json.gz', 300, seed=2)
    with servers.s3() as s:
        for i, target in enumerate((
                {'format': 'ion', 'compression': 'zstd'},
                {'format': 'batch-requests'},
                {'format': 'csv', 'compression': 'none',
                 'csv': {'columns': ['id', 'text']}})):
            disk = '%s/disk%d' % (here, i)
            e2e.run(plan(here, **target), disk, '--quiet')
            dynamill(s, 'run', plan(here, **target), '--job',
                     '%s/s3-%d' % (here, i), '--quiet', '-o', OUT)
            same(s, here, disk)
            s.get('to/here', 'remove')


def a_killed_run_goes_on_and_no_part_stays(here, options):
    n = 60000 if options.long else 36000
    for i in range(3):
        s3.big('%s/data/%d.json.gz' % (here, i), n + i, seed=i)
    e2e.run(plan(here), here + '/disk', '--quiet')
    with servers.s3() as s:
        command = ['run', plan(here), '--job', here + '/s3', '--quiet', '-o',
                   OUT, '--threads', '2']
        kills = parts = 0
        for _ in range(4):
            child = subprocess.Popen([e2e.PROGRAM, *command], env=s.env,
                                     stderr=subprocess.PIPE)
            while child.poll() is None and s.stat()['uploads'] == 0:
                time.sleep(.002)
            child.kill()
            kills += child.wait() < 0
            child.stderr.close()
            parts += s.stat()['uploads'] > 0
        # Those of others stay, below the address or beside it.
        s.begin('to/here/Other/data/x', 'to/here/Things-e2/data/x',
                'to/here2/Things-e/data/x', 'Things-e/data/x')
        dynamill(s, *command)
        same(s, here, here + '/disk')
        stat = s.stat()
        e2e.equal(stat['uploads'], 4, 'uploads that stay')
        e2e.check(parts > 0 and stat['aborted'] > 0, parts, stat)
        return '%d kills, %d uploads called off' % (kills, stat['aborted'])


def an_interrupted_run_leaves_no_parts(here, _):
    s3.big(here + '/data/0.json.gz', 60000)
    with servers.s3() as s:
        child = subprocess.Popen(
            [e2e.PROGRAM, 'run', plan(here), '--job', here + '/s3', '--quiet',
             '-o', OUT], env=s.env, stderr=subprocess.PIPE)
        while child.poll() is None and s.stat()['uploads'] == 0:
            time.sleep(.002)
        child.send_signal(signal.SIGTERM)
        child.communicate()
        if child.returncode == 0:
            return 'was done before'
        e2e.equal(child.returncode, 130, 'status')
        stat = s.stat()
        e2e.equal((stat['uploads'], stat['aborted']), (0, 1), 'uploads')
        # Nothing says that it is complete.
        names = tree(s.get('to', here + '/there'))
        e2e.check(not [x for x in names if 'manifest' in x], names)


def keys_expire_and_answers_stall_on_the_way(here, _):
    """Of what is read, and of what is written."""
    for i in range(3):
        s3.big('%s/data/%d.json.gz' % (here, i), 9000 + i, seed=i)
    e2e.run(plan(here), here + '/disk', '--quiet')
    with servers.s3() as s:
        source = s.put(here + '/data', 'data')
        s.faults(expire=5, stalls=6)
        s.env = servers.environment(AWS_REGION='us-east-1',
                                    AWS_ENDPOINT_URL_S3=s.url)
        dynamill(s, 'run', plan(here, 's3', [source], out=OUT), '--job',
                 here + '/s3', '--quiet', '--read-timeout', '1',
                 **servers.expiring(here, ('S3RVER', 'S3RVER')))
        stat = s.faults()
        same(s, here, here + '/disk')
        e2e.check(stat['expired'] > 0, stat)
        e2e.check(stat['stalled'] > stat['stalledPUT'] > 0, stat)
        return '%d requests with expired keys, %d stalled' % (
            stat['expired'], stat['stalled'])


def an_address_belongs_to_one_job(here, _):
    s3.big(here + '/data/0.json.gz', 100)
    path = plan(here, out=OUT)
    with servers.s3() as s:
        s.put(here + '/data', 'to/here/other')
        r = dynamill(s, 'run', path, '--job', here + '/a', status=5)
        e2e.contains(r.err, OUT + ' is not empty')
        s.get('to/here', 'remove')
        dynamill(s, 'run', path, '--job', here + '/a', '--quiet')
        r = dynamill(s, 'run', path, '--job', here + '/b', status=5)
        e2e.contains(r.err, OUT + ' is not empty')
        # And a job to one address.
        r = dynamill(s, 'run', path, '--job', here + '/a', '-o', OUT + '2',
                     status=5)
        e2e.contains(r.err, '-o', OUT)
        for bad in ('/tmp/x', 's3://', 's3:///x', 's3://b/' + 'x' * 300):
            dynamill(s, 'run', path, '--job', here + '/c', '-o', bad,
                     status=2)


def of_two_that_begin_at_once_one_is_refused(here, _):
    """Nothing was there when it looked, and then another was faster."""
    s3.big(here + '/data/0.json.gz', 10)
    path = plan(here, out=OUT)
    listing = b'<?xml version="1.0"?><R><IsTruncated>false</IsTruncated></R>'
    theirs = b'dynamill job of another\n'

    def meet(name, status, there, ends):
        marks, flags, seen = [], [], []

        def answer(request):
            what = request.path.split('?')[0].split('/')[-1]
            listed = 'list-type' in request.path
            if what.startswith('_started.') and not listed:
                if request.command == 'PUT':
                    flags.append(what)
                    return 412 if len(flags) > 1 else 200, {}, b''
                return 204, {}, b''
            if what == '_started' and request.command == 'PUT':
                marks.append((request.headers['if-none-match'],
                              request.body))
                return status(len(marks)), {}, b''
            if what == '_started':
                return (200 if marks else 404), {}, (
                    b'' if request.command == 'HEAD' else there(marks))
            if listed:
                return 200, {}, listing
            seen.append(request.path)
            return 403, {}, b'<Error><Code>AccessDenied</Code></Error>'
        with servers.answers(answer) as url:
            r = dynamill(servers.S3(url), 'run', path, '--job',
                         here + '/' + name, status=ends)
        e2e.equal(marks[0][0], '*', 'If-None-Match')
        e2e.equal(bool(seen), ends != 5, 'went on')
        return r, marks
    for name, code in (('a', 412), ('b', 409)):
        r, _ = meet(name, lambda _: code, lambda _: theirs, 5)
        e2e.contains(r.err, OUT + ' was taken by another job', 'another place')
    # What is there is its own, of which the first answer was lost; or by a
    # server that refuses the header.
    mine = lambda marks: marks[-1][1] if marks else b''
    meet('d', lambda n: 500 if n == 1 else 412, mine, 4)
    _, marks = meet('e', lambda n: 501 if n == 1 else 200, mine, 4)
    e2e.equal([x[0] for x in marks], ['*', None], 'If-None-Match')


def conditions_or_not_no_two_take_an_address(here, options):
    """A server that ignores If-None-Match, and one that does not: of many that
    begin at once no two go on, and the bytes of the one are its own."""
    jobs = 6 if options.long else 3
    for i in range(jobs):
        s3.big('%s/data%d/0.json.gz' % (here, i), 20, seed=i)
        e2e.run(plan(here, 'disk%d' % i, ['data%d' % i]),
                '%s/disk%d' % (here, i), '--quiet')
        plan(here, 'plan%d' % i, ['data%d' % i], out=OUT)
    went_on = []
    with servers.s3() as s:
        modes = [{}] if 'S3_BEHIND' in os.environ else [
            {'unconditional': 1}, {}]
        for unconditional in modes * (5 if options.long else 1):
            s.faults(**unconditional)
            name = '%s/%d-' % (here, len(went_on))
            children = [subprocess.Popen(
                [e2e.PROGRAM, 'run', '%s/plan%d.json' % (here, i), '--job',
                 name + str(i), '--quiet'], env=s.env,
                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                text=True) for i in range(jobs)]
            errors = [c.communicate()[1] for c in children]
            ended = [c.returncode for c in children]
            e2e.check(set(ended) <= {0, 5}, ended, errors)
            went_on.append(ended.count(0))
            # Who is outrun for seconds gives up, where nobody says who is first.
            e2e.check(went_on[-1] in ((0, 1) if unconditional else (1,)),
                      ended, errors)
            for i, status in enumerate(ended):
                if status == 0:
                    same(s, here, '%s/disk%d' % (here, i))
                else:
                    e2e.contains(errors[i], OUT)
            s.get('to/here', 'remove')
            # The flag of one that was killed before its mark.
            e2e.write(here + '/flag/_started.%s-%s' % ('0123456789abcdef',
                                                       '0' * 16), 'x')
            s.put(here + '/flag', 'to/here')
            command = ['run', here + '/plan0.json', '--quiet', '--job']
            r = dynamill(s, *command, name + 'x', status=5 * bool(
                unconditional))
            if unconditional:
                e2e.contains(r.err, 'another job begins there', '_started.*')
                s.get('to/here', 'remove')
                dynamill(s, *command, name + 'x')
            r = dynamill(s, *command, name + 'y', status=5)
            e2e.contains(r.err, OUT + ' is not empty')
            there = s.get('to/here', name + 'got')
            if unconditional:
                e2e.equal([x for x in os.listdir(there) if x[0] == '_'],
                          ['_started'], 'marks')
            s.get('to/here', 'remove')
    return '%d of %d went on' % (sum(went_on), len(went_on) * jobs)


def the_account_of_the_target_is_asked_first(here, _):
    s3.big(here + '/data/0.json.gz', 10)
    path = plan(here, out=OUT, account='123456789012')
    identity = (b'<R><Arn>arn:aws:iam::210987654321:user/x</Arn>'
                b'<Account>210987654321</Account></R>')
    with servers.s3() as s, servers.answers(lambda _: (200, {}, identity)) \
            as sts:
        r = dynamill(s, 'run', path, '--job', here + '/a', status=5,
                     AWS_ENDPOINT_URL_STS=sts)
        e2e.contains(r.err, 'are of account 210987654321')
        e2e.equal(tree(s.get('to', here + '/there')), {}, 'objects')


def what_is_in_s3_is_pushed_and_validated(here, _):
    s3.big(here + '/data/0.json.gz', 400)
    with servers.s3() as s, servers.dynamodb() as d:
        env = {'AWS_ENDPOINT_URL_DYNAMODB': d.url}
        job = here + '/job'
        dynamill(s, 'run', plan(here), '--job', job, '-o', OUT, '--quiet')
        dynamill(s, 'validate', '--job', job)
        r = dynamill(s, 'tables', 'create', '--job', job, **env)
        e2e.equal(r.out, 'Things-e: made\n', 'tables')
        dynamill(s, 'push', '--job', job, **env)
        e2e.equal(len(servers.boto(d, scan='Things-e')), 400, 'items')


if __name__ == '__main__':
    e2e.main([from_s3_to_s3_gives_the_bytes_of_the_disk,
              every_format_and_packing_goes_there,
              a_killed_run_goes_on_and_no_part_stays,
              an_interrupted_run_leaves_no_parts,
              keys_expire_and_answers_stall_on_the_way,
              an_address_belongs_to_one_job,
              of_two_that_begin_at_once_one_is_refused,
              conditions_or_not_no_two_take_an_address,
              the_account_of_the_target_is_asked_first,
              what_is_in_s3_is_pushed_and_validated])
