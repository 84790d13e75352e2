"""live.py - validate --job --live: what a job wrote against the tables that it
was pushed to."""
import json
import subprocess

import e2e
import push
import servers


def validate(s, folder, *args, status=0):
    done = subprocess.run([e2e.PROGRAM, 'validate', '--job', folder, '--live',
                           *args], env=s.env, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    r = e2e.Result(done.returncode, done.stdout, done.stderr)
    e2e.clean(r)
    e2e.equal(r.status, status, r)
    return r


def what_differs_is_told_by_key_and_path(here, options):
    n = (50000 if options.long else 1000) // e2e.SLOW
    things = push.items(n)
    folder = push.job(here, things)
    with servers.dynamodb('--throttle', .2, '--e500', .05) as s:
        r = validate(s, folder, status=1)
        e2e.contains(r.out, 'there is none of that name')
        servers.boto(s, create=[push.ROLE])
        e2e.contains(validate(s, folder, status=1).out, '%d of %d checks '
                     'failed' % (n, n))
        push.push(s, folder)
        e2e.contains(validate(s, folder).out, 'all sound')
        # Less memory, more threads: the same.
        validate(s, folder, '--memory', '1M', '--threads', '4')
        wrong = {**things[3], 'm': {'M': {'UnprocessedItems': {'N': '7'}}}}
        servers.boto(s, table='Things-new', put=[
            wrong, {'pk': {'S': 'theirs'}, 'sk': {'N': '1'}}])
        r = validate(s, folder, '--output', 'json', status=1)
        found = [json.loads(x) for x in r.out.splitlines()]
        kinds = sorted(x['kind'] for x in found if x.get('kind') in
                       ('different', 'extra', 'missing'))
        e2e.equal(kinds, ['different', 'extra'], r.out)
        e2e.contains(r.out, 'm.UnprocessedItems', 'theirs')
        e2e.check('dynamodb://' not in r.out, r.out)
        validate(s, folder, '--ignore', 'm', status=1)
        r = validate(s, folder, '--table', 'Nothing', status=2)


def items_of_others_that_were_there_do_not_count(here, _):
    things = push.items(100)
    folder = push.job(here, things)
    theirs = {'pk': {'S': 'theirs'}, 'sk': {'N': '1'}}
    with servers.dynamodb() as s:
        servers.boto(s, create=[push.ROLE], table='Things-new', put=[theirs])
        push.push(s, folder, '--into-existing', '--yes', '--confirm',
                  'Things-new')
        e2e.contains(validate(s, folder).out, 'all sound')
        servers.boto(s, table='Things-new', put=[
            {**things[9], 's': {'S': 'changed'}}])
        validate(s, folder, status=1)


def another_place_proves_nothing(here, _):
    things = push.items(10)
    folder = push.job(here, things, target={'account': '123456789012'})

    def identity(account):
        return lambda _: (200, {}, (
            '<R><Arn>arn:aws:iam::%s:user/x</Arn><Account>%s</Account></R>'
            % (account, account)).encode())
    with servers.dynamodb() as s, \
            servers.answers(identity('123456789012')) as right, \
            servers.answers(identity('210987654321')) as wrong:
        servers.boto(s, create=[push.ROLE])
        s.env['AWS_ENDPOINT_URL_STS'] = right
        push.push(s, folder)
        validate(s, folder)
        s.env['AWS_ENDPOINT_URL_STS'] = wrong
        e2e.contains(validate(s, folder, status=5).err,
                     'are of account 210987654321')
        s.env['AWS_ENDPOINT_URL_STS'] = right
        path = folder + '/push/Things-new.json'
        known = json.loads(e2e.read(path))
        known['of'] = known['of'].replace('table/', 'table/x')
        e2e.write(path, json.dumps(known))
        e2e.contains(validate(s, folder, status=5).err,
                     'is not the one that the job wrote to')


if __name__ == '__main__':
    e2e.main([what_differs_is_told_by_key_and_path,
              items_of_others_that_were_there_do_not_count,
              another_place_proves_nothing])
