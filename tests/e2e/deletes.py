"""deletes.py - increments alone, pushed: what they delete and what they put, so
that a live table goes from one state to the next, and back by a rollback."""
import random
import subprocess

import e2e
import increments
import live as validate
import push
import rollback
import servers

CONFIRM = ['--yes', '--confirm', 'prod']
YES = ['--yes', '--confirm', 'Tab']
KINDS = {'n': 'N', 's': 'S', 'to': 'S'}


def prepare(options):
    increments.prepare(options, 1500 if options.long else 240)


def role(key):
    return {'TableName': 'Tab', 'KeySchema': [
        {'AttributeName': k, 'KeyType': t}
        for k, t in zip(key, ('HASH', 'RANGE'))],
        'AttributeDefinitions': [{'AttributeName': k,
                                  'AttributeType': KINDS[k]} for k in key]}


def jobs(here, name, n, **more):
    """The table before window n, the changes, and the table after it."""
    table, key = increments.PLANS[name]
    made = []
    for what, exports in (
            ('before', [increments.DATA['full', n - 1]]),
            ('change', increments.windows('NEW_AND_OLD_IMAGES', n)),
            ('after', [increments.DATA['full', n]])):
        increments.go(increments.plan(here, exports, what + '.json', table,
                                      **more), '%s/%s' % (here, what))
        made.append('%s/%s' % (here, what))
    return made, key


def live(s):
    return servers.boto(s, scan='Tab')


def a_table_goes_from_state_to_state_and_back(here, _):
    # 'moves' has keys that are deleted under one place and put at another.
    for name, n, more in (('moves', 1, {}), ('where', 2, {
            'target': {'environment': 'prod', 'format': 'ion'}})):
        (before, change, after), key = jobs(here + name, name, n, **more)
        states = []
        with servers.dynamodb('--unprocessed', .1, '--throttle', .1) as s:
            for folder in (after, before):
                servers.boto(s, create=[{**role(key), 'TableName': 'Tab'}])
                push.push(s, folder)
                states.append(live(s))
                if folder == after:
                    subprocess.run([e2e.PROGRAM, 'tables', 'delete', 'Tab',
                                    *YES], env=s.env, check=True,
                                   capture_output=True)
            r = push.push(s, change, status=5)
            e2e.contains(r.err, 'is not empty')
            t = push.of_json(push.push(s, change, '--into-existing', *YES,
                                       '--output', 'json'))
            e2e.check(t['deleted'] == t['deletes'] > 9, t)
            e2e.check(t['put'] == t['items'] > 20, t)
            increments.same(live(s), states[0], 'after')
            validate.validate(s, change)
            rollback.rollback(s, change, confirm=YES)
            increments.same(live(s), states[1], 'rolled back')
            r = validate.validate(s, change, status=1)
            e2e.contains(r.out, 'it is to be deleted', 'missing',
                         'different')
            # What was deleted without keeping it is told, too.
            t = push.of_json(push.push(s, change, '--into-existing', *YES,
                                       '--no-undo', '--output', 'json'))
            back = rollback.of_json(rollback.rollback(
                s, change, '--output', 'json', confirm=YES, status=1))
            e2e.equal(back['unkept'], t['items'] + t['deletes'], back)
            e2e.check(back['changedSince'] > t['items'], back)


def killed_and_gone_on_with(here, options):
    (before, change, after), key = jobs(here, 'moves', 3)
    r = random.Random(options.seed)
    with servers.dynamodb('--unprocessed', .2) as s:
        servers.boto(s, create=[role(key)])
        push.push(s, before)
        old, kills = live(s), 0
        for command, args in (('push', ['--into-existing']),
                              ('rollback', [])):
            for _ in range(12 if options.long else 3):
                child = subprocess.Popen(
                    [e2e.PROGRAM, command, '--job', change, '--quiet', *args,
                     *YES], env=s.env, stdin=subprocess.DEVNULL,
                    stderr=subprocess.PIPE)
                try:
                    child.wait(.03 + r.random() * .2)
                except subprocess.TimeoutExpired:
                    child.kill()
                    kills += 1
                child.communicate()
            if command == 'push':
                push.push(s, change, *args, *YES)
                new = {str(x) for x in live(s)}
                e2e.check(new != {str(x) for x in old}, 'nothing changed')
            else:
                rollback.rollback(s, change, confirm=YES)
        increments.same(live(s), old, 'rolled back')
        return '%d kills' % kills


if __name__ == '__main__':
    e2e.main([a_table_goes_from_state_to_state_and_back,
              killed_and_gone_on_with], prepare)
