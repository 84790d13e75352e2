"""slurm.py [--long] - scripts/slurm/submit against a real Slurm: a job as an
array of 7, with a shard killed half-way; what comes of it is one machine's.
See run.sh."""
import collections
import glob
import json
import os
import random
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, ROOT + '/tests/e2e')
import servers  # noqa: E402
from e2e import (PROGRAM, Failed, Skipped, check, contains, equal,  # noqa: E402
                 generate, lines, main, read, report, run, same_jobs, table_of,
                 write, write_items, write_plan)

SUBMIT = ROOT + '/scripts/slurm/submit'
TIME = '--run-time', '2025-02-01T12:00:00Z'
DATA = {}


def S(x):
    return {'S': x}


def prepare(options):
    top = options.top
    rng = random.Random(options.seed)
    generate(1_000_000 if options.long else 20_000, top + '/data/big',
             '--files', '5', '--seed', str(options.seed))
    plant(top + '/data', rng, 2000 if options.long else 100)
    refs = {'Contacts': {'addressId': 'Properties'},
            'Properties': {'agentContactId': 'Contacts',
                           'homeownerContactId': 'Contacts'},
            'Projects': {'agentContactId': 'Contacts',
                         'addressId': 'Properties'},
            'Quotes': {'addressId': 'Properties'},
            'Notes': {'about': 'Notes', 'contact': 'Contacts'}}
    for name, policy in ('report', 'report'), ('null', 'null'):
        DATA[name] = write_plan('%s/%s.json' % (top, name), {
            'source': {'environment': 'staging', 'exports': [
                'data/big', {'path': 'data/notes', 'table': 'Notes'}]},
            'target': {'environment': 'production'},
            'tables': {t: {'key': ['id'], 'id': 'id', 'references': r,
                           'dangling': policy} for t, r in refs.items()}})
        DATA[name, 'whole'] = '%s/whole-%s' % (top, name)
        run(DATA[name], DATA[name, 'whole'], *TIME)
    # Where it is told to, it kills what it has started, half-way and once: when
    # there is a journal, and of a long run half of what a shard writes.
    whole = glob.glob(DATA['report', 'whole'] + '/out/**', recursive=True)
    DATA['half'] = sum(map(os.path.getsize, whole)) // 14 // 1024 \
        if options.long else 0
    DATA['refs'] = refs
    DATA['program'] = write(top + '/dynamill', f'''#!/bin/sh
if [ "$SLURM_ARRAY_TASK_ID" = "$KILL" ] && mkdir "$ONCE" 2>/dev/null; then
	{PROGRAM} "$@" --threads 1 &
	until [ -s "$PART/journal" ] && [ "$(du -sk --apparent-size \
		"$PART/out.partial" | cut -f 1)" -ge "$HALF" ]; do sleep .01; done
	kill -9 $!
	wait $!
	exit 137
fi
exec {PROGRAM} "$@"
''')
    os.chmod(DATA['program'], 0o755)


def plant(data, rng, n):
    """Notes about notes and contacts, in 9 files; of some nobody knows."""
    contacts = [json.loads(x)['id'] for x in subprocess.run(
        [PROGRAM, 'cat', data + '/big/Contacts', '--select', 'id', '--as',
         'json'], capture_output=True, text=True, check=True)
        .stdout.splitlines()]
    gone = DATA['gone'] = {'about': 0, 'contact': 0}
    for f in range(9):
        notes = []
        for i in range(n):
            note = {'id': S('n%d.%d' % (f, i)), 'about': S(
                'n%d.%d' % (rng.randrange(9), rng.randrange(n))),
                'contact': S(rng.choice(contacts))}
            for name in gone:
                if rng.random() < .3:
                    note[name] = S('gone-%s-%d.%d' % (name, f, i))
                    gone[name] += 1
            notes.append(note)
        write_items('%s/notes/n%d.json.gz' % (data, f), notes)
    DATA['notes'] = 9 * n


def submit(plan, job, *options, kill=None):
    done = subprocess.run(
        [SUBMIT, '--job', job, '--shards', '7', *options, plan, '--', *TIME],
        capture_output=True, text=True, env={
            **os.environ, 'DYNAMILL': DATA['program'], 'ONCE': job + '.once',
            'KILL': str(kill), 'HALF': str(DATA['half']),
            'PART': '%s/shards/run/%s/1' % (job, kill)})
    check(done.returncode == 0, done.stdout, done.stderr)
    return done.stdout


def wait(options):
    """Until Slurm has nothing more to do."""
    until = time.monotonic() + (900 if options.long else 200)
    while subprocess.run(['squeue', '-h'], capture_output=True,
                         text=True).stdout.strip():
        if time.monotonic() > until:
            raise Failed(subprocess.run(['squeue'], capture_output=True,
                                        text=True).stdout)
        time.sleep(.2)


def logs(job):
    folder = job + '.slurm'
    return {f: read(folder + '/' + f) for f in sorted(os.listdir(folder))}


def merges(job):
    return '\n'.join(t for f, t in logs(job).items()
                     if f.startswith('merge-'))


def same(name, job):
    check(os.path.exists(job + '/out'), 'there is no out/:', logs(job))
    same_jobs(DATA[name, 'whole'], job)
    a, b = report(DATA[name, 'whole']), report(job)
    del a['thisRun'], b['thisRun']
    equal(b, a, 'the report')
    if name != 'report':
        return
    for rule in table_of(job, 'Notes')['rules']:
        if rule['path'] not in DATA['gone']:
            continue
        to = rule['to'][0]
        equal(to['dangling'], DATA['gone'][rule['path']],
              'dangling, as planted')
        equal(to['resolved'], DATA['notes'] - to['dangling'], 'resolved')


def a_killed_shard_is_submitted_again(here, options):
    job = here + '/job'
    contains(submit(DATA['report'], job, kill=4), 'shards 1-7: array')
    wait(options)
    check(os.path.exists(job + '.once'), 'nothing was killed')
    contains(merges(job), 'shards 4: array')
    same('report', job)


def crossing(job):
    """How many references of each kind lead from one shard to another, by what
    the shards wrote: {'Notes.about': 12, ...}."""
    home, refs = {}, []
    for n in range(1, 8):
        part = '%s/shards/run/%d/1' % (job, n)
        for table, names in DATA['refs'].items():
            for x in lines(part, table, 'out.partial'):
                home[table, x['id']['S']] = n
                refs += [(table + '.' + name, n, to, x[name]['S'])
                         for name, to in names.items()
                         if 'S' in x.get(name, {})]
    seen = collections.Counter()
    for name, n, to, value in refs:
        seen[name] += home.get((to, value), n) != n
    return seen


def what_failed_is_named_and_nothing_else_done_again(here, options):
    if not options.long:
        raise Skipped('half a minute: see --long, or scripts/test-all')
    job = here + '/job'
    submit(DATA['report'], job, '--retries', '0', kill=2)
    wait(options)
    contains(merges(job), 'shard 2/7: stopped', 'shard 2 of 7 is not done')
    check(not os.path.exists(job + '/out'), 'it was merged')
    cross = crossing(job)
    del cross['Notes.about']    # they are small, and may be of one shard
    check(len(cross) == 7 and min(cross.values()) > 0, cross)
    # One is missing, too, as if it had never been.
    shutil.rmtree(job + '/shards/run/5')
    merge = subprocess.run([PROGRAM, 'merge', '--job', job],
                           capture_output=True, text=True)
    equal(merge.returncode, 5, 'exit status of merge')
    contains(merge.stderr, 'shard 2/7: stopped', 'shard 5/7: not begun',
             'shards 2, 5 of 7 are not done')
    check(not os.path.exists(job + '/out'), 'it was merged')
    contains(submit(DATA['report'], job, '--retries', '0'), 'shards 2,5: array')
    wait(options)
    same('report', job)
    submit(DATA['report'], job)
    wait(options)


def rounds_follow_each_other(here, options):
    if not options.long:
        raise Skipped('half a minute: see --long, or scripts/test-all')
    job = here + '/job'
    submit(DATA['null'], job, '--analyze', '1')
    wait(options)
    same('null', job)


def a_job_in_s3(here, options):
    """The same job, where all that the nodes have in common is S3."""
    if not options.long:
        raise Skipped('half a minute: see --long, or scripts/test-all')
    job = 's3://test-bucket/job'
    with servers.s3() as s:
        os.mkdir(here + '/node')
        done = subprocess.run(
            [SUBMIT, '--job', job + '/', '--shards', '7', '--analyze', '1',
             '--scratch', here + '/node', DATA['null'], '--', *TIME],
            capture_output=True, text=True, cwd=here,
            env={**s.env, 'DYNAMILL': PROGRAM})
        check(done.returncode == 0, done.stdout, done.stderr)
        wait(options)
        r = subprocess.run([PROGRAM, 'status', '--job', job], env=s.env,
                           capture_output=True, text=True)
        check(job + ': done' in r.stdout, r.stdout, r.stderr,
              logs(here + '/job'))
        there = s.get('job', here + '/job')
        os.unlink(there + '/out/_address')
        # What nobody reads any more is not brought there.
        for units in glob.glob(DATA['null', 'whole'] + '/*/units'):
            shutil.copytree(units, units.replace(DATA['null', 'whole'], there))
        same('null', there)
        equal(glob.glob(here + '/node/*/shards/*/*/*') +
              glob.glob(here + '/node/*.merge'), [], 'left behind')


main([a_killed_shard_is_submitted_again,
      what_failed_is_named_and_nothing_else_done_again,
      rounds_follow_each_other, a_job_in_s3], prepare)
