#!/usr/bin/env python3
"""bench.py - dynamill bench: it measures, and leaves nothing behind."""
import filecmp
import glob
import json
import os
import subprocess
import xml.etree.ElementTree

from e2e import (PROGRAM, check, clean, contains, equal, generate, main, read,
                 reference_plan, run, write_items, write_plan, Result)


def bench(here, *words, status=0):
    tmp = here + '/tmp'
    os.makedirs(tmp, exist_ok=True)
    done = subprocess.run([PROGRAM, 'bench', *words], text=True, cwd=here,
                          capture_output=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, 'TMPDIR': tmp})
    clean(Result(done.returncode, done.stdout, done.stderr))
    equal(done.returncode, status, done.stderr)
    equal(os.listdir(tmp), [], 'left behind')
    return done


def data_is_made_and_measured(here, options):
    bench(here, '--generate', '4000', '-o', here + '/none', '--dry-run')
    equal(os.path.exists(here + '/none'), False, 'a folder of a dry run')
    bench(here, '--generate', '4000', '-o', here + '/dump')
    bench(here, '--generate', '4000', '-o', here + '/again', '--quiet')
    for path in glob.glob(here + '/dump/*/*'):
        check(filecmp.cmp(path, path.replace('/dump/', '/again/'), False),
              path, 'is not made the same twice')
    plan = here + '/dump/plan.yaml'
    contains(bench(here, plan, '--repeat', '1').stdout, 'unpack', 'transform',
             'run, 1 thread', 'floor', '4000 items')
    done = bench(here, plan, '--repeat', '2', '--threads', '4', '--output',
                 'json', '-o', here + '/chart.svg')
    r = json.loads(done.stdout)
    equal(r['sample']['items'], 4000, 'items')
    equal(r['sample']['itemsWritten'], 4000, 'items written')
    equal([s['stage'] for s in r['stages']],
          ['unpack', 'decode', 'transform', 'encode', 'pack', 'the rest'],
          'stages')
    equal([x['threads'] for x in r['runs']], [1, 2, 4], 'threads')
    check(all(s['seconds'] > 0 for s in r['stages'][:5]), r['stages'])
    check(r['againstFloor'] > 0 and r['floor']['cpuSeconds'] > 0, r)
    svg = xml.etree.ElementTree.parse(here + '/chart.svg').getroot()
    words = ' '.join(t.text for t in svg.iter() if t.text)
    contains(words, 'transform', 'floor', '4 threads')
    # What was made can be run, references and all.
    run(plan, here + '/job', '--quiet')
    equal(sorted(os.listdir(here)), ['again', 'chart.svg', 'dump', 'job',
                                     'tmp'], 'files')


def exports_take_the_place_of_a_plan(here, options):
    bench(here, '--generate', '6000', '-o', here + '/b', '--quiet')
    dumps = [here + '/b/Customers', here + '/b/Orders']
    done = bench(here, *dumps, '--repeat', '1', '--output', 'json')
    equal(json.loads(done.stdout)['sample']['itemsWritten'], 6000, 'items')
    contains(done.stderr, 'new ids for 2 tables', '1 reference found')
    done = bench(here, *dumps, '--repeat', '1', '--quiet')
    equal(done.stdout + done.stderr, '', 'what --quiet says')
    write_items(here + '/odd/a.json.gz', [{'x': {'L': []}}] * 3)
    contains(bench(here, here + '/odd', status=2).stderr, 'is a key')
    contains(bench(here, here + '/gone', status=3).stderr, here + '/gone')
    small, large = here + '/small', here + '/large'
    generate(2000, small)
    generate(4000, large)
    plan = reference_plan(here + '/plan.yaml', small)
    for words, n in ((plan,), 2000), ((plan, large), 4000):
        r = json.loads(bench(here, *words, '--repeat', '1', '--output',
                             'json').stdout)
        equal(r['sample']['items'], n, words)


def items_are_as_large_as_asked(here, options):
    for size in 300, 5000:
        top = '%s/%d' % (here, size)
        bench(here, '--generate', '400', '--item-size', str(size), '-o', top)
        r = json.loads(bench(here, top + '/plan.yaml', '--repeat', '1',
                             '--output', 'json').stdout)['sample']
        check(.9 * size < r['textBytes'] / r['items'] < 1.5 * size, r)


def other_formats_and_levels(here, options):
    write_items(here + '/data/a.json.gz', [{'id': {'S': str(i)}}
                                           for i in range(500)])
    for target in ({'format': 'csv', 'compression': 'none',
                    'csv': {'columns': {'Things': ['id']}}},
                   {'format': 'ion', 'compression': 'zstd'}):
        plan = write_plan(here + '/plan.json', {
            'source': {'exports': [{'path': 'data', 'table': 'Things'}]},
            'target': target, 'tables': {'Things': {'key': ['id']}}})
        bench(here, plan, '--repeat', '1')
        bench(here, plan, '--repeat', '1', '-o', here + '/chart.html',
              '--force')
        contains(read(here + '/chart.html'), '<svg', '</html>')


def what_cannot_be_measured_is_refused(here, options):
    write_items(here + '/data/a.json.gz', [{'id': {'S': 'a'}}])

    def plan(exports):
        return write_plan(here + '/plan.json', {
            'source': {'exports': exports},
            'tables': {'Things': {'key': ['id']}}})
    good = plan([{'path': 'data', 'table': 'Things'}])
    for words, what in (([], 'which plan or exports?'),
                        ([good, '-o', 'chart.png'], 'FILE.svg'),
                        ([good, '--item-size', '9'], '--generate'),
                        (['--generate', '5'], '-o'),
                        (['--generate', '5', '-o', 'x', '--item-size', '1M'],
                         '400K')):
        contains(bench(here, *words, status=2).stderr, what)
    bench(here, good, '-o', 'chart.svg', '--repeat', '1', '--quiet')
    contains(bench(here, good, '-o', 'chart.svg', status=5).stderr, '--force')
    plan([{'path': '-', 'table': 'Things'}])
    contains(bench(here, good, status=2).stderr, 'standard input')
    equal(sorted(os.listdir(here)), ['chart.svg', 'data', 'plan.json', 'tmp'],
          'files')


if __name__ == '__main__':
    main([data_is_made_and_measured, exports_take_the_place_of_a_plan,
          items_are_as_large_as_asked,
          other_formats_and_levels, what_cannot_be_measured_is_refused])
