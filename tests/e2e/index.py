#!/usr/bin/env python3
"""index.py - more ids than there is memory for: the index is built and the
references are joined within --memory. By build/bench/index, which makes key
logs as a run does, and checks what comes of them."""
import os
import re
import shutil
import subprocess
import time

from e2e import ROOT, Skipped, check, main, read

INDEX = os.path.join(ROOT, 'build', 'bench', 'index')


def anonymous(pid):
    """KiB that the process holds and that are no file's."""
    try:
        with open('/proc/%d/status' % pid) as f:
            for line in f:
                if line.startswith('RssAnon:'):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def built_and_joined_within_memory(here, options):
    n, memory = (100_000_000, 256) if options.long else (2_000_000, 16)
    if not os.path.exists(INDEX):
        raise Skipped('there is no build/bench/index: make benches')
    free = shutil.disk_usage(here).free
    if free < n * 250:
        raise Skipped('%d MB free, %d MB needed' % (free >> 20,
                                                    n * 250 >> 20))
    log = here + '/log'
    with open(log, 'w') as out:
        child = subprocess.Popen(
            [INDEX, '--memory', str(memory), '--refs', '1', '--repeat', '1',
             str(n), here + '/work'], stdout=out)
    most, said = 0, ''
    while 'build' not in said and child.poll() is None:
        if 'begin' in said:
            most = max(most, anonymous(child.pid))
        time.sleep(0.005)
        said = read(log)
    check(child.wait() == 0, 'it ended with', child.returncode)
    took = {line.split()[0]: re.findall(r'[\d.]+', line)
            for line in read(log).splitlines()}

    # Beside --memory: what the program has of its own, a few MiB.
    check(most > 0, 'nothing was measured')
    check(most < (memory + 12) * 1024, most // 1024, 'MiB held, of', memory)
    # An index is mapped as a whole, and let go of as it has been read.
    mapped = int(took['held'][1])
    check(mapped < memory + 80, mapped, 'MiB with what is mapped')
    return '%d ids and references within %d MiB: %d held, %d with what is ' \
        'mapped; built in %s s of CPU, joined in %s' % (
            n, memory, most // 1024, mapped, took['build'][1],
            took['join'][1])


main([built_and_joined_within_memory])
