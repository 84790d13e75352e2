#!/usr/bin/env python3
"""examples.py - every folder of examples/: its plan is understood, makes what
expected/ says and nothing else, and what it made validates."""
import glob
import os
import subprocess

from e2e import (PROGRAM, ROOT, check, contains, equal, lines, main, report,
                 run, same_items)

EXAMPLES = os.path.join(ROOT, 'examples')
os.environ['MASKING_SECRET'] = 'a secret for the examples'


def dynamill(*words, status=0):
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True)
    equal(done.returncode, status, '%s: %s' % (words, done.stdout[-2000:] +
                                               done.stderr))
    return done.stdout


def example(name, counts, status=0):
    """A test of one; `counts` are of the report's total."""
    def test(here, options):
        folder = os.path.join(EXAMPLES, name)
        plan, job = folder + '/plan.yaml', here + '/job'
        dynamill('check', plan)
        dynamill('test', plan, '--limit', '100', status=status)
        dynamill('analyze', plan, '--job', here + '/dry', status=status)
        for threads in '1', '2':
            run(plan, job + threads, '--threads', threads, status=status)
        job += '1'
        expected = sorted(glob.glob(folder + '/expected/*.jsonl'))
        check(expected, folder, 'expects nothing')
        for path in expected:
            table = os.path.basename(path)[:-6]
            same_items(path, '%s/out/%s/data' % (job, table), table)
        equal(sorted(os.listdir(job + '/out')),
              [os.path.basename(p)[:-6] for p in expected], 'tables')
        total = report(job)['total']
        equal({k: total[k] for k in counts}, counts, 'counts')
        contains(dynamill('validate', job + '/out', '--against',
                          folder + '/golden.yaml'), 'all sound')
        dynamill('validate', '--job', job)
    test.__name__ = name.replace('-', '_')
    return test


def expected_is_what_build_py_says(here, options):
    """Else somebody changed one and not the other."""
    before = {p: open(p, 'rb').read() for p in glob.glob(
        EXAMPLES + '/*/expected/*')}
    check(before, 'nothing is expected')
    copy = here + '/tree'
    for part in 'examples', 'fixtures/make.py', 'tests/oracle/ids.py':
        os.makedirs(os.path.dirname(os.path.join(copy, part)), exist_ok=True)
        subprocess.run(['cp', '-r', os.path.join(ROOT, part),
                        os.path.join(copy, part)], check=True)
    subprocess.run(['python3', copy + '/examples/build.py'], check=True)
    for path, data in before.items():
        again = os.path.join(copy, os.path.relpath(path, ROOT))
        check(os.path.exists(again), path, 'is not made any more')
        equal(open(again, 'rb').read() == data, True, path)


main([example('accounts-v2', {'read': 13, 'filtered': 1, 'written': 12}),
      example('products-enhanced', {'read': 9, 'moved': 7, 'dropped': 2,
                                    'written': 16}),
      example('property-services', {'read': 37, 'filtered': 1,
                                    'written': 36}),
      example('metadata-versions', {'read': 10, 'rejected': 1, 'written': 9},
              status=1),
      example('masking', {'read': 7, 'rejected': 1, 'written': 6}, status=1),
      expected_is_what_build_py_says])
