#!/usr/bin/env python3
"""migrations.py - a folder of plans, applied in their order in one pass, and
what a later job is told of an earlier one."""
import json
import os
import subprocess

from e2e import (PROGRAM, check, contains, equal, lines, main, read, run,
                 write, write_items)


def S(x):
    return {'S': x}


HEAD = '''dynamill: 1
source: {exports: [{path: ../data, table: Users}]}
target: {environment: prod}
tables:
  Users:
    key: [id]
    update: %s
'''


def migration(here, name, update, folder='migrations'):
    return write('%s/%s/%s.yaml' % (here, folder, name), HEAD % update)


def data(here):
    write_items(here + '/data/f.json', [{'id': S('1'), 'log': S('')}])


def log_of(job):
    return [x['log']['S'] for x in lines(job, 'Users')]


def a_folder_is_applied_in_order_in_one_pass(here, options):
    data(here)
    for date, word in ('20250301-c', 'c'), ('20250101-a', 'a'), ('20250201-b', 'b'):
        migration(here, date, "SET log = concat(log, '%s')" % word)
    write(here + '/migrations/README.md', 'no plan')
    write(here + '/migrations/tables/x.json', '{}')
    job = here + '/job'
    run(here + '/migrations/', job)
    equal(log_of(job), ['abc'], 'order')
    facts = json.loads(read(job + '/job.json'))['facts']
    equal(list(facts['applied']), ['20250101-a.yaml', '20250201-b.yaml',
                                   '20250301-c.yaml'], 'applied')
    contains(run(here + '/migrations', job).out, 'done already')
    for words in ['check'], ['test'], ['analyze']:
        done = subprocess.run([PROGRAM, *words, here + '/migrations'],
                              capture_output=True, text=True, cwd=here)
        equal(done.returncode, 0, done.stderr)


def a_later_job_applies_what_is_new(here, options):
    data(here)
    migration(here, '20250101-a', "SET log = concat(log, 'a')")
    migration(here, '20250201-b', "SET log = concat(log, 'b')")
    one = here + '/one'
    run(here + '/migrations', one)
    # All applied: nothing to do, and nothing done.
    r = subprocess.run([PROGRAM, 'run', here + '/migrations', '--job',
                        here + '/none', '--after', one], text=True,
                       capture_output=True)
    equal(r.returncode, 0, r.stderr)
    contains(r.stdout, 'nothing to do', 'all 2 migrations')
    check(not os.path.exists(here + '/none'), 'a job was made')

    os.rename(here + '/data', here + '/data1')
    os.rename(one + '/out/Users/data', here + '/data')
    migration(here, '20250301-c', "SET log = concat(log, 'c')")
    two = here + '/two'
    run(here + '/migrations', two, '--after', one)
    equal(log_of(two), ['abc'], 'two')
    facts = json.loads(read(two + '/job.json'))['facts']
    equal(list(facts['applied']), ['20250101-a.yaml', '20250201-b.yaml',
                                   '20250301-c.yaml'], 'applied')
    # It goes on as what it was begun.
    r = run(here + '/migrations', two, status=5)

    # The third knows what the first had.
    migration(here, '20250401-d', "SET log = concat(log, 'd')")
    os.rename(here + '/data', here + '/data2')
    os.rename(two + '/out/Users/data', here + '/data')
    run(here + '/migrations', here + '/three', '--after', two)
    equal(log_of(here + '/three'), ['abcd'], 'three')


def what_was_applied_must_not_change(here, options):
    data(here)
    migration(here, '20250101-a', 'SET a = 1')
    migration(here, '20250301-c', 'SET c = 1')
    one = here + '/one'
    run(here + '/migrations', one)

    def refused(*words):
        r = run(here + '/migrations', here + '/two', '--after', one, status=5)
        contains(r.err, *words)

    old = migration(here, '20250201-b', 'SET b = 1')
    refused("'20250201-b.yaml' was not applied", "older than "
            "'20250301-c.yaml'")
    os.rename(old, here + '/migrations/20250401-b.yaml')
    migration(here, '20250101-a', 'SET a = 2')
    refused('20250101-a.yaml', 'is not what it was when it was applied')
    os.remove(here + '/migrations/20250101-a.yaml')
    refused("'20250101-a.yaml' was applied, and is not in")


def names_and_orders_that_cannot_be_told_are_errors(here, options):
    data(here)
    folder = here + '/migrations'
    migration(here, '20250101-a', 'SET a = 1')

    def wrong(name, *words):
        write(folder + '/' + name, HEAD % 'SET a = 1')
        contains(run(folder, here + '/job', status=2).err, *words)
        os.remove(folder + '/' + name)

    for name in 'next.yaml', '2025-01-01-a.yaml', '20251301-a.yaml', \
            '20250100-a.yaml', '20250101-.yaml', '20250101.yaml':
        wrong(name, name, 'YYYYMMDD-description.yaml')
    wrong('20250101-a.yml', 'one migration twice')
    os.mkdir(here + '/empty')
    contains(run(here + '/empty', here + '/job', status=2).err,
             'holds no YYYYMMDD-description.yaml')
    plan = migration(here, '20250101-a', 'SET a = 1')
    contains(run(plan, here + '/job', '--after', here, status=2).err,
             '--after')
    run(plan, here + '/job')
    contains(run(folder, here + '/job2', '--after', here + '/job',
                 status=5).err, 'applied no migrations')


main([a_folder_is_applied_in_order_in_one_pass,
      a_later_job_applies_what_is_new, what_was_applied_must_not_change,
      names_and_orders_that_cannot_be_told_are_errors])
