"""programs.py - steps that are programs: `pipe` and `lua`.

The snippets in docs/PIPE.md are run as they stand there; a program that dies,
hangs or prints what it should not stops the job with the reason, and the job
goes on once it is mended; one transformation written in three languages gives
equal items.
"""
import os
import re
import shutil
import signal
import sys
import time
from decimal import Decimal

import e2e
from e2e import ROOT, SLOW, Skipped, check, contains, equal, write

EVERY = {
    'id': {'S': 'a'}, 'n': {'N': '12.5'}, 'whole': {'N': '-7'},
    'large': {'N': '12345678901234567890123456789012345678'},
    'small': {'N': '1E-130'}, 'fine': {'N': '0.1234567890123456'},
    'quotes': {'S': 'é "x" \\ \n \u2028'}, 'b': {'B': 'AAEC/w=='},
    'empty': {'B': ''}, 'yes': {'BOOL': True}, 'no': {'BOOL': False},
    'none': {'NULL': True}, 'l': {'L': [{'N': '1'}, {'L': []}, {'M': {}}]},
    'ss': {'SS': ['x', 'y']}, 'ns': {'NS': ['1', '2.5', '1E40']},
    'bs': {'BS': ['AA==', 'AQ==']},
    'tag': {'M': {'$N': {'S': 'no number'}}},
    'two': {'M': {'$N': {'S': 'no number'}, 'x': {'SS': ['x']}}},
    'deep': {'M': {'m': {'M': {'$x': {'M': {'$SS': {'L': []}}}}}}},
}


def canon(v):
    """A typed value, so that equal ones are equal in Python."""
    (kind, x), = v.items()
    if kind == 'N':
        return kind, Decimal(x)
    if kind == 'M':
        return kind, tuple(sorted((k, canon(w)) for k, w in x.items()))
    if kind == 'L':
        return kind, tuple(canon(w) for w in x)
    if kind == 'NS':
        return kind, frozenset(Decimal(n) for n in x)
    return kind, frozenset(x) if isinstance(x, list) else x


def canons(items):
    return sorted((canon({'M': item}) for item in items), key=repr)


def program(d, name, text):
    path = write(os.path.join(d, name), text)
    os.chmod(path, 0o755)
    return path


def plan(d, items, *steps, name='plan', files=1, **more):
    """A plan over these items, in so many files."""
    n = (len(items) + files - 1) // files
    for i in range(files):
        e2e.write_items(os.path.join(d, 'in', '%d.json.gz' % i),
                        items[i * n:(i + 1) * n])
    return e2e.write_plan(os.path.join(d, name + '.yaml'), {
        'name': name, 'source': {'exports': ['in']},
        'tables': {'Things': {'key': ['id'], 'steps': list(steps)}}, **more})


def numbered(n):
    return [{'id': {'S': 'i%d' % i}, 'n': {'N': str(i)}} for i in range(n)]


# A program that answers each line by what `answer(n, line)` gives.
LOOP = """import os, sys, time
def out(text):
    sys.stdout.write(text)
    sys.stdout.flush()
%s
for n, line in enumerate(sys.stdin, 1):
    answer(n, line)
"""


def loop(d, body, name='t.py'):
    program(d, name, LOOP % ('def answer(n, line):\n' + ''.join(
        '    %s\n' % line for line in body.splitlines())))
    return {'pipe': [sys.executable, './' + name]}


ECHO = "out(line + '#%d\\n' % n)"


def blocks(language):
    text = e2e.read(os.path.join(ROOT, 'docs', 'PIPE.md'))
    return '\n'.join(re.findall('```%s\n(.*?)```' % language, text, re.S))


def node():
    if not shutil.which('node'):
        raise Skipped('node is not installed')
    return blocks('ts')


def as_javascript(ts):
    """What tsx does, of as much TypeScript as the manual has."""
    ts = re.sub(r': (any\[\]|any|string|Uint8Array|\(item: any\) => any)'
                r'(?=[,)=;\s])', '', ts)
    return re.sub(r'^  value;\n', '', ts, flags=re.M)


PYTHON = blocks('python')


# ---- the manual --------------------------------------------------------------

def the_python_of_the_manual_gives_back_what_it_got(d, options):
    program(d, 't.py', PYTHON + '\npipe(lambda item: item)\n')
    p = plan(d, [EVERY], {'pipe': [sys.executable, './t.py']})
    e2e.run(p, d + '/job')
    equal(canons(e2e.lines(d + '/job', 'Things')), canons([EVERY]), 'items')


def the_typescript_of_the_manual_gives_back_what_it_got(d, options):
    program(d, 't.mjs', as_javascript(node()) + '\npipe(item => item);\n')
    p = plan(d, [EVERY], {'pipe': ['node', './t.mjs']})
    e2e.run(p, d + '/job')
    equal(canons(e2e.lines(d + '/job', 'Things')), canons([EVERY]), 'items')


def both_make_none_one_or_several_of_an_item(d, options):
    for name, text, command in (
            ('t.py', PYTHON + '''
def transform(item):
    n = item['n']
    if n == 0:
        return None
    if n == 1:
        raise ValueError('one is\\nnone')
    if n == 2:
        return [{**item, 'id': item['id'] + x} for x in 'ab']
    return item
pipe(transform)
''', [sys.executable, './t.py']),
            ('t.mjs', as_javascript(node()) + '''
pipe(async item => {
  if (item.n === 0) return undefined;
  if (item.n === 1) throw new Error('one is\\nnone');
  if (item.n === 2)
    return [...'ab'].map(x => ({ ...item, id: item.id + x }));
  return item;
});
''', ['node', './t.mjs'])):
        program(d, name, text)
        job = os.path.join(d, name + '.job')
        p = plan(d, numbered(4), {'pipe': command}, name=name)
        e2e.run(p, job, status=1)
        equal([i['id']['S'] for i in e2e.lines(job, 'Things')],
              ['i2a', 'i2b', 'i3'], 'ids by ' + name)
        equal([r['reason'] for r in e2e.rejected(job, 'Things')],
              ['one is none'], 'reasons by ' + name)
        t = e2e.table_of(job, 'Things')
        equal((t['moved'], t['dropped'], t['rejected'], t['written']),
              (2, 1, 1, 3), 'counts by ' + name)


def typed_items_go_as_dynamodb_json(d, options):
    step = loop(d, ECHO)
    p = plan(d, [EVERY], {'pipe': {'command': step['pipe'],
                                   'as': 'dynamodb-json'}})
    e2e.run(p, d + '/job')
    equal(e2e.lines(d + '/job', 'Things'), [EVERY], 'items')


def expressions_lua_and_pipe_give_equal_items(d, options):
    data = e2e.generate(20000 // SLOW, d + '/data')
    steps = {
        'expressions': {'update': """
            SET schemaVersion = 2, total = version * 3 + 0.1,
                fullName = concat(firstName, ' ', lastName),
                tags = if_not_exists(tags, <<'none'>>),
                info = {'of': [id, email], 'big': 12345678901234567890 + 0}
            REMOVE legacyField"""},
        'lua': {'lua': 't.lua'},
        'python': {'pipe': [sys.executable, './t.py']},
    }
    write(d + '/t.lua', """
function transform(item)
  item.schemaVersion = 2
  item.total = decimal.add(item.version * 3, decimal('0.1'))
  item.fullName = item.firstName .. ' ' .. item.lastName
  item.tags = item.tags or set{'none'}
  item.info = {of = {item.id, item.email},
               big = decimal('12345678901234567890')}
  item.legacyField = nil
  return item
end
""")
    program(d, 't.py', PYTHON + """
def transform(item):
    item['schemaVersion'] = 2
    item['total'] = item['version'] * 3 + Decimal('0.1')
    item['fullName'] = item['firstName'] + ' ' + item['lastName']
    item['tags'] = item.get('tags') or {'none'}
    item['info'] = {'of': [item['id'], item['email']],
                    'big': Decimal(12345678901234567890)}
    item.pop('legacyField', None)
    return item
pipe(transform)
""")
    if shutil.which('node'):
        steps['node'] = {'pipe': ['node', './t.mjs']}
        program(d, 't.mjs', as_javascript(blocks('ts')) + """
pipe(item => {
  item.schemaVersion = 2;
  item.total = Math.round(item.version * 30 + 1) / 10;
  item.fullName = item.firstName + ' ' + item.lastName;
  item.tags = item.tags ?? new Set(['none']);
  item.info = { of: [item.id, item.email],
                big: new NumberValue('12345678901234567890') };
  delete item.legacyField;
  return item;
});
""")
    found = {}
    for name, step in steps.items():
        job = os.path.join(d, name + '.job')
        p = e2e.write_plan(os.path.join(d, name + '.yaml'), {
            'name': name, 'source': {'exports': [data]},
            'tables': {'Contacts': {'key': ['id'], 'steps': [step]},
                       'Projects': 'skip', 'Properties': 'skip',
                       'Quotes': 'skip'}})
        e2e.run(p, job)
        found[name] = canons(e2e.lines(job, 'Contacts'))
        check(len(found[name]) > 100, name)
        check(found[name] == found['expressions'],
              name, 'differs from expressions')


# ---- what may go wrong -------------------------------------------------------

def stops(d, body, *parts, timeout=None, n=3):
    """The job stops, and says all that."""
    step = loop(d, body)
    if timeout:
        step = {'pipe': {'command': step['pipe'], 'timeout': timeout}}
    p = plan(d, numbered(n), step)
    shutil.rmtree(d + '/job', ignore_errors=True)
    r = e2e.run(p, d + '/job', status=4)
    contains(r.err, './t.py', *parts)
    return r


def a_program_that_ends_too_early_is_told(d, options):
    stops(d, 'if n == 2: sys.exit(3)\n' + ECHO, 'ended with status 3 before '
          'it had answered its line 2 (line 2 of the data file)',
          'mend it, and run again')
    stops(d, 'if n == 2: os.kill(os.getpid(), 9)\n' + ECHO,
          'was ended by signal 9 (Killed) before it had answered its line 2')
    stops(d, 'sys.exit(0)', 'ended with status 0 before it had answered its '
          'line 1')
    p = plan(d, numbered(1), {'pipe': ['none-such']}, name='none')
    contains(e2e.run(p, d + '/none', status=4).err, 'none-such',
             'No such file', 'on the PATH')


def half_a_line_is_told(d, options):
    stops(d, 'if n == 2:\n    out(line[:9])\n    sys.exit(0)\n' + ECHO,
          'before it had answered its line 2', 'in the middle of a line, '
          '\'{"id":"i1\'')
    stops(d, 'if n == 2:\n    out(line[:9])\n    time.sleep(600)\n' + ECHO,
          'has printed nothing for 1 s before it had answered its line 2',
          'in the middle of a line, \'{"id":"i1\'', timeout=1)
    # With its end and its number, it is an answer that is no item.
    p = plan(d, numbered(3), loop(d, 'if n == 2:\n    line = line[:9] + '
                                     '"\\n"\n' + ECHO))
    e2e.run(p, d + '/whole', status=1)
    equal([i['id']['S'] for i in e2e.lines(d + '/whole', 'Things')],
          ['i0', 'i2'], 'items')
    contains(e2e.rejected(d + '/whole', 'Things')[0]['reason'],
             'answers with no item: byte 10', 'does not end')


def a_program_that_hangs_is_told_and_ended(d, options):
    stops(d, 'if n == 2:\n    open("pid", "w").write(str(os.getpid()))\n'
             '    time.sleep(600)\n' + ECHO,
          'has printed nothing for 1 s before it had answered its line 2',
          "does it flush '#2'", timeout=1)
    pid = int(e2e.read(d + '/pid'))
    check(not os.path.exists('/proc/%d' % pid), 'it still runs')


def what_is_no_answer_is_told(d, options):
    stops(d, 'out("hello\\n")\n' + ECHO, "printed something else where the "
          "answer to its line 1 should be: 'hello'; let it print nothing but")
    stops(d, 'out("\\33[31m\\n")', "should be: '\\u001b[31m'")
    stops(d, 'if n == 2: out("\\n")\n' + ECHO, 'its line 2 should be: \'\'')
    stops(d, 'out(line + "#%d\\n" % (n + 1))', "another number where the "
          "answer to its line 1 should be: '#2'")
    stops(d, ECHO + '\nif n == 2: out("bye\\n")', "where the answer to its "
          "line 3 should be: 'bye'")
    stops(d, 'if n == 2: out(line + "#2\\n")\n' + ECHO,
          "printed another number where the answer to its line 3 should "
          "be: '#2'")
    # Not for ever, and not kept.
    stops(d, 'while True: out("{}\\n" * 10000)', 'prints without end where '
          "the answer to its line 1 should be: '{}'")


def what_is_no_item_is_rejected(d, options):
    cases = [('{"id": "a", "s": {"$SS": []}}', 'empty'),
             ('{"id": "a", "n": {"$N": "x"}}', 'number'),
             ('{"id": "a", "b": {"$B": "x"}}', 'base64'),
             ('{"id": "a", "n": 123456789012345678901234567890123456789}',
              '38'),
             ('{"id": "a", "id": "b"}', 'twice'),
             ('{"id": "a"} x', 'end of the line'),
             ('{"id": "a", "t": {"$S": 1}}', 'string'),
             ('{"id": 7, "x": 1', 'ends'),
             ('{"n": 1}', 'id')]
    program(d, 't.py', LOOP % (
        'cases = %r\ndef answer(n, line):\n    out(cases[n - 1] + '
        '"\\n#%%d\\n" %% n)' % [c[0] for c in cases]))
    p = plan(d, numbered(len(cases)), {'pipe': [sys.executable, './t.py']})
    e2e.run(p, d + '/job', status=1)
    found = e2e.rejected(d + '/job', 'Things')
    equal(len(found), len(cases), 'rejected')
    for (text, word), r in zip(cases, found):
        contains(r['reason'], word)
        equal(r['step'] in ('step 1 (pipe)', 'target'), True, r['step'])


def it_may_print_more_than_it_reads(d, options):
    n = 200 // SLOW
    p = plan(d, numbered(n), loop(d, '''
for k in range(300):
    out('{"id":"%d-%d","x":"%s"}\\n' % (n, k, 'y' * 500))
out('#%d\\n' % n)'''))
    e2e.run(p, d + '/job')
    equal(e2e.table_of(d + '/job', 'Things')['written'], 300 * n, 'written')


def lines_may_be_long(d, options):
    item = {'id': {'S': 'a'}, 'x': {'S': 'y' * 399000}}
    p = plan(d, [{**item, 'id': {'S': str(i)}} for i in range(50)],
             loop(d, ECHO))
    e2e.run(p, d + '/job')
    equal(e2e.table_of(d + '/job', 'Things')['written'], 50, 'written')


def the_environment_is_small(d, options):
    step = loop(d, "import json\nout(json.dumps({'id': 'a', 'names': "
                   "sorted(os.environ), 'tz': os.environ['TZ'], 'cwd': "
                   "os.getcwd(), 'fds': os.listdir('/proc/self/fd')}) + "
                   "'\\n#%d\\n' % n)")
    p = plan(d, numbered(1), {'pipe': {'command': step['pipe'],
                                       'env': ['RULES', 'UNSET']}})
    e2e.run(p, d + '/job', env={'RULES': 'x', 'AWS_SECRET_ACCESS_KEY': 'y',
                                'TZ': 'Europe/Paris'})
    item, = e2e.lines(d + '/job', 'Things')
    names = {v['S'] for v in item['names']['L']}
    check(names <= {'PATH', 'HOME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TMPDIR',
                    'TZ', 'RULES'}, names)
    check({'PATH', 'TZ', 'RULES'} <= names, names)
    equal(item['tz'], {'S': 'UTC'}, 'TZ')
    equal(item['cwd'], {'S': os.path.realpath(d)}, 'folder')
    check(len(item['fds']['L']) <= 4, item['fds'])


def an_interrupt_does_not_wait_for_it(d, options):
    step = loop(d, 'open("pid", "w").write(str(os.getpid()))\n'
                   'time.sleep(600)')
    child = e2e.start(plan(d, numbered(3), step), d + '/job')
    while not os.path.exists(d + '/pid') or not e2e.read(d + '/pid'):
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    r = e2e.finish(child)
    equal(r.status, 130, 'exit status')
    check(not os.path.exists('/proc/' + e2e.read(d + '/pid')), 'it still runs')


# ---- mended ------------------------------------------------------------------

def a_program_that_dies_at_item_5000_is_mended_and_goes_on(d, options):
    items = numbered(12000)
    change = "line = line.replace(':\"i', ':\"x')\n"
    count = "open('count', 'a').write('.')\n"
    step = loop(d, change + ECHO)
    p = plan(d, items, step, files=6)
    e2e.run(p, d + '/whole', '--threads', '1')

    loop(d, change + 'if n == 5000: sys.exit(1)\n' + ECHO)
    r = e2e.run(p, d + '/job', '--threads', '1', status=4)
    contains(r.err, 'ended with status 1 before it had answered its line '
             '5000 (line 1000 of the data file)')
    # The mended program is another file: nobody mixes them unasked.
    loop(d, count + change + ECHO)
    r = e2e.run(p, d + '/job', '--threads', '1', status=5)
    contains(r.err, 't.py', "'--accept t.py'")
    check(not os.path.exists(d + '/count'), 'it ran')
    e2e.run(p, d + '/job', '--threads', '1', '--accept', 't.py')
    n = len(e2e.read(d + '/count'))
    check(n <= 8000 + 2000 * 4, n)
    check(n < 12000, 'all was done again')
    equal(e2e.lines(d + '/job', 'Things'), e2e.lines(d + '/whole', 'Things'),
          'items')


def rejects_of_an_endless_loop_are_done_by_the_mended_script(d, options):
    text = '''
function transform(item)
  if item.n == 7 then
    %s
  end
  item.done = true
  return item
end
'''
    write(d + '/t.lua', text % 'while true do end')
    p = plan(d, numbered(20), {'lua': 't.lua'})
    e2e.run(p, d + '/job', status=1)
    r, = e2e.rejected(d + '/job', 'Things')
    equal(r['Item'], {'id': {'S': 'i7'}, 'n': {'N': '7'}}, 'rejected')
    contains(r['reason'], 't.lua:4: more than 10000000 instructions')
    equal(len(e2e.lines(d + '/job', 'Things')), 19, 'items')

    write(d + '/t.lua', text % 'item.n = 8')
    again = e2e.write_plan(d + '/again.yaml', {
        'name': 'again', 'source': {'exports': [{
            'path': d + '/job/rejected/Things.jsonl', 'table': 'Things'}]},
        'tables': {'Things': {'key': ['id'], 'steps': [{'lua': 't.lua'}]}}})
    e2e.run(again, d + '/again')
    equal(e2e.lines(d + '/again', 'Things'),
          [{'id': {'S': 'i7'}, 'n': {'N': '8'}, 'done': {'BOOL': True}}],
          'items')


def maps_within_an_item_may_become_items(d, options):
    write(d + '/t.lua', """
function transform(item)
  item.inner.id = item.inner.id
  return item.inner, {item.list[1]}, item
end
""")
    inner = {'id': {'S': 'in'}, 'x': {'SS': ['a']}}
    item = {'id': {'S': 'out'}, 'inner': {'M': inner},
            'list': {'L': [{'M': {**inner, 'id': {'S': 'l'}}}]}}
    p = plan(d, [item], {'lua': 't.lua'},
             {'update': 'SET inner = size(id), y = 1'})
    e2e.run(p, d + '/job')
    new = {'inner': {'N': '2'}, 'y': {'N': '1'}}
    equal(e2e.lines(d + '/job', 'Things'), [
        {**inner, **new}, {**inner, 'id': {'S': 'l'}, 'y': {'N': '1'},
                           'inner': {'N': '1'}},
        {**item, **new, 'inner': {'N': '3'}}], 'items')


def a_script_gives_the_same_bytes_after_kills_and_by_any_threads(d, options):
    items = numbered(20000 // SLOW)
    write(d + '/t.lua', '''
local seen = 0
function transform(item)
  seen = seen + 1
  item.seen = seen
  item.all = ''
  for k, v in pairs({b = 1, a = 2, c = item.n, [1] = 3}) do
    item.all = item.all .. k .. v
  end
  return item, {id = item.id .. '+', n = item.n * decimal('0.1')}
end
''')
    p = plan(d, items, {'lua': 't.lua'}, files=8)
    e2e.run(p, d + '/one', '--threads', '1', '--run-time',
            '2025-02-01T00:00:00Z')
    equal({i['seen']['N'] for i in e2e.lines(d + '/one', 'Things')
           if 'seen' in i}, {'1'}, 'items saw')
    for k in range(3):
        child = e2e.start(p, d + '/two', '--threads', '2', '--run-time',
                          '2025-02-01T00:00:00Z')
        time.sleep(0.01 * (k + 1) * SLOW)
        child.kill()
        e2e.finish(child)
    e2e.run(p, d + '/two', '--threads', '2', '--run-time',
            '2025-02-01T00:00:00Z')
    e2e.same_jobs(d + '/one', d + '/two')


e2e.main([
    the_python_of_the_manual_gives_back_what_it_got,
    the_typescript_of_the_manual_gives_back_what_it_got,
    both_make_none_one_or_several_of_an_item,
    typed_items_go_as_dynamodb_json,
    expressions_lua_and_pipe_give_equal_items,
    a_program_that_ends_too_early_is_told,
    half_a_line_is_told,
    a_program_that_hangs_is_told_and_ended,
    what_is_no_answer_is_told,
    what_is_no_item_is_rejected,
    it_may_print_more_than_it_reads,
    lines_may_be_long,
    the_environment_is_small,
    an_interrupt_does_not_wait_for_it,
    a_program_that_dies_at_item_5000_is_mended_and_goes_on,
    rejects_of_an_endless_loop_are_done_by_the_mended_script,
    maps_within_an_item_may_become_items,
    a_script_gives_the_same_bytes_after_kills_and_by_any_threads,
])
