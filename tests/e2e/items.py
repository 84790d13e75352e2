#!/usr/bin/env python3
"""items.py [--long] - are the items that come out the right ones?

Against the oracle on 20,000 items of every shape and of bench/generate (long:
100,000), for every form of id; from real exports; and as boto3 reads them.
"""
import glob
import json
import os
import subprocess
import sys

from e2e import (FIXTURES, ORACLE, ROOT, SLOW, Failed, Skipped, boto_reads,
                 check, equal, generate, lines, main, run, same_items,
                 write, write_plan)

sys.path.insert(0, ORACLE)
sys.path.insert(0, FIXTURES)
import dumps                    # noqa: E402
import shapes                   # noqa: E402
from make import Export, S      # noqa: E402

SECRET = {'ORACLE_SECRET': 'sixteen-bytes-at-least'}
REAL = os.path.join(os.path.dirname(ROOT), 'shared', 'real-exports')


class Many(shapes.Shapes):
    """The same shapes, but of n items."""

    def __init__(self, seed, n):
        super().__init__(seed)
        part = n // 8
        self.users = list(range(1, part + 1))
        self.blobs = [i.to_bytes(3, 'big') for i in range(part // 2)]
        self.orgs = ['o%05d' % i for i in range(part)] + ['SYSTEM-org']
        self.codes = ['%d' % i for i in range(5000, 5000 + part)]
        self.plains = ['p%05d' % i for i in range(part)]
        self.things = ['t-%05d' % i for i in range(n // 2)] + ['SYSTEM-7']


def oracle(plan, top, out):
    """What should come out; returns the status that run should end with."""
    done = subprocess.run([sys.executable, ORACLE + '/oracle.py', plan, top,
                           '-o', out], capture_output=True, text=True,
                          env={**os.environ, **SECRET})
    if done.returncode > 1 or 'Traceback' in done.stderr:
        raise Failed('the oracle: ' + done.stderr)
    return done.returncode


def both(here, plan, top, *options):
    r = run(plan, here + '/job', '--quiet', *options, status=None, env=SECRET)
    want = oracle(plan, top, here + '/want')
    equal(r.status, want, 'exit status (%s)' % r.err)
    same_items(here + '/want', here + '/job/out', plan)


def shapes_of(here, options, seed):
    n = 100000 if options.long else 8000
    n //= SLOW
    if not options.long and seed > 0:
        n //= 8         # the oracle is slow
    many = Many(seed, n)
    for i, (table, items) in enumerate(many.tables().items()):
        Export(os.path.join(here, 'exports', table), table + '-here',
               i).split(items, 3).write()
    plan = shapes.plan(seed)
    if seed % 10 == 1:
        rows = ['table,source,target']
        rows += ['Things,%s,mapped-%d' % (t, i)
                 for i, t in enumerate(many.things[::7])]
        rows += ['Users,%d,%d' % (u, 10 ** 30 + u) for u in many.users[::9]]
        rows += ['Users,77777777,1', 'Things,nowhere,"a ""quoted"", one"']
        write(here + '/map.csv', '\n'.join(rows) + '\n')
        plan['ids']['map'] = 'map.csv'
    both(here, write(here + '/plan.json', json.dumps(plan)),
         here + '/exports', '--threads', '2')
    boto_reads(here + '/job/out')
    return '%d items' % sum(len(x) for x in many.tables().values())


def uuid_and_report(here, options):
    return shapes_of(here, options, 0)


def hex_prefix_map_and_keep(here, options):
    return shapes_of(here, options, 1)


def base32_and_remove(here, options):
    return shapes_of(here, options, 2)


def number_and_skip_item(here, options):
    return shapes_of(here, options, 3)


def secret_and_null(here, options):
    return shapes_of(here, options, 4)


def hex_and_report(here, options):
    return shapes_of(here, options, 11)


def base32_keep_and_report(here, options):
    return shapes_of(here, options, 12)


def number_keep_and_report(here, options):
    return shapes_of(here, options, 13)


def secret_and_report(here, options):
    return shapes_of(here, options, 14)


def relational_fixture(here, options):
    """The oracle's plans, and again with `dangling: report` in all of it."""
    later = []
    for path in sorted(glob.glob(ORACLE + '/plans/*.json')):
        name = os.path.basename(path)[:-5]
        with open(path) as f:
            plan = json.load(f)
        top = FIXTURES + '/relational'
        plan['source']['exports'] = [top]
        for again in (name, name + '-report'):
            where = '%s/%s' % (here, again)
            try:
                both(where, write(where + '/plan.json', json.dumps(plan)),
                     top)
            except Skipped as e:
                later.append('%s: %s' % (name, e))
            for table in plan['tables'].values():
                if isinstance(table, dict):
                    table.pop('dangling', None)
            plan.pop('dangling', None)
    return ', '.join(later)


def generated_items(here, options):
    data = generate((100000 if options.long else 8000) // SLOW,
                    here + '/data')
    refs = {'agentContactId': 'Contacts', 'homeownerContactId': 'Contacts',
            'addressId': 'Properties', 'projectId': 'Projects'}
    steps = [{'update': "SET schemaVersion = 2, moved = true "
                        "REMOVE legacyField"},
             {'rename': {'statusCode': 'status', 'tags': 'labels'}}]
    plan = {
        'source': {'environment': 'staging', 'exports': ['data']},
        'target': {'environment': 'production'},
        'tables': {name: {'key': ['id'], 'id': 'id', 'references': refs,
                          'steps': steps}
                   for name in ('Contacts', 'Properties', 'Projects',
                                'Quotes')}}
    both(here, write_plan(here + '/plan.json', plan), data, '--threads', '2')
    return '%d items as boto3 reads them' % boto_reads(here + '/job/out')


def identity_of_generated_items(here, options):
    """Zstd and none as well; untouched items come out byte for byte."""
    data = generate(4000, here + '/data')
    tables = {name: {'key': ['id']} for name in
              ('Contacts', 'Properties', 'Projects', 'Quotes')}
    for how in ('gzip', 'zstd', 'none'):
        plan = write_plan(here + '/plan.json', {
            'source': {'exports': ['data']}, 'target': {'compression': how},
            'tables': tables})
        job = here + '/' + how
        run(plan, job, '--quiet')
        for table in tables:
            (was,) = glob.glob('%s/%s/AWSDynamoDB/*/data' % (data, table))
            equal(text_of(job + '/out/' + table + '/data'), text_of(was),
                  how + ' ' + table)
        # What it wrote it reads, manifests and all.
        back = write_plan(here + '/back.json', {
            'source': {'exports': [how + '/out']}, 'tables': tables})
        run(back, job + '.back', '--quiet')
        same_items(job + '/out', job + '.back/out', 'read again, ' + how)


def text_of(folder):
    """Lines of all data files there, sorted: units have other names."""
    return sorted(line for name in os.listdir(folder) for line in
                  dumps.text_of(os.path.join(folder, name)).splitlines())


def real(name):
    path = os.path.join(REAL, name)
    if not os.path.isdir(path):
        raise Skipped('there is no %s' % path)
    return path


def identity_of_real_exports(here, options):
    for name, table, key, words in (
            ('scylla-migrator-full', 'S3ExportTest', 'id', ()),
            ('amplify-full', 'TodoTable', 'id',
             ('--accept', 'manifest-summary.json'))):
        export = real(name)
        plan = write_plan('%s/%s.json' % (here, name), {
            'source': {'exports': [export]}, 'tables': {table: {'key': [key]}}})
        job = here + '/' + name
        if words:
            r = run(plan, job + '.no', '--quiet', status=3)
            check('manifest-summary.json' in r.err, r)
        run(plan, job, '--quiet', *words)
        (data,) = glob.glob(export + '/**/data', recursive=True)
        same_items(data, job + '/out/%s/data' % table, name)
        equal(boto_reads(job + '/out'), 3, 'items of ' + name)


def a_plan_over_a_real_export(here, options):
    plan = write(here + '/plan.yaml', '''
dynamill: 1
name: real
source: {exports: ["%s"]}
tables:
  S3ExportTest:
    to: Target
    key: [id]
    steps:
      - when: attribute_exists(f.g)
        update: >
          SET f.g = f.g + 1, l = list_append(e, ['z']), size = size(c)
          REMOVE a, e[0] ADD d <<7>> DELETE c <<'8gfX8dh0xa'>>
      - when: attribute_not_exists(f)
        update: SET kind = 'plain'
      - rename: {b: nothing, "f.h": f.deep.h, j: bytes, bar: baz, baz: bar}
''' % real('scylla-migrator-full'))
    run(plan, here + '/job', '--quiet')
    want = {
        'bar': {'id': S('bar'), 'bar': {'N': '0'}, 'kind': S('plain')},
        'foo': {'id': S('foo'), 'baz': {'N': '42'}, 'kind': S('plain')},
        'K3TXQk84Si': {
            'id': S('K3TXQk84Si'), 'nothing': {'NULL': True},
            'c': {'SS': ['fRjHZJ2Ce9']}, 'd': {'NS': ['2', '3', '7']},
            'e': {'L': [S('Dsb87qc6Es')]},
            'f': {'M': {'i': {'BOOL': True}, 'g': {'N': '10'},
                        'deep': {'M': {'h': {'NULL': True}}}}},
            'bytes': {'B': 'aGVsbG8='},
            'k': {'BS': ['aXMgZmFzdA==', 'c2N5bGxhZGI=']},
            'l': {'L': [{'N': '1'}, S('Dsb87qc6Es'), S('z')]},
            'size': {'N': '2'}}}
    found = lines(here + '/job', 'Target')
    for item in found:
        if 'd' in item:
            item['d']['NS'].sort()
    equal({i['id']['S']: i for i in found}, want, 'items')
    equal(boto_reads(here + '/job/out'), 3, 'items read')


main([uuid_and_report, hex_prefix_map_and_keep, base32_and_remove,
      number_and_skip_item, secret_and_null, hex_and_report,
      base32_keep_and_report, number_keep_and_report, secret_and_report,
      relational_fixture, generated_items, identity_of_generated_items,
      identity_of_real_exports, a_plan_over_a_real_export])
