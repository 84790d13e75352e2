#!/usr/bin/env python3
"""reverse.py - a plan, then the plan that undoes it: the source again."""
import os
import random
import subprocess

from e2e import (PROGRAM, check, contains, equal, main, read, run, same_items,
                 write, write_items)


def S(x):
    return {'S': x}


def N(x):
    return {'N': str(x)}


def reverse(*words, status=0, cwd=None):
    done = subprocess.run([PROGRAM, 'reverse', *words], text=True, cwd=cwd,
                          capture_output=True)
    equal(done.returncode, status, done.stderr)
    return done


PLAN = '''dynamill: 1
name: there
source:
  environment: dev
  exports: [{path: data/Users, table: Users}, {path: data/Orders, table: Orders}]
target: {environment: prod}
names: {from: "{table}", to: "{table}-{target}"}
tables:
  Users:
    key: {pk: S}
    sourceKey: {id: S}
    id: [id, {path: "keys.gsi", pattern: "USER#{id}"}]
    references: {"friends[*]": Users, boss: Users}
    steps:
      - rename: {id: pk, "profile.tel": profile.phone}
      - rename: {a: b, b: a}
      - update: SET oldStatus = status, status = 'open', score = score + 1.5, note = remark REMOVE remark
      - when: kind = 'x'
        update: ADD visits 2
      - expand: {friends: people}
      - contract: {boss: lead}
        when: attribute_exists(lead)
        reverse: []
      - update: SET version = 2
        reverse: REMOVE version
  Orders:
    key: [order_no]
    sourceKey: [id]
    id: {path: id, type: N}
    references: {user: Users, gsi1: {table: Users, pattern: "U#{id}"}}
    steps:
      - rename: {id: order_no, user: customer}
'''


def make(here, n):
    rng = random.Random(4)
    users, orders = [], []
    for i in range(n):
        u = {'id': S('u%d' % i), 'status': S(rng.choice('ab')),
             'score': N(rng.choice(['1', '2.25', '-7'])),
             'keys': {'M': {'gsi': S('USER#u%d' % i)}},
             'friends': {'L': [S('u%d' % rng.randrange(n))
                               for _ in range(rng.randrange(3))]},
             'remark': S('r%d' % i), 'profile': {'M': {'tel': N(i)}},
             'kind': S(rng.choice('xy')), 'visits': N(rng.randrange(9))}
        for name in 'ab':
            if rng.random() < .6:
                u[name] = S(name + str(i))
        if rng.random() < .4:
            u['boss'] = S('u%d' % rng.randrange(n))
        users.append(u)
        user = 'u%d' % rng.randrange(n)
        orders.append({'id': N(10000 + i), 'user': S(user),
                       'gsi1': S('U#' + user)})
    write_items(here + '/data/Users/f.json', users)
    write_items(here + '/data/Orders/f.json', orders)


def there_and_back_is_the_source(here, options):
    make(here, 300)
    plan = write(here + '/there.yaml', PLAN)
    job = here + '/there.job'
    run(plan, job)
    back = here + '/back.yaml'
    r = reverse(plan, '-o', back, '--job', job)
    contains(r.stderr, '0 things that cannot be undone')
    contains(read(back), 'id: [pk, {', 'order_no: id', 'customer: Users',
             'friends[*]": Users', 'people[*]": Users')
    for f in 'check', 'test':
        done = subprocess.run([PROGRAM, f, back], capture_output=True,
                              text=True, cwd=here)
        equal(done.returncode, 0, done.stderr)
    run(back, here + '/back')
    for table in 'Users', 'Orders':
        same_items(here + '/data/' + table,
                   here + '/back/out/%s/data' % table, table)
    # Nothing is written over.
    reverse(plan, '-o', back, '--job', job, status=5)
    reverse(plan, '-o', back, '--job', job, '--force')
    before = sorted(os.listdir(here))
    r = reverse(plan, '-o', here + '/dry.yaml', '--job', job, '--dry-run')
    contains(r.stdout, 'id: [pk, {', 'map: dry.yaml.ids.csv')
    equal(sorted(os.listdir(here)), before, 'files after a dry run')


def names_and_keys_that_nobody_said(here, options):
    write_items(here + '/data/Users/f.json',
                [{'id': S('u%d' % i), 'n': N(i), 'was': S('w')}
                 for i in range(9)])
    plan = write(here + '/20250101-users.yaml', '''dynamill: 1
source:
  environment: 'a "dev\\'
  exports: [{path: data/Users, table: Users}]
target: {environment: prod}
tables:
  Users:
    key: [pk, when]
    id: id
    steps:
      - rename: {id: pk}
      - update: SET sk = n REMOVE n
      - rename: {sk: when, was: n}
''')
    run(plan, here + '/there.job')
    back = here + '/back.yaml'
    reverse(plan, '-o', back, '--job', here + '/there.job')
    contains(read(back), 'name: "20250101-users-reversed"',
             r'environment: "a \"dev\\"', 'key: [id, "n"]',
             'sourceKey: [pk, when]')
    run(back, here + '/back')
    same_items(here + '/data/Users', here + '/back/out/Users/data', 'Users')


def what_cannot_be_undone_is_named(here, options):
    write_items(here + '/data/Users/f.json', [{'id': S('1')}])
    plan = write(here + '/plan.yaml', '''dynamill: 1
source: {exports: [{path: data/Users, table: Users}]}
tables:
  Users:
    key: [id]
    where: attribute_not_exists(gone)
    steps:
      - update: SET status = 'x', a = b, kept = c REMOVE c, d
      - when: attribute_not_exists(v)
        update: SET v = 1
      - version: {attribute: v, to: 2, from 1: []}
      - rename: {x: y}
        overwrite: true
      - contract: [z]
      - emit: [{to: Users}, {to: Copies, update: "SET copy = id"}]
  Copies: {key: [copy]}
''')
    r = reverse(plan, status=1)
    for text in ("plan.yaml:8: update: 'status' is set, and what it was",
                 "plan.yaml:8: update: 'a' is set",
                 "plan.yaml:8: update: 'd' is removed",
                 "plan.yaml:9: update: its 'when' looks at what it changes",
                 'plan.yaml:11: version: which version',
                 'plan.yaml:12: rename: what it was written over',
                 'plan.yaml:14: contract: what is removed',
                 'plan.yaml:15: emit: what items became',
                 'plan.yaml:4: where: items that it left out'):
        contains(r.stderr, text)
    contains(r.stderr, '2 steps undone, 9 things')
    contains(r.stdout, 'update: "SET c = kept REMOVE kept"', 'Copies: skip',
             'rename: {"y": x}', '# not undone: emit of line 15')
    # What it writes is a plan all the same.
    write(here + '/back.yaml', r.stdout)
    done = subprocess.run([PROGRAM, 'check', here + '/back.yaml'],
                          capture_output=True, text=True)
    equal(done.returncode, 0, done.stderr)


def a_reverse_that_is_wrong_is_an_error_of_the_plan(here, options):
    plan = write(here + '/plan.yaml', '''dynamill: 1
tables:
  Users:
    key: [id]
    steps:
      - update: SET a = b
        reverse: SET a == b
''')
    r = reverse(plan, status=2)
    contains(r.stderr, "plan.yaml:7:24: in 'reverse': '==' is written '='")


main([there_and_back_is_the_source, names_and_keys_that_nobody_said,
      what_cannot_be_undone_is_named,
      a_reverse_that_is_wrong_is_an_error_of_the_plan])
