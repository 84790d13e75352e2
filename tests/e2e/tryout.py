"""tryout.py - `test --write`: items that are in a table for a moment, and after
that the table is as it was, whatever happens."""
import json
import os
import subprocess
import urllib.error
import urllib.request

import e2e
import push
import servers


def plan(here, things, target=None, **more):
    e2e.write_items(here + '/data/0.json.gz', things)
    return e2e.write_plan(here + '/plan.json', {
        'source': {'exports': ['data']},
        'target': {'environment': 'e', **(target or {})},
        'tables': {'Things': {'key': {'pk': 'S', 'sk': 'N'},
                              'to': 'Things-new', 'update': 'SET x = 1'}},
        **more})


def tryout(s, path, *args, status=0, json_too=True):
    done = subprocess.run([e2e.PROGRAM, 'test', path, '--write', *args,
                           *(['--output', 'json'] if json_too else [])],
                          env=s.env, text=True, stdin=subprocess.DEVNULL,
                          capture_output=True)
    r = e2e.Result(done.returncode, done.stdout, done.stderr)
    e2e.clean(r)
    e2e.equal(r.status, status, r)
    return r


def ends(r):
    return [x['end'] for x in map(json.loads, r.out.splitlines())
            if 'written' in x]


def what_is_put_is_read_back_and_gone_again(here, _):
    things = push.items(30)
    path = plan(here, things)
    old = [{'pk': x['pk'], 'sk': x['sk'], 'old': {'S': 'o'}}
           for x in things[:7]]
    # A lost answer is no lost request.
    with servers.dynamodb('--throttle', .2, '--e500', .1, '--lost',
                          .1) as s:
        r = tryout(s, path)
        e2e.equal(ends(r), ['no-table'], r)
        servers.boto(s, create=[push.ROLE])
        e2e.equal(ends(tryout(s, path, '--limit', '20')), ['same'] * 20, 'x')
        e2e.equal(servers.boto(s, scan='Things-new'), [], 'items')
        r = tryout(s, path, json_too=False)
        e2e.contains(r.out, 'Things-new: put, read back equal, and taken back')
        # What was there comes back, and is asked for first.
        servers.boto(s, table='Things-new', put=old)
        r = tryout(s, path, status=5)
        e2e.contains(r.err, 'say --yes --confirm Things-new',
                     '1 of them not empty')
        yes = ['--yes', '--confirm', 'Things-new']
        e2e.equal(ends(tryout(s, path, '--limit', '20', *yes)), ['same'] * 20,
                  'ends')
        push.same(old, servers.boto(s, scan='Things-new'))


def what_is_read_back_different_is_told(here, _):
    """The service, or who stands in for it, says another thing than was put;
    or keeps another one, which nobody can tell from somebody's who wrote in
    between: that stays."""
    things = push.items(1)
    path = plan(here, things)
    job = here + '/job'
    os.makedirs(job)
    alter = ''

    def front(request):
        call = request.headers['x-amz-target'].split('.')[1]
        if alter == call == 'PutItem':
            body = json.loads(request.body)
            body['Item']['x'] = {'N': '2'}
            request.body = json.dumps(body).encode()
            del request.headers['content-length']
        with urllib.request.urlopen(urllib.request.Request(
                s.url, request.body, dict(request.headers))) as r:
            answer = r.read()
        if alter == call == 'GetItem' and b'"Item"' in answer:
            answer = json.loads(answer)
            answer['Item']['altered'] = {'S': 'x'}
            answer = json.dumps(answer).encode()
        return 200, {}, answer

    def refusing(request):
        try:
            return front(request)
        except urllib.error.HTTPError as e:
            return e.code, {}, e.read()

    with servers.start_plain() as s, servers.answers(refusing) as url:
        servers.boto(s, create=[push.ROLE])
        s.env['AWS_ENDPOINT_URL_DYNAMODB'] = url
        direct = servers.Server(s.url)
        alter = 'GetItem'
        e2e.equal(ends(tryout(s, path, status=1)), ['different'], 'read')
        r = tryout(s, path, status=1, json_too=False)
        e2e.contains(r.out, 'put, and what is read is DIFFERENT; taken back')
        e2e.equal(servers.boto(direct, scan='Things-new'), [], 'items')
        done = subprocess.run([e2e.PROGRAM, 'migrate', path, '--job', job],
                              env=s.env, text=True, capture_output=True,
                              stdin=subprocess.DEVNULL)
        e2e.equal(done.returncode, 1, done)
        e2e.contains(done.stdout, 'what is read is DIFFERENT')
        e2e.contains(done.stderr, "stopped in 'test'; nothing was written to "
                     'the target\n', 'to go on:')
        e2e.equal(servers.boto(direct, scan='Things-new'), [], 'items')
        alter = 'PutItem'
        e2e.equal(ends(tryout(s, path, '--job', job, status=1)), ['left'],
                  'kept')
        e2e.check(os.path.exists(job + '/trial.json'), 'record')
        left, = servers.boto(direct, scan='Things-new')
        e2e.equal(left['x'], {'N': '2'}, 'left')
        # It is nobody's of the next; what it was stays as well.
        alter = ''
        e2e.equal(ends(tryout(s, path, '--job', job, '--yes', '--confirm',
                              'Things-new')), ['same'], 'then')
        e2e.equal(servers.boto(direct, scan='Things-new'), [left], 'items')
        e2e.check(not os.path.exists(job + '/trial.json'), 'record')


def what_the_service_refuses_is_told(here, _):
    things = push.items(3)
    things[1]['g'] = {'N': '1'}
    path = plan(here, things)
    with servers.dynamodb() as s:
        servers.boto(s, create=[{**push.ROLE, 'AttributeDefinitions':
            push.ROLE['AttributeDefinitions'] + [
                {'AttributeName': 'g', 'AttributeType': 'S'}],
            'GlobalSecondaryIndexes': [{'IndexName': 'byG', 'KeySchema': [
                {'AttributeName': 'g', 'KeyType': 'HASH'}],
                'Projection': {'ProjectionType': 'ALL'}}]}])
        r = tryout(s, path, '--limit', '3', status=1)
        e2e.equal(ends(r), ['same', 'refused', 'same'], r)
        e2e.contains(r.out, 'ValidationException')
        e2e.equal(servers.boto(s, scan='Things-new'), [], 'items')


def a_table_with_another_key_is_refused(here, _):
    path = plan(here, push.items(1))
    other = json.loads(json.dumps(push.ROLE))
    other['KeySchema'][1]['AttributeName'] = 'other'
    other['AttributeDefinitions'][1]['AttributeName'] = 'other'
    with servers.dynamodb() as s:
        servers.boto(s, create=[other])
        r = tryout(s, path, status=5)
        e2e.contains(r.err, 'has the key pk, other', 'the plan says pk, sk')


def one_that_died_is_undone_by_the_next(here, _):
    things = push.items(2)
    path = plan(here, things)
    key = {'pk': things[0]['pk'], 'sk': things[0]['sk']}
    put = {**key, 'x': {'N': '1'}}
    job = here + '/job'
    os.makedirs(job)

    def left(**more):
        e2e.write(job + '/trial.json', json.dumps({
            'Table': 'Things-new', 'Key': key, 'Put': put, **more}))
    with servers.dynamodb() as s:
        servers.boto(s, create=[push.ROLE])
        # It died behind its put, where nothing was.
        servers.boto(s, table='Things-new', put=[put])
        left()
        tryout(s, path, '--job', job)
        e2e.equal(servers.boto(s, scan='Things-new'), [], 'items')
        e2e.check(not os.path.exists(job + '/trial.json'), 'record')
        # The same, where an item was.
        old = {**key, 'old': {'S': 'o'}}
        servers.boto(s, table='Things-new', put=[put])
        left(Was=old)
        yes = ['--yes', '--confirm', 'Things-new']
        tryout(s, path, '--job', job, *yes)
        push.same([old], servers.boto(s, scan='Things-new'))
        # It died before its put, or somebody wrote since.
        left(Was={**key, 'older': {'S': 'o'}})
        tryout(s, path, '--job', job, *yes)
        push.same([old], servers.boto(s, scan='Things-new'))
        e2e.write(job + '/trial.json', '{}')
        r = tryout(s, path, '--job', job, *yes, status=3)
        e2e.contains(r.err, 'is no record of a trial')


if __name__ == '__main__':
    e2e.main([what_is_put_is_read_back_and_gone_again,
              what_is_read_back_different_is_told,
              what_the_service_refuses_is_told,
              a_table_with_another_key_is_refused,
              one_that_died_is_undone_by_the_next])
