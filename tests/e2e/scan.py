"""scan.py - live tables as dumps: dynamodb://TABLE, by parallel Scan."""
import json
import subprocess

import e2e
import push
import servers


def dynamill(s, *args, status=0):
    done = subprocess.run([e2e.PROGRAM, *args], env=s.env, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    r = e2e.Result(done.returncode, done.stdout, done.stderr)
    e2e.clean(r)
    e2e.equal(r.status, status, r)
    return r


def read_all(s, *args):
    return [json.loads(line)['Item'] for line in
            dynamill(s, 'cat', 'dynamodb://Things-new', *args).out
            .splitlines()]


def what_boto_wrote_is_read(here, _):
    things = push.items(300)
    with servers.dynamodb() as s:
        servers.boto(s, create=[push.ROLE], table='Things-new', put=things)
        push.same(things, read_all(s))
        e2e.equal(s.stat()['refused'], 0, 'refused')
        e2e.contains(dynamill(s, 'cat', 'dynamodb://Nothing', status=3).err,
                     "there is no table 'Nothing'")


def all_pages_come_whatever_fails(here, options):
    n = (100000 if options.long else 6000) // e2e.SLOW
    things = push.items(n)
    for i in range(0, n, 3):
        things[i]['long'] = {'S': '"\\' * 1000}
    folder = push.job(here, things)
    with servers.dynamodb('--throttle', .3, '--e500', .1, '--reset', .1) as s:
        servers.boto(s, create=[push.ROLE])
        push.push(s, folder)
        before = s.stat()
        push.same(things, read_all(s))
        after = s.stat()
        e2e.check(after['throttled'] > before['throttled'], after)
        # Live against what was written: the job is in the table.
        done = dynamill(s, 'diff', folder + '/out/Things-new',
                        'dynamodb://Things-new')
        e2e.contains(done.out, '%d equal, 0 changed, 0 removed, 0 added' % n)


def a_table_is_the_source_of_a_run(here, _):
    things = push.items(500)
    for item in things:         # as the service gives numbers back
        item['sk'] = {'N': item['sk']['N'].rstrip('0').rstrip('.')}
    with servers.dynamodb() as s:
        servers.boto(s, create=[push.ROLE], table='Things-new', put=things)
        path = e2e.write_plan(here + '/plan.json', {
            'source': {'exports': ['dynamodb://Things-new']},
            'target': {'environment': 'e'},
            'tables': {'Things': {'key': {'pk': 'S', 'sk': 'N'},
                                  'from': 'Things-new',
                                  'update': "SET v = 2"}}})
        e2e.run(path, here + '/job', env=s.env)
        push.same([{**x, 'v': {'N': '2'}} for x in things],
                  e2e.lines(here + '/job', 'Things'))


if __name__ == '__main__':
    e2e.main([what_boto_wrote_is_read, all_pages_come_whatever_fails,
              a_table_is_the_source_of_a_run])
