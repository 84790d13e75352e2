"""push_shards.py - a push that several processes share: all items arrive, once,
whoever is killed; and one process undoes it."""
import fcntl
import json
import os
import subprocess
import time

import e2e
import push
import servers
from rollback import CONFIRM, a_table, foreign, holds, of_json, olds, rollback

N = 3


def start(s, folder, i, *args, n=N, env=None):
    return subprocess.Popen(
        [e2e.PROGRAM, 'push', '--job', folder, '--shard', '%s/%d' % (i, n),
         '--output', 'json', *args], env={**s.env, **(env or {})}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)


def end(child, status=0):
    out, err = child.communicate()
    r = e2e.Result(child.returncode, out, err)
    e2e.clean(r)
    e2e.equal(r.status, status, r)
    return of_json(r) if status == 0 else r


def killed(s, folder, i, record, *args):
    """Once there is something in this file of its folder; was it in time?"""
    child = start(s, folder, i, *args)
    path = '%s/push/shards/%d/%s' % (folder, i, record)
    while child.poll() is None and not (
            os.path.exists(path) and os.path.getsize(path) > 20 * 24):
        time.sleep(.002)
    in_time = child.poll() is None
    child.kill()
    child.communicate()
    return in_time


def each_pushes_its_files(here, _):
    things = push.items(1500 // e2e.SLOW)
    folder = push.job(here, things, files=10)
    with a_table('--unprocessed', .1, '--throttle', .05) as s:
        kills = killed(s, folder, 2, 'push/Things-new.done')
        # None has to be confirmed: what is there is of other shards.
        told = [end(c) for c in [start(s, folder, i) for i in (1, 2, 3)]]
        holds(s, things)
        e2e.equal(sum(t['items'] for t in told), len(things), 'items')
        e2e.equal(sum(t['put'] + t['before'] for t in told), len(things),
                  'put')
        sizes = [t['items'] for t in told]
        e2e.check(max(sizes) - min(sizes) <= len(things) // 10, sizes)
        if kills:
            e2e.check(told[1]['before'] > 0, told)
        e2e.check(not os.path.exists(folder + '/push/Things-new.done'),
                  'a shard wrote into the whole record')
        # One of them again, and then all: nothing is left to do.
        e2e.equal(end(start(s, folder, 3))['put'], 0, 'put again')
        t = of_json(push.push(s, folder, '--output', 'json', *CONFIRM))
        e2e.equal((t['put'], t['before']), (0, len(things)), 'told')
        e2e.check(not os.path.exists(folder + '/push/shards'), 'shards')
        t = of_json(rollback(s, folder, '--output', 'json'))
        e2e.equal((t['verified'], t['changedSince']), (len(things), 0), 'told')
        holds(s, [])
        return '%d kills' % kills


def what_they_wrote_over_comes_back(here, _):
    things = push.items(450)
    old = olds(things[::3]) + foreign(20)
    folder = push.job(here, things, files=7)
    over = '--into-existing', *CONFIRM
    with a_table('--unprocessed', .1, old=old) as s:
        kills = killed(s, folder, 1, 'undo/Things-new.jsonl', *over)
        for c in [start(s, folder, i, *over) for i in (1, 2, 3)]:
            end(c)
        holds(s, things + foreign(20))
        # As if it had been killed while it brought home what 2 has kept.
        kept = e2e.read(folder + '/push/shards/2/undo/Things-new.jsonl')
        os.makedirs(folder + '/undo')
        e2e.write(folder + '/undo/Things-new.jsonl', kept[:-40])
        rollback(s, folder)
        holds(s, old)
        return '%d kills' % kills


def one_that_is_missing_is_done_by_who_ends(here, _):
    """A push that was begun whole, then divided, and ended whole."""
    things = push.items(1000 // e2e.SLOW)
    folder = push.job(here, things, files=9)
    with a_table() as s:
        child = subprocess.Popen(
            [e2e.PROGRAM, 'push', '--job', folder, '--quiet', '--max-wcu',
             '500'], env=s.env, stdin=subprocess.DEVNULL)
        record = folder + '/push/Things-new.done'
        while not os.path.exists(record) or os.path.getsize(record) < 20 * 24:
            e2e.check(child.poll() is None, 'it ended')
            time.sleep(.002)
        # While it has the job no shard can, and the other way round.
        r = end(start(s, folder, 1), status=5)
        e2e.contains(r.err, 'is in use by pid')
        child.kill()
        child.wait()
        t = end(start(s, folder, 3, '--dry-run'))
        e2e.check(t['before'] > 0, 'told by who only looks', t)
        told = [end(start(s, folder, i)) for i in (3, 1)]
        e2e.check(sum(t['before'] for t in told) > 0, told)
        t = of_json(push.push(s, folder, '--output', 'json', *CONFIRM))
        e2e.equal(t['put'] + t['before'], len(things), 'told')
        e2e.check(t['put'] > 0 and t['before'] > t['put'], t)
        holds(s, things)


def says_no(here, _):
    folder = push.job(here, push.items(30))
    with servers.emptied() as s:
        servers.boto(s, create=[push.ROLE])
        for words, env, wants in (
                (['4'], {}, '--shard takes a number'),
                (['auto'], {}, 'none of'),
                (['auto'], {'SLURM_ARRAY_TASK_ID': '4'}, 'is \'4\''),
                (['1', '--update'], {}, "takes no '--shard'"),
                (['1', '--table', 'Nobody'], {}, 'nothing for such a table')):
            r = end(start(s, folder, *words, env=env), status=2)
            e2e.contains(r.err, wants)
        # What would be sealed no longer is: the job goes on.
        e2e.write(folder + '/SHA256SUMS', '')
        end(start(s, folder, 'auto', env={'AWS_BATCH_JOB_ARRAY_INDEX': '1'}))
        e2e.check(not os.path.exists(folder + '/SHA256SUMS'), 'a seal')
        r = end(start(s, folder, 2, n=4), status=5)
        e2e.contains(r.err, 'divided into 3 shards, not 4', '--dry-run')
        with open(folder + '/push/shards/2/.lock', 'r+') as f:
            fcntl.lockf(f, fcntl.LOCK_EX)
            r = end(start(s, folder, 2), status=5)
            e2e.contains(r.err, 'another process pushes shard 2')
        with open(folder + '/lock') as f:
            fcntl.lockf(f, fcntl.LOCK_SH)
            end(start(s, folder, 3))
            r = push.push(s, folder, *CONFIRM, status=5)
            e2e.contains(r.err, 'is in use by shards of it')
            rollback(s, folder, status=5)
        r = subprocess.run([e2e.PROGRAM, 'status', '--job', folder],
                           capture_output=True, text=True)
        e2e.contains(r.stdout, 'of 3 shards of a push 2 are done, 0 begun and '
                     '1 not')
        # A dry run brings the records home; then it may be divided anew.
        push.push(s, folder, '--dry-run', *CONFIRM)
        end(start(s, folder, 2, n=4))
        r = subprocess.run([e2e.PROGRAM, 'rollback', '--job', folder,
                            '--shard', '1/3'], capture_output=True, text=True)
        e2e.contains(r.stderr, "'rollback' takes no '--shard'")


def what_others_put_is_not_taken_for_a_shard_s(here, _):
    folder = push.job(here, push.items(30))
    with servers.emptied() as s:
        servers.boto(s, create=[push.ROLE], table='Things-new',
                     put=foreign(1))
        r = end(start(s, folder, 1), status=5)
        e2e.contains(r.err, "'Things-new' is not empty", '--into-existing')
        r = end(start(s, folder, 1, '--into-existing'), status=5)
        e2e.contains(r.err, 'say --yes --confirm')
        # It was begun, by one that keeps what it writes over.
        end(start(s, folder, 1, '--into-existing', *CONFIRM))
        end(start(s, folder, 2), status=5)


def what_is_refused_is_told_at_the_end(here, _):
    things = push.items(30)
    things[1]['g'] = {'N': '1'}     # no key of the index
    folder = push.job(here, things)
    with servers.emptied() as s:
        servers.boto(s, create=[push.INDEXED])
        told = [start(s, folder, i).wait() for i in (1, 2, 3)]
        e2e.equal(sorted(told), [0, 0, 1], 'shards')
        for _ in range(2):
            r = push.push(s, folder, *CONFIRM, status=1)
            e2e.contains(r.out, '30 there before or refused (1)')
        lines = e2e.read(folder + '/rejected/push/Things-new.jsonl')
        e2e.equal(json.loads(lines)['Item'], things[1], 'refused')


def no_shard_goes_on_with_what_is_gone(here, _):
    """What one put was removed; or the table was, and there is another one."""
    things = push.items(30)
    folder = push.job(here, things)
    with servers.emptied() as s:
        servers.boto(s, create=[push.ROLE])
        end(start(s, folder, 1))
        servers.boto(s, table='Things-new', remove=[
            {k: x[k] for k in ('pk', 'sk')} for x in things])
        r = end(start(s, folder, 2), status=5)
        e2e.contains(r.err, 'is empty, and shards put items', '--dry-run')
        r = push.push(s, folder, '--dry-run', status=5)
        e2e.contains(r.err, 'were removed since', folder + '/push/')
        os.remove(folder + '/push/Things-new.done')
        end(start(s, folder, 1))
        servers.boto(s, drop=['Things-new'])
        servers.boto(s, create=[push.ROLE], table='Things-new',
                     put=foreign(1))
        r = end(start(s, folder, 2, '--into-existing', *CONFIRM), status=5)
        e2e.contains(r.err, 'is another one than that', '--dry-run')
        r = push.push(s, folder, '--dry-run', status=5)
        e2e.contains(r.err, "/push/Things-new.done' is of", 'remove it')
        os.remove(folder + '/push/Things-new.done')
        end(start(s, folder, 2, '--into-existing', *CONFIRM))
        push.push(s, folder, '--into-existing', *CONFIRM)
        holds(s, things + foreign(1))
        rollback(s, folder)
        holds(s, foreign(1))


if __name__ == '__main__':
    e2e.main([each_pushes_its_files,
              what_they_wrote_over_comes_back,
              one_that_is_missing_is_done_by_who_ends,
              says_no,
              what_others_put_is_not_taken_for_a_shard_s,
              what_is_refused_is_told_at_the_end,
              no_shard_goes_on_with_what_is_gone])
