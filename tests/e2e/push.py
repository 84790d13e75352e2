"""push.py - a job's items into tables that others wrote, read by a client that
others wrote: all of them, once, whatever happens on the way."""
import base64
import decimal
import glob
import json
import os
import random
import signal
import subprocess
import sys
import time

import e2e
import servers

sys.path.insert(0, e2e.FIXTURES)
import make     # noqa: E402

ROLE = {'TableName': 'Things-new', 'KeySchema': [
    {'AttributeName': 'pk', 'KeyType': 'HASH'},
    {'AttributeName': 'sk', 'KeyType': 'RANGE'}],
    'AttributeDefinitions': [{'AttributeName': 'pk', 'AttributeType': 'S'},
                             {'AttributeName': 'sk', 'AttributeType': 'N'}]}


def items(n, seed=1):
    """Items of all ten types."""
    r = random.Random(seed)
    made = []
    for i in range(n):
        made.append({
            'pk': {'S': 'p"\\\u00e9%d' % (i % 997)}, 'sk': {'N': '%d.50' % i},
            's': {'S': 'x' * r.randint(0, 300)}, 'e': {'S': ''},
            'b': {'B': base64.b64encode(r.randbytes(r.randint(0, 40)))
                  .decode()},
            'yes': {'BOOL': r.random() < .5}, 'null': {'NULL': True},
            'l': {'L': [{'N': str(i)}, {'M': {'a': {'S': '\u20ac'}}}]},
            'm': {'M': {'UnprocessedItems': {'M': {}}}},
            'ss': {'SS': ['a', 'b%d' % i]}, 'ns': {'NS': ['1', '2.5']},
            'bs': {'BS': ['AAEC', 'AQ==']}})
    return made


def canonical(v):
    """A value as it is equal to others, whoever wrote it."""
    (kind, x), = v.items()
    number = lambda n: str(decimal.Decimal(n).normalize() + 0)
    if kind == 'N':
        x = number(x)
    elif kind == 'NS':
        x = sorted(number(n) for n in x)
    elif kind in ('SS', 'BS'):
        x = sorted(x)
    elif kind == 'L':
        x = [canonical(y) for y in x]
    elif kind == 'M':
        x = {k: canonical(y) for k, y in x.items()}
    return {kind: x}


def same(want, got):
    e2e.equal(len(got), len(want), 'items')
    by_key = {}
    for item in got:
        c = canonical({'M': item})['M']
        by_key[json.dumps([c['pk'], c['sk']])] = c
    for item in want:
        c = canonical({'M': item})['M']
        e2e.equal(by_key.get(json.dumps([c['pk'], c['sk']])), c, 'item')


def job(here, things, files=3, target=None, **plan):
    for i in range(files):
        e2e.write_items('%s/data/%d.json.gz' % (here, i), things[i::files])
    path = e2e.write_plan(here + '/plan.json', {
        'source': {'exports': ['data']},
        'target': {'environment': 'e', **(target or {})},
        'tables': {'Things': {'key': {'pk': 'S', 'sk': 'N'},
                              'to': 'Things-new'}}, **plan})
    e2e.run(path, here + '/job', '--quiet')
    return here + '/job'


def push(s, folder, *args, status=0, env=None):
    done = subprocess.run([e2e.PROGRAM, 'push', '--job', folder, *args],
                          env={**s.env, **(env or {})}, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    r = e2e.Result(done.returncode, done.stdout, done.stderr)
    e2e.clean(r)
    e2e.equal(r.status, status, r)
    return r


def of_json(r):
    return json.loads(r.out)['tables'][0]


def boto_reads_what_was_pushed(here, options):
    things = items((100000 if options.long else 4000) // e2e.SLOW)
    folder = job(here, things)
    with servers.dynamodb() as s:
        servers.boto(s, create=[ROLE])
        t = of_json(push(s, folder, '--output', 'json'))
        e2e.equal((t['put'], t['refused'], t['existed']),
                  (len(things), 0, 0), 'told')
        same(things, servers.boto(s, scan='Things-new'))
        # There is nothing left to do.
        before = s.stat()['requests']
        t = of_json(push(s, folder, '--output', 'json', '--yes', '--confirm',
                         'Things-new'))
        e2e.equal((t['put'], t['before']), (0, len(things)), 'again')
        e2e.check(s.stat()['requests'] - before < 6, 'requests')


def the_javascript_sdk_reads_the_same(here, options):
    """All ten types, pushed and read; written by it, and backed up."""
    things = items((100000 if options.long else 2000) // e2e.SLOW)
    folder = job(here, things)
    with servers.dynamodb() as s:
        servers.boto(s, create=[ROLE, {**ROLE, 'TableName': 'Sdk'}])
        push(s, folder, '--quiet')
        by_sdk = servers.sdk(s, 'Things-new')
        same(things, by_sdk)
        if options.long:
            same(by_sdk, servers.boto(s, scan='Things-new'))
        servers.sdk(s, 'Sdk', put=things[:500])
        done = subprocess.run([e2e.PROGRAM, 'backup', 'Sdk', '-o',
                               here + '/b', '--quiet'], env=s.env,
                              capture_output=True, text=True)
        e2e.equal(done.returncode, 0, done.stderr)
        out = subprocess.run([e2e.PROGRAM, 'cat', here + '/b'],
                             capture_output=True, text=True).stdout
        same(things[:500], [json.loads(x)['Item'] for x in out.splitlines()])


def everything_arrives_whatever_fails(here, options):
    things = items((20000 if options.long else 2000) // e2e.SLOW)
    folder = job(here, things)
    with servers.dynamodb('--unprocessed', .3, '--throttle', .3, '--e500', .1,
                          '--lost', .05, '--reset', .05) as s:
        servers.boto(s, create=[ROLE])
        t = of_json(push(s, folder, '--output', 'json'))
        e2e.equal(t['put'], len(things), 'told')
        e2e.check(t['throttled'] > 0, t)
        stat = s.stat()
        for what in ('unprocessed', 'throttled', 'e500', 'lost', 'reset'):
            e2e.check(stat[what] > 0, what, stat)
        e2e.equal(stat['refused'], 0, 'refused')
        same(things, servers.boto(s, scan='Things-new'))


def connections_that_tear_or_stall_are_begun_anew(here, _):
    """In the middle of requests and of answers, which then may have been
    carried out."""
    things = items(1200)
    folder = job(here, things)
    with servers.dynamodb() as s:
        servers.boto(s, create=[ROLE])
        s.faults(tear=.15, cut=.15, stalls=12)
        t = of_json(push(s, folder, '--output', 'json', '--read-timeout',
                         '1'))
        e2e.equal((t['put'], t['refused']), (len(things), 0), 'told')
        stat = s.faults()
        for what in ('torn', 'cut', 'stalled'):
            e2e.check(stat[what] > 0, what, stat)
        e2e.equal(stat['refused'], 0, 'refused')
        same(things, servers.boto(s, scan='Things-new'))
    return '%d torn, %d cut, %d stalled' % tuple(
        stat[x] for x in ('torn', 'cut', 'stalled'))


def what_a_table_is_provisioned_with_is_kept_to(here, _):
    """A server that gives back what is beyond it has hardly anything to."""
    things = items(400)
    folder = job(here, things)
    units = {'ReadCapacityUnits': 100, 'WriteCapacityUnits': 100}
    with servers.dynamodb() as s:
        servers.boto(s, create=[{**ROLE, 'BillingMode': 'PROVISIONED',
                                 'ProvisionedThroughput': units}])
        s.faults(wcu=100)
        r = push(s, folder)
        e2e.contains(r.out + r.err,
                     'provisioned with 100 write units a second')
        stat = s.faults()
        e2e.check(stat['unprocessed'] < 100, stat)
        same(things, servers.boto(s, scan='Things-new'))
        return '%d unprocessed' % stat['unprocessed']


def credentials_may_expire_half_way(here, _):
    things = items(3000)
    folder = job(here, things)
    with servers.dynamodb('--expire', 60) as s:
        servers.boto(s, create=[ROLE])
        s.env = servers.environment(AWS_REGION='us-east-1',
                                    AWS_ENDPOINT_URL_DYNAMODB=s.url)
        t = of_json(push(s, folder, '--output', 'json',
                         env=servers.expiring(
                             here, ('TEMPORARY', 'STRICT'))))
        e2e.equal((t['put'], t['refused']), (len(things), 0), 'told')
        same(things, servers.boto(s, scan='Things-new'))
        stat = s.stat()
        e2e.check(stat['expired'] > 0, stat)
        return '%d requests with expired keys' % stat['expired']


def a_killed_push_goes_on(here, options):
    things = items((60000 if options.long else 12000) // e2e.SLOW)
    folder = job(here, things, files=10)
    with servers.dynamodb('--unprocessed', .1) as s:
        servers.boto(s, create=[ROLE])
        kills = 0
        for n in range(1, 6):
            child = subprocess.Popen(
                [e2e.PROGRAM, 'push', '--job', folder, '--quiet', '--yes',
                 '--confirm', 'Things-new', '--max-wcu', '6000'], env=s.env,
                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
            record = folder + '/push/Things-new.done'
            size = os.path.getsize(record) if os.path.exists(record) else 64
            while child.poll() is None and not (
                    os.path.exists(record) and
                    os.path.getsize(record) > size + 24 * 20 * n):
                time.sleep(.002)
            if child.poll() is None:
                child.send_signal(signal.SIGKILL)
                kills += 1
            child.communicate()
        # A torn record is no record.
        with open(folder + '/push/Things-new.done', 'ab') as f:
            f.write(b'\x00' * 13)
        t = of_json(push(s, folder, '--output', 'json', '--yes', '--confirm',
                         'Things-new'))
        e2e.equal(t['put'] + t['before'], len(things), 'told')
        e2e.check(kills > 0 and t['before'] > 0, kills, t)
        same(things, servers.boto(s, scan='Things-new'))
        return '%d kills' % kills


def a_push_killed_before_its_first_record_goes_on(here, _):
    things = items(100)
    folder = job(here, things)
    with servers.dynamodb() as s:
        servers.boto(s, create=[ROLE])
        push(s, folder)
        os.truncate(folder + '/push/Things-new.done', 64)
        t = of_json(push(s, folder, '--output', 'json', '--yes', '--confirm',
                         'Things-new'))
        e2e.equal((t['put'], t['refused']), (len(things), 0), 'told')
        same(things, servers.boto(s, scan='Things-new'))


INDEXED = {**ROLE, 'AttributeDefinitions': ROLE['AttributeDefinitions'] + [
    {'AttributeName': 'g', 'AttributeType': 'S'}],
    'GlobalSecondaryIndexes': [{'IndexName': 'byG', 'KeySchema': [
        {'AttributeName': 'g', 'KeyType': 'HASH'}],
        'Projection': {'ProjectionType': 'ALL'}}]}


def what_the_service_refuses_is_kept_and_told(here, _):
    things = items(200)
    for i in (3, 77, 150):
        things[i]['g'] = {'N': '1'}     # no key of the index
    folder = job(here, things)
    with servers.dynamodb() as s:
        servers.boto(s, create=[INDEXED])
        t = of_json(push(s, folder, '--output', 'json', status=1))
        e2e.equal((t['put'], t['refused']), (197, 3), 'told')
        lines = [json.loads(x) for x in e2e.read(
            folder + '/rejected/push/Things-new.jsonl').splitlines()]
        e2e.equal(len(lines), 3, 'lines')
        e2e.contains(lines[0]['reason'], 'ValidationException')
        same([x for x in things if 'g' not in x],
             servers.boto(s, scan='Things-new'))
        same([x for x in things if 'g' in x], [x['Item'] for x in lines])
        # Who comes later is told, too.
        t = of_json(push(s, folder, '--output', 'json', '--yes', '--confirm',
                         'Things-new', status=1))
        e2e.equal((t['put'], t['before'], t['refusedBefore']), (0, 200, 3),
                  'told again')


def only_new_leaves_what_is_there(here, _):
    things = items(120)
    folder = job(here, things)
    old = {'pk': things[5]['pk'], 'sk': things[5]['sk'], 'x': {'S': 'old'}}
    # What was put although the answer was lost did not exist.
    with servers.dynamodb() as s:
        servers.boto(s, create=[ROLE], table='Things-new', put=[old])
        s.faults(throttle=.2, lost=.2, cut=.1)
        t = of_json(push(s, folder, '--output', 'json', '--only-new', '--yes',
                         '--confirm', 'Things-new'))
        e2e.equal((t['put'], t['existed']), (119, 1), 'told')
        e2e.check(s.faults()['lost'] > 0, 'lost')
        same(things[:5] + [old] + things[6:],
             servers.boto(s, scan='Things-new'))


def tables_that_are_not_right_are_refused(here, _):
    folder = job(here, items(10), target={'account': '123456789012'})
    sts = {'AWS_ENDPOINT_URL_STS': 'http://127.0.0.1:1'}

    def identity(account):
        return lambda _: (200, {}, (
            '<R><Arn>arn:aws:iam::%s:user/x</Arn><Account>%s</Account></R>'
            % (account, account)).encode())
    with servers.dynamodb() as s:
        r = push(s, folder, status=4, env=sts)
        e2e.contains(r.err, 'which account this is cannot be told')
        with servers.answers(identity('210987654321')) as url:
            r = push(s, folder, status=5, env={'AWS_ENDPOINT_URL_STS': url})
            e2e.contains(r.err, 'are of account 210987654321',
                         'says account 123456789012')
        with servers.answers(identity('123456789012')) as url:
            env = {'AWS_ENDPOINT_URL_STS': url}
            r = push(s, folder, status=5, env=env)
            e2e.contains(r.err, "there is no table 'Things-new'")
            other = json.loads(json.dumps(ROLE))
            other['KeySchema'][1]['AttributeName'] = 'other'
            other['AttributeDefinitions'][1]['AttributeName'] = 'other'
            servers.boto(s, create=[other])
            r = push(s, folder, status=5, env=env)
            e2e.contains(r.err, 'has the key pk, other', 'have pk, sk')
        e2e.equal(servers.boto(s, scan='Things-new'), [], 'items')


def what_is_there_is_not_written_over_by_chance(here, _):
    things = items(10)
    folder = job(here, things)
    old = {'pk': things[5]['pk'], 'sk': things[5]['sk'], 'x': {'S': 'old'}}
    with servers.dynamodb() as s:
        servers.boto(s, create=[ROLE], table='Things-new', put=[old])
        r = push(s, folder, status=5)
        e2e.contains(r.err, 'is not empty', '--only-new')
        over = ['--into-existing', '--no-undo']
        r = push(s, folder, *over, status=5)
        e2e.contains(r.err, 'say --yes --confirm Things-new')
        r = push(s, folder, *over, '--yes', status=5)
        r = push(s, folder, *over, '--yes', '--confirm', 'Other', status=5)
        e2e.contains(r.err, "this is 'Things-new'")
        push(s, folder, *over, '--dry-run', '--yes', '--confirm',
             'Things-new')
        same([old], servers.boto(s, scan='Things-new'))
        push(s, folder, *over, '--yes', '--confirm', 'Things-new')
        same(things, servers.boto(s, scan='Things-new'))
        e2e.check(not os.path.exists(folder + '/undo'), 'undo')


def what_is_written_over_is_kept_first(here, _):
    things = items(1500)
    folder = job(here, things)
    old = [{'pk': x['pk'], 'sk': x['sk'], 'old': {'S': 'o' * 300},
            'b': {'B': 'AAEC'}} for x in things[:400]]
    with servers.dynamodb('--unprocessed', .1, '--throttle', .2, '--e500',
                          .1) as s:
        servers.boto(s, create=[ROLE], table='Things-new', put=old)
        args = ['--into-existing', '--yes', '--confirm', 'Things-new']
        # Killed in the middle: our own puts are no previous items.
        child = subprocess.Popen(
            [e2e.PROGRAM, 'push', '--job', folder, '--quiet', *args],
            env=s.env, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        record = folder + '/undo/Things-new.jsonl'
        while child.poll() is None and not (
                os.path.exists(record) and os.path.getsize(record) > 40000):
            time.sleep(.002)
        child.kill()
        child.wait()
        # A record is there before its item is.
        before = {str(canonical({'M': json.loads(x)['Key']}))
                  for x in e2e.read(record).splitlines()}
        for x in servers.boto(s, scan='Things-new'):
            if 's' in x:
                e2e.check(str(canonical({'M': {'pk': x['pk'], 'sk': x['sk']}}))
                          in before, x)
        push(s, folder, *args)
        same(things, servers.boto(s, scan='Things-new'))
    first = {}
    for line in e2e.read(record).splitlines():
        x = json.loads(line)
        first.setdefault(str(canonical({'M': x['Key']})), x.get('Item'))
    e2e.equal(len(first), len(things), 'keys')
    same(old, [x for x in first.values() if x is not None])


def what_is_worth_knowing_is_told_before(here, _):
    """Which no server that can be had has."""
    folder = job(here, items(3))
    old = {'pk': {'S': 'old'}, 'sk': {'N': '1'}}
    more = {'StreamSpecification': {'StreamEnabled': True,
                                    'StreamViewType': 'NEW_IMAGE'},
            'DeletionProtectionEnabled': True,
            'Replicas': [{'RegionName': 'eu-west-1'}]}

    def change(call, text):
        if call == 'DescribeContinuousBackups':
            return json.dumps({'ContinuousBackupsDescription': {
                'ContinuousBackupsStatus': 'ENABLED',
                'PointInTimeRecoveryDescription': {
                    'PointInTimeRecoveryStatus': 'DISABLED'}}}).encode()
        if call != 'DescribeTable':
            return text
        table = json.loads(text)
        table['Table'].update(more)
        return json.dumps(table).encode()
    with servers.start_plain() as s, servers.front(s, set(), change) as f:
        servers.boto(s, create=[ROLE], table='Things-new', put=[old])
        r = push(f, folder, '--into-existing', status=5)
        e2e.contains(r.err, 'whatever listens', 'global table', 'replicas',
                     'protected from deletion', 'point-in-time recovery',
                     "the job's undo/ only", 'say --yes --confirm Things-new')
        r = push(f, folder, '--into-existing', '--no-undo', status=5)
        e2e.contains(r.err, 'cannot be had back')
        same([old], servers.boto(s, scan='Things-new'))
        # What it has not is not told.
        more.clear()
        r = push(s, folder, '--into-existing', status=5,
                 env=f.env)
        e2e.contains(r.err, 'point-in-time recovery')
        for word in ('listens', 'global', 'protected'):
            e2e.check(word not in r.err, r.err)


def another_table_of_that_name_is_not_gone_on_with(here, _):
    folder = job(here, items(10))
    with servers.dynamodb() as s:
        servers.boto(s, create=[ROLE])
        push(s, folder)
    with servers.dynamodb() as s:
        time.sleep(1.1)         # its time of creation is another one
        servers.boto(s, create=[ROLE])
        r = push(s, folder, status=5)
        e2e.contains(r.err, 'is of other items or another table')


def a_source_is_not_written_over(here, _):
    things = items(20)
    with servers.dynamodb() as s:
        servers.boto(s, create=[ROLE], table='Things-new', put=things)
        arn = servers.boto(s, list=1)[0]['TableArn']
        # Read live; and by an export, which says of what table it is.
        for i, source in enumerate(('dynamodb://Things-new', 'export')):
            folder = '%s/%d' % (here, i)
            os.makedirs(folder)
            if source == 'export':
                e = make.Export(folder, 'Things-new', 1)
                e.changes = {'tableArn': arn,
                             'exportArn': arn + '/export/01740787200000-a'}
                e.add(b''.join(make.line(x) for x in things))
                e.write()
                source = folder + '/' + e.folder()
            path = e2e.write_plan(folder + '/plan.json', {
                'source': {'exports': [source]},
                'target': {'environment': 'e'},
                'tables': {'Things': {'key': {'pk': 'S', 'sk': 'N'},
                                      'from': 'Things-new',
                                      'to': 'Things-new'}}})
            e2e.run(path, folder + '/job', '--quiet', env=s.env)
            for args in ([], ['--into-existing', '--yes', '--confirm',
                              'Things-new']):
                r = push(s, folder + '/job', *args, status=5)
                e2e.contains(r.err, "'Things-new' is a source of the plan",
                             '--update')
        same(things, servers.boto(s, scan='Things-new'))


if __name__ == '__main__':
    e2e.main([boto_reads_what_was_pushed,
              the_javascript_sdk_reads_the_same,
              everything_arrives_whatever_fails,
              connections_that_tear_or_stall_are_begun_anew,
              what_a_table_is_provisioned_with_is_kept_to,
              credentials_may_expire_half_way,
              a_killed_push_goes_on,
              a_push_killed_before_its_first_record_goes_on,
              what_the_service_refuses_is_kept_and_told,
              only_new_leaves_what_is_there,
              tables_that_are_not_right_are_refused,
              what_is_there_is_not_written_over_by_chance,
              what_is_written_over_is_kept_first,
              what_is_worth_knowing_is_told_before,
              another_table_of_that_name_is_not_gone_on_with,
              a_source_is_not_written_over])
