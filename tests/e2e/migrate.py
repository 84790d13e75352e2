"""migrate.py - the whole chain on one job against servers that others wrote:
done, validated, taken back; killed anywhere and gone on with; and what it says
when a stage fails."""
import contextlib
import glob
import json
import os
import pty
import random
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import e2e
import push
import servers

sys.path.insert(0, e2e.FIXTURES)
import make     # noqa: E402

TABLES = ('Contacts', 'Projects', 'Properties', 'Quotes')
YES = ['--yes', '--confirm', 'production']
PROD = ['--yes', '--confirm', 'prod']


def run(s, command, *args, status=0, env=None):
    done = subprocess.run([e2e.PROGRAM, command, *args], text=True,
                          env={**s.env, **(env or {})}, capture_output=True,
                          stdin=subprocess.DEVNULL)
    r = e2e.Result(done.returncode, done.stdout, done.stderr)
    e2e.clean(r)
    if status is not None:
        e2e.equal(r.status, status, r)
    return r


def table(name, *more, **indexes):
    return {'TableName': name, 'KeySchema': [
        {'AttributeName': 'id', 'KeyType': 'HASH'}],
        'AttributeDefinitions': [
            {'AttributeName': 'id', 'AttributeType': 'S'}, *more], **indexes}


def relational(here, items, stage='production'):
    data = e2e.generate(items, here + '/data')
    path = e2e.reference_plan(here + '/plan.yaml', data)
    with open(path, 'a') as f:          # so that what confirms it is one name
        f.write('\nstages: {prod: {confirm: true}}\n')
    return path


def held(s):
    """All that the servers hold: items of each table by id."""
    return {t['table']: {r['id']['S']: push.canonical({'M': r})
                         for r in t['items']}
            for t in servers.boto(s, all=True)}


def wanted(job):
    return {t: {r['id']['S']: push.canonical({'M': r})
                for r in e2e.lines(job, t)} for t in TABLES}


def stages(job):
    out = subprocess.run([e2e.PROGRAM, 'status', '--job', job, '--output',
                          'json'], capture_output=True, text=True).stdout
    return [(x['stage'], x['status']) for x in json.loads(out)['stages']]


def it_is_done_validated_and_taken_back(here, options):
    plan = relational(here, 50000 if options.long else 2000)
    job = here + '/job'
    first = here + '/first'
    e2e.run(plan, first, '--quiet')
    new = wanted(first)
    # One target is there, with items of others, and some that will be
    # written over.
    over = sorted(new['Contacts'])[:30]
    old = [{'id': {'S': i}, 'was': {'SS': ['here', 'before']}} for i in
           over + ['other-%d' % i for i in range(25)]]
    with servers.emptied() as s:
        servers.boto(s, create=[table('Contacts')], table='Contacts', put=old)
        before = held(s)
        args = [plan, '--job', job, '--stage', 'prod']
        r = run(s, 'migrate', *args, *PROD, status=5)
        e2e.contains(r.err, "table 'Contacts' is not empty", 'to go on:',
                     'nothing was written')
        r = run(s, 'migrate', *args, '--into-existing', status=5)
        e2e.contains(r.err, 'say --yes --confirm prod')
        e2e.equal(held(s), before, 'held')
        r = run(s, 'migrate', *args, '--into-existing', *PROD)
        e2e.check(re.search(r'in all   [1-9][0-9,]* items', r.err), r.err)
        e2e.contains(r.err, 'stage    prod', 'NOT EMPTY', 'to be made',
                     'a month', 'region')
        levels = {t['to']: t['level'] for t in json.loads(e2e.read(
            job + '/analysis.json'))['tables']}
        put = [levels[x] for x in re.findall(r'^(\w+): \d+ items put', r.out,
                                             re.M)]
        e2e.check(len(put) == 4 and put == sorted(put), r.out)
        now = held(s)
        e2e.equal(sorted(now), sorted(TABLES), 'tables')
        for t in TABLES:
            rest = {k: v for k, v in now[t].items() if k not in new[t]}
            e2e.equal(rest, {k: v for k, v in before.get(t, {}).items()
                             if k not in new[t]}, 'others of ' + t)
            for k, v in new[t].items():
                e2e.equal(now[t].get(k), v, t + ' ' + k)
        done = [x for x, status in stages(job) if status == 0]
        for x in ('whoami', 'analyze', 'test', 'run', 'tables', 'push',
                  'validate'):
            e2e.check(x in done, x, done)
        check_evidence(job, plan)
        # Done is done.
        before_again = s.stat()['requests']
        r = run(s, 'migrate', *args, '--into-existing', *PROD)
        e2e.contains(r.out, '== push: done')
        e2e.check(s.stat()['requests'] - before_again < 40, 'requests')
        e2e.equal(held(s), now, 'held')
        # And back.
        run(s, 'rollback', '--job', job, *PROD)
        e2e.equal(held(s), before, 'held after the rollback')
        # And once more, after that.
        run(s, 'migrate', *args, '--into-existing', *PROD)
        e2e.equal(held(s), now, 'held after doing it again')


def check_evidence(job, plan):
    story = e2e.check_report(job)['story']
    text = e2e.read(plan)
    e2e.equal(story['plans'][0]['text'], text, 'plan')
    e2e.equal(sorted(t['table'] for t in story['tables']), sorted(TABLES),
              'tables')
    for t in story['tables']:
        n = len(e2e.lines(job, t['table']))
        e2e.equal([t[x] for x in ('read', 'filtered', 'rejected', 'emitted',
                                  'written', 'sent', 'refused', 'verified')],
                  [n, 0, 0, n, n, n, 0, n], t)
    e2e.equal({x['table'] for x in story['samples'] if 'before' in x},
              set(TABLES), 'samples')
    e2e.check('index/Contacts.idx' in story['idMap'], story['idMap'])
    page = e2e.read(job + '/report.html')
    e2e.contains(page, 'Stages, as they were done', 'schemaVersion = 2',
                 'Items before and after', 'Contacts: an item, to Contacts',
                 '<td class="code changed">{&quot;N&quot;:&quot;2&quot;}</td>')
    done = subprocess.run(['sha256sum', '--quiet', '--strict', '-c',
                           'SHA256SUMS'], cwd=job, capture_output=True,
                          text=True)
    e2e.equal((done.returncode, done.stdout), (0, ''), done)
    # An archive of it proves itself, where nothing else is.
    archive = job + '.archive'
    shutil.copytree(job, archive)
    os.rename(plan, plan + '.gone')
    try:
        r = subprocess.run([e2e.PROGRAM, 'validate', '--job', archive],
                           capture_output=True, text=True)
        e2e.equal(r.returncode, 0, r)
        e2e.contains(r.stdout + r.stderr, 'SHA256SUMS', 'not compared')
        with open(archive + '/report.html', 'a') as f:
            f.write(' ')
        os.remove(archive + '/rejected/x') if os.path.exists(
            archive + '/rejected/x') else None
        r = subprocess.run([e2e.PROGRAM, 'validate', '--job', archive],
                           capture_output=True, text=True)
        e2e.equal(r.returncode, 3, r)
        e2e.contains(r.stdout, 'report.html')
    finally:
        os.rename(plan + '.gone', plan)
    shutil.rmtree(archive)


def it_goes_on_wherever_it_is_killed(here, options):
    kills = 25 if options.long else 2
    plan = relational(here, 20000 if options.long else 600)
    first = here + '/first'
    e2e.run(plan, first, '--quiet')
    new = wanted(first)
    rnd = random.Random(options.seed)
    with servers.dynamodb('--unprocessed', .05) as s:
        args = [e2e.PROGRAM, 'migrate', plan, '--job', here + '/job',
                '--stage', 'prod',
                '--max-wcu', '4000', *PROD]
        began = time.monotonic()
        done = subprocess.run(args, env=s.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        e2e.equal(done.returncode, 0, done)
        whole = time.monotonic() - began
        e2e.equal(held(s), new, 'undisturbed')
        run(s, 'rollback', '--job', here + '/job', *PROD)
        shutil.rmtree(here + '/job')
        back = [e2e.PROGRAM, 'rollback', '--job', here + '/job', *PROD]

        def until_killed(command, most, other, want, wanted):
            """Go on with a command until it was killed so often; where it
            comes to its end before, see what there is, and begin again."""
            n = 0
            while n < kills:
                child = subprocess.Popen(command, env=s.env,
                                         stdin=subprocess.DEVNULL,
                                         stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL)
                try:
                    child.wait(rnd.random() * most)
                    e2e.equal(child.returncode, 0, command)
                    e2e.equal(held(s), want, 'held')
                    run(s, *other[1:])
                    e2e.equal(held(s), wanted, 'held')
                except subprocess.TimeoutExpired:
                    child.send_signal(signal.SIGKILL)
                    child.wait()
                    n += 1
            run(s, *command[1:])
            e2e.equal(held(s), want, 'held')
            return n

        killed = until_killed(args, whole * .3, back, new, {})
        killed += until_killed(back, whole * .15, args, {}, new)
    return '%d kills' % killed


# ---- failures ---------------------------------------------------------------

def small(here, things, **more):
    e2e.write_items(here + '/data/0.json.gz', things)
    return e2e.write_plan(here + '/plan.json', {
        'source': {'exports': ['data']},
        'target': {'environment': 'production'},
        'tables': {'Things': {'key': {'id': 'S'}, 'id': 'id', **more}}})


def things(n):
    return [{'id': {'S': 'thing-%d' % i}, 'v': {'N': str(i)}}
            for i in range(n)]


def the_analysis_stops_it_unless_accepted(here, _):
    items = things(50)
    items[7]['id'] = {'N': '1'}
    plan = small(here, items)
    job = here + '/job'
    with servers.emptied() as s:
        r = run(s, 'migrate', plan, '--job', job, *YES, '--log',
                here + '/log', status=1)
        events = [json.loads(x) for x in e2e.read(here + '/log').splitlines()]
        found = [x['text'] for x in events if x['event'] == 'problem']
        e2e.check(any(x.startswith('rejected: Things: 1 item') for x in found)
                  and 'thing-' not in str(events), found)
        e2e.contains(r.err, "stopped in 'analyze'", 'nothing was written',
                     'to go on:    dynamill migrate')
        e2e.equal(held(s), {}, 'held')
        name = re.search(r'error (\S+)', r.out).group(1)
        r = run(s, 'migrate', plan, '--job', job, *YES, '--accept', name,
                status=1)
        e2e.equal(len(held(s)['Things']), 49, 'held')
        e2e.equal(stages(job)[-1][0], 'validate', 'last')
        story = e2e.report(job)['story']
        e2e.check(any(name in x['accepted'] and x['by'] for x in
                      story['stages']), story['stages'])


def texts(n):
    """Items that no packing makes small."""
    r = random.Random(1)
    items = things(n)
    for x in items:
        x['text'] = {'S': ''.join(r.choice('abcdefghij') for _ in range(90))}
    return items


def on_a_full_disk(s, blocks, *args):
    """Files of half a kilobyte times `blocks` at most."""
    done = subprocess.run(
        ['sh', '-c', 'ulimit -f %d; exec "$@"' % blocks, 'sh', e2e.PROGRAM,
         'migrate', *args], env=s.env, text=True, stdin=subprocess.DEVNULL,
        capture_output=True)
    e2e.equal(done.returncode, 4, done)
    return done.stderr


def a_full_disk_stops_it_in_any_stage_and_it_goes_on(here, _):
    items = texts(1500)
    plan = small(here, items)
    job = here + '/job'
    args = [plan, '--job', job, *YES]
    with servers.emptied() as s:
        def stops(blocks, stage, written):
            err = on_a_full_disk(s, blocks, *args)
            e2e.contains(err, 'File too large', "stopped in '%s'" % stage,
                         'to go on:    dynamill migrate ')
            (e2e.contains if written else lacks)(
                err, 'to go back:  dynamill rollback --job ' + job)
            (lacks if written else e2e.contains)(
                err, 'nothing was written to the target')
            lacks(err, 'taken back')

        stops(64, 'analyze', written=False)
        run(s, 'migrate', *args, '--until', 'test')
        stops(128, 'run', written=False)
        e2e.equal(held(s), {}, 'held')
        # What is written over is kept, and needs room.
        run(s, 'migrate', *args, '--until', 'run')
        new = {r['id']['S']: push.canonical({'M': r})
               for r in e2e.lines(job, 'Things')}
        servers.boto(s, create=[table('Things')], table='Things', batch=[
            {'id': {'S': k}, 'was': items[i]['text']}
            for i, k in enumerate(new)])
        before = held(s)
        args = [plan, '--job', job, '--yes', '--confirm', 'Things',
                '--into-existing']
        stops(128, 'push', written=True)
        run(s, 'migrate', *args, '--until', 'push')
        e2e.equal(held(s)['Things'], new, 'held')
        stops(64, 'validate', written=True)
        run(s, 'migrate', *args, '--until', 'validate')
        stops(24, 'report', written=True)
        run(s, 'migrate', *args)
        e2e.equal(held(s)['Things'], new, 'held')
        run(s, 'rollback', '--job', job, '--yes', '--confirm', 'Things')
        e2e.equal(held(s), before, 'held')
        # And where live tables are read.
        with open(plan) as f:
            text = json.load(f)
        text['tables']['Things'].update({'from': 'Things', 'to': 'New'})
        del text['source']['exports']
        e2e.write_plan(plan, text)
        job = here + '/live'
        args = [plan, '--job', job, *YES]
        stops(24, 'backup', written=False)
        run(s, 'migrate', *args, '--until', 'run')


def lacks(text, part):
    e2e.check(part not in text, repr(part), 'is in', text)


class Losing:
    """A network that is lost with the first call of an operation."""

    def __init__(self, s):
        self.s, self.with_call, self.lost, self.after = s, None, False, 0

    def __call__(self, request):
        call = request.headers.get('x-amz-target', '.').split('.')[1]
        one = json.loads(request.body).get('Limit') == 1 if call == 'Scan' \
            else False
        if call == self.with_call and not one and not is_probe(request):
            self.after -= 1
            self.lost |= self.after < 0
        if self.lost:
            raise ConnectionError('lost')
        return forward(self.s, request)


def a_lost_network_leaves_the_job_and_both_commands(here, options):
    plan = small(here, things(400))
    job = here + '/job'
    with servers.emptied() as s:
        front = Losing(s)
        with servers.answers(front) as url:
            env = {'AWS_ENDPOINT_URL_DYNAMODB': url}
            args = [plan, '--job', job]

            def stops(stage, call, *more, written=False, after=0):
                front.with_call, front.after = call, after
                r = run(s, 'migrate', *args, *YES, *more, env=env, status=4)
                front.with_call, front.lost = None, False
                e2e.contains(r.err, "stopped in '%s'" % stage,
                             'to go on:    dynamill migrate ' + plan)
                back = 'to go back:  dynamill rollback --job ' + job
                if written:
                    e2e.contains(r.err, back)
                else:
                    e2e.contains(r.err, 'nothing was written to the target')
                    lacks(r.err, back)
                lacks(r.err, 'taken back')

            if options.long:        # each waits some seconds for it to pass
                stops('whoami', 'DescribeTable')
            servers.boto(s, create=[table('Things')])
            stops('test', 'PutItem')
            e2e.equal(held(s), {'Things': {}}, 'held')
            # What the trial put there is gone with its table.
            servers.boto(s, drop=['Things'])
            r = run(s, 'migrate', *args, *YES, env=env, status=4)
            e2e.contains(r.err, "table 'Things', where a trial that died put",
                         "remove '%s/trial.json'" % job)
            os.remove(job + '/trial.json')
            if options.long:
                stops('tables', 'CreateTable', written=True)    # it may be
            stops('push', 'BatchWriteItem', written=True, after=3)
            e2e.check(0 < len(held(s)['Things']) < 400, 'held')
            run(s, 'migrate', *args, '--yes', '--confirm', 'Things',
                '--until', 'push', env=env)
            stops('validate', 'Scan', written=True)
            run(s, 'migrate', *args, *YES, env=env)
            e2e.equal(len(held(s)['Things']), 400, 'held')
            front.with_call, front.after = 'BatchGetItem', 0
            back = ['rollback', '--job', job, '--yes', '--confirm', 'Things']
            r = run(s, *back, '--keep-tables', env=env, status=4)
            front.with_call, front.lost = None, False
            run(s, *back, env=env)
            e2e.equal(held(s), {}, 'held')
            # Live tables are read again from where it was lost.
            servers.boto(s, create=[table('Things')], table='Things',
                         batch=things(50))
            with open(plan) as f:
                text = json.load(f)
            text['tables']['Things'].update({'from': 'Things', 'to': 'New'})
            del text['source']['exports']
            e2e.write_plan(plan, text)
            job = args[-1] = here + '/live'
            stops('backup', 'Scan', after=2)
            run(s, 'migrate', *args, *YES, '--until', 'run', env=env)
            e2e.equal(len(e2e.lines(job, 'New')), 50, 'lines')


class Paging:
    """A server that reads tables in small pages, slowly, and looks meanwhile
    what is told of the job."""

    def __init__(self, s, job):
        self.s, self.job, self.seen = s, job, []

    def __call__(self, request):
        call = request.headers['x-amz-target'].split('.')[1]
        if call == 'Scan' and json.loads(request.body).get('Limit') != 1:
            request.body = json.dumps({**json.loads(request.body),
                                       'Limit': 50}).encode()
            del request.headers['content-length']
            time.sleep(.25)
            self.seen.append(json.loads(subprocess.run(
                [e2e.PROGRAM, 'status', '--job', self.job, '--output',
                 'json'], capture_output=True, text=True).stdout))
        return forward(self.s, request)


def status_tells_how_far_validation_is(here, _):
    plan = small(here, [{**x, 'text': {'S': 'x' * 20000}}
                        for x in things(400)])
    job = here + '/job'
    with servers.start_plain() as s:
        run(s, 'migrate', plan, '--job', job, '--until', 'push')
        front = Paging(s, job)
        with servers.answers(front) as url:
            env = {'AWS_ENDPOINT_URL_DYNAMODB': url}
            run(s, 'migrate', plan, '--job', job, env=env)
            told = [(t['done'], t['total'], t['items'],
                     'itemsPerSecond' in t)
                    for x in front.seen if x['stage'] == 'validate'
                    for t in x['tables']]
            e2e.check(any(0 < n < 400 and of == 400 and items == n and rate
                          for n, of, items, rate in told), told)
            e2e.check([x[0] for x in told] == sorted(x[0] for x in told), told)


def another_key_stops_it_wherever_it_is_met(here, _):
    plan = small(here, things(5))
    other = table('Things')
    other['KeySchema'][0]['AttributeName'] = 'other'
    other['AttributeDefinitions'][0]['AttributeName'] = 'other'
    job = here + '/job'
    with servers.emptied() as s:
        servers.boto(s, create=[other])
        for until, stage in (('analyze', 'test'), ('run', 'tables'),
                             ('tables', 'push')):
            servers.boto(s, drop=['Things'])
            run(s, 'migrate', plan, '--job', job, *YES, '--until', until)
            if until == 'tables':
                servers.boto(s, drop=['Things'])
            servers.boto(s, create=[other])
            r = run(s, 'migrate', plan, '--job', job, *YES, status=5)
            e2e.contains(r.err, 'other', "stopped in '%s'" % stage)
            lacks(r.err, 'taken back')
            e2e.equal(held(s), {'Things': {}}, 'held')


def an_item_that_is_refused_stops_it_in_test(here, _):
    """Before anything is written that stays."""
    items = [{**x, 'g': {'N': '1'}} for x in things(9)]     # no key of the index
    plan = small(here, items)
    with servers.emptied() as s:
        servers.boto(s, create=[by_g('Things')])
        r = run(s, 'migrate', plan, '--job', here + '/job', *YES, status=1)
        e2e.contains(r.out, 'Things: refused: ')
        e2e.contains(r.err, "stopped in 'test'", 'nothing was written')
        e2e.equal(held(s), {'Things': {}}, 'held')


def files_that_are_damaged_stop_it_in_validate(here, _):
    """What the job wrote is not what it says: that is no finding about the
    target, and so nothing is taken back."""
    plan = small(here, things(30))
    job = here + '/job'
    with servers.emptied() as s:
        run(s, 'migrate', plan, '--job', job, *YES, '--until', 'push')
        path, = glob.glob(job + '/out/Things/data/*')
        with open(path, 'r+b') as f:
            f.seek(40)
            f.write(b'xxxx')
        r = run(s, 'migrate', plan, '--job', job, *YES, status=3)
        e2e.contains(r.err, "stopped in 'validate'", 'to go on:',
                     'to go back:')
        lacks(r.err, 'taken back')
        e2e.equal(len(held(s)['Things']), 30, 'held')


def by_g(name):
    return table(name, {'AttributeName': 'g', 'AttributeType': 'S'},
                 GlobalSecondaryIndexes=[{
                     'IndexName': 'byG', 'KeySchema': [
                         {'AttributeName': 'g', 'KeyType': 'HASH'}],
                     'Projection': {'ProjectionType': 'ALL'}}])


def what_is_refused_for_good_is_taken_back(here, _):
    items = things(300)
    items[100]['g'] = {'N': '1'}            # no key of the index
    plan = small(here, items)
    with servers.emptied() as s:
        servers.boto(s, create=[by_g('Things')])
        r = run(s, 'migrate', plan, '--job', here + '/job', *YES, status=1)
        e2e.contains(r.err, "stopped in 'push'", 'is taken back')
        e2e.equal(held(s), {'Things': {}}, 'held')
        e2e.equal([x for x, _ in stages(here + '/job')][-1], 'rollback',
                  'stages')
        r = run(s, 'migrate', plan, '--job', here + '/two', '--no-rollback',
                *YES, status=1)
        e2e.contains(r.err, 'to go back:')
        e2e.equal(len(held(s)['Things']), 299, 'held')


def what_differs_in_the_end_is_taken_back(here, _):
    plan = small(here, things(300))
    job = here + '/job'
    with servers.emptied() as s:
        run(s, 'migrate', plan, '--job', job, *YES, '--until', 'push')
        some = sorted(held(s)['Things'])[0]
        servers.boto(s, table='Things', put=[
            {'id': {'S': some}, 'by': {'S': 'somebody'}}])
        r = run(s, 'migrate', plan, '--job', job, *YES, '--log',
                here + '/log', status=1)
        e2e.contains(r.err, "stopped in 'validate'", 'is taken back')
        log = e2e.read(here + '/log')
        e2e.contains(log, '"level":"error","event":"problem","text":"different')
        e2e.check(some not in log and 'somebody' not in log, log)
        found, = [x for x in e2e.report(job)['story']['stages']
                  if x['stage'] == 'validate']
        e2e.equal([(t['table'], t['bad']) for t in found['tables']],
                  [('Things', 1)], found)
        # Somebody else's item stays, and so its table.
        e2e.equal(sorted(held(s)['Things']), [some], 'held')


def what_was_to_stay_is_no_reason(here, _):
    plan = small(here, things(40))
    with open(plan) as f:
        text = json.load(f)
    del text['tables']['Things']['id']      # keys stay
    e2e.write_plan(plan, text)
    job = here + '/job'
    theirs = {'id': {'S': 'thing-5'}, 'by': {'S': 'somebody'}}
    with servers.emptied() as s:
        servers.boto(s, create=[table('Things')], table='Things', put=[theirs])
        r = run(s, 'migrate', plan, '--job', job, '--only-new', '--yes',
                '--confirm', 'Things', status=1)
        e2e.contains(r.err, "stopped in 'validate'",
                     'to go on:    dynamill migrate %s --job %s --only-new '
                     '--yes --confirm Things\n' % (plan, job))
        e2e.check('taken back' not in r.err, r.err)
        now = held(s)['Things']
        e2e.equal((len(now), now['thing-5']),
                  (40, push.canonical({'M': theirs})), 'held')


def tables_are_made_as_they_are_defined(here, _):
    """With local indexes, which no import makes; and one that gets no item."""
    things = local('Old')
    e2e.write(here + '/tables/things.json', json.dumps(things))
    e2e.write(here + '/tables/empty.json', json.dumps(table('Empty')))
    e2e.write_items(here + '/data/0.json.gz', [
        {'id': {'S': 'i%d' % i}, 'at': {'S': 't'}, 'v': {'N': '1'}}
        for i in range(40)])
    plan = e2e.write_plan(here + '/plan.json', {
        'source': {'exports': [{'path': 'data', 'table': 'Old'}]},
        'target': {'environment': 'e'},
        'names': {'from': '{table}', 'to': '{table}-new'},
        'tables': {'Old': {'key': ['id', 'at']}, 'Empty': {'key': ['id']}},
        'create': 'tables/*.json'})
    job = here + '/job'
    with servers.emptied() as s:
        out = subprocess.run([e2e.PROGRAM, 'check', plan], text=True,
                             capture_output=True).stdout
        e2e.contains(out, 'an import makes no local indexes')
        run(s, 'migrate', plan, '--job', job)
        there = {t['TableName']: t for t in servers.boto(s, list=True)}
        e2e.equal(sorted(there), ['Empty-new', 'Old-new'], 'tables')
        e2e.equal(there['Old-new']['LocalSecondaryIndexes'][0]['IndexName'],
                  'byV', 'index')
        e2e.equal({t['table']: len(t['items'])
                   for t in servers.boto(s, all=True)},
                  {'Empty-new': 0, 'Old-new': 40}, 'items')
        run(s, 'rollback', '--job', job, '--yes', '--confirm', 'e')
        e2e.equal(servers.boto(s, all=True), [], 'held')


def an_interrupt_says_how_to_go_on_and_back(here, _):
    plan = small(here, things(400))
    job = here + '/job'
    with servers.emptied() as s:
        child = subprocess.Popen(
            [e2e.PROGRAM, 'migrate', plan, '--job', job, '--max-wcu', '60',
             '--quiet'], env=s.env, text=True, stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE)
        while child.poll() is None and not (
                os.path.exists(job + '/push/Things.done') and
                os.path.getsize(job + '/push/Things.done') > 64):
            time.sleep(.01)
        told = json.loads(subprocess.run(
            [e2e.PROGRAM, 'status', '--job', job, '--output', 'json'],
            capture_output=True, text=True).stdout)
        e2e.equal((told['state'], told['stage'], told['tables'][0]['total']),
                  ('running', 'push', 400), told)
        child.send_signal(signal.SIGINT)
        err = child.communicate()[1]
        e2e.equal(child.returncode, 130, err)
        e2e.contains(err, "stopped in 'push'", 'to go on:    dynamill migrate',
                     'to go back:  dynamill rollback --job ' + job)
        e2e.equal(stages(job)[-1], ('push', 130), 'last')
        e2e.check(0 < len(held(s)['Things']) < 400, 'held')
        run(s, 'migrate', plan, '--job', job, '--yes', '--confirm', 'Things')
        e2e.equal(len(held(s)['Things']), 400, 'held')


def at_a_terminal(env, args, *answers):
    """What it says there, where each question gets the next answer."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(e2e.PROGRAM, [e2e.PROGRAM, *args], env)
    said, at, left = b'', 0, list(answers)
    while select.select([fd], [], [], 60)[0]:
        try:
            piece = os.read(fd, 4096)
        except OSError:         # it has gone
            break
        if not piece:
            break
        said += piece
        asked = re.search(rb'(yes/no\)|to confirm:) $', said[at:])
        if asked and left:
            at = len(said)
            os.write(fd, left.pop(0))
    else:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise e2e.Failed('it waits for ever: ' + said.decode())
    os.close(fd)
    return e2e.Result(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), '',
                      said.decode().replace('\r', ''))


def a_terminal_is_asked_twice_and_may_be_left(here, _):
    plan = small(here, things(9))
    with open(plan) as f:
        text = json.load(f)
    text['stages'] = {'prod': {'confirm': True}}
    e2e.write_plan(plan, text)
    args = ['migrate', plan, '--job', here + '/job', '--stage', 'prod',
            '--quiet']
    with servers.emptied() as s:
        for answers, status, says in (
                ((b'\x03',), 130, 'interrupted: nothing was done'),
                ((b'yes\n', b'\x03'), 130, 'interrupted: nothing was done'),
                ((b'no\n',), 5, 'not confirmed: nothing was done'),
                ((b'yes\n', b'Things\n'), 5, 'not confirmed')):
            r = at_a_terminal(s.env, args, *answers)
            e2e.equal(r.status, status, r)
            e2e.contains(r.err, 'stage    prod', 'region   us-east-1',
                         'Things', '9 items, to be made, by push', 'a month',
                         'imports  none: an import needs an address', says,
                         "stopped in 'test'; nothing was written",
                         'to go on:    dynamill migrate')
        e2e.equal(held(s), {}, 'held')
        r = at_a_terminal(s.env, args, b'yes\n', b'prod\n')
        e2e.equal((r.status, len(held(s)['Things'])), (0, 9), r)


def live_tables_are_read_where_there_are_no_exports(here, _):
    plan = e2e.write_plan(here + '/plan.json', {
        'source': {'environment': 'a'}, 'target': {'environment': 'b'},
        'names': {'from': '{table}-{source}', 'to': '{table}-{target}'},
        'tables': {'Things': {'key': {'id': 'S'}, 'id': 'id'},
                   'Others': {'key': {'id': 'S'}, 'id': 'id',
                              'references': {'thing': 'Things'}}}})
    job = here + '/job'
    items = things(60)
    with servers.emptied() as s:
        r = run(s, 'migrate', plan, '--job', job, status=None)
        e2e.check(r.status in (2, 4, 5), r)
        e2e.contains(r.err, 'Things-a', "stopped in 'backup'")
        servers.boto(s, create=[table('Things-a'), table('Others-a')])
        servers.boto(s, table='Things-a', put=items)
        servers.boto(s, table='Others-a', put=[
            {'id': {'S': 'o%d' % i}, 'thing': items[i]['id']}
            for i in range(60)])
        run(s, 'migrate', plan, '--job', job)
        now = held(s)
        e2e.equal(len(now['Things-b']), 60, 'held')
        e2e.equal({x['M']['thing'][1] if isinstance(x['M']['thing'], tuple)
                   else x['M']['thing']['S']
                   for x in now['Others-b'].values()},
                  set(now['Things-b']), 'references')
        e2e.equal([x for x, _ in stages(job)][-8:-1],
                  ['whoami', 'backup', 'analyze', 'test', 'run', 'tables',
                   'push'], 'stages')
        # What changes now is not in it; nor is it read again.
        servers.boto(s, table='Things-a', put=[{'id': {'S': 'late'}}])
        run(s, 'migrate', plan, '--job', job)
        e2e.equal(held(s)['Things-b'], now['Things-b'], 'held')
        run(s, 'rollback', '--job', job, '--yes', '--confirm', 'b')
        e2e.equal(sorted(held(s)), ['Others-a', 'Things-a'], 'tables')


LOCAL = {'LocalSecondaryIndexes': [{
    'IndexName': 'byV', 'KeySchema': [
        {'AttributeName': 'id', 'KeyType': 'HASH'},
        {'AttributeName': 'v', 'KeyType': 'RANGE'}],
    'Projection': {'ProjectionType': 'ALL'}}]}


def local(name):
    """One with a local index, which no import makes."""
    t = table(name, {'AttributeName': 'at', 'AttributeType': 'S'},
              {'AttributeName': 'v', 'AttributeType': 'N'}, **LOCAL)
    t['KeySchema'].append({'AttributeName': 'at', 'KeyType': 'RANGE'})
    return t


class Importing:
    """No server at hand knows ImportTable: in front of one stands an import
    that a test makes up, of the files as they were uploaded.  `asked` has what
    was asked, the tables of imports and of batches with it."""

    def __init__(self, s, job):
        self.s, self.job, self.asked, self.ends = s, job, [], {}
        self.tokens = []

    def __call__(self, request):
        call = request.headers['x-amz-target'].split('.')[1]
        body = json.loads(request.body)
        if is_probe(request):
            return forward(self.s, request)
        if call == 'ImportTable':
            made = body['TableCreationParameters']
            name = made['TableName']
            self.asked.append((call, name))
            if body['ClientToken'] not in self.tokens:
                self.tokens.append(body['ClientToken'])
                servers.boto(self.s, create=[made], table=name,
                             put=e2e.lines(self.job, name))
            return self.tell(name)
        if call == 'DescribeImport':
            return self.tell(body['ImportArn'].split('/')[1])
        self.asked.append((call, *body.get('RequestItems', ())))
        if call == 'Scan' and body.get('Limit') != 1 and \
                os.path.exists(self.job + '/push'):
            self.told = json.loads(subprocess.run(
                [e2e.PROGRAM, 'status', '--job', self.job, '--output', 'json'],
                capture_output=True, text=True).stdout)
        return forward(self.s, request)

    def tell(self, name):
        return 200, {}, json.dumps({'ImportTableDescription': {
            'ImportArn': 'arn:aws:dynamodb:x:1:table/%s/import/1-2' % name,
            'ImportStatus': 'COMPLETED', 'ErrorCount': 0,
            'ImportedItemCount': len(e2e.lines(self.job, name)),
            **self.ends.get(name, {})}}).encode()

    def order(self):
        """Imports and pushes, each once."""
        found = []
        for x in self.asked:
            if x[0] in ('ImportTable', 'BatchWriteItem') and x not in found:
                found.append(x)
        return found


def is_probe(request):
    """Of whoami, which asks what it may by items that are none."""
    return b'dynamill whoami' in request.body


def forward(s, request):
    try:
        with urllib.request.urlopen(urllib.request.Request(
                s.url, request.body, dict(request.headers))) as r:
            return r.status, {}, r.read()
    except urllib.error.HTTPError as e:
        return e.code, {}, e.read()


@contextlib.contextmanager
def importing(job):
    """A server, what stands in front of it, and how both are reached."""
    with servers.start_plain() as s, servers.s3() as s3:
        front = Importing(s, job)
        with servers.answers(front) as url:
            yield s, front, {**s3.env, 'AWS_ENDPOINT_URL_DYNAMODB': url}


TO = ['--import', '--to', 's3://test-bucket/up']


def tables_are_imported_where_that_can_be(here, _):
    e2e.write(here + '/tables/local.json', json.dumps(local('Local')))
    e2e.write(here + '/tables/empty.json', json.dumps(table('Empty')))
    e2e.write(here + '/tables/things.json', json.dumps(
        {**table('Things'), 'Tags': [{'Key': 'a', 'Value': 'b'}]}))
    for name in ('Things', 'Local', 'There'):
        e2e.write_items('%s/%s/0.json.gz' % (here, name), [
            {'id': {'S': 'i%d' % i}, 'at': {'S': 't'}, 'v': {'N': '1'}}
            for i in range(20)])
    plan = e2e.write_plan(here + '/plan.json', {
        'source': {'exports': [{'path': x, 'table': x}
                               for x in ('Things', 'Local', 'There')]},
        'target': {'environment': 'e'},
        'names': {'from': '{table}', 'to': '{table}-new'},
        'tables': {'Things': {'key': ['id']}, 'Local': {'key': ['id', 'at']},
                   'There': {'key': {'id': 'S'}}, 'Empty': {'key': ['id']}},
        'create': 'tables/*.json'})
    job = here + '/job'
    out = subprocess.run([e2e.PROGRAM, 'check', plan, '--import'], text=True,
                         capture_output=True).stdout
    ways = re.findall(r'^  (\w+)\n(?:    .*\n)*?    goes in   by (\w+ ?\w+)',
                      out, re.M)
    e2e.equal(dict(ways), {'Local': 'tables create', 'Things': 'import',
                           'There': 'import', 'Empty': 'import'}, out)
    with importing(job) as (s, front, env):
        servers.boto(s, create=[table('There-new')])
        r = run(s, 'migrate', plan, '--job', job, *TO, env=env)
        e2e.contains(r.out, '== import', 'Local-new: 20 items put',
                     'There-new: 20 items put')
        e2e.equal([x for x in front.order() if x[0] == 'ImportTable'],
                  [('ImportTable', 'Things-new')], front.asked)
        e2e.check(('TagResource',) in front.asked, front.asked)
        n = {t['table']: len(t['items']) for t in servers.boto(s, all=True)}
        e2e.equal(n, {'Things-new': 20, 'Local-new': 20, 'There-new': 20,
                      'Empty-new': 0}, 'held')
        e2e.equal({t['table']: (t['sent'], t['verified'])
                   for t in e2e.report(job)['story']['tables'] if t['sent']},
                  dict.fromkeys(('Things-new', 'Local-new', 'There-new'),
                                (20, 20)), 'story')
        run(s, 'rollback', '--job', job, '--yes', '--confirm', 'e', env=env)
        e2e.equal({t['table']: t['items'] for t in servers.boto(s, all=True)},
                  {'There-new': []}, 'held after the rollback')


def a_table_made_anew_is_not_the_import_s(here, _):
    """An import was taken back; then the same is to be pushed."""
    e2e.write(here + '/tables/things.json', json.dumps(table('Things')))
    e2e.write_items(here + '/Things/0.json.gz',
                    [{'id': {'S': 'i%d' % i}} for i in range(9)])
    plan = e2e.write_plan(here + '/plan.json', {
        'source': {'exports': [{'path': 'Things', 'table': 'Things'}]},
        'target': {'environment': 'e'},
        'tables': {'Things': {'key': ['id']}}, 'create': 'tables/*.json'})
    job = here + '/job'
    confirm = ['--yes', '--confirm', 'Things']
    with importing(job) as (s, front, env):
        args = ['migrate', plan, '--job', job]
        run(s, *args, *TO, '--yes', '--confirm', 'e', env=env)
        run(s, 'rollback', '--job', job, *confirm, env=env)
        run(s, 'tables', 'create', '--job', job, env=env)
        r = run(s, 'import', '--job', job, env=env, status=5)
        e2e.contains(r.err, 'is there, and an import makes a new one')
        r = run(s, *args, '--no-import', *confirm, env=env)
        e2e.contains(r.out, 'Things: 9 items put')
        e2e.equal(len(servers.boto(s, scan='Things')), 9, 'held')


def each_table_goes_in_as_check_says(here, _):
    """What is the way without a word, and why."""
    e2e.write(here + '/tables/local.json', json.dumps(local('Local')))
    text = {'source': {'exports': ['data']},
            'target': {'environment': 'e', 'region': 'us-east-1'},
            'tables': {'Things': {'key': {'id': 'S'}},
                       'Local': {'key': ['id', 'at']}},
            'create': 'tables/*.json'}
    plan = e2e.write_plan(here + '/plan.json', text)
    text['target']['out'] = 's3://bucket/out'
    remote = e2e.write_plan(here + '/remote.json', text)
    by_push, local_one = 'tables create, then push: ', 'an import makes no ' \
        'local indexes'
    to = ['--to', 's3://bucket/up']

    def ways(*args, **env):
        done = subprocess.run(
            [e2e.PROGRAM, 'check', *args, '--output', 'json'], text=True,
            env=servers.environment(**env), capture_output=True)
        e2e.equal(done.returncode, 0, done.stderr)
        told = {t['name']: t['goesIn']
                for t in json.loads(done.stdout)['tables']}
        e2e.equal(told['Local'], by_push + local_one, args)
        return told['Things']

    for args in ([plan, *to], [remote], [plan, '--import']):
        e2e.contains(ways(*args), 'import; or push, where such a table is')
    e2e.contains(ways(plan, *to, AWS_ENDPOINT_URL_DYNAMODB='https://'
                      'vpce-1.dynamodb.us-east-1.vpce.amazonaws.com:443'),
                 'import; or push')
    elsewhere = {'AWS_ENDPOINT_URL_DYNAMODB': 'http://127.0.0.1:8000'}
    e2e.equal(ways(plan), by_push +
              'an import needs an address in S3 (--to)', 'without --to')
    e2e.equal(ways(plan, *to, **elsewhere), by_push + "the endpoint is not "
              "AWS's (--import imports all the same)", 'elsewhere')
    e2e.contains(ways(plan, *to, '--import', **elsewhere), 'import; or push')
    e2e.equal(ways(remote, '--no-import'), by_push + '--no-import is said',
              '--no-import')

    def wrong(what, *args):
        done = subprocess.run([e2e.PROGRAM, *args], capture_output=True,
                              text=True, env=servers.environment(),
                              stdin=subprocess.DEVNULL)
        e2e.equal(done.returncode, 2, done)
        e2e.contains(done.stderr, what)

    wrong('--to s3://BUCKET/PREFIX', 'migrate', plan, '--import')
    wrong('leave --to out', 'migrate', remote, *to)
    wrong('which of them?', 'migrate', plan, '--import', '--no-import')
    wrong('s3://', 'migrate', plan, '--to', 'elsewhere')
    wrong('s3://', 'check', plan, '--to', 'elsewhere')


def imports_and_pushes_take_turns_in_dependency_order(here, _):
    """Each table refers to the one before; every other one is pushed."""
    names = ['A', 'B', 'C', 'D']
    tables = {}
    for i, name in enumerate(names):
        e2e.write_items('%s/%s/0.json.gz' % (here, name), [
            {'id': {'S': '%s%d' % (name, k)}, 'at': {'S': 't'},
             'v': {'N': '1'}, 'before': {'S': '%s%d' % (names[i - 1], k)}}
            for k in range(9)])
        tables[name] = {'key': ['id', 'at'] if i % 2 == 0 else {'id': 'S'},
                        'id': 'id'}
        if i > 0:
            tables[name]['references'] = {'before': names[i - 1]}
        if i % 2 == 0:
            e2e.write('%s/tables/%s.json' % (here, name),
                      json.dumps(local(name)))
    plan = e2e.write_plan(here + '/plan.json', {
        'source': {'exports': [{'path': x, 'table': x} for x in names]},
        'target': {'environment': 'e'},
        'names': {'from': '{table}', 'to': '{table}-new'},
        'tables': tables, 'create': 'tables/*.json'})
    job = here + '/job'
    with importing(job) as (s, front, env):
        args = ['migrate', plan, '--job', job, *TO]
        # All that an import must wait for is before it.
        r = run(s, *args, '--until', 'import', env=env)
        e2e.equal(front.order(), [
            ('BatchWriteItem', 'A-new'), ('ImportTable', 'B-new'),
            ('BatchWriteItem', 'C-new'), ('ImportTable', 'D-new')], r)
        run(s, *args, env=env)
        e2e.equal((front.told['stage'], front.told['state'],
                   [(t['table'], t['total']) for t in front.told['tables']]),
                  ('validate', 'running', [(x + '-new', 9) for x in names]),
                  front.told)
        e2e.equal(len(front.order()), 4, 'order')
        sent = {t['table']: (t['sent'], t['verified'])
                for t in e2e.report(job)['story']['tables']}
        e2e.equal(sent, dict.fromkeys((x + '-new' for x in names), (9, 9)),
                  'story')
        run(s, 'rollback', '--job', job, '--yes', '--confirm', 'e', env=env)
        e2e.equal(servers.boto(s, all=True), [], 'held')
        # In the middle an import fails: all of it is taken back.
        front.ends = {'D-new': {'ImportStatus': 'FAILED', 'ErrorCount': 2,
                                'ImportedItemCount': 7,
                                'FailureMessage': 'some failed'}}
        front.asked = []
        r = run(s, *args, env=env, status=1)
        e2e.contains(r.err, "stopped in 'import'", 'is taken back')
        e2e.contains(r.out, 'some failed')
        e2e.equal(servers.boto(s, all=True), [], 'held')
        # Killed between two imports it goes on with the second.
        front.ends, front.asked = {}, []
        child = subprocess.Popen([e2e.PROGRAM, *args], env={**s.env, **env},
                                 stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        while ('BatchWriteItem', 'C-new') not in front.asked:
            time.sleep(.01)
        child.kill()
        child.wait()
        # ... also where it is not said any more.
        run(s, *args[:-3], '--import', '--yes', '--confirm', 'e', env=env)
        e2e.equal(front.order(), [
            ('BatchWriteItem', 'A-new'), ('ImportTable', 'B-new'),
            ('BatchWriteItem', 'C-new'), ('ImportTable', 'D-new')], r)
        e2e.equal({t['table']: len(t['items'])
                   for t in servers.boto(s, all=True)},
                  dict.fromkeys((x + '-new' for x in names), 9), 'held')


class Filling:
    """From one of its requests on, the disk of who asked has no more room."""

    def __init__(self, front):
        self.front, self.is_it, self.hit = front, None, None

    def __call__(self, request):
        call = request.headers['x-amz-target'].split('.')[1]
        self.n += 1
        if self.hit is None and self.is_it and self.is_it(call, request):
            self.hit = call
            fill(self.child)
        return self.front(request)

    def run(self, s, env, args, is_it=None):
        self.is_it, self.hit, self.n = is_it, None, -1
        self.child = subprocess.Popen(
            [e2e.PROGRAM, *args], env={**s.env, **env}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        out, err = self.child.communicate()
        return e2e.Result(self.child.returncode, out, err)


def fill(child):
    """What it writes from now on is refused, as on a full disk."""
    try:
        resource.prlimit(child.pid, resource.RLIMIT_FSIZE,
                         (0, resource.RLIM_INFINITY))
    except ProcessLookupError:
        pass


def a_disk_that_gets_full_while_it_writes_to_the_target(here, options):
    """Wherever that is, the same command goes on once there is room, and comes
    to the same."""
    for name in ('Things', 'There'):
        e2e.write_items('%s/%s/0.json.gz' % (here, name), things(60))
    plan = e2e.write_plan(here + '/plan.json', {
        'source': {'exports': [{'path': x, 'table': x}
                               for x in ('Things', 'There')]},
        'target': {'environment': 'e'}, 'tables': {
            x: {'key': {'id': 'S'}, 'update': 'SET w = 1'}
            for x in ('Things', 'There')}})
    old = [{**x, 'was': {'S': 'here'}} for x in things(30)]
    job = here + '/job'
    back = ['rollback', '--job', job, '--yes', '--confirm', 'e']

    def is_whole(call, request):
        return call == 'Scan' and b'"Limit":1' not in request.body

    def is_called(*names):
        return lambda call, request: call in names and not is_probe(request)

    with importing(job) as (s, front, env):
        f = Filling(front)
        args = ['migrate', plan, '--job', job, *TO, '--into-existing',
                '--yes', '--confirm', 'e']

        def stops(stage, is_it, told, written=True):
            r = f.run(s, env, args, is_it)
            e2e.equal(r.status, 4, r)
            e2e.contains(r.err, told, 'File too large; raise the limit of',
                         "stopped in '%s'" % stage,
                         'to go on:    dynamill migrate ' + plan)
            (e2e.contains if written else lacks)(
                r.err, 'to go back:  dynamill rollback --job ' + job)
            (lacks if written else e2e.contains)(
                r.err, 'nothing was written to the target')
            lacks(r.err, 'taken back')

        with servers.answers(f) as url:
            env['AWS_ENDPOINT_URL_DYNAMODB'] = url
            servers.boto(s, create=[table('There')], table='There', batch=old)
            before = held(s)
            if options.long:
                stops('test', is_called('PutItem'), job + '/samples',
                      written=False)
                e2e.equal(held(s), before, 'held')
            # ... where what the trial does could not be kept in mind.
            stops('test', is_called('GetItem'), job + '/trial.json',
                  written=False)
            e2e.equal(held(s), before, 'held')
            stops('import', is_called('ImportTable'), job + '/journal')
            stops('push', is_called('BatchWriteItem'),
                  job + '/push/There.done')
            stops('validate', is_whole, "a file in '")
            r = f.run(s, env, args)
            e2e.equal(r.status, 0, r)
            new = held(s)
            e2e.equal({k: len(v) for k, v in new.items()},
                      {'Things': 60, 'There': 60}, 'held')
            for is_it, told in (
                    (is_whole, "a file in '"),
                    (is_called('DeleteTable'), job + '/push/Things.json'),
                    (is_called('PutItem'), job + '/rollback/There.done')
                    )[0 if options.long else 2:]:
                r = f.run(s, env, back, is_it)
                e2e.equal((r.status, f.hit is None), (4, False), r)
                e2e.contains(r.err, told, 'File too large; raise the limit',
                             'run the same command again')
            r = f.run(s, env, back)
            e2e.equal(r.status, 0, r)
            e2e.equal(held(s), before, 'held after the rollback')
            return fill_everywhere(f, s, env, args, back, job, (before, new)) \
                if options.long else None


def fill_everywhere(f, s, env, args, back, job, states):
    """The whole of it, there and back, once for each of its requests."""
    ends = 0
    for command, other, want in ((args, back, 1), (back, args, 0)):
        n = 0
        while True:
            shutil.rmtree(job)
            args[args.index('--to') + 1] = 's3://test-bucket/%d-%d' % (want, n)
            if command is back:
                e2e.equal(f.run(s, env, args).status, 0, 'there')
            r = f.run(s, env, command, lambda call, _: f.n == n)
            hit = f.hit
            e2e.check(r.status in (0, 4), r)
            if r.status == 4:
                e2e.contains(r.err, 'File too large; raise the limit')
                ends += 1
            r = f.run(s, env, command)
            e2e.equal(r.status, 0, r)
            e2e.equal(held(s), states[want], 'held, filled at %d' % n)
            if command is args:
                e2e.equal(f.run(s, env, back).status, 0, 'back')
                e2e.equal(held(s), states[0], 'held')
            if hit is None:
                break
            n += 1
    return '%d times' % ends


class Exporting:
    """Of point-in-time exports what the API reference says, in front of a
    server and an S3; they hold what the tables did when they were asked for."""

    def __init__(self, s, s3, here):
        self.s, self.s3, self.here = s, s3, here
        self.asked, self.made, self.off = [], {}, set()
        self.status = {}        # of an export that is not to be done
        self.late = False       # more than eight hours since: tokens are new
        self.made_one = None    # called before it is told

    def __call__(self, request):
        call = request.headers['x-amz-target'].split('.')[1]
        own = getattr(self, call, None)
        if own is None:
            return forward(self.s, request)
        body = json.loads(request.body)
        self.asked.append((call, body))
        return 200, {}, json.dumps(own(body)).encode()

    def of(self, call):
        return [body for name, body in self.asked if name == call]

    def DescribeContinuousBackups(self, body):
        return {'ContinuousBackupsDescription': {
            'ContinuousBackupsStatus': 'ENABLED',
            'PointInTimeRecoveryDescription': {
                'PointInTimeRecoveryStatus': 'DISABLED'
                if body['TableName'] in self.off else 'ENABLED'}}}

    def ExportTableToPointInTime(self, body):
        token = body['ClientToken']
        if token not in self.made or self.late:
            name = body['TableArn'].split('/')[-1]
            n = len(self.made) + 1
            e = make.Export('%s/%d' % (self.here, n), name, n,
                            prefix=body['S3Prefix'])
            e.split(servers.boto(self.s, scan=name), 2).write()
            self.s3.put('%s/%d' % (self.here, n), '')
            self.made[token] = (body['TableArn'] + '/export/' + e.id, body, e)
            if self.made_one:
                self.made_one()
        return self.tell(*self.made[token])

    def ListExports(self, body):
        """One a page."""
        at = int(body.get('NextToken', 0))
        mine = [x for x in self.made.values()
                if x[1]['TableArn'] == body['TableArn']]
        out = {'ExportSummaries': [
            {'ExportArn': x[0], 'ExportStatus': 'COMPLETED'}
            for x in mine[at:at + 1]]}
        if at + 1 < len(mine):
            out['NextToken'] = str(at + 1)
        return out

    def DescribeExport(self, body):
        return self.tell(*next(x for x in self.made.values()
                               if x[0] == body['ExportArn']))

    def tell(self, arn, body, e):
        status = self.status.get(e.table, 'COMPLETED')
        out = {'ExportArn': arn, 'ExportStatus': status,
               'ClientToken': body['ClientToken'],
               'S3Bucket': body['S3Bucket'], 'S3Prefix': body['S3Prefix']}
        if status == 'COMPLETED':
            out.update(ItemCount=sum(n for _, _, n in e.files),
                       ExportManifest=e.key(e.folder()) +
                       '/manifest-summary.json')
        if status == 'FAILED':
            out.update(FailureMessage='no such luck')
        return {'ExportDescription': out}


def tables_are_exported_by_the_service_if_that_is_said(here, _):
    plan = e2e.write_plan(here + '/plan.json', {
        'source': {'environment': 'a'}, 'target': {'environment': 'b'},
        'names': {'from': '{table}-{source}', 'to': '{table}-{target}'},
        'tables': {'Things': {'key': {'id': 'S'}, 'id': 'id'},
                   'Others': {'key': {'id': 'S'}, 'id': 'id',
                              'references': {'thing': 'Things'}}}})
    job = here + '/job'
    items = things(30)
    with servers.start_plain() as s, servers.s3() as s3:
        service = Exporting(s, s3, here + '/exports')
        servers.boto(s, create=[table('Things-a'), table('Others-a')])
        servers.boto(s, table='Things-a', put=items)
        servers.boto(s, table='Others-a', put=[
            {'id': {'S': 'o%d' % i}, 'thing': x['id']}
            for i, x in enumerate(items)])
        with servers.answers(service) as url:
            env = {**s3.env, 'AWS_ENDPOINT_URL_DYNAMODB': url}
            args = ['migrate', plan, '--job', job + '/', '--export',
                    's3://test-bucket/night']
            check_exports(s, service, env, args, job)
        # What it came to.
        now = held(s)
        e2e.equal((len(now['Things-b']), len(now['Others-b'])), (30, 30),
                  'held')
        e2e.equal([x for x, _ in stages(job)][:5],
                  ['whoami', 'export', 'analyze', 'test', 'run'], 'stages')
        e2e.check(not os.path.exists(job + '/.source'), 'in the job')


def check_exports(s, service, env, args, job):
    def migrate(*more, status=0):
        return run(s, *args, *more, env=env, status=status)

    def kill():
        child = subprocess.Popen([e2e.PROGRAM, *args], env={**s.env, **env},
                                 stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        seen = len(service.of('DescribeExport'))
        while len(service.of('DescribeExport')) == seen:
            time.sleep(.01)
        child.kill()
        child.wait()

    # Of one that has none is said so before another one is begun.
    service.off = {'Others-a'}
    r = migrate(status=5)
    e2e.contains(r.err, 'dynamill pitr on Others-a', "stopped in 'export'",
                 '--export s3://test-bucket/night', 'nothing was written')
    e2e.equal(service.of('ExportTableToPointInTime'), [], 'begun')
    # Killed while it waits, it goes on to wait.
    service.off = set()
    service.status = {'Things-a': 'IN_PROGRESS'}
    kill()
    begun = service.of('ExportTableToPointInTime')
    e2e.equal(sorted(x['TableArn'].split('/')[1] for x in begun),
              ['Others-a', 'Things-a'], 'begun')
    e2e.equal({x['S3Prefix'] for x in begun}, {'night'}, 'prefix')
    kill()
    e2e.equal(len(service.of('ExportTableToPointInTime')), 2, 'begun')
    # Somewhere else than it was begun, or read instead: no.
    args[-1] = 's3://test-bucket/other'
    e2e.contains(migrate(status=5).err, 's3://test-bucket/night')
    args[-1] = 's3://test-bucket/night'
    # One that fails is told, and begun anew by the same command.
    service.status = {'Things-a': 'FAILED'}
    e2e.contains(migrate(status=4).err, 'no such luck', "stopped in 'export'")
    service.status = {}
    # What changes now is in that of the one that is made now, and no other.
    servers.boto(s, table='Others-a', put=[{'id': {'S': 'late'}}])
    r = migrate('--until', 'run')
    e2e.contains(r.out, '== export', 'Things-a: 30 items at '
                 's3://test-bucket/night/AWSDynamoDB/')
    e2e.equal(len(service.of('ExportTableToPointInTime')), 3, 'begun')
    e2e.equal(len({x['ClientToken'] for x in
                   service.of('ExportTableToPointInTime')}), 3, 'tokens')
    # From here on the service is not asked again; nor need it be said again.
    del args[-2:]
    n = len(service.asked)
    migrate()
    e2e.equal([x for x in service.asked[n:] if 'Export' in x[0]], [], 'asked')
    # Of what is written to it is said whether it could come back.
    service.off = {'Things-b'}
    log = job + '.log'
    r = migrate('--log', log)
    e2e.contains(r.err, "table 'Things-b' has no point-in-time recovery")
    lacks(r.err, "'Others-b'")
    events = [json.loads(x) for x in e2e.read(log).splitlines()]
    e2e.equal([x['stage'] for x in events if x['event'] == 'stage-end'],
              ['whoami', 'report'], events)


def an_export_that_was_begun_is_found_however_late(here, _):
    """Killed before the answer is noted, and gone on with when the service no
    longer knows what it was asked by: it is not made twice."""
    plan = e2e.write_plan(here + '/plan.json', {
        'source': {'environment': 'a'}, 'target': {'environment': 'b'},
        'names': {'from': '{table}-{source}', 'to': '{table}-{target}'},
        'tables': {'Things': {'key': {'id': 'S'}}}})
    with servers.start_plain() as s, servers.s3() as s3:
        service = Exporting(s, s3, here + '/exports')
        servers.boto(s, create=[table('Things-a')], table='Things-a',
                     put=things(9))
        with servers.answers(service) as url:
            env = {**s3.env, 'AWS_ENDPOINT_URL_DYNAMODB': url}
            args = ['migrate', plan, '--job', here + '/job', '--until', 'run',
                    '--export', 's3://test-bucket/night', '--kms-key', 'k']

            def kill(job, end=subprocess.Popen.kill):
                gone = threading.Event()
                service.made_one = lambda: (end(child), gone.set())
                args[3] = here + job
                child = subprocess.Popen(
                    [e2e.PROGRAM, *args], env={**s.env, **env},
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE, text=True)
                e2e.check(gone.wait(60), 'nothing was begun')
                err = child.communicate()[1]
                service.made_one = None
                return child.returncode, err

            # Another job's, of the same table to the same place, is not it.
            status, err = kill('/other', fill)
            e2e.equal(status, 4, err)
            e2e.contains(err, here + '/other.source/exports.journal',
                         'File too large', "stopped in 'export'",
                         'nothing was written to the target')
            kill('/job')
            service.late = True
            r = run(s, *args[:-2], '--kms-key', 'x', env=env, status=5)
            e2e.contains(r.err, 'were begun with --kms-key k')
            r = run(s, *args[:-4], env=env)     # as it was begun
            begun = service.of('ExportTableToPointInTime')
            e2e.equal(len(begun), 2, 'begun')
            e2e.equal({x['S3SseKmsKeyId'] for x in begun}, {'k'}, 'keys')
            e2e.contains(r.out, 'Things-a: 9 items at s3://test-bucket/night')
            e2e.check(list(service.made.values())[1][0].encode() in e2e.read(
                here + '/job.source/exports.journal', 'rb'), 'its own')


def what_is_gone_since_is_told(here, _):
    plan = small(here, things(20))
    job = here + '/job'
    again = ['rollback', '--job', job, '--yes', '--confirm', 'Things']
    with servers.emptied() as s:
        run(s, 'migrate', plan, '--job', job, *YES)
        all_of_it = held(s)
        keys = [{'id': {'S': k}} for k in all_of_it['Things']]
        servers.boto(s, table='Things', remove=keys[1:])
        run(s, 'migrate', plan, '--job', job, *YES)     # somebody may delete
        servers.boto(s, table='Things', remove=keys[:1])
        r = run(s, 'migrate', plan, '--job', job, *YES, status=5)
        e2e.contains(r.err, "table 'Things' is empty", 'has put 20 items',
                     "'dynamill rollback --job %s'" % job)
        run(s, *again)
        run(s, 'migrate', plan, '--job', job, *YES)
        e2e.equal(held(s), all_of_it, 'held')
        servers.boto(s, drop=['Things'])
        r = run(s, 'migrate', plan, '--job', job, *YES, status=5)
        e2e.contains(r.err, "table 'Things' is gone",
                     "'dynamill rollback --job %s --force'" % job)
        run(s, *again, '--force')
        run(s, 'migrate', plan, '--job', job, *YES)
        e2e.equal(held(s), all_of_it, 'held')


def a_dry_run_says_it_and_does_nothing(here, _):
    plan = small(here, things(20))
    job = here + '/job'
    with servers.emptied() as s:
        r = run(s, 'migrate', plan, '--job', job, '--dry-run')
        e2e.contains(r.out, 'run      to be done', 'Things')
        e2e.check(not os.path.exists(job), 'a job')
        run(s, 'migrate', plan, '--job', job, '--until', 'run')
        servers.boto(s, create=[table('Things')])
        before = e2e.stamps(job)
        r = run(s, 'migrate', plan, '--job', job, '--dry-run')
        e2e.contains(r.out, 'run      done 2', 'push     to be done',
                     '20 items, empty, by push')
        run(s, 'tables', 'create', '--job', job, '--dry-run')
        r = run(s, 'test', plan, '--job', job, '--write', '--dry-run')
        lacks(r.out, 'read back')
        after = e2e.stamps(job)
        lock = job + '/lock'        # says who looked last
        e2e.equal({**after, lock: 0}, {**before, lock: 0}, 'stamps')
        e2e.equal(held(s), {'Things': {}}, 'held')


def stages_can_be_chosen(here, _):
    plan = small(here, things(20))
    with open(plan) as f:
        text = json.load(f)
    text['tables'] = {'Nothing': {'key': {'id': 'S'}, 'of': 'Things',
                                  'where': "id = 'no'"}, **text['tables']}
    text['source']['exports'] = [{'path': 'data', 'table': 'Things'}]
    e2e.write_plan(plan, text)
    job = here + '/job'
    with servers.emptied() as s:
        r = run(s, 'migrate', plan, '--job', job, '--from', 'push', status=2)
        e2e.contains(r.err, "was not done in this job yet")
        e2e.contains(run(s, 'migrate', plan, '--until', 'x', status=2).err,
                     '--until takes')
        run(s, 'migrate', plan, '--job', job, '--until', 'run')
        e2e.equal(held(s), {}, 'held')
        e2e.equal([x for x, _ in stages(job)],
                  ['whoami', 'analyze', 'test', 'run'], 'stages')
        # Done is done, also of a table that gets no item.
        r = run(s, 'migrate', plan, '--job', job)
        r = run(s, 'migrate', plan, '--job', job)
        e2e.contains(r.out, '== tables: done', '== push: done')
        e2e.equal(sorted(held(s)), ['Nothing', 'Things'], 'held')
        r = run(s, 'migrate', plan, '--job', job, '--output', 'json')
        e2e.equal(json.loads(r.out)['story']['tables'][1:],
                  [{'table': 'Things', 'read': 20, 'filtered': 0,
                    'rejected': 0, 'emitted': 20, 'written': 20, 'sent': 20,
                    'refused': 0, 'verified': 20}], r)


if __name__ == '__main__':
    e2e.main([it_is_done_validated_and_taken_back,
              it_goes_on_wherever_it_is_killed,
              the_analysis_stops_it_unless_accepted,
              status_tells_how_far_validation_is,
              another_key_stops_it_wherever_it_is_met,
              an_item_that_is_refused_stops_it_in_test,
              files_that_are_damaged_stop_it_in_validate,
              a_full_disk_stops_it_in_any_stage_and_it_goes_on,
              a_lost_network_leaves_the_job_and_both_commands,
              what_is_refused_for_good_is_taken_back,
              what_differs_in_the_end_is_taken_back,
              what_was_to_stay_is_no_reason,
              tables_are_made_as_they_are_defined,
              an_interrupt_says_how_to_go_on_and_back,
              a_terminal_is_asked_twice_and_may_be_left,
              live_tables_are_read_where_there_are_no_exports,
              tables_are_imported_where_that_can_be,
              a_table_made_anew_is_not_the_import_s,
              each_table_goes_in_as_check_says,
              imports_and_pushes_take_turns_in_dependency_order,
              a_disk_that_gets_full_while_it_writes_to_the_target,
              tables_are_exported_by_the_service_if_that_is_said,
              an_export_that_was_begun_is_found_however_late,
              what_is_gone_since_is_told,
              a_dry_run_says_it_and_does_nothing,
              stages_can_be_chosen])
