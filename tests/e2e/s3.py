"""s3.py - exports in S3, an S3 that others wrote: the same as from disk."""
import os
import random
import re
import subprocess

import archives
import e2e
import servers

BUCKET = 's3://test-bucket/'


def cat(env, *args, status=0):
    done = subprocess.run([e2e.PROGRAM, 'cat', *args], env=env,
                          capture_output=True)
    r = e2e.Result(done.returncode, done.stdout,
                   done.stderr.decode(errors='replace'))
    e2e.clean(r)
    if r.status != status:
        raise e2e.Failed('exit status %d: %s' % (r.status, r.err))
    return r


def big(path, items=12000, seed=1):
    """Some megabytes that do not pack well."""
    r = random.Random(seed)
    return e2e.write_items(path, [
        {'id': {'S': '%d-%d' % (seed, i)},
         'text': {'S': '%0400x' % r.getrandbits(1600)}}
        for i in range(items)])


def exports_are_read_as_from_disk(here, _):
    local = e2e.FIXTURES + '/good'
    with servers.s3() as s:
        s.put(local, 'good')
        for name in ('prefix', 'incremental', 'moved', 'lost-prefix',
                     'members', 'types', 'folder-zstd', 'no-sums', 'empty',
                     'ion'):
            a = subprocess.run([e2e.PROGRAM, 'cat', local + '/' + name],
                               capture_output=True)
            b = subprocess.run([e2e.PROGRAM, 'cat', BUCKET + 'good/' + name],
                               env=s.env, capture_output=True)
            e2e.equal(b.returncode, a.returncode, name + b.stderr.decode())
            e2e.equal(b.stdout, a.stdout, name)
        e2e.equal(s.stat()['refused'], 0, 'refused')


def one_object_or_one_export_is_found_too(here, _):
    top = e2e.FIXTURES + '/good/prefix'
    summary = next(os.path.relpath(os.path.join(d, n), top)
                   for d, _, names in os.walk(top) for n in names
                   if n == 'manifest-summary.json')
    want = subprocess.run([e2e.PROGRAM, 'cat', top], capture_output=True)
    big(here + '/one/a.json.gz', 10)
    with servers.s3() as s:
        s.put(top, 'x')
        s.put(here + '/one', 'one')
        for path in (summary, os.path.dirname(summary),
                     os.path.dirname(summary) + '/data/'):
            e2e.equal(cat(s.env, BUCKET + 'x/' + path).out, want.stdout, path)
        e2e.equal(cat(s.env, BUCKET + 'one/a.json.gz').out.count(b'\n'), 10,
                  'items')
        for bad, why in (('s3://test-bucket/nothing', 'No such file'),
                         ('s3://test-bucket/one/a.json', 'No such file'),
                         ('s3://no-bucket-there/x', 'NoSuchBucket'),
                         ('s3://x', 'is no name of a bucket')):
            done = subprocess.run([e2e.PROGRAM, 'cat', bad], env=s.env,
                                  capture_output=True, text=True)
            e2e.check(done.returncode in (2, 3, 4), done.returncode)
            e2e.contains(done.stderr, why)


def a_run_gives_the_same_bytes_as_from_disk(here, _):
    for i in range(3):
        big('%s/data/%d.json.gz' % (here, i), 9000 + i, seed=i)
    plan = {'source': {'exports': ['data']}, 'target': {'environment': 'e'},
            'tables': {'Things': {'key': ['id'], 'id': 'id'}}}
    e2e.run(e2e.write_plan(here + '/disk.json', plan), here + '/disk')
    with servers.s3('--e500', .1, '--reset', .1, '--cut', .4) as s:
        s.put(here + '/data', 'data')
        before = s.stat()
        plan['source']['exports'] = [BUCKET + 'data']
        path = e2e.write_plan(here + '/s3.json', plan)
        e2e.run(path, here + '/s3', '--threads', '2', env=s.env)
        e2e.same_jobs(here + '/disk', here + '/s3')
        after = s.stat()
        e2e.check(after['cut'] > before['cut'], after)
        # Another object under the same name is another source.
        big(here + '/data/1.json.gz', 9001, seed=9)
        s.put(here + '/data', 'data')
        r = e2e.run(path, here + '/s3', env=s.env, status=5)
        e2e.contains(r.err, 'files')
        return '%d connections cut' % after['cut']


def large_objects_come_in_ranges_whatever_breaks(here, _):
    path = big(here + '/data/big.json.gz', 24000)
    e2e.check(os.path.getsize(path) > 4 << 20, os.path.getsize(path))
    want = subprocess.run([e2e.PROGRAM, 'cat', path],
                          capture_output=True).stdout
    with servers.s3('--cut', .4, '--seed', 3) as s:
        s.put(here + '/data', 'data')
        e2e.check(cat(s.env, BUCKET + 'data').out == want, 'other items')
        return '%d cut' % s.stat()['cut']


def listings_have_pages_and_keys_have_any_character(here, _):
    names = ['a b', 'plus+', '100%', 'é€', '[x]', '~', '%41', 'q?', '#h',
             '=,;:@$!*()']
    for i, name in enumerate(names):
        e2e.write_items('%s/d/%s.json.gz' % (here, name),
                        [{'id': {'N': str(i)}}])
    for i in range(1010):
        e2e.write('%s/many/%04d.json' % (here, i),
                  '{"Item":{"id":{"N":"%d"}}}\n' % i)
    with servers.s3() as s:
        s.put(here + '/d', 'd')
        out = cat(s.env, BUCKET + 'd').out.decode()
        e2e.equal(sorted(re.findall(r'\d+', out)),
                  [str(i) for i in range(len(names))], 'items')
        s.put(here + '/many', 'many')
        e2e.equal(cat(s.env, BUCKET + 'many/', '--threads', '2').out.count(
            b'\n'), 1010, 'objects')


def patterns_match_objects_and_folders(here, _):
    for i, name in enumerate(('x/a/1.json', 'x/a/2.json', 'x/b/1.json',
                              'y/a/3.json', 'x/c.json', 'x/a/.hid.json')):
        e2e.write('%s/d/%s' % (here, name), '{"id":{"N":"%d"}}\n' % i)
    with servers.s3() as s:
        s.put(here + '/d', 'd')
        s.put(e2e.FIXTURES + '/good/prefix', 'exports/2025-01')
        for pattern, want in (('d/x/a/*.json', '01'), ('d/*/a/*', '013'),
                              ('d/x/*', '0124'), ('d/[xy]/a', '013'),
                              ('d/x/?/1.json', '02'), ('d/x/*.json', '4')):
            out = cat(s.env, BUCKET + pattern).out.decode()
            e2e.equal(sorted(re.findall(r'"(\d)"', out)), list(want), pattern)
        e2e.equal(cat(s.env, BUCKET + 'exports/2025-*').out, cat(
            s.env, e2e.FIXTURES + '/good/prefix').out, 'an export')
        e2e.contains(cat(s.env, BUCKET + 'd/z*', status=3).err,
                     'nothing is called so')
        cat(s.env, 's3://test-b*/d', status=2)


def archives_are_folders_as_on_disk(here, _):
    """Each kind, by a run and by cat; zip and 7z from their ends."""
    local = e2e.FIXTURES + '/relational'
    kinds = ('.tar', '.tar.gz', '.zip', '.7z')
    os.makedirs(here + '/up/some')
    for kind in kinds:
        archives.pack(here + '/up/all' + kind, local)
    for i, name in enumerate(sorted(os.listdir(local))):
        archives.pack('%s/up/some/%s%s' % (here, name, kinds[i % 4]),
                      local + '/' + name)
    e2e.run(archives.relational(here, [local], 'disk.yaml'), here + '/disk',
            status=None)
    want = sorted(cat(servers.environment(), local).out.splitlines())
    with servers.s3('--e500', .1, '--reset', .05, '--cut', .2) as s:
        s.put(here + '/up', 'up')
        for name in ('all.tar.gz', 'all.7z', 'some'):
            plan = archives.relational(here, [BUCKET + 'up/' + name],
                                       's3.yaml')
            job = '%s/job-%s' % (here, name)
            e2e.run(plan, job, '--threads', '2', env=s.env, status=None)
            archives.same_jobs_but_places(here + '/disk', job)
        for name in ('all.tar', 'all.zip', 'some/*'):
            got = cat(s.env, BUCKET + 'up/' + name, '--threads', '2').out
            e2e.check(sorted(got.splitlines()) == want, name)


def large_archives_come_in_ranges(here, _):
    """More than is on its way at once, by leaps and from end to end."""
    for i in range(4):
        big('%s/data/%d.json.gz' % (here, i), 9000, seed=i)
    want = sorted(cat(servers.environment(), here + '/data').out.splitlines())
    os.makedirs(here + '/up')
    with servers.s3('--cut', .3, '--seed', 3) as s:
        for kind in ('.tar', '.zip'):
            path = archives.pack(here + '/up/data' + kind, here + '/data')
            e2e.check(os.path.getsize(path) > 6 << 20, os.path.getsize(path))
        s.put(here + '/up', 'up')
        for kind in ('.tar', '.zip'):
            got = cat(s.env, BUCKET + 'up/data' + kind).out.splitlines()
            e2e.check(sorted(got) == want, kind)
            # Files of both are read side by side.
            for path in (here + '/data', BUCKET + 'up/data' + kind):
                plan = e2e.write_plan(here + '/side.json', {
                    'source': {'exports': [path]},
                    'target': {'environment': 'e'},
                    'tables': {'Things': {'key': ['id']}}})
                job = '%s/side%s%d' % (here, kind, path[0] == 's')
                e2e.run(plan, job, '--threads', '3', env=s.env)
            archives.same_jobs_but_places(here + '/side%s0' % kind,
                                          here + '/side%s1' % kind)
        # It is known by its ETag: a resume with another one is refused.
        plan = e2e.write_plan(here + '/plan.json', {
            'source': {'exports': [BUCKET + 'up/data.zip']},
            'target': {'environment': 'e'},
            'tables': {'Things': {'key': ['id']}}})
        e2e.run(plan, here + '/job', '--quiet', env=s.env)
        os.rename(here + '/up/data.tar', here + '/up/data.zip')
        s.put(here + '/up', 'up')
        r = e2e.run(plan, here + '/job', env=s.env, status=5)
        e2e.contains(r.err, 'files')
        return '%d cut' % s.stat()['cut']


def whoami_tells_which_sources_can_be_listed(here, _):
    with servers.s3() as s:
        s.put(e2e.FIXTURES + '/good/types', 'types')
        for path, what in (('types', 'can be listed'),
                           ('nothing', 'holds nothing')):
            plan = e2e.write_plan(here + '/plan.json', {
                'source': {'exports': [BUCKET + path]},
                'tables': {'Things': {'key': ['id']}}})
            done = subprocess.run([e2e.PROGRAM, 'whoami', plan], text=True,
                                  env={**s.env, 'AWS_ENDPOINT_URL': s.url},
                                  capture_output=True)
            e2e.contains(done.stdout, 'bucket       %s%s: %s'
                         % (BUCKET, path, what))
            e2e.equal(done.returncode, 4, 'status')     # there is no STS


# ---- objects out --------------------------------------------------------------

GET = '''
import sys
import boto3
from botocore.config import Config
s3 = boto3.client('s3', endpoint_url=sys.argv[1], aws_access_key_id='S3RVER',
                  aws_secret_access_key='S3RVER', region_name='us-east-1',
                  config=Config(s3={'addressing_style': 'path'}))
sys.stdout.buffer.write(s3.get_object(Bucket='test-bucket', Key=sys.argv[2])
                        ['Body'].read())
'''


def tool(env, *args, data=b''):
    path = os.path.join(os.path.dirname(os.path.realpath(e2e.PROGRAM)),
                        'tool_aws')
    if not os.path.exists(path):
        raise e2e.Skipped('there is no %s: make tests' % path)
    done = subprocess.run([path, *args], input=data, env=env,
                          capture_output=True)
    r = e2e.Result(done.returncode, done.stdout, done.stderr.decode())
    e2e.clean(r)
    return r


def objects_go_up_in_parts_and_boto_reads_them(here, _):
    r = random.Random(1)
    with servers.s3('--e500', .1, '--reset', .05) as s:
        for n in (0, 1, 6 << 20, (6 << 20) + 1, 20000000):
            data = r.randbytes(n)
            done = tool(s.env, 'put', BUCKET + 'up/a b', data=data)
            e2e.equal(done.status, 0, done.err)
            e2e.check(tool(s.env, 'get', BUCKET + 'up/a b').out == data, n)
            boto = subprocess.run([e2e.PYTHON, '-c', GET, s.url, 'up/a b'],
                                  capture_output=True,
                                  env=servers.environment())
            e2e.check(boto.stdout == data, n, boto.stderr.decode()[-500:])
        e2e.equal(s.stat()['refused'], 0, 'refused')


def what_is_not_committed_leaves_nothing(here, _):
    """An upload by its documentation: s3rver cannot abort."""
    seen = []

    def answer(request):
        seen.append((request.command, request.path.split('?')[-1],
                     len(request.body)))
        if request.path.endswith('?uploads='):
            return 200, {}, b'<R><UploadId>a/b+</UploadId></R>'
        if request.command == 'POST':
            return 200, {}, b'<?xml version="1.0"?>\n  <Error><Code>' \
                b'InternalError</Code></Error>'
        return (204 if request.command == 'DELETE' else 200), \
            {'ETag': '"e"'}, b''
    data = b'x' * 20000000
    with servers.answers(answer) as url:
        done = tool(environment(url), 'put', 's3://bbb/k', 'drop', data=data)
        e2e.equal(done.status, 0, done.err)
        e2e.equal([x[1] for x in seen if x[0] == 'DELETE'],
                  ['uploadId=a%2Fb%2B'], 'aborted')
        e2e.equal([x[2] for x in seen if x[0] == 'PUT'][:2], [6 << 20] * 2,
                  'parts')
        # What S3 says after its 200 counts, and then all of it goes.
        done = tool(environment(url), 'put', 's3://bbb/k', data=data)
        e2e.contains(done.err, 'not completed: InternalError')
        e2e.equal([x[0] for x in seen].count('DELETE'), 2, 'aborted')


# ---- what no real server can be made to show --------------------------------

LISTING = '''<?xml version="1.0"?><ListBucketResult xmlns="x"><Name>b</Name>
<KeyCount>1</KeyCount><IsTruncated>false</IsTruncated><Contents><Key>%s</Key>
<ETag>&quot;one&quot;</ETag><Size>%d</Size></Contents></ListBucketResult>'''


def fake(objects, key='k', size=3000000):
    """A bucket with that object; `objects` gives (etag, bytes) each time."""
    def answer(request):
        if 'list-type' in request.path:
            return 200, {}, (LISTING % (key, size)).encode()
        etag, text = objects(request)
        m = re.match(r'bytes=(\d+)-(\d+)$', request.headers['range'])
        first, last = int(m[1]), min(int(m[2]), len(text) - 1)
        return 206, {'ETag': etag, 'Content-Range': 'bytes %d-%d/%d'
                     % (first, last, len(text))}, text[first:last + 1]
    return answer


def environment(url):
    return servers.environment(AWS_ACCESS_KEY_ID='A', AWS_REGION='eu-west-1',
                               AWS_SECRET_ACCESS_KEY='B',
                               AWS_ENDPOINT_URL_S3=url)


def what_nobody_wants_of_an_archive_is_not_asked_for(here, _):
    """To see what is in a tar or zip takes a little of each file."""
    big(here + '/data/0.json.gz', 100)
    for i in range(1, 4):
        with open('%s/data/%d.json.gz' % (here, i), 'wb') as f:
            f.write(random.Random(i).randbytes(6 << 20))
    for kind in ('.tar', '.zip'):
        with open(archives.pack(here + '/x' + kind, here + '/data'), 'rb') as f:
            text = f.read()
        asked = []

        def objects(request):
            m = re.match(r'bytes=(\d+)-(\d+)$', request.headers['range'])
            asked.append(min(int(m[2]), len(text) - 1) + 1 - int(m[1]))
            return '"one"', text
        with servers.answers(fake(objects, 'k' + kind, len(text))) as url:
            r = subprocess.run(
                [e2e.PROGRAM, 'cat', 's3://bbb/k' + kind, '--limit', '1',
                 '--threads', '1'],
                text=True, env=environment(url), capture_output=True)
        e2e.equal(r.returncode, 0, r.stderr)
        # Up to four ranges ahead that are of no use, each time.
        e2e.check(sum(asked) < 10 << 20 < len(text) // 2 + (2 << 20), kind,
                  asked)


def an_object_that_changes_is_noticed(here, _):
    text = b''.join(b'{"Item":{"id":{"N":"%d"}}}\n' % i
                    for i in range(120000))
    seen = []

    def objects(request):
        seen.append(request.headers['if-match'])
        return '"one"' if len(seen) < 3 else '"two"', text
    with servers.answers(fake(objects)) as url:
        r = subprocess.run([e2e.PROGRAM, 'cat', 's3://bbb/k'], text=True,
                           env=environment(url), capture_output=True)
        e2e.equal(r.returncode, 3, r.stderr)
        e2e.contains(r.stderr, 's3://bbb/k', 'changed while it was read')
        e2e.equal(seen[:2], ['"one"', '"one"'], 'If-Match')
    # Changed between the listing and the first byte.
    with servers.answers(fake(lambda _: ('"two"', text))) as url:
        r = subprocess.run([e2e.PROGRAM, 'cat', 's3://bbb/k'], text=True,
                           env=environment(url), capture_output=True)
        e2e.equal((r.returncode, r.stdout), (3, ''), r.stderr)
        e2e.contains(r.stderr, 's3://bbb/k', 'changed while it was read')


def other_bytes_than_asked_for_are_no_item(here, _):
    def shifted(request):
        status, fields, body = fake(lambda _: ('"one"', b'x' * 3000000))(
            request)
        if status == 206:
            fields['Content-Range'] = 'bytes 5-9/3000000'
        return status, fields, body
    with servers.answers(shifted) as url:
        r = subprocess.run([e2e.PROGRAM, 'cat', 's3://bbb/k'], text=True,
                           env=environment(url), capture_output=True)
        e2e.equal(r.returncode, 4, r.stderr)
        e2e.contains(r.stderr, 'other bytes than were asked for')


def a_listing_may_be_anything(here, _):
    for body, why in ((b'<a><b></a>', 'no XML'), (b'', 'no XML'),
                      (b'<ListBucketResult><Contents><Size>1</Size>'
                       b'</Contents></ListBucketResult>', 'a key that is')):
        with servers.answers(lambda _: (200, {}, body)) as url:
            r = subprocess.run([e2e.PROGRAM, 'cat', 's3://bbb/k'], text=True,
                               env=environment(url), capture_output=True)
            e2e.check(r.returncode in (3, 4), r.returncode)
            e2e.contains(r.stderr, why)


if __name__ == '__main__':
    e2e.main([exports_are_read_as_from_disk,
              one_object_or_one_export_is_found_too,
              a_run_gives_the_same_bytes_as_from_disk,
              large_objects_come_in_ranges_whatever_breaks,
              listings_have_pages_and_keys_have_any_character,
              patterns_match_objects_and_folders,
              archives_are_folders_as_on_disk,
              large_archives_come_in_ranges,
              what_nobody_wants_of_an_archive_is_not_asked_for,
              whoami_tells_which_sources_can_be_listed,
              objects_go_up_in_parts_and_boto_reads_them,
              what_is_not_committed_leaves_nothing,
              an_object_that_changes_is_noticed,
              other_bytes_than_asked_for_are_no_item,
              a_listing_may_be_anything])
