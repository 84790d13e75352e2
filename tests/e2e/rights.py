"""rights.py - docs/IAM.md: each command asks for nothing that its policy does not
allow, and of what the usual ones allow it asks for all."""
import json
import re
import subprocess

import backfill
import e2e
import push
import servers

CONFIRM = ['--yes', '--confirm', 'Things-new']


def policy(name):
    """What a command's section allows of DynamoDB."""
    text = e2e.read(e2e.ROOT + '/docs/IAM.md')
    section = text.split('\n## %s\n' % name)[1].split('\n## ')[0]
    actions = set()
    for statement in json.loads(re.search(r'```json\n(.*?)```', section,
                                          re.S)[1])['Statement']:
        actions.update(x.partition(':')[2] for x in statement['Action']
                       if x.startswith('dynamodb:'))
    return actions


def each_command_asks_for_what_its_policy_allows(here, _):
    things = push.items(30)
    old = [{**x, 'old': {'S': 'o'}} for x in things[:3]]
    n = 0

    def does(f, calls, name, args, rest=(), status=0):
        """`rest`: what is only asked for where a definition has such things."""
        calls.clear()
        done = subprocess.run([e2e.PROGRAM, *args], env=f.env, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True)
        e2e.equal(done.returncode, status, name + done.stderr)
        e2e.equal(sorted(calls - policy(name)), [], name + ': is not allowed')
        e2e.equal(sorted(policy(name) - calls - set(rest)), [],
                  name + ': is not asked for')
    calls = set()
    with servers.start_plain() as s, servers.front(s, calls) as f:
        def into(name, args, old, rest=()):
            nonlocal n
            n += 1
            folder = push.job('%s/%d' % (here, n), things)
            servers.boto(s, create=[push.ROLE], table='Things-new', put=old)
            does(f, calls, name, ['push', '--job', folder, *args, *CONFIRM],
                 rest)
            return folder

        def drop():
            servers.boto(s, drop=['Things-new'])
        folder = into('push', [], [], ['DescribeContinuousBackups'])
        does(f, calls, 'validate --live', ['validate', '--live', '--job',
                                           folder], ['BatchGetItem'])
        does(f, calls, 'Reading live tables', ['cat', 'dynamodb://Things-new'])
        does(f, calls, 'backup', ['backup', 'Things-new', '-o', here + '/b'])
        does(f, calls, 'tables list, describe, delete', [
            'tables', 'list'], ['DeleteTable', 'DescribeTable'])
        does(f, calls, 'tables list, describe, delete', [
            'tables', 'describe', 'Things-new'], ['DeleteTable', 'ListTables'])
        does(f, calls, 'tables list, describe, delete', [
            'tables', 'delete', 'Things-new', *CONFIRM], ['ListTables'])
        into('push --only-new', ['--only-new'], old)
        drop()
        folder = into('push --into-existing', ['--into-existing'], old)
        does(f, calls, 'rollback', ['rollback', '--job', folder, *CONFIRM],
             ['UpdateItem', 'DeleteTable', 'Scan'])
        drop()
        folder = backfill.job(here, things, backfill.begin(s, things))
        does(f, calls, 'push --update', ['push', '--update', '--job', folder,
                                         *CONFIRM],
             ['PutItem', 'BatchGetItem', 'Scan'])
        does(f, calls, 'rollback', ['rollback', '--job', folder, *CONFIRM],
             ['PutItem', 'DeleteItem', 'DeleteTable', 'Scan'])
        drop()
        does(f, calls, 'tables create', ['tables', 'create', '--job', folder],
             ['UpdateTable', 'UpdateTimeToLive', 'UpdateContinuousBackups',
              'TagResource'])


if __name__ == '__main__':
    e2e.main([each_command_asks_for_what_its_policy_allows])
