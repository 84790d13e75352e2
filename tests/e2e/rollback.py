"""rollback.py - what a job wrote into tables that others wrote is undone: they
hold what they held before, whatever happens on the way."""
import contextlib
import json
import os
import random
import subprocess
import time

import e2e
import push
import servers

CONFIRM = ['--yes', '--confirm', 'Things-new']


def rollback(s, folder, *args, status=0, confirm=CONFIRM):
    done = subprocess.run(
        [e2e.PROGRAM, 'rollback', '--job', folder, *args, *confirm],
        env=s.env, text=True, stdin=subprocess.DEVNULL, capture_output=True)
    r = e2e.Result(done.returncode, done.stdout, done.stderr)
    e2e.clean(r)
    e2e.equal(r.status, status, r)
    return r


def of_json(r):
    return json.loads(r.out)['tables'][0]


@contextlib.contextmanager
def a_table(*faults, old=()):
    """A server that has the table, and in it these items."""
    with servers.dynamodb(*faults) as s:
        servers.boto(s, create=[push.ROLE], table='Things-new', put=list(old))
        yield s


def holds(s, items):
    """They are what the table holds now, and all of it."""
    push.same(items, servers.boto(s, scan='Things-new'))


def push_over(s, folder, *args):
    """Into the table as it is, whatever is in it."""
    return push.push(s, folder, '--into-existing', *args, *CONFIRM)


def olds(things):
    """Items with the keys of these, of all ten types too."""
    return [{**x, 'old': {'S': 'o' * 300}, 'l': {'L': [
        {'M': {'n': {'NULL': True}, 'e': {'M': {}}, 'f': {'L': []}}},
        {'SS': ['x']}]}} for x in things]


def foreign(n):
    return [{'pk': {'S': 'foreign'}, 'sk': {'N': str(i)}} for i in range(n)]


def a_table_is_as_it_was_before(here, _):
    things = push.items(400)
    old = olds(things[:100]) + foreign(20)
    folder = push.job(here, things)
    with a_table('--throttle', .1, '--e500', .05, '--lost', .03,
                 '--unprocessed', .1, old=old) as s:
        push_over(s, folder)
        holds(s, things + foreign(20))
        r = rollback(s, folder, status=5, confirm=[])
        e2e.contains(r.err, '100 items to restore, 300 to remove',
                     'say --yes --confirm Things-new')
        rollback(s, folder, '--dry-run')
        holds(s, things + foreign(20))
        t = of_json(rollback(s, folder, '--output', 'json'))
        e2e.equal((t['verified'], t['changedSince'], t['deleted']),
                  (400, 0, False), 'told')
        holds(s, old)
        # There is nothing left to do, and it can be pushed anew.
        e2e.contains(rollback(s, folder).out, 'nothing to undo')
        t = push.of_json(push_over(s, folder, '--output', 'json'))
        e2e.equal((t['put'], t['before']), (400, 0), 'pushed anew')
        holds(s, things + foreign(20))
        rollback(s, folder)
        holds(s, old)


def what_others_changed_stays(here, _):
    things = push.items(150)
    old = olds(things[:30])
    folder = push.job(here, things)
    with a_table(old=old) as s:
        push_over(s, folder)
        # One that was restored, one that was new, one that is no item's.
        changed = [{**things[7], 'x': {'S': 'theirs'}},
                   {**things[100], 's': {'S': 'theirs'}}]
        servers.boto(s, table='Things-new', put=changed + foreign(1))
        r = rollback(s, folder, status=1)
        e2e.contains(r.out, '2 changed since and left')
        lines = [json.loads(x) for x in e2e.read(
            folder + '/rollback/Things-new~changed.jsonl').splitlines()]
        push.same([x['Key'] for x in lines],
                  [{'pk': x['pk'], 'sk': x['sk']} for x in changed])
        e2e.equal({x['reason'] for x in lines}, {'it was changed since'},
                  'reasons')
        now = old[:7] + changed[:1] + old[8:] + changed[1:] + foreign(1)
        holds(s, now)
        rollback(s, folder, status=1)
        holds(s, now)
        t = of_json(rollback(s, folder, '--force', '--output', 'json'))
        e2e.equal((t['restored'], t['removed']), (1, 1), 'forced')
        holds(s, old + foreign(1))


def after_what_was_left_it_is_pushed_anew(here, _):
    things = push.items(40)
    folder = push.job(here, things)
    with a_table() as s:
        push.push(s, folder)
        mine = {**things[3], 's': {'S': 'mine'}}
        servers.boto(s, table='Things-new', put=[mine])
        rollback(s, folder, status=1)
        holds(s, [mine])
        r = push.push(s, folder, status=5)
        e2e.contains(r.err, 'is not empty')
        push_over(s, folder)
        holds(s, things)
        rollback(s, folder)
        holds(s, [mine])


def tables(s, *args):
    subprocess.run([e2e.PROGRAM, 'tables', *args], env=s.env, check=True,
                   capture_output=True)


def tables_that_the_job_made_go(here, _):
    things = push.items(200)
    folder = push.job(here, things)
    with servers.dynamodb() as s:
        tables(s, 'create', '--job', folder)
        push.push(s, folder)
        e2e.contains(rollback(s, folder).out, 'deleted: the job made it')
        e2e.equal(servers.boto(s, list=1), [], 'tables')
        # Again, with somebody else's item in it: the table stays.
        tables(s, 'create', '--job', folder)
        push.push(s, folder)
        servers.boto(s, table='Things-new', put=foreign(1))
        r = rollback(s, folder)
        e2e.contains(r.out, '200 removed')
        holds(s, foreign(1))
        tables(s, 'delete', 'Things-new', '--yes', '--confirm', 'Things-new')
        # And with --keep-tables it stays, empty.
        tables(s, 'create', '--job', folder)
        push.push(s, folder)
        rollback(s, folder, '--keep-tables')
        holds(s, [])
        push.push(s, folder)
        holds(s, things)
        rollback(s, folder)
        e2e.equal(servers.boto(s, list=1), [], 'tables')


def a_table_that_is_going_is_waited_for(here, _):
    folder = push.job(here, push.items(30))
    with servers.dynamodb('--deleting', 1500) as s:
        tables(s, 'create', '--job', folder)
        push.push(s, folder)
        # As if it had been killed behind its request.
        servers.boto(s, begin_drop=['Things-new'])
        rollback(s, folder)
        e2e.equal(servers.boto(s, list=1), [], 'tables')


def a_table_that_was_there_is_not_deleted(here, _):
    folder = push.job(here, push.items(30))
    with a_table() as s:
        tables(s, 'create', '--job', folder)
        push.push(s, folder)
        rollback(s, folder)
        holds(s, [])
        e2e.equal(len(servers.boto(s, list=1)), 1, 'tables')


def what_only_new_left_is_left(here, _):
    things = push.items(120)
    folder = push.job(here, things)
    # One of them is what the job would have put.
    old = olds(things[5:6]) + [things[6]]
    with a_table('--lost', .05, old=old) as s:
        push.push(s, folder, '--only-new', *CONFIRM)
        rollback(s, folder)
        holds(s, old)


def without_an_undo_it_is_said(here, _):
    things = push.items(60)
    old = olds(things[:10])
    folder = push.job(here, things)
    with a_table(old=old) as s:
        push_over(s, folder, '--no-undo')
        r = rollback(s, folder, status=1)
        e2e.contains(r.err, 'of 60 items nothing was kept (--no-undo)')
        holds(s, things)
        rollback(s, folder, '--force')
        holds(s, [])


def killed_at_any_moment(here, options):
    things = push.items((8000 if options.long else 1000) // e2e.SLOW)
    old = olds(things[::10]) + foreign(20)
    folder = push.job(here, things, files=6)
    r = random.Random(options.seed)
    with a_table('--unprocessed', .1, old=old) as s:
        kills = 0
        slowly = ['--max-wcu', '400'] if options.long else []
        # The push is killed, too: half of it is there.
        for command, args, most in (
                ('push', ['--into-existing'], 2),
                ('rollback', slowly, 25 if options.long else 4)):
            if command == 'rollback' and options.long:
                push_over(s, folder)
            for _ in range(most):
                child = subprocess.Popen(
                    [e2e.PROGRAM, command, '--job', folder, '--quiet', *args,
                     *CONFIRM], env=s.env, stdin=subprocess.DEVNULL,
                    stderr=subprocess.PIPE)
                try:
                    child.wait(.03 + r.random() * (.8 if options.long
                                                   else .25))
                except subprocess.TimeoutExpired:
                    child.kill()
                    kills += 1
                child.communicate()
        rollback(s, folder)
        holds(s, old)
        e2e.check(kills > 0, 'kills')
        return '%d kills' % kills


def forget_the_end(folder):
    """As if killed before the last record of the push was written."""
    path = folder + '/push/Things-new.done'
    with open(path, 'rb') as f:
        text = f.read()
    with open(path, 'wb') as f:
        f.write(text[:-24])


def forget_all(folder, ending=''):
    """As if killed before any of it was acknowledged."""
    os.truncate('%s/push/Things-new%s.done' % (folder, ending), 64)


def key_of(item):
    return {k: item[k] for k in ('pk', 'sk')}


def what_others_wrote_before_the_resume_was_there(here, _):
    things = push.items(120)
    old = olds(things[:60])
    folder = push.job(here, things)
    with a_table(old=old) as s:
        push_over(s, folder)
        forget_all(folder)
        # As if only some of its puts had come there, and then others wrote
        # where they had not: over what was, where nothing was, or away.
        theirs = [{**old[3], 'x': {'S': 'theirs'}},
                  {**key_of(things[100]), 's': {'S': 'theirs'}}]
        servers.boto(s, table='Things-new', put=old[:40] + theirs,
                     remove=[key_of(old[5])] +
                     [key_of(x) for x in things[80:100] + things[101:]])
        now = old[:3] + theirs[:1] + old[4:5] + old[6:] + theirs[1:]
        push_over(s, folder)
        # And once more, to find our own.
        forget_all(folder)
        push_over(s, folder)
        holds(s, things)
        t = of_json(rollback(s, folder, '--output', 'json'))
        e2e.equal((t['changedSince'], t['verified']), (0, 120), t)
        holds(s, now)


def left(folder):
    return [json.loads(x)['Key'] for x in e2e.read(
        folder + '/rollback/Things-new~changed.jsonl').splitlines()]


def forget_unit(folder):
    """As if nothing of one file was acknowledged; its number."""
    path = folder + '/push/Things-new.done'
    text = e2e.read(path, 'rb')
    records = [text[at:at + 24] for at in range(64, len(text), 24)]
    unit = records[-1][:8]
    with open(path, 'wb') as f:
        f.write(text[:64] + b''.join(x for x in records if x[:8] != unit))
    return int.from_bytes(unit, 'little')


def by_force_only_what_was_sent(here, _):
    things = push.items(120)
    old = olds(things[::2])
    folder = push.job(here, things)
    with a_table(old=old) as s:
        push_over(s, folder)
        unit = forget_unit(folder)
        # One of each kind, by where the undo says that it stands.
        pick = {}
        for line in e2e.read(folder + '/undo/Things-new.jsonl').splitlines():
            line = json.loads(line)
            pick[line['At'][0] != unit, 'Item' in line] = line['Key']
        e2e.equal(len(pick), 4, 'kinds')
        theirs = {kind: {**key, 's': {'S': 'theirs'}}
                  for kind, key in pick.items()}
        servers.boto(s, table='Things-new', put=list(theirs.values()))
        rollback(s, folder, '--force', status=1)
        stay = [theirs[False, True], theirs[False, False]]
        number = lambda x: float(x['sk']['N'])
        holds(s, [x for x in old if number(x) != number(stay[0])] + stay)
        e2e.equal(sorted(map(number, left(folder))),
                  sorted(map(number, stay)), 'left')


def by_force_nothing_of_others_in_an_empty_table(here, _):
    things = push.items(90)
    folder = push.job(here, things)
    with a_table() as s:
        push.push(s, folder)
        # As if killed with all of it in flight, and half had come there.
        forget_all(folder)
        theirs = [{**key_of(things[80]), 's': {'S': 'theirs'}}]
        servers.boto(s, table='Things-new', put=theirs,
                     remove=[key_of(x) for x in things[45:80] + things[81:]])
        t = of_json(rollback(s, folder, '--force', '--output', 'json',
                             status=1))
        e2e.equal((t['removed'], t['changedSince']), (45, 1), t)
        holds(s, theirs)


def what_was_begun_over_others_goes_on_so(here, _):
    things = push.items(120)
    old = olds(things[::2])
    folder = push.job(here, things)
    with a_table(old=old) as s:
        push_over(s, folder)
        forget_the_end(folder)
        # Without the option nothing more would be kept.
        r = push.push(s, folder, *CONFIRM, status=5)
        e2e.contains(r.err, "table 'Things-new' is not empty")
        push_over(s, folder)
        rollback(s, folder)
        holds(s, old)
        # Nor would it be spared.
        push.push(s, folder, '--only-new', *CONFIRM)
        forget_the_end(folder)
        push.push(s, folder, *CONFIRM, status=5)
        push.push(s, folder, '--only-new', *CONFIRM)
        rollback(s, folder)
        holds(s, old)


def our_own_puts_are_not_what_was_there(here, _):
    things = push.items(120)
    folder = push.job(here, things)
    with a_table() as s:
        push.push(s, folder)
        forget_the_end(folder)
        push_over(s, folder)
        r = rollback(s, folder)
        e2e.contains(r.out, '120 removed')
        holds(s, [])
        # Nor what nothing was kept of.
        old = olds(things[:50])
        servers.boto(s, table='Things-new', put=old)
        push_over(s, folder, '--no-undo')
        forget_the_end(folder)
        push_over(s, folder)
        t = of_json(rollback(s, folder, '--output', 'json', status=1))
        e2e.equal((t['restored'], t['changedSince']), (0, 120), t)


def only_where_it_was_written(here, _):
    things = push.items(30)
    folder = push.job(here, things)
    with a_table() as s:
        push.push(s, folder)
        with servers.dynamodb() as other:
            # No such table there: what is known stays known.
            r = rollback(other, folder)
            e2e.contains(r.out, 'there is no such table; nothing was done')
        path = folder + '/push/Things-new.json'
        text = e2e.read(path)
        known = json.loads(text)
        known['of'] = ('arn:aws:dynamodb:eu-west-1:999999999999:table/'
                       'Things-new x 1')
        e2e.write(path, json.dumps(known))
        r = rollback(s, folder, status=5)
        e2e.contains(r.err, 'is not the one that the job wrote to',
                     '999999999999')
        holds(s, things)
        e2e.write(path, text)
        rollback(s, folder)
        holds(s, [])


def records_that_were_on_their_way_out_go(here, _):
    folder = push.job(here, push.items(30))
    with a_table() as s:
        push.push(s, folder)
        path = folder + '/push/Things-new.json'
        known = json.loads(e2e.read(path))
        known['retiring'] = True
        e2e.write(path, json.dumps(known))
        e2e.contains(rollback(s, folder).out, 'nothing to undo')
        e2e.check(not os.path.exists(folder + '/push/Things-new.done'),
                  'records')


def keys_with_odd_names(here, _):
    name = 'p"\\k\u00e9'
    things = [{name: {'S': 'x"\u0000%d' % i}, 'v': {'N': str(i)}}
              for i in range(150)]
    role = {'TableName': 'Odd', 'KeySchema': [
        {'AttributeName': name, 'KeyType': 'HASH'}],
        'AttributeDefinitions': [{'AttributeName': name,
                                  'AttributeType': 'S'}]}
    # However it is written in the data.
    lines = [json.dumps({'Item': x}, ensure_ascii=i % 2 == 0)
             for i, x in enumerate(things)]
    e2e.write_items(here + '/data/0.json.gz', lines)
    path = e2e.write_plan(here + '/plan.json', {
        'source': {'exports': ['data']}, 'target': {'environment': 'e'},
        'tables': {'Things': {'key': {name: 'S'}, 'to': 'Odd'}}})
    e2e.run(path, here + '/job', '--quiet')
    old = [{**x, 'v': {'N': '-1'}} for x in things[:40]]
    yes = ['--yes', '--confirm', 'Odd']
    sort = lambda items: sorted(items, key=str)
    with servers.dynamodb() as s:
        servers.boto(s, create=[role], table='Odd', put=old)
        push.push(s, here + '/job', '--into-existing', *yes)
        e2e.equal(sort(servers.boto(s, scan='Odd')), sort(things), 'pushed')
        rollback(s, here + '/job', confirm=yes)
        e2e.equal(sort(servers.boto(s, scan='Odd')), sort(old), 'undone')


if __name__ == '__main__':
    e2e.main([a_table_is_as_it_was_before, what_others_changed_stays,
              after_what_was_left_it_is_pushed_anew,
              tables_that_the_job_made_go,
              a_table_that_is_going_is_waited_for,
              a_table_that_was_there_is_not_deleted,
              what_only_new_left_is_left, without_an_undo_it_is_said,
              killed_at_any_moment,
              what_others_wrote_before_the_resume_was_there,
              by_force_only_what_was_sent,
              by_force_nothing_of_others_in_an_empty_table,
              what_was_begun_over_others_goes_on_so,
              our_own_puts_are_not_what_was_there,
              only_where_it_was_written,
              records_that_were_on_their_way_out_go, keys_with_odd_names])
