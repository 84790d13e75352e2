#!/usr/bin/env python3
"""ion.py [--long] - exports in Ion, and output in it.

What was JSON and became Ion and JSON again is the same; a plan does to items
of an Ion export what it does to those of JSON; what is refused is put aside.
"""
import glob
import gzip
import json
import os
import re

from e2e import (FIXTURES, boto_reads, check, equal, generate, lines, main,
                 read, rejected, report, run, table_of, write,
                 write_plan)


def text_of(folder):
    """All lines of the data files there, sorted: units have other names."""
    found = []
    for path in glob.glob(os.path.join(folder, '*')):
        with (gzip.open if path.endswith('.gz') else open)(
                path, 'rt', newline='\n') as f:
            found += f.read().split('\n')     # splitlines() splits at more
    return sorted(x for x in found if x)


def there_and_back(here, source, tables, *options):
    """JSON to Ion to JSON; returns the folder of the Ion."""
    steps = (('json', source), ('ion', 'json.job/out'),
             ('dynamodb-json', 'ion.job/out'))
    for n, (name, exports) in enumerate(steps):
        plan = write_plan('%s/%s.plan.json' % (here, name), {
            'source': {'exports': [exports]},
            'target': {'format': 'ion' if name == 'ion' else
                       'dynamodb-json'},
            'tables': tables})
        run(plan, '%s/%s.job' % (here, name), '--quiet', *options)
    for table in tables:
        was, now = (text_of('%s/%s.job/out/%s/data' % (here, job, table))
                    for job in ('json', 'dynamodb-json'))
        canonical = [json.dumps(item(x), sort_keys=True) for x in was]
        again = [json.dumps(item(x), sort_keys=True) for x in now]
        equal(sorted(again), sorted(canonical), table)
        # What was written once is written the same ever after.
        equal(json.loads(read('%s/ion.job/out/%s/manifest-summary.json'
                              % (here, table)))['outputFormat'], 'ION',
              'outputFormat')
    return here + '/ion.job/out'


def plain(text):
    """A number's canonical text."""
    from decimal import Decimal, getcontext
    getcontext().prec = 200
    d = Decimal(text)
    text = format(d, 'f')
    if '.' in text:
        text = text.rstrip('0').rstrip('.')
    return '0' if text in ('-0', '') else text


def value(v):
    (kind, x), = v.items()
    if kind == 'N':
        return {kind: plain(x)}
    if kind == 'NS':
        return {kind: sorted(map(plain, x))}
    if kind in ('SS', 'BS'):
        return {kind: sorted(x)}
    if kind == 'M':
        return {kind: {k: value(y) for k, y in x.items()}}
    if kind == 'L':
        return {kind: [value(y) for y in x]}
    return v


def item(line):
    return {k: value(v) for k, v in json.loads(line)['Item'].items()}


def every_type_there_and_back(here, options):
    ion = there_and_back(here, FIXTURES + '/good/types',
                         {'Things': {'key': ['id']}})
    for line in text_of(ion + '/Things/data'):
        check(re.match(r'\$ion_1_0 \{Item:\{.*\}\}$', line), line)


def generated_items_there_and_back(here, options):
    data = generate(100000 if options.long else 5000, here + '/data')
    tables = {name: {'key': ['id']} for name in
              ('Contacts', 'Properties', 'Projects', 'Quotes')}
    there_and_back(here, data, tables)
    equal(boto_reads(here + '/dynamodb-json.job/out'),
          report(here + '/json.job')['total']['written'], 'items')


def an_ion_export_is_read(here, options):
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': [FIXTURES + '/good/ion']},
        'tables': {'Things': {'key': ['id']}}})
    run(plan, here + '/job', '--quiet')
    equal(lines(here + '/job', 'Things'), [
        {'id': {'S': '1'}, 'n': {'N': '1'}, 'price': {'N': '2000'},
         'big': {'N': '0.00000015'}, 'ok': {'BOOL': True},
         'text': {'S': 'a\nb"cA\u00e9'}, 'bin': {'B': 'aGVsbG8='},
         'none': {'NULL': True}},
        {'id': {'S': '2'}, 'a b': {'S': 'quoted name'},
         'ss': {'SS': ['a', 'b']}, 'ns': {'NS': ['1', '2.5']},
         'bs': {'BS': ['YQ==']},
         'l': {'L': [{'N': '1'}, {'S': 'x'}, {'L': []}, {'M': {}}]},
         'm': {'M': {'a': {'M': {'b': {'BOOL': False}}}}}}], 'items')
    equal(json.loads(read(here + '/job/out/Things/manifest-summary.json'))
          ['outputFormat'], 'DYNAMODB_JSON', 'outputFormat')


def a_plan_does_the_same_to_both(here, options):
    """Ids, references, steps, where: over JSON and over Ion of it."""
    data = generate(20000 if options.long else 3000, here + '/data')
    refs = {'agentContactId': 'Contacts', 'homeownerContactId': 'Contacts',
            'addressId': 'Properties', 'projectId': 'Projects'}
    names = ('Contacts', 'Properties', 'Projects', 'Quotes')
    there_and_back(here, data, {name: {'key': ['id']} for name in names})
    for kind, format in (('json', 'dynamodb-json'), ('ion', 'dynamodb-json'),
                         ('ion', 'ion')):
        plan = write_plan('%s/%s-%s.plan.json' % (here, kind, format), {
            'source': {'environment': 'a', 'exports': [kind + '.job/out']},
            'target': {'environment': 'b', 'format': format},
            'tables': {name: {
                'key': ['id'], 'id': 'id', 'references': refs,
                'where': "attribute_not_exists(legacyField)"
                if name == 'Quotes' else 'attribute_exists(id)',
                'steps': [{'update': 'SET schemaVersion = 2, moved = true '
                                     'REMOVE legacyField'},
                          {'rename': {'statusCode': 'status'}}]}
                       for name in names}})
        run(plan, '%s/%s-%s.job' % (here, kind, format), '--quiet')
    for name in names:
        want, got = ([json.dumps(item(x), sort_keys=True) for x in
                      text_of('%s/%s.job/out/%s/data' % (here, job, name))]
                     for job in ('json-dynamodb-json', 'ion-dynamodb-json'))
        check(want, name, 'is empty')
        equal(sorted(got), sorted(want), name)
    for word in ('read', 'moved', 'filtered', 'rejected', 'written'):
        for job in ('ion-dynamodb-json', 'ion-ion'):
            equal(report('%s/%s.job' % (here, job))['total'][word],
                  report(here + '/json-dynamodb-json.job')['total'][word],
                  word)


def what_is_refused_is_put_aside(here, options):
    write(here + '/data/a.ion',
          ' $ion_1_0 {Item:{id:"1",n:1.}}\n'
          '$ion_1_0 {Item:{id:"2",n:2020-01-01}}\n'
          '$ion_1_0 {Item:{n:3.,text:"no\\x20key"}}\n'
          '{\n  id: "4", // bare\n  n: oops\n}\n'
          '$ion_1_0 {Item:{id:"5",n:5}}')
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': ['data']}, 'target': {'format': 'ion',
                                                    'compression': 'none'},
        'tables': {'Things': {'key': ['id'], 'update': 'SET n = n + 1'}}})
    run(plan, here + '/job', '--quiet', status=1)
    equal(text_of(here + '/job/out/Things/data'),
          ['$ion_1_0 {Item:{id:"1",n:2.}}', '$ion_1_0 {Item:{id:"5",n:6.}}'],
          'written')
    found = rejected(here + '/job', 'Things')
    equal([(r['line'], r.get('byte'), r['step'] == 'decode') for r in found],
          [(2, 26, True), (3, None, False), (6, 6, True)], 'rejects')
    equal(found[1]['Item'], {'n': {'N': '3'}, 'text': {'S': 'no key'}},
          'the item as it was')
    equal(table_of(here + '/job', 'Things')['read'], 5, 'read')
    r = run(plan, here + '/strict', '--quiet', '--on-bad-item', 'fail',
            status=3)
    check('line 2, byte 26: a timestamp' in r.err, r)


def format_ion_says_what_bytes_do_not(here, options):
    write(here + '/data/a.txt', '/* bare structs */ {id:1}\n{id:2.5}\n')
    plan = {'source': {'exports': [{'path': 'data', 'format': 'ion'}]},
            'target': {'compression': 'none'},
            'tables': {'Things': {'key': ['id']}}}
    run(write_plan(here + '/plan.json', plan), here + '/job', '--quiet')
    equal(text_of(here + '/job/out/Things/data'),
          ['{"Item":{"id":{"N":"1"}}}', '{"Item":{"id":{"N":"2.5"}}}'],
          'items')
    with open(here + '/data/a.txt', 'wb') as f:
        f.write(b'\xe0\x01\x00\xea\x0f')
    r = run(here + '/plan.json', here + '/binary', '--quiet', status=3)
    check("Ion's binary form" in r.err, r)


main([every_type_there_and_back, generated_items_there_and_back,
      an_ion_export_is_read, a_plan_does_the_same_to_both,
      what_is_refused_is_put_aside, format_ion_says_what_bytes_do_not])
