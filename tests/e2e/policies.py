#!/usr/bin/env python3
"""policies.py - plans that read all before they write: --on-duplicate, and
`dangling` beside it, against a slow model of them.

What each policy of `dangling` does to an item is tests/oracle's matter.
"""
import json
import os
import random
import signal
import time

from e2e import (check, check_report, contains, equal, finish, lines, main,
                 rejected, report, run, same_jobs, start, table_of, write,
                 write_items, write_plan)

POLICIES = 'keep-first', 'keep-last', 'reject'


def S(x):
    return {'S': x}


def N(x):
    return {'N': str(x)}


def text(item):
    return json.dumps(item, sort_keys=True)


def make(here, seed, n, tables=('Alpha', 'Beta')):
    """Files of two tables with few different keys; (table, item) in order."""
    rng = random.Random(seed)
    all = []
    for t in tables:
        for f in range(3):
            items = []
            for i in range(n // 3):
                items.append({
                    'pk': S('k%d' % rng.randrange(n // 2)),
                    'sk': N(rng.randrange(3)),
                    'from': S('%s%d.%d' % (t, f, i)),
                    'ref': S('k%d' % rng.randrange(n))})
            write_items('%s/data/%s/f%d.json.gz' % (here, t, f), items)
            all += [(t, x) for x in items]
    return all


def kept(items, policy):
    """The places in `items` that stay."""
    last = {}
    for i, (_, x) in enumerate(items):
        key = (x['pk']['S'], x['sk']['N'])
        if policy == 'keep-last':
            last[key] = i
        else:
            last.setdefault(key, i)
    return sorted(last.values())


def plan_of(here, name='plan.json', tables=None, **more):
    return write_plan(here + '/' + name, {
        'source': {'exports': [
            {'path': 'data/Alpha', 'table': 'Alpha'},
            {'path': 'data/Beta', 'table': 'Beta'}]},
        'target': {'environment': 'prod'},
        'tables': tables or {
            'Alpha': {'key': {'pk': 'S', 'sk': 'N'}, 'to': 'Target'},
            'Beta': {'key': {'pk': 'S', 'sk': 'N'}, 'to': 'Target'}}, **more})


def one_target_of_two_tables(here, options):
    """Which of several stays, by unit and line order, over both tables."""
    for seed in range(3):
        folder = '%s/%d' % (here, seed)
        items = make(folder, seed, 300)
        plan = plan_of(folder)
        for policy in POLICIES:
            stay = kept(items, policy)
            for threads in '1', '2':
                job = '%s/%s%s' % (folder, policy, threads)
                r = run(plan, job, '--on-duplicate', policy, '--threads',
                        threads, '--memory', '1M',
                        status=1 if policy == 'reject' else 0)
                got = [text(x) for x in lines(job, 'Target')]
                want = [text(items[i][1]) for i in stay]
                equal(sorted(got), sorted(want), 'items')
                check_report(job)
                gone = len(items) - len(stay)
                name = 'rejected' if policy == 'reject' else 'duplicate'
                equal(sum(table_of(job, t)[name] for t in ('Alpha', 'Beta')), gone, name)
                bad = rejected(job, 'Alpha') + rejected(job, 'Beta')
                equal(len(bad), gone if policy == 'reject' else 0, 'rejects')
                for x in bad:
                    contains(x['reason'], 'primary key')
                again = run(plan, job, '--on-duplicate', policy,
                            status=r.status)
                contains(again.out, 'done already')
            same_jobs('%s/%s1' % (folder, policy), '%s/%s2' % (folder, policy))


def another_policy_is_another_job(here, options):
    make(here, 1, 30)
    plan = plan_of(here)
    run(plan, here + '/job', '--on-duplicate', 'keep-last')
    r = run(plan, here + '/job', '--on-duplicate', 'keep-first', status=5)
    contains(r.err, '--on-duplicate', 'keep-last', 'keep-first')
    r = run(plan, here + '/job', status=5)
    contains(r.err, '--on-duplicate')


def keys_that_depend_on_references(here, options):
    """The sort key is a reference: only who knows the ids knows the keys."""
    rng = random.Random(5)
    people = ['p%d' % i for i in range(20)]
    write_items(here + '/data/Alpha/f.json', [{'id': S(p)} for p in people])
    notes = [{'pk': S('x%d' % rng.randrange(4)),
              'sk': S('p%d' % rng.randrange(40)), 'n': N(i)}
             for i in range(200)]
    write_items(here + '/data/Beta/f.json', notes)
    for policy in POLICIES:
        for dangling in 'keep', 'skip-item', 'null':
            plan = plan_of(here, '%s-%s.json' % (policy, dangling), {
                'Alpha': {'key': ['id'], 'id': 'id'},
                'Beta': {'key': ['pk', 'sk'], 'dangling': dangling,
                      'references': {'sk': 'Alpha'}}})
            job = '%s/%s-%s' % (here, policy, dangling)
            bad = dangling == 'null' or policy == 'reject'
            run(plan, job, '--on-duplicate', policy, status=1 if bad else 0)
            there = [i for i, x in enumerate(notes)
                     if dangling == 'keep' or x['sk']['S'] in people]
            stay = kept([('Beta', {'pk': notes[i]['pk'],
                                'sk': {'N': notes[i]['sk']['S']}})
                         for i in there], policy)
            equal(sorted(int(x['n']['N']) for x in lines(job, 'Beta')),
                  sorted(there[i] for i in stay), (policy, dangling))
            t = table_of(job, 'Beta')
            equal(t['skipped'], len(notes) - len(there)
                  if dangling == 'skip-item' else 0, 'skipped')
            equal(t['duplicate'], 0 if policy == 'reject'
                  else len(there) - len(stay), 'duplicate')
            check_report(job)


def standard_input_is_read_once(here, options):
    plan = write_plan(here + '/plan.json', {
        'source': {'exports': [{'path': '-', 'table': 'Alpha'}]},
        'tables': {'Alpha': {'key': ['id'], 'id': 'id', 'dangling': 'keep',
                         'references': {'ref': 'Alpha'}}},
        'target': {'environment': 'prod'}})
    r = run(plan, here + '/job', status=2,
            stdin='{"Item":{"id":{"S":"1"}}}\n')
    contains(r.err, 'standard input', 'file')
    equal(os.path.exists(here + '/job'), False, 'a job that cannot be run')


def killed_anywhere_the_bytes_are_the_same(here, options):
    """Both surveys and the run, interrupted at random and gone on with."""
    make(here, 9, 60000 if options.long else 12000)
    plan = plan_of(here, tables={
        'Alpha': {'key': ['pk', 'sk'], 'to': 'Target', 'id': 'pk',
              'references': {'ref': 'Alpha'}, 'dangling': 'remove'},
        'Beta': {'key': ['pk', 'sk'], 'to': 'Target', 'id': 'pk',
              'references': {'ref': 'Beta'}, 'dangling': 'null'}})
    words = '--on-duplicate', 'keep-last', '--threads', '2', '--quiet'
    whole = here + '/whole'
    begun = time.monotonic()
    run(plan, whole, *words)
    took = time.monotonic() - begun
    rng = random.Random(3)
    job = here + '/killed'
    killed = 0
    for _ in range(200):
        child = start(plan, job, *words)
        try:
            child.wait(rng.random() * took / 3)
        except Exception:
            child.send_signal(signal.SIGKILL)
            killed += 1
        r = finish(child)
        if r.status == 0:
            break
    else:
        check(False, 'it never ended')
    same_jobs(whole, job)
    check(not os.path.exists(job + '/out.partial'), 'out.partial is left')
    return '%d kills' % killed


main([one_target_of_two_tables, another_policy_is_another_job,
      keys_that_depend_on_references, standard_input_is_read_once,
      killed_anywhere_the_bytes_are_the_same])
