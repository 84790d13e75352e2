"""status.py - where a job stands, told by its folder while others work in it."""
import json
import os
import re
import signal
import subprocess
import time

import e2e

SLOW = '''
import json, os, sys, time
n = 0
while True:
    line = sys.stdin.readline()
    if not line:
        break
    n += 1
    item = json.loads(line)
    while item['v'] >= 390 and not os.path.exists('go'):
        time.sleep(.01)
    sys.stdout.write(line if item['v'] != 3 else '!bad\\n')
    sys.stdout.write('#%d\\n' % n)
    sys.stdout.flush()
'''


def status(job, *options, code=0):
    done = subprocess.run([e2e.PROGRAM, 'status', '--job', job, *options],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True)
    r = e2e.Result(done.returncode, done.stdout, done.stderr)
    e2e.clean(r)
    e2e.equal(r.status, code, r)
    return r


def told(job):
    return json.loads(status(job, '--output', 'json').out)


def slow_job(here):
    """A job that goes on only when there is a file called `go`."""
    things = [{'id': {'S': 'id%d' % i}, 'v': {'N': str(i)}}
              for i in range(400)]
    for i in range(8):
        e2e.write_items(here + '/data/%d.json.gz' % i,
                        things[50 * i:50 * i + 50])
    e2e.write(here + '/slow.py', SLOW)
    return e2e.write_plan(here + '/plan.json', {
        'source': {'exports': ['data']},
        'tables': {'Things': {'key': {'id': 'S'}, 'steps': [
            {'pipe': [e2e.PYTHON, 'slow.py']}]}}})


def wait_for(job, child, ok):
    for _ in range(1000):
        e2e.check(child.poll() is None, 'it ended before its time')
        if os.path.exists(job + '/job.json'):
            s = told(job)
            if ok(s):
                return s
        time.sleep(.02)
    raise e2e.Failed('never: %r' % s)


def a_job_that_runs_elsewhere_is_told_of(here, _):
    plan, job = slow_job(here), here + '/job'
    child = e2e.start(plan, job, '--threads', '1', '--quiet')
    try:
        s = wait_for(job, child, lambda s: s.get('tables') and
                     s['tables'][0]['bad'] > 0)
        e2e.equal((s['state'], s['stage']), ('running', 'run'), s)
        e2e.contains(s['holder'], 'pid %d on ' % child.pid)
        t = s['tables'][0]
        e2e.equal((t['table'], t['bad']), ('Things', 1), t)
        e2e.check(0 < t['done'] <= t['total'] and t['items'] > 0, t)
        e2e.equal(s['stages'], [], 'stages')
        before = e2e.stamps(job)
        text = status(job).out
        e2e.contains(text, 'running, by pid %d' % child.pid, 'Things',
                     '1 bad', ' %  ')
        after = e2e.stamps(job)
        for path in set(before) | set(after):
            if 'status.json' not in path and path != job:
                e2e.equal(after.get(path), before.get(path), path)
        e2e.write(here + '/go', '')
        watch = status(job, '--watch', '--output', 'json')
        last = json.loads(watch.out.splitlines()[-1])
        e2e.equal((last['state'], last['holder']), ('done', ''), last)
        e2e.equal(last['tables'][0]['items'], 400, last)
        e2e.equal([(x['stage'], x['status']) for x in last['stages']],
                  [('run', 1)], last)
    finally:
        e2e.write(here + '/go', '')     # its program waits for that
        child.kill()
        child.communicate()


def one_that_was_killed_is_interrupted(here, _):
    plan, job = slow_job(here), here + '/job'
    child = e2e.start(plan, job, '--threads', '1', '--quiet')
    wait_for(job, child, lambda s: s.get('tables'))
    child.send_signal(signal.SIGKILL)
    child.wait()
    s = told(job)
    e2e.equal((s['state'], s['stage'], s['holder']),
              ('interrupted', 'run', ''), s)
    e2e.contains(status(job).out, 'interrupted: run since ', 'told at')
    e2e.write(here + '/go', '')
    child.communicate()
    e2e.run(plan, job, '--quiet', status=1)
    s = told(job)
    e2e.equal((s['state'], len(s['stages'])), ('done', 1), s)
    # Nothing was done by doing it again.
    e2e.run(plan, job, '--quiet', status=1)
    e2e.equal(len(told(job)['stages']), 1, 'stages')


def what_went_wrong_is_told(here, _):
    e2e.write_items(here + '/data/0.json.gz', [
        {'id': {'S': 'a'}}, {'id': {'S': 'a'}}])
    plan = e2e.write_plan(here + '/plan.json', {
        'source': {'exports': ['data']},
        'tables': {'Things': {'key': {'id': 'S'}}}})
    e2e.run(plan, here + '/job', '--quiet', status=3)
    s = told(here + '/job')
    e2e.equal((s['state'], s['stages'][-1]['status']), ('failed', 3), s)
    e2e.contains(s['error'], 'several items with one primary key')
    e2e.contains(status(here + '/job').out, 'last error: target table')
    # Another plan before there was a run: what was told is of no use.
    done = subprocess.run([e2e.PROGRAM, 'analyze', plan, '--job',
                           here + '/j', '--quiet'], capture_output=True)
    e2e.equal(done.returncode, 1, done)
    e2e.equal(len(told(here + '/j')['stages']), 1, 'stages')
    e2e.write_items(here + '/data/0.json.gz', [{'id': {'S': 'a'}}])
    done = subprocess.run([e2e.PROGRAM, 'analyze', plan, '--job',
                           here + '/j', '--quiet'], capture_output=True)
    e2e.equal(done.returncode, 0, done)
    s = told(here + '/j')
    e2e.equal([(x['stage'], x['status']) for x in s['stages']],
              [('analyze', 0)], s)


def records_that_are_damaged_are_passed_over(here, _):
    e2e.write_items(here + '/data/0.json.gz', [{'id': {'S': 'a'}}])
    plan = e2e.write_plan(here + '/plan.json', {
        'source': {'exports': ['data']},
        'tables': {'Things': {'key': {'id': 'S'}}}})
    job = here + '/job'
    e2e.run(plan, job, '--quiet')
    whole = e2e.read(job + '/status.json')
    line = e2e.read(job + '/story')
    for text in ('', whole[:-9], '[]', 'null', '{"tables":[3,{"done":-1}]}',
                 '\0' * 50):
        e2e.write(job + '/status.json', text)
        e2e.write(job + '/story', line + text + '\n' + line + line[:-5])
        s = told(job)
        e2e.equal(s['state'], 'done', s)
        e2e.check(len(s['stages']) >= 2, s)
        status(job)
    os.remove(job + '/status.json')
    os.remove(job + '/story')
    e2e.contains(status(job).out, ': done', '1 file done, all there are')


def a_folder_that_is_no_job_is_none(here, _):
    e2e.contains(status(here, code=2).err, 'is no job')
    e2e.contains(subprocess.run([e2e.PROGRAM, 'status'], text=True,
                                capture_output=True).stderr, 'give --job')


if __name__ == '__main__':
    e2e.main([a_job_that_runs_elsewhere_is_told_of,
              one_that_was_killed_is_interrupted,
              what_went_wrong_is_told,
              records_that_are_damaged_are_passed_over,
              a_folder_that_is_no_job_is_none])
