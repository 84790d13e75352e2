#!/usr/bin/env python3
"""init.py - the plan that init writes: every true reference, none false; and
it runs as it stands."""
import glob
import json
import os
import random
import re
import shutil
import subprocess
import uuid

from e2e import (FIXTURES, PROGRAM, Result, check, clean, contains, equal,
                 generate, main, read, report, run, write, write_items)


def init(*words, status=0, cwd=None):
    done = subprocess.run([PROGRAM, 'init', *words], text=True, cwd=cwd,
                          capture_output=True, stdin=subprocess.DEVNULL)
    r = Result(done.returncode, done.stdout, done.stderr)
    clean(r)
    if status is not None and r.status != status:
        raise AssertionError('exit status %d, not %d: %s'
                             % (r.status, status, r))
    return r


def understood(plan):
    """The tables of a plan as `check` sees them, by name."""
    done = subprocess.run([PROGRAM, 'check', plan, '--output', 'json'],
                          text=True, capture_output=True)
    equal(done.returncode, 0, 'check says %s' % done.stderr)
    return {t['name']: t for t in json.loads(done.stdout)['tables']}


def references(plan):
    return {(name, r['path'], r['to']) for name, t in understood(plan).items()
            for r in t.get('references', [])}


def keys(plan):
    return {name: [k['name'] for k in t['key']]
            for name, t in understood(plan).items() if not t['skip']}


def runs(plan, job, items):
    run(plan, job, '--quiet')
    r = report(job)
    equal(r['total']['read'], items, 'items read')
    equal(r['total']['written'], items, 'items written')
    return r


# ---- what others made -------------------------------------------------------

def the_relational_fixture(here, options):
    """All references of the hand-made plan, and the one of its AuditLog."""
    plan = here + '/plan.yaml'
    init(FIXTURES + '/relational', '-o', plan)
    equal(references(plan), {
        ('AuditLog', 'who', 'Contacts'),
        ('Contacts', 'addressId', 'Properties'),
        ('Requests', 'contactId', 'Contacts'),
        ('Requests', 'propertyId', 'Properties'),
        ('Projects', 'requestId', 'Requests'),
        ('Projects', 'agentContactId', 'Contacts'),
        ('Projects', 'homeownerContactId', 'Contacts'),
        ('Projects', 'propertyId', 'Properties'),
        ('Projects', 'team[*].contactId', 'Contacts'),
        ('Projects', 'watcherIds', 'Contacts'),
        ('Projects', 'gsi1pk', "Contacts as 'CONTACT#{id}'"),
        ('Projects', 'billing.contactId', 'Contacts'),
        ('Projects', 'billing.approvedBy', 'Contacts'),
        ('Quotes', 'projectId', 'Projects'),
        ('Quotes', 'requestId', 'Requests'),
        ('Quotes', 'approval.by.contactId', 'Contacts'),
        ('QuoteItems', 'pk', "Quotes as 'QUOTE#{id}'"),
        ('QuoteItems', 'quoteId', 'Quotes'),
        ('QuoteItems', 'addedBy', 'Contacts'),
    }, 'references')
    equal(keys(plan), {
        'AuditLog': ['id'], 'Contacts': ['id'], 'Projects': ['id', 'sk'],
        'Properties': ['id'], 'QuoteItems': ['pk', 'sk'], 'Quotes': ['id'],
        'Requests': ['id']}, 'keys')
    contains(read(plan), 'environment: staging',
             'contactId: Contacts    # 93.7 % of 16 values, 1 dangling')
    r = runs(plan, here + '/job', 148)
    # The run counts what init said.
    requests = next(t for t in r['tables'] if t['table'] == 'Requests')
    rule = next(x for x in requests['rules'] if x['path'] == 'contactId')
    equal(rule['to'][0]['dangling'], 1, 'dangling')


def every_sound_fixture(here, options):
    n = 0
    for folder in sorted(glob.glob(FIXTURES + '/good/*')):
        name = os.path.basename(folder)
        plan = '%s/%s.yaml' % (here, name)
        if name == 'incremental':
            r = init(folder, '-o', plan, status=2)
            contains(r.err, 'name its full export too')
            check(not os.path.exists(plan), 'there is a plan')
            continue
        init(folder, '-o', plan)
        understood(plan)
        run(plan, '%s/%s.job' % (here, name), '--quiet')
        total = report('%s/%s.job' % (here, name))['total']
        equal(total['read'], total['written'], name)
        equal(total['read'] == 0, name in ('dumps', 'empty'), name)
        n += 1
    return '%d of them' % n


def a_generated_dump(here, options):
    """Whatever the number of threads, the same text."""
    items = 200000 if options.long else 20000
    data = generate(items, here + '/data', '--files', '3')
    texts = [init(data, '--threads', n).out for n in ('1', '2', '5')]
    equal(texts[1], texts[0], '2 threads')
    equal(texts[2], texts[0], '5 threads')
    plan = here + '/plan.yaml'
    init(data, '-o', plan)
    people = [(t, p, 'Contacts')
              for t in ('Projects', 'Properties', 'Quotes')
              for p in ('agentContactId', 'homeownerContactId')]
    equal(references(plan), {
        *people, *((t, 'updatedBy.contactId', 'Contacts') for t in
                   ('Contacts', 'Projects', 'Properties', 'Quotes')),
        *((t, 'addressId', 'Properties') for t in
          ('Contacts', 'Projects', 'Quotes')),
        ('Quotes', 'projectId', 'Projects')}, 'references')
    runs(plan, here + '/job', items)


# ---- planted ----------------------------------------------------------------

def S(x):
    return {'S': str(x)}


def N(x):
    return {'N': str(x)}


def plant(here, n, seed):
    """Tables that refer to each other in every way, and to nothing."""
    dice = random.Random(seed)

    def new():
        return str(uuid.UUID(int=dice.getrandbits(128), version=4))

    users = [new() for _ in range(n)]
    teams = [new() for _ in range(max(n // 20, 3))]
    orders = [new() for _ in range(2 * n)]
    lost = [new() for _ in range(n)]
    counts = {}

    def user(key, dangling=0.0):
        gone = dice.random() < dangling
        a, b = counts.get(key, (0, 0))
        counts[key] = (a + 1, b + gone)
        return dice.choice(lost if gone else users)

    def table(name, items):
        items = list(items)
        dice.shuffle(items)
        for k in range(3):
            write_items('%s/%s/part-%d.json.gz' % (here, name, k),
                        items[k::3])
        return len(items)

    made = [
        table('Users', ({
            'id': S(u), 'email': S('u%d@example.com' % i),
            'teamId': S(teams[i % len(teams)]), 'age': N(18 + i % 60),
            'createdAt': N(1600000000 + 37 * i),
            'status': S(dice.choice(['ACTIVE', 'GONE']))}
            for i, u in enumerate(users))),
        # The same ids: they belong to Users.
        table('UserProfiles', ({
            'userId': S(u), 'bio': S('bio of %d' % i)}
            for i, u in enumerate(users[:n // 2]))),
        # A cycle with Users.
        table('Teams', ({
            'id': S(t), 'leadUserId': S(user('lead')),
            'parentId': S(teams[i // 2]), 'size': N(i % 9)}
            for i, t in enumerate(teams))),
        table('Orders', ({
            'pk': S('USER#' + user('pk')), 'sk': S('ORDER#' + o),
            'orderId': S(o), 'quantity': N(i % 12 + 1),
            'productId': N(dice.randrange(400) + 1),
            'approvers': {'SS': sorted({user('approvers') for _ in range(2)})},
            'history': {'L': [{'M': {'by': S(user('history')),
                                     'at': S('2024-01-01T00:00:00Z')}}]},
            'sharedWith': {'M': {'k%d' % i: {'M': {'user': S(
                user('shared'))}}}},
            'agent': S(user('agent', 0.03)),
            'half': S(users[i % n] if i % 2 else new())}
            for i, o in enumerate(orders))),
        # Small numbers are ids here, and elsewhere they are not.
        table('Products', ({
            'id': N(i + 1), 'stock': N(i % 50), 'rating': N(i % 5 + 1),
            'seller': {'NULL': True}} for i in range(500))),
    ]
    found = {
        ('Users', 'teamId', 'Teams'),
        ('UserProfiles', 'userId', 'Users'),
        ('Teams', 'leadUserId', 'Users'),
        ('Teams', 'parentId', 'Teams'),
        ('Orders', 'pk', "Users as 'USER#{id}'"),
        ('Orders', 'productId', 'Products'),
        ('Orders', 'approvers', 'Users'),
        ('Orders', 'history[*].by', 'Users'),
        ('Orders', 'sharedWith.*.user', 'Users'),
        ('Orders', 'agent', 'Users'),
    }
    return sum(made), found, counts


def planted_references(here, options):
    n = 20000 if options.long else 1500
    items, found, counts = plant(here, n, options.seed)
    dumps = [here + '/' + t for t in ('Users', 'UserProfiles', 'Teams',
                                      'Orders', 'Products')]
    plan = here + '/plan.yaml'
    init(*dumps, '-o', plan)
    equal(references(plan), found, 'references')
    equal(keys(plan), {'Users': ['id'], 'UserProfiles': ['userId'],
                       'Teams': ['id'], 'Orders': ['pk', 'sk'],
                       'Products': ['id']}, 'keys')
    check('id' not in [k for k, v in understood(plan)['Orders'].items()
                       if k == 'ids' and v], 'Orders has ids')
    r = runs(plan, here + '/job', items)

    # What was said is about what the run counts.
    orders = next(t for t in r['tables'] if t['table'] == 'Orders')
    rule = next(x for x in orders['rules'] if x['path'] == 'agent')
    values, dangling = counts['agent']
    equal(rule['to'][0]['references'], values, 'references counted')
    equal(rule['to'][0]['dangling'], dangling, 'dangling counted')
    said = re.search(r'agent: Users    # about ([0-9.]+) % of (?:about )?'
                     r'([0-9,]+) values, about ([0-9,]+) dangling '
                     r'\(± ([0-9.]+) %\)', read(plan))
    check(said, 'nothing is said of agent:\n' + read(plan))
    share, error = float(said.group(1)), float(said.group(4))
    most = 0 if values < 3 * 4096 else 0.1      # that it may be wrong
    check(abs(int(said.group(2).replace(',', '')) - values) <= most * values,
          said.group(0), 'but it is', values)
    check(abs(share - 100 * (1 - dangling / values)) < 2 * error + 0.1,
          said.group(0), 'and it is', dangling)
    return '%d items' % items


# ---- keys -------------------------------------------------------------------

def keys_that_only_the_data_tells(here, options):
    def dump(name, items):
        write_items('%s/%s.json.gz' % (here, name), items)
        return '%s/%s.json.gz' % (here, name)

    dumps = [
        # Two that could be it: the one with the name is.
        dump('Accounts', ({'email': S('e%d' % i), 'accountId': S('acc-%08d' %
                           i)} for i in range(300))),
        # Nearly unique is not unique, and not everywhere is not it.
        dump('Logs', ({'id': S('i%d' % min(i, 298)), 'code': S('c%d' % i),
                       **({'ref': S('r%d' % i)} if i else {})}
                      for i in range(300))),
        # No attribute alone, but two together.
        dump('Readings', ({'sensor': S('s%d' % (i % 7)), 'at': N(i // 7),
                           'value': N(i % 3)} for i in range(700))),
        # Of two types: no key.
        dump('Mixed', ({'id': S(i) if i % 2 else N(i)} for i in range(50))),
        dump('Nothing', ({'a': N(i % 3), 'b': N(i % 2)} for i in range(50))),
    ]
    plan = here + '/plan.yaml'
    r = init(*dumps, '-o', plan)
    equal(keys(plan), {'Accounts': ['accountId'], 'Logs': ['code'],
                       'Readings': ['sensor', 'at']}, 'keys')
    contains(r.err, '2 tables left out')
    contains(read(plan), 'Nothing: skip', 'Mixed: skip')
    runs(plan, here + '/job', 1300)


def keys_from_definitions(here, options):
    write_items(here + '/data/Things/a.json.gz',
                ({'id': S(i), 'region': S('eu'), 'n': N(i)}
                 for i in range(20)))
    write_items(here + '/data/Others/a.json.gz', ({'id': S(i)}
                                                  for i in range(3)))
    attrs = [{'AttributeName': 'region', 'AttributeType': 'S'},
             {'AttributeName': 'n', 'AttributeType': 'N'}]
    schema = [{'AttributeName': 'region', 'KeyType': 'HASH'},
              {'AttributeName': 'n', 'KeyType': 'RANGE'}]
    things = {'TableName': 'Things', 'AttributeDefinitions': attrs,
              'KeySchema': schema}
    write(here + '/tables/things.json', json.dumps({'Table': {
        **things, 'TableStatus': 'ACTIVE', 'ItemCount': 20}}))
    write(here + '/tables/others.json', json.dumps({
        'TableName': 'Others', 'BillingMode': 'PAY_PER_REQUEST',
        'AttributeDefinitions': [{'AttributeName': 'id',
                                  'AttributeType': 'S'}],
        'KeySchema': [{'AttributeName': 'id', 'KeyType': 'HASH'}]}))
    dumps = ['data/Things', 'data/Others']
    globbed = init(*dumps, '--tables-from', 'tables/*.json', '-o', 'a.yaml',
                   cwd=here)
    check('left out' not in globbed.err, globbed)
    equal(keys(here + '/a.yaml'), {'Things': ['region', 'n'],
                                   'Others': ['id']}, 'keys')
    contains(read(here + '/a.yaml'), '"tables/*.json"')
    # As a shell passes it on.
    init('--tables-from', 'tables/others.json', 'tables/things.json', *dumps,
         '-o', 'b.yaml', cwd=here)
    equal(keys(here + '/b.yaml'), {'Things': ['region', 'n'],
                                   'Others': ['id']}, 'keys')
    runs(here + '/a.yaml', here + '/job', 23)

    write(here + '/bad.json', '{"TableName": "Things", "KeySchema": [')
    r = init(*dumps, '--tables-from', 'bad.json', status=2, cwd=here)
    contains(r.err, 'bad.json:1:')
    r = init(*dumps, '--tables-from', 'none.json', status=2, cwd=here)
    contains(r.err, 'none.json')


# ---- files ------------------------------------------------------------------

def nothing_is_written_over(here, options):
    data = FIXTURES + '/good/types'
    plan = write(here + '/plan.yaml', 'precious\n')
    r = init(data, '-o', plan, status=5)
    contains(r.err, 'is there already', '--force')
    equal(read(plan), 'precious\n', 'the file')
    init(data, '-o', plan, '--force')
    contains(read(plan), 'Things:')
    r = init(data, '-o', '-')
    contains(r.out, 'Things:')
    equal(init(data).out, r.out, 'without -o')
    equal(os.listdir(here), ['plan.yaml'], 'files')
    init(data, '-o', here + '/no/such/folder.yaml', status=4)
    r = init(data, '-o', here + '/dry.yaml', '--dry-run')
    contains(r.out, 'Things:')
    equal(os.listdir(here), ['plan.yaml'], 'files after a dry run')


def paths_hold_from_the_plan(here, options):
    """The plan may be elsewhere: its paths begin at its own folder."""
    shutil.copytree(FIXTURES + '/relational', here + '/in/some folder')
    os.makedirs(here + '/plans')
    for plan in ('plan.yaml', 'plans/plan.yaml', './plan2.yaml'):
        init('in/some folder', '-o', plan, cwd=here)
        runs('%s/%s' % (here, plan), '%s/%s.job' % (here, os.path.basename(
             os.path.dirname(plan) or plan)), 148)


def what_cannot_be_read(here, options):
    contains(init(status=2).err, 'which exports')
    contains(init('-', status=2).err, 'standard input')
    init(here + '/nowhere', status=3)
    for name in ('crc', 'truncated', 'missing'):
        r = init('%s/bad/%s/export' % (FIXTURES, name), status=3)
        check('.json.gz' in r.err, r)
    # A bad line is not the end; nor is a file that is accepted.
    r = init(FIXTURES + '/bad/utf8/export')
    contains(r.err, '1 line could not be read')
    contains(r.out, '1 line could not be read')
    bad = glob.glob(FIXTURES + '/bad/crc/export/**/*.json.gz', recursive=True)
    init(FIXTURES + '/bad/crc/export', '--accept',
         *[x for p in bad for x in (os.path.basename(p), '--accept')][:-1])
    contains(init('a', '--key', 'id=1', status=2).err, "takes no '--key'")


if __name__ == '__main__':
    main([the_relational_fixture, every_sound_fixture, a_generated_dump,
          planted_references, keys_that_only_the_data_tells,
          keys_from_definitions, nothing_is_written_over,
          paths_hold_from_the_plan, what_cannot_be_read])
