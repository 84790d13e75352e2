#!/usr/bin/env python3
"""lookup.py - source ids to new ids and back, by `dynamill lookup`, against
the items that were read and written."""
import base64
import csv
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import time

from e2e import (ORACLE, PROGRAM, SLOW, Failed, check, clean, Result, contains,
                 equal, lines, main, run, write, write_items, write_plan)

sys.path.insert(0, ORACLE)
import ids as oracle  # noqa: E402

SECRET = {'LOOKUP_SECRET': 'a secret of more than 16 bytes'}


def S(x):
    return {'S': x}


def N(x):
    return {'N': str(x)}


def B(x):
    return {'B': base64.b64encode(x).decode()}


def lookup(job, *words, stdin='', status=0, env=None):
    done = subprocess.run([PROGRAM, 'lookup', '--job', job, *words],
                          input=stdin, text=True, capture_output=True,
                          env={**os.environ, **(env or {})})
    r = Result(done.returncode, done.stdout, done.stderr)
    clean(r)
    if r.status != status:
        raise Failed('exit status %d, not %d: %s' % (r.status, status, str(r)[-2000:]))
    return r


def found(job, ids, *words, status=0, env=None):
    """What is said of each, as JSON; all by standard input."""
    r = lookup(job, '--output', 'json', *words, '-', env=env, status=status,
               stdin=''.join(x + '\n' for x in ids))
    return [json.loads(line) for line in r.out.splitlines()]


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


# ---- every kind of id --------------------------------------------------------

def kinds(here, extra=None):
    """Seven tables, a kind of id each; the plan's path, and items by table."""
    rng = random.Random(7)
    names = ['plain, with a comma', 'quote " and back\\slash', 'ünïcødé 東京',
             'SYSTEM-1', 'SYSTEM-2', ' spaces ', 'x' * 2048, 'y' * 40,
             '{"json": 1}', '-dash', '123', '007']
    names += ['%032x' % rng.getrandbits(128) for _ in range(40)]
    uuids = [hashlib.md5(b'%d' % i).hexdigest() for i in range(50)]
    uuids = ['-'.join((u[:8], u[8:12], u[12:16], u[16:20], u[20:]))
             for u in uuids]
    items = {
        'Texts': [{'id': S(x), 'n': N(i)} for i, x in enumerate(names)],
        'Numbers': [{'id': N(x)} for x in [0, 7, '1.50', '-3', '1e3', '12300',
                                           10 ** 37] + list(range(50, 80))],
        'Bytes': [{'id': B(b'%d' % i * 3), 'x': S('y')} for i in range(30)],
        'Both': [{'k': S('%d' % i), 'id': S('%d' % i)} for i in range(1, 20)] +
                [{'k': S('%d' % i), 'id': N(i)} for i in range(20, 40)],
        'Parts': [{'pk': S('USER#%s#x' % u), 'sk': N(1)} for u in uuids],
        'Kept': [{'id': S('kept-%d' % i), 'to': S(names[i])}
                 for i in range(20)],
        'Mapped': [{'id': S('m%d' % i), 'to': S('kept-%d' % i)}
                   for i in range(10)],
    }
    exports = []
    for t, some in items.items():
        half = len(some) // 2 + 1
        write_items('%s/data/%s/0.json.gz' % (here, t), some[:half])
        write_items('%s/data/%s/1.json.gz' % (here, t), some[half:])
        exports.append({'path': 'data/' + t, 'table': t})
    write(here + '/map.csv', 'table,source,target\n'
          'Mapped,m1,fixed-1\nMapped,m2,"fixed, 2"\nTexts,123,onetwothree\n')
    plan = {
        'source': {'environment': 'staging', 'exports': exports},
        'target': {'environment': 'production'},
        'ids': {'keep': '^SYSTEM-', 'map': 'map.csv', **(extra or {})},
        'tables': {
            'Texts': {'key': ['id'], 'id': 'id'},
            'Numbers': {'key': ['id'], 'id': {'path': 'id', 'digits': 20}},
            'Bytes': {'key': ['id'], 'id': 'id'},
            'Both': {'key': ['k'], 'id': {'path': 'id', 'form': 'number',
                                           'type': 'N'}},
            'Parts': {'key': ['pk', 'sk'],
                      'id': {'path': 'pk', 'pattern': 'USER#{id}#x'}},
            'Kept': {'key': ['id'], 'references': {'to': 'Texts'}},
            'Mapped': {'key': ['id'], 'id': {'path': 'id', 'form': 'hex',
                                             'prefix': 'C_'},
                       'references': {'to': 'Kept'}},
        },
    }
    return write_plan(here + '/plan.yaml', plan), items


def text_of(item):
    """Type and text of its id, as `lookup` has them."""
    (t, v), = (item['id'] if 'id' in item else item['pk']).items()
    if 'pk' in item:
        v = v[len('USER#'):-len('#x')]
    return t, oracle.plain_number(v) if t == 'N' else v


def pairs_of(job, items):
    """(table, type, source, target, line) of all, by what was written."""
    for t, some in items.items():
        new = lines(job, t)
        equal(len(new), len(some), 'items of ' + t)
        half = len(some) // 2 + 1
        for i, (a, b) in enumerate(zip(some, new)):
            yield (t, *text_of(a), text_of(b)[1], '%s/%d.json.gz' % (
                t, i >= half), 1 + (i - half if i >= half else i))


def check_both_ways(job, items, env=None):
    all = list(pairs_of(job, items))
    said = found(job, [x[2] for x in all if '\n' not in x[2]], '--item',
                 env=env)
    by_id = {}
    for s in said:
        by_id.setdefault((s['table'], s['type'], s['source']), []).append(s)
    for t, kind, source, target, file, line in all:
        hits = by_id.get((t, kind, source), [])
        check(hits, 'no', t, kind, source)
        for s in hits:
            equal((s['target'], s['line']), (target, line), source)
            check(s['file'].endswith('/data/' + file), s['file'], file)
            check(s['is'] in ('source', 'both'), s)
            equal(text_of(s['item']['Item']), (kind, source), 'its item')
    back = found(job, [x[3] for x in all], env=env)
    by_id = {(s['table'], s['target'], s['type']): s for s in back
             if s['is'] in ('new', 'both')}
    for t, kind, source, target, file, line in all:
        s = by_id.get((t, target, kind))
        check(s, 'no new id', t, kind, target)
        equal(s['source'], source, target)
        check(s['file'].endswith('/data/' + file), s['file'], file)
        equal(s['is'], 'both' if source == target else 'new', target)
    return all


def every_kind_of_id_is_found_both_ways(here, options):
    plan, items = kinds(here)
    job = here + '/job'
    run(plan, job)
    all = check_both_ways(job, items)

    # All of it: the same pairs, each once, as ids.map takes them.
    r = lookup(job, '--all')
    want = {(x[0], x[2], x[3]) for x in all}
    got = [(x['table'], x['source'], x['target']) for x in rows(r.out)]
    equal(len(got), len(set(got)), 'rows that are double')
    equal(set(got), want, 'the whole mapping')
    equal(lookup(job, '--all').out, r.out, 'the same again')
    said = [json.loads(x) for x in
            lookup(job, '--all', '--output', 'json').out.splitlines()]
    equal([(x['table'], x['source'], x['target']) for x in said], got, 'json')
    only = lookup(job, '--all', '--table', 'Both', '--type', 'N').out
    equal(len(rows(only)), 20, 'numbers of Both')


def the_mapping_makes_the_same_ids_again(here, options):
    """lookup --all as the ids.map of another run, with another environment."""
    plan, items = kinds(here)
    run(plan, here + '/a')
    text = lookup(here + '/a', '--all').out
    head, *body = text.splitlines(True)
    with open(plan) as f:
        again = json.load(f)
    again['target']['environment'] = 'elsewhere'
    # Who keeps its ids has no map.
    write(here + '/all.csv', head + ''.join(
        x for x in body if not x.startswith('Kept,')))
    again['ids'] = {'map': 'all.csv'}
    run(write_plan(here + '/again.yaml', again), here + '/b')
    for t in items:
        equal(lines(here + '/a', t), lines(here + '/b', t), t)


def a_secret_is_asked_of_the_environment(here, options):
    plan, items = kinds(here, extra={'secret': 'env:LOOKUP_SECRET'})
    job = here + '/job'
    run(plan, job, env=SECRET)
    all = check_both_ways(job, items, SECRET)
    _, _, source, target, *_ = next(x for x in all if x[0] == 'Mapped')

    # Without it, or with another, new ids are still found.
    for env, word in (({}, 'LOOKUP_SECRET'),
                      ({'LOOKUP_SECRET': 'x' * 20}, 'not the one')):
        r = lookup(job, target, '--table', 'Mapped', env=env)
        contains(r.out, source)
        contains(r.err, 'only new ids', word)
        r = lookup(job, source, '--table', 'Mapped', env=env, status=1)
        check(env.get('LOOKUP_SECRET', 'none') not in r.out + r.err, 'told it')
        r = lookup(job, '--all', env=env, status=5 if env else 2)
        equal(r.out, 'table,source,target\n', 'rows')


def choices(here, options):
    """--table, --type, several IDs, what is not there."""
    plan, items = kinds(here)
    job = here + '/job'
    run(plan, job)

    # 123 is an S of Texts, by the map; 7 an N, and the text of an S.
    said = found(job, ['123'])
    equal([(x['table'], x['target']) for x in said],
          [('Texts', 'onetwothree')], '123')
    equal(sorted(x['table'] + x['type'] for x in found(job, ['7'])),
          ['BothS', 'NumbersN'], '7')
    equal([x['table'] for x in found(job, ['7'], '--type', 'N')], ['Numbers'],
          '7 as a number')
    equal([x['table'] for x in found(job, ['7'], '--table', 'Both')],
          ['Both'], '7 of Both')
    equal(found(job, ['1500e-3'])[0]['source'], '1.5', 'a number otherwise')

    r = lookup(job, 'm1', 'nothing', 'kept-3', status=1)
    contains(r.out, 'fixed-1', 'nothing: not an id of this job',
             'id that stays of Kept')
    said = found(job, ['nothing', 'm1', '', 'nor this'], status=1)
    equal([x['is'] for x in said], ['unknown', 'source', 'unknown'], 'is')
    r = lookup(job, 'nothing', '--output', 'csv', status=1)
    equal(r.out, 'id,is,table,type,source,target,file,unit,offset\n', 'csv')
    row, = rows(lookup(job, 'm2', '--output', 'csv', '--item').out)
    equal((row['is'], row['target'], row['line'], json.loads(row['item'])),
          ('source', 'fixed, 2', '3', {'Item': {'id': S('m2'), 'to': S('kept-2')}}), 'a row')
    equal(lookup(job, '--', '-dash').status, 0, 'an id with a dash')
    contains(lookup(job, 'x', '--table', 'Nobody', status=2).err, 'Nobody')
    for words in ((), ('--all', 'x'), ('--all', '--item'),
                  ('x', '--type', 'L'), ('x', '--output', 'junit')):
        lookup(job, *words, status=2)
    contains(lookup(here, 'x', status=2).err, 'is no job')


def what_has_gone_is_not_guessed(here, options):
    """The plan changed, the sources changed or gone: less is said."""
    plan, items = kinds(here)
    job = here + '/job'
    run(plan, job)
    whole = found(job, ['m1'])[0]

    os.rename(here + '/data', here + '/gone')
    r = lookup(job, 'fixed-1', '--output', 'json')
    s = json.loads(r.out)
    equal((s['source'], s['unit'], s['offset'], 'file' in s),
          ('m1', whole['unit'], whole['offset'], False), 'without sources')
    contains(r.err, 'only new ids')
    lookup(job, 'm1', status=1)
    os.rename(here + '/gone', here + '/data')
    equal(found(job, ['m1'])[0], whole, 'as before')

    # Another file among them: units may be others now.
    write_items(here + '/data/Texts/00.json.gz', [{'id': S('new')}])
    r = lookup(job, 'm1', '--output', 'json')
    equal(json.loads(r.out)['target'], 'fixed-1', 'the rules are the same')
    check('file' not in json.loads(r.out), r)
    contains(r.err, 'files are told by number')
    lookup(job, 'm1', '--item', status=5)
    os.unlink(here + '/data/Texts/00.json.gz')

    write(here + '/map.csv', 'table,source,target\nMapped,m1,fixed-9\n')
    r = lookup(job, 'm1', status=1)
    contains(r.err, 'map.csv', 'not as it was')
    contains(lookup(job, 'fixed-1').out, 'm1')


def a_job_that_is_under_way_can_be_asked(here, options):
    """After a survey, with the lock held by somebody."""
    plan, items = kinds(here)
    with open(plan) as f:
        text = json.load(f)
    text['tables']['Kept']['dangling'] = 'remove'
    plan = write_plan(here + '/plan2.yaml', text)
    job = here + '/job'
    run(plan, job)
    lock = open(job + '/lock', 'r+')
    import fcntl
    fcntl.lockf(lock, fcntl.LOCK_EX)
    contains(lookup(job, 'm1').out, 'fixed-1')
    lock.close()

    # Before there is an index it says so.
    for name in os.listdir(job + '/index'):
        if name.endswith('.idx'):
            os.unlink(job + '/index/' + name)
    contains(lookup(job, 'm1', status=2).err, 'no index yet')


def one_id_on_many_items(here, options):
    items = [{'pk': S('p%d' % (i // 150)), 'sk': N(i)} for i in range(400)]
    write_items(here + '/data/T/0.json.gz', items)
    plan = write_plan(here + '/plan.yaml', {
        'source': {'environment': 'a',
                   'exports': [{'path': 'data/T', 'table': 'Tee'}]},
        'target': {'environment': 'b'},
        'tables': {'Tee': {'key': ['pk', 'sk'], 'id': 'pk'}}})
    run(plan, here + '/job')
    r = lookup(here + '/job', 'p1', '--output', 'json', '--item')
    said = [json.loads(x) for x in r.out.splitlines()]
    equal([x['item']['Item']['sk']['N'] for x in said],
          [str(i) for i in range(150, 250)], 'the first hundred')
    equal(len({x['target'] for x in said}), 1, 'new ids')
    contains(r.err, '50 more')
    equal(len(rows(lookup(here + '/job', '--all').out)), 3, 'rows')


def items_of_other_formats_are_shown_too(here, options):
    """A scan's answer, which is no lines of items; plain JSON lines."""
    ids = ['scan-%d' % i for i in range(50)]
    write(here + '/data/scan.json', json.dumps(
        {'Count': 50, 'Items': [{'id': S(x), 'n': N(i)}
                                for i, x in enumerate(ids)]}, indent=2))
    plan = write_plan(here + '/plan.yaml', {
        'source': {'environment': 'a', 'exports': [
            {'path': 'data/scan.json', 'table': 'Tee'}]},
        'target': {'environment': 'b'},
        'tables': {'Tee': {'key': ['id'], 'id': 'id'}}})
    run(plan, here + '/job')
    said = found(here + '/job', ids, '--item')
    equal([x['item'] for x in said],
          [{'Item': {'id': S(x), 'n': N(i)}} for i, x in enumerate(ids)],
          'items')


# ---- damage ------------------------------------------------------------------

def damage_is_found_or_harmless(here, options):
    """Flip bits of the files of a small index: told, or the right answer."""
    plan, items = kinds(here)
    job = here + '/job'
    run(plan, job)
    rng = random.Random(options.seed)
    told = 0
    for name in ('Mapped.idx', 'Mapped.ids', 'Parts.idx', 'Parts.ids'):
        path = '%s/index/%s' % (job, name)
        with open(path, 'rb') as f:
            good = f.read()
        table = name.split('.')[0]
        source = text_of(items[table][3])[1]
        target = [x for x in found(job, [source])
                  if x['table'] == table][0]['target']
        for _ in range(400 if options.long else 40):
            bad = bytearray(good)
            bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
            with open(path, 'wb') as f:
                f.write(bad)
            r = lookup(job, source, target, '--table', table, status=3)
            contains(r.err, table, 'index')
            told += 1
        with open(path, 'wb') as f:
            f.write(good)
        found(job, [source])
    return '%d flips told' % told


# ---- many --------------------------------------------------------------------

def a_thousand_of_many(here, options):
    n = 10_000_000 if options.long else 200_000 // SLOW
    rng = random.Random(options.seed)

    def id_of(i):
        h = hashlib.md5(b'%d' % i).hexdigest()
        return '-'.join((h[:8], h[8:12], h[12:16], h[16:20], h[20:]))

    nfiles = 4
    os.makedirs(here + '/data/T')
    for k in range(nfiles):
        with open('%s/data/T/%d.json' % (here, k), 'w') as f:
            for i in range(k * n // nfiles, (k + 1) * n // nfiles):
                f.write('{"Item":{"id":{"S":"%s"},"n":{"N":"%d"}}}\n'
                        % (id_of(i), i))
    plan = write_plan(here + '/plan.yaml', {
        'source': {'environment': 'a',
                   'exports': [{'path': 'data/T', 'table': 'Tee'}]},
        'target': {'environment': 'prod', 'compression': 'none'},
        'tables': {'Tee': {'key': ['id'], 'id': 'id'}}})
    job = here + '/job'
    run(plan, job)

    some = rng.sample(range(n), 1000)
    source = [id_of(i) for i in some]
    target = [oracle.uuid(oracle.digest('Tee', x.encode(), 'prod'))
              for x in source]
    both = source + target
    found(job, both[:1])                    # the pages of the program
    start = time.monotonic()
    said = found(job, both)
    took = time.monotonic() - start
    equal(len(said), 2000, 'answers')
    for x, s in zip(both, said):
        equal(s['id'], x, 'order')
    for i, a, b in zip(some, said[:1000], said[1000:]):
        equal((a['target'], a['is'], b['source'], b['is']),
              (b['id'], 'source', a['id'], 'new'), i)
        equal((a['file'], a['offset']), (b['file'], b['offset']), i)
    where = sorted(said[:1000], key=lambda s: (s['file'], s['offset']))
    for s in where:
        with open(s['file'], 'rb') as f:
            f.seek(s['offset'])
            equal(json.loads(f.readline())['Item']['id']['S'], s['source'],
                  'the line there')
    items = found(job, source[:20], '--item')
    equal([s['item']['Item']['n']['N'] for s in items],
          [str(i) for i in some[:20]], 'items')
    misses = found(job, ['no-%d' % i for i in range(1000)], status=1)
    equal({s['is'] for s in misses}, {'unknown'}, 'misses')
    return '%d ids, %.3f ms each with all that starts' % (n, took / 2)


main([every_kind_of_id_is_found_both_ways,
      the_mapping_makes_the_same_ids_again,
      a_secret_is_asked_of_the_environment, choices,
      what_has_gone_is_not_guessed, a_job_that_is_under_way_can_be_asked,
      one_id_on_many_items, items_of_other_formats_are_shown_too,
      damage_is_found_or_harmless, a_thousand_of_many])
