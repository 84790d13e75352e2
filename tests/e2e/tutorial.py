"""tutorial.py - the commands of docs/TUTORIAL.md, copied from the page, in one
shell; what it says they print is what they print."""
import os
import re
import shutil
import subprocess

import e2e
import servers

PAGE = os.path.join(e2e.ROOT, 'docs', 'TUTORIAL.md')
MARK = 'end-of-block-%d'


def blocks():
    """Its blocks in order: what they are, and their text."""
    return re.findall(r'^```(\w+)\n(.*?)^```$', e2e.read(PAGE), re.M | re.S)


def fits(said, printed, text):
    """Is each line that the page shows among those that came, in that order?
    What stands for an ellipsis may be anything."""
    lines = iter(printed.splitlines())
    for want in said.splitlines():
        pattern = re.compile('.*'.join(re.escape(x) for x in
                                       want.split('\u2026')))
        e2e.check(any(pattern.fullmatch(line) for line in lines),
                  'the page says %r, and it printed\n%s\nall of it:\n%s'
                  % (want, printed, text))


def the_page_works_as_it_stands(here, _):
    if 'DYNAMILL' in os.environ:
        raise e2e.Skipped('the page is of the program that it makes')
    for tool in ('npm', 'node', 'sha256sum', 'man'):
        if not shutil.which(tool):
            raise e2e.Skipped('there is no ' + tool)
    if subprocess.run(['sh', servers.UP, 'true']).returncode != 0:
        raise e2e.Skipped('there is no server')
    all_blocks = blocks()
    script = 'set -e\n'
    n = 0
    for kind, said in all_blocks:
        e2e.check(kind in ('sh', 'text'), kind)
        if kind == 'sh':
            n += 1
            script += said + 'echo ' + MARK % n + '\n'
    e2e.check(n > 10, n, 'blocks')
    env = servers.environment(HOME=here, LC_ALL='C.UTF-8', NO_COLOR='1')
    e2e.write(here + '/script', script)
    # To a file: the server has it open as well, until `url` is gone.
    with open(here + '/printed', 'w') as to:
        try:
            status = subprocess.run(['sh', here + '/script'], cwd=e2e.ROOT,
                                    env=env, stdin=subprocess.DEVNULL,
                                    stdout=to, stderr=subprocess.STDOUT,
                                    timeout=300).returncode
        finally:
            if os.path.exists(here + '/migration/url'):
                os.remove(here + '/migration/url')
    text = e2e.read(here + '/printed')
    e2e.equal(status, 0, text)
    at, number, printed = 0, 0, ''
    for kind, said in all_blocks:
        if kind == 'sh':
            number += 1
            end = text.index(MARK % number + '\n', at)
            printed = text[at:end]
            at = end + len(MARK % number) + 1
        else:
            fits(said, printed, text)
    return '%d blocks' % n


if __name__ == '__main__':
    e2e.main([the_page_works_as_it_stands])
