"""backfill.py - push --update: a live table gets what the plan made different of
its export, item by item, where nobody changed that since; and back."""
import json
import os
import random
import subprocess
import sys

import e2e
import push
import rollback
import servers

sys.path.insert(0, e2e.FIXTURES)
import make     # noqa: E402

CONFIRM = ['--yes', '--confirm', 'Things-new']
STEPS = [{'update': 'SET tag = s, m.x = yes, l[0] = sk REMOVE e, b'}]


def want(x):
    """What the plan makes of an item."""
    x = json.loads(json.dumps(x))
    x['tag'] = x['s']
    x['m']['M']['x'] = x['yes']
    x['l']['L'][0] = x['sk']
    del x['e'], x['b']
    return x


def export(here, things, arn):
    e = make.Export(here + '/export', 'Things-new', 1)
    e.changes = {'tableArn': arn,
                 'exportArn': arn + '/export/01740787200000-a'}
    for i in range(3):
        e.add(b''.join(make.line(x) for x in things[i::3]))
    e.write()
    return e


def job(here, things, arn, **more):
    e = export(here, things, arn)
    table = {'key': {'pk': 'S', 'sk': 'N'}, 'from': 'Things-new',
             'to': 'Things-new', 'steps': STEPS, **more}
    path = e2e.write_plan(here + '/plan.json', {
        'source': {'exports': [here + '/export/' + e.folder()]},
        'target': {'environment': 'e'}, 'tables': {'Things': table}})
    e2e.run(path, here + '/job', '--quiet')
    return here + '/job'


def begin(s, things, live=None):
    servers.boto(s, create=[push.ROLE], table='Things-new',
                 put=things if live is None else live)
    return servers.boto(s, list=1)[0]['TableArn']


def scan(s):
    return servers.boto(s, scan='Things-new')


def only_what_is_still_as_it_was_changes(here, _):
    things = push.items(120)
    live = json.loads(json.dumps(things))
    live[5]['m'] = {'M': {'theirs': {'N': '1'}}}    # what the plan changes
    live[6]['theirs'] = {'S': 'kept'}               # what it does not
    live[8]['tag'] = {'S': 'theirs'}                # what it adds
    live[9] = want(live[9])                         # there already
    gone = live.pop(7)
    with servers.dynamodb('--throttle', .1, '--e500', .05, '--lost',
                          .05) as s:
        folder = job(here, things, begin(s, things, live))
        r = push.push(s, folder, '--update', status=5)
        e2e.contains(r.err, '120 items changed in 1 live table',
                     'say --yes --confirm Things-new')
        push.push(s, folder, '--update', '--dry-run', *CONFIRM)
        push.same(live, scan(s))
        t = push.of_json(push.push(s, folder, '--update', *CONFIRM,
                                   '--output', 'json', status=1))
        e2e.equal((t['items'], t['put'] + t['existed'], t['changedSince']),
                  (120, 117, 3), t)
        lost = [json.loads(x) for x in e2e.read(
            folder + '/push/Things-new~changed.jsonl').splitlines()]
        push.same([x['Key'] for x in lost],
                  [{'pk': x['pk'], 'sk': x['sk']}
                   for x in (things[5], things[8], gone)])
        e2e.equal({x['reason'] for x in lost},
                  {'changed since the export', 'it is gone since the export'},
                  'reasons')
        keep = (live[5], live[7])
        after = [x if x in keep else want(x) if 'tag' not in x else x
                 for x in live]
        push.same(after, scan(s))
        # Nothing is left to do; and it is told again what was lost.
        t = push.of_json(push.push(s, folder, '--update', *CONFIRM,
                                   '--output', 'json', status=1))
        e2e.equal((t['put'], t['before'], t['changedSince']), (0, 117, 3),
                  't')
        # Back: what others changed stays theirs.
        rollback.rollback(s, folder)
        back = list(live)
        back[8] = things[9]     # had it already: nobody can tell by whom
        push.same(back, scan(s))


def the_export_is_the_one_that_was_run(here, _):
    """Another export in its place holds what others changed, too."""
    things = push.items(40)
    live = json.loads(json.dumps(things))
    live[3]['s'] = {'S': 'theirs'}
    with servers.dynamodb() as s:
        arn = begin(s, things, live)
        folder = job(here, things, arn)
        export(here, live, arn)
        r = push.push(s, folder, '--update', *CONFIRM, status=5)
        e2e.contains(r.err, 'is not as it was when the job was started')
        push.same(live, scan(s))
        export(here, things, arn)
        push.push(s, folder, '--update', '--dry-run', *CONFIRM)


def new_items_are_put_where_there_are_none(here, _):
    things = push.items(30)
    with servers.dynamodb() as s:
        arn = begin(s, things)
        copy = {'pk': "concat('copy', pk)", 'sk': 'sk', 's': 's'}
        folder = job(here, things, arn, steps=[{'emit': [
            {'to': 'Things', 'item': copy},
            {'to': 'Things', 'update': 'SET v = s'}]}])
        made = [{'pk': {'S': 'copy' + x['pk']['S']}, 'sk': x['sk'],
                 's': x['s']} for x in things]
        theirs = {**made[4], 's': {'S': 'theirs'}}
        servers.boto(s, table='Things-new', put=[theirs])
        r = push.push(s, folder, '--update', *CONFIRM, status=1)
        e2e.contains(r.out, '59 items updated, 1 changed since')
        after = [{**x, 'v': x['s']} for x in things] + made
        after[34] = theirs
        push.same(after, scan(s))
        rollback.rollback(s, folder)
        push.same(things + [theirs], scan(s))


def by_force_only_what_was_sent(here, _):
    things = push.items(60)
    with servers.dynamodb() as s:
        folder = job(here, things, begin(s, things))
        push.push(s, folder, '--update', *CONFIRM)
        live = [want(x) for x in things]
        live[7]['tag'] = {'S': 'theirs'}
        servers.boto(s, table='Things-new', put=live[7:8])
        path = folder + '/push/Things-new~updates.done'
        record = e2e.read(path, 'rb')
        # As if killed before any of it was acknowledged.
        os.truncate(path, 64)
        rollback.rollback(s, folder, '--force', status=1)
        push.same(things[:7] + live[7:8] + things[8:], scan(s))
        e2e.equal(rollback.left(folder), [rollback.key_of(things[7])], 'left')
        # It was written for sure, and is set back.
        with open(path, 'wb') as f:
            f.write(record)
        rollback.rollback(s, folder, '--force')
        push.same(things, scan(s))


def what_is_no_update_is_refused(here, _):
    things = push.items(20)
    with servers.dynamodb() as s:
        arn = begin(s, things)
        os.makedirs(here + '/a')
        folder = job(here + '/a', things, arn, steps=[
            {'update': "SET pk = concat('x', pk)"}])
        r = push.push(s, folder, '--update', *CONFIRM, status=5)
        e2e.contains(r.err, 'an update keeps keys')
        os.makedirs(here + '/b')
        folder = job(here + '/b', things, arn.replace('000000000000',
                                                          '111111111111'))
        r = push.push(s, folder, '--update', *CONFIRM, status=5)
        e2e.contains(r.err, 'no export of the plan is of table')
        push.push(s, folder, '--update', '--only-new', status=2)
        push.same(things, scan(s))


def killed_at_any_moment(here, options):
    things = push.items((6000 if options.long else 400) // e2e.SLOW)
    r = random.Random(options.seed)
    live = json.loads(json.dumps(things))
    for x in live[::20]:
        x['tag'] = {'S': 'theirs'}
    with servers.dynamodb('--throttle', .05) as s:
        folder = job(here, things, begin(s, things, live))
        kills = 0
        slowly = ['--max-wcu', '200'] if options.long else []
        for command, args, after in (
                ('push', ['--update'], [x if 'tag' in x else want(x)
                                        for x in live]),
                ('rollback', [], live)):
            for _ in range(25 if options.long else 3):
                child = subprocess.Popen(
                    [e2e.PROGRAM, command, '--job', folder, '--quiet', *args,
                     *slowly, *CONFIRM], env=s.env, stdin=subprocess.DEVNULL,
                    stderr=subprocess.PIPE)
                try:
                    child.wait(.03 + r.random() * (.5 if options.long
                                                   else .25))
                except subprocess.TimeoutExpired:
                    child.kill()
                    kills += 1
                child.communicate()
            if command == 'push':
                t = push.of_json(push.push(s, folder, *args, *CONFIRM,
                                           '--output', 'json', status=1))
                e2e.equal((t['changedSince'], t['put'] + t['existed'] +
                           t['before']), (len(live[::20]), len(live) -
                                          len(live[::20])), t)
            else:
                rollback.rollback(s, folder)
            push.same(after, scan(s))
        e2e.check(kills > 0, 'kills')
        return '%d kills' % kills


if __name__ == '__main__':
    e2e.main([only_what_is_still_as_it_was_changes,
              the_export_is_the_one_that_was_run,
              new_items_are_put_where_there_are_none,
              by_force_only_what_was_sent, what_is_no_update_is_refused,
              killed_at_any_moment])
