#!/usr/bin/env python3
"""push.py - what pushing an item costs this machine, apart from the service.

    bench/push.py [--items N] [--bytes LEN]

Makes a job of N items of about LEN bytes, pushes it into dynalite on loopback
(tests/servers), and prints the processor time that dynamill itself took, user
and system, less that of a push that finds nothing to do, per item. Waiting for
the server is not counted; sending through the kernel is.
"""
import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', 'tests', 'e2e'))
import e2e          # noqa: E402
import servers      # noqa: E402


def cost(command, env):
    """Seconds of user and system time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=env, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return (after.ru_utime - before.ru_utime,
            after.ru_stime - before.ru_stime)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--items', type=int, default=100000)
    parser.add_argument('--bytes', type=int, default=600)
    o = parser.parse_args()
    with tempfile.TemporaryDirectory() as here:
        for k in range(4):
            e2e.write_items('%s/data/%d.json.gz' % (here, k), [
                {'id': {'S': 'item-%d' % i}, 'n': {'N': str(i)},
                 'text': {'S': 'x' * (o.bytes - 120)},
                 'list': {'L': [{'S': 'a'}, {'N': '1.5'}, {'BOOL': True}]}}
                for i in range(k, o.items, 4)])
        plan = e2e.write_plan(here + '/plan.json', {
            'source': {'exports': ['data']}, 'target': {'environment': 'e'},
            'tables': {'Things': {'key': {'id': 'S'}}}})
        e2e.run(plan, here + '/job', '--quiet')
        table = json.loads(e2e.read(here + '/job/out/Things/table.json'))
        # Unchecked signatures, so that the server is not all that runs.
        with servers.start_plain() as s:
            servers.boto(s, create=[table])
            command = [e2e.PROGRAM, 'push', '--job', here + '/job', '--quiet',
                       '--yes', '--confirm', 'Things']
            user, system = cost(command, s.env)
            idle = sum(cost(command, s.env))
    total = 1e6 * (user + system - idle) / o.items
    print('push of %d items of %d bytes: %.2f us an item (user %.2f, system '
          '%.2f, less %.2f of starting and reading)' % (
              o.items, o.bytes, total, 1e6 * user / o.items,
              1e6 * system / o.items, 1e6 * idle / o.items))


if __name__ == '__main__':
    main()
