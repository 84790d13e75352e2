"""What `dynamill test` shows: what a run writes; on a terminal in colours, and
as wide as that is."""
import fcntl
import glob
import gzip
import json
import os
import pty
import re
import struct
import subprocess
import termios

import e2e

PLAN = os.path.join(e2e.FIXTURES, 'plans', 'demo.yaml')
WORDS = [e2e.PROGRAM, 'test', PLAN, '--table', 'Contacts']


def on_terminal(words, width, **more):
    """What the program writes to a terminal of that width, and its status."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack('HHHH', 24, width, 0, 0))
    env = {k: v for k, v in os.environ.items()
           if k not in ('NO_COLOR', 'COLUMNS')}
    env.update({'TERM': 'xterm'}, **more)
    child = subprocess.Popen(words, stdin=side, stdout=side, stderr=side,
                             env=env)
    os.close(side)
    text = b''
    while True:
        try:
            piece = os.read(main, 65536)
        except OSError:         # Linux's way of saying that it was closed
            break
        if not piece:
            break
        text += piece
    os.close(main)
    return text.decode().replace('\r\n', '\n'), child.wait()


def bare(text):
    return re.sub('\033\\[[0-9]*m', '', text)


def plain():
    env = {k: v for k, v in os.environ.items() if k != 'COLUMNS'}
    return subprocess.run(WORDS, env=env, stdout=subprocess.PIPE,
                          check=True).stdout.decode()


def lines_of_json(*words):
    done = subprocess.run([e2e.PROGRAM, 'test', PLAN, '--output', 'json',
                           *words], stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def what_is_shown_is_what_a_run_writes(here, options):
    job = os.path.join(here, 'job')
    subprocess.run([e2e.PROGRAM, 'run', PLAN, '--job', job, '--quiet'],
                   check=True)
    written, shown = [], []
    for path in glob.glob(job + '/out/*/data/*.gz'):
        target = path.split(os.sep)[-3]
        with gzip.open(path, 'rt', encoding='utf-8') as lines:
            written += [(target, json.dumps(json.loads(x)['Item'],
                                            sort_keys=True)) for x in lines]
    items = lines_of_json('--limit', '1000')
    for item in items:
        shown += [(x['target'], json.dumps(x['item'], sort_keys=True))
                  for x in item['after']]
    e2e.equal(sorted(shown), sorted(written), 'items')
    e2e.equal(len([x for x in items if x['fate'] == 'filtered']), 2,
              'filtered')


def parts(path):
    return [int(x[1:-1]) if x[0] == '[' else x.strip('"')
            for x in re.findall(r'"[^"]*"|[^.\[]+|\[\d+\]', path)]


def holder(item, steps):
    """The map or list that has the last of `steps`."""
    at = item
    for step in steps[:-1]:
        at = at[step]
        at = at.get('M', at.get('L'))
    return at


def equal_values(a, b):
    """As DynamoDB sees it: sets in any order."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return all(sorted(a[k]) == sorted(b[k]) if k in ('SS', 'NS', 'BS')
                   else equal_values(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return all(map(equal_values, a, b))
    return a == b


def changes_lead_from_before_to_after(here, options):
    count = 0
    for line in lines_of_json('--limit', '1000'):
        if line['fate'] != 'moved':
            continue
        item, after = line['before'], line['after'][0]['item']
        for change in line['changes']:
            steps = parts(change.get('from', change['path']))
            last = steps[-1]
            if change['was'] is not None:
                e2e.check(equal_values(holder(item, steps)[last],
                                       change['was']), change)
                del holder(item, steps)[last]
            if change['is'] is not None:
                steps = parts(change['path'])
                at = holder(item, steps)
                if isinstance(at, list):
                    at.insert(steps[-1], change['is'])
                else:
                    at[steps[-1]] = change['is']
            count += 1
        e2e.check(equal_values(item, after), line)
    e2e.check(count > 400, count)


def colours_say_what_the_marks_say(here, options):
    text, status = on_terminal(WORDS, 80)
    e2e.equal(status, 0, 'status')
    for line in text.splitlines():
        colours = {'~': '33', '+': '32', '-': '31'}
        if bare(line)[:2] in ('~ ', '+ ', '- '):
            e2e.check(line.startswith('\033[%sm' % colours[bare(line)[0]]),
                      repr(line))
    e2e.check('\033[32m+ fullName' in text, text)
    e2e.check('\033[1mContacts' in text, text)
    # Every colour ends, and without them it is what a file gets.
    e2e.equal(text.count('\033[0m') * 2, text.count('\033['), 'colours')
    e2e.equal(bare(text), plain(), 'the text')


def no_colours_where_none_are_wanted(here, options):
    for words, env in ((WORDS, {'NO_COLOR': '1'}), (WORDS, {'TERM': 'dumb'}),
                       (WORDS + ['--output', 'json'], {})):
        text, status = on_terminal(words, 80, **env)
        e2e.equal(status, 0, 'status')
        e2e.check('\033' not in text, words, env, repr(text))
    e2e.check('\033' in on_terminal(WORDS, 80, NO_COLOR='')[0], 'empty')
    e2e.check('\033' not in plain(), 'a pipe')


def lines_are_as_wide_as_the_terminal(here, options):
    for width in (60, 77, 100, 132):
        text, status = on_terminal(WORDS, width)
        e2e.equal(status, 0, 'status')
        rows = bare(text)[bare(text).index('  attribute '):].splitlines()
        e2e.check(len(rows) > 5, text)
        for row in rows:
            e2e.check(len(row) <= width, width, len(row), row)
    text, status = on_terminal(WORDS, 40)
    e2e.check('\n~ schemaVersion\n  - 1\n  + 2\n' in bare(text), text)
    # The terminal is right, whatever the variable says.
    e2e.equal(on_terminal(WORDS, 100, COLUMNS='50')[0],
              on_terminal(WORDS, 100)[0], 'with COLUMNS')


if __name__ == '__main__':
    e2e.main([what_is_shown_is_what_a_run_writes,
              changes_lead_from_before_to_after,
              colours_say_what_the_marks_say,
              no_colours_where_none_are_wanted,
              lines_are_as_wide_as_the_terminal])
