"""e2e.py - what the end-to-end tests have in common.

Each test is a function that raises Failed (or an AssertionError); main() runs
them, prints `ok NAME` or `not ok NAME`, and as its last line
"N passed, N failed, N skipped".  DYNAMILL names another program than
build/dynamill; E2E_SLOW is by how much to make the data smaller for one that is
slow (sanitizers).
"""
import argparse
import glob
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
ORACLE = os.path.join(ROOT, 'tests', 'oracle')
FIXTURES = os.path.join(ROOT, 'fixtures')
PROGRAM = os.environ.get('DYNAMILL') or os.path.join(ROOT, 'build', 'dynamill')
GENERATE = os.path.join(ROOT, 'build', 'bench', 'generate')
SCHEMA = os.path.join(ROOT, 'docs', 'report.schema.json')
SLOW = int(os.environ.get('E2E_SLOW') or 1)
PYTHON = '/usr/bin/python3' if os.path.exists('/usr/bin/python3') \
    else sys.executable        # Debian's, which sees Debian's boto3
TSAN = '/tsan/' in os.path.realpath(PROGRAM)
ASAN = '/asan/' in os.path.realpath(PROGRAM)


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


class Result:
    """What a run came to."""

    def __init__(self, status, out, err, rss=0):
        self.status, self.out, self.err, self.rss = status, out, err, rss

    def __str__(self):
        return 'exit %s\n%s%s' % (self.status, self.out, self.err)


def check(ok, *what):
    if not ok:
        raise Failed(' '.join(str(x) for x in what))


def equal(a, b, what):
    if a != b:
        raise Failed('%s: %r, not %r' % (what, a, b))


def contains(text, *parts):
    for part in parts:
        if part not in text:
            raise Failed('%r is not in:\n%s' % (part, text))


def command(plans, job, *options):
    if isinstance(plans, str):
        plans = [plans]
    return [PROGRAM, 'run', *plans, '--job', job, *options]


def start(plans, job, *options, **more):
    return subprocess.Popen(command(plans, job, *options),
                            stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, errors='replace', **more)


def finish(child):
    out, err = child.communicate()
    return Result(child.returncode, out, err)


def run(plans, job, *options, status=0, stdin=None, env=None):
    """Run it; fail if it does not end with this status (None: any)."""
    done = subprocess.run(command(plans, job, *options), text=True,
                          errors='replace', capture_output=True,
                          **({'input': stdin} if stdin is not None
                             else {'stdin': subprocess.DEVNULL}),
                          env={**os.environ, **(env or {})})
    r = Result(done.returncode, done.stdout, done.stderr)
    clean(r)
    if r.status == 2 and 'not yet in this version' in r.err:
        raise Skipped(r.err.split(': ', 2)[-1].strip())
    if status is not None and r.status != status:
        raise Failed('exit status %d, not %d: %s' % (r.status, status, r))
    if r.status in (0, 1):
        check_report(job)
    return r


def clean(r):
    """No sanitizer had anything to say."""
    for word in ('ThreadSanitizer', 'AddressSanitizer', 'runtime error:',
                 'LeakSanitizer'):
        check(word not in r.err, r)


def write(path, text):
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    with open(path, 'w') as f:
        f.write(text)
    return path


def write_plan(path, plan):
    """A plan as JSON, which is YAML too."""
    return write(path, json.dumps({'dynamill': 1, 'name': 'plan', **plan},
                                  indent=1))


def read(path, mode='r'):
    with open(path, mode) as f:
        return f.read()


def write_items(path, items):
    """A data file of these items, as typed JSON; no manifests."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with gzip.open(path, 'wt', compresslevel=1) as f:
        for item in items:
            f.write(item if isinstance(item, str) else
                    json.dumps({'Item': item}, separators=(',', ':')))
            f.write('\n')
    return path


def lines(job, table, folder='out'):
    """The items of a target table, in unit order."""
    found = []
    for path in sorted(glob.glob(os.path.join(
            glob.escape(os.path.join(job, folder, table)), 'data', '*'))):
        with (gzip.open if path.endswith('.gz') else open)(path, 'rt') as f:
            found += [json.loads(line)['Item'] for line in f]
    return found


def rejected(job, table):
    path = os.path.join(job, 'rejected', table + '.jsonl')
    if not os.path.exists(path):
        return []
    with open(path) as f:
        return [json.loads(line) for line in f]


def report(job):
    return json.loads(read(os.path.join(job, 'report.json')))


def table_of(job, name):
    return next(t for t in report(job)['tables'] if t['table'] == name)


def digests(job, *tops):
    """Path and digest of every file that a run promises."""
    found = {}
    for top in tops or ('out', 'rejected', 'index'):
        for folder, _, names in os.walk(os.path.join(job, top)):
            for name in names:
                path = os.path.join(folder, name)
                h = hashlib.blake2b(digest_size=16)
                with open(path, 'rb') as f:
                    for part in iter(lambda: f.read(1 << 20), b''):
                        h.update(part)
                found[os.path.relpath(path, job)] = h.hexdigest()
    return found


def keep_evidence(a, b, path):
    """Two files that differ and should not, for whoever looks into it."""
    if 'E2E_EVIDENCE' not in os.environ:
        return
    to = tempfile.mkdtemp(dir=os.environ['E2E_EVIDENCE'])
    for name, job in (('a', a), ('b', b)):
        if os.path.exists(os.path.join(job, path)):
            shutil.copy(os.path.join(job, path), os.path.join(to, name))
        shutil.copy(os.path.join(job, 'journal'), to + '/journal-' + name)


def same_jobs(a, b):
    """The same files with the same bytes in them?"""
    x, y = digests(a), digests(b)
    check(x, a, 'holds nothing')
    for path in sorted(set(x) | set(y)):
        if x.get(path) != y.get(path):
            keep_evidence(a, b, path)
            raise Failed('%s differs: %s in %s, %s in %s'
                         % (path, x.get(path), a, y.get(path), b))


def stamps(job):
    """Time and size of everything in a job, but of the lock."""
    found = {}
    for folder, folders, names in os.walk(job):
        for name in names + folders:
            path = os.path.join(folder, name)
            if os.path.relpath(path, job) != 'lock':
                st = os.lstat(path)
                found[path] = (st.st_mtime_ns, st.st_size, st.st_ino)
    return found


def same_items(a, b, what):
    """Do the two dumps hold the same items, in any order?"""
    done = subprocess.run([sys.executable, os.path.join(ORACLE,
                           'same_items.py'), a, b],
                          capture_output=True, text=True)
    check(done.returncode == 0, what + ':', done.stdout[-3000:], done.stderr)


def boto_reads(*tops):
    done = subprocess.run([PYTHON, os.path.join(ORACLE, 'boto_read.py'),
                           *tops], capture_output=True, text=True)
    if done.returncode == 77:
        raise Skipped('python3-boto3 is not installed')
    check(done.returncode == 0, done.stdout, done.stderr)
    return int(done.stdout.split()[0])


def generate(items, out, *options):
    if not os.path.exists(GENERATE):
        raise Skipped('there is no %s: make build/bench/generate' % GENERATE)
    subprocess.run([GENERATE, '--items', str(items), '--out', out, *options],
                   check=True, capture_output=True)
    return out


def reference_plan(path, data):
    """bench/plan.yaml over this data."""
    return write(path, read(os.path.join(ROOT, 'bench', 'plan.yaml'))
                 .replace('../build/bench/data', data))


# ---- report.json -----------------------------------------------------------

def validate(value, schema, root, at='report'):
    """The words of JSON Schema that the report's schema uses, and no other."""
    known = {'$schema', '$defs', '$ref', 'title', 'description', 'type',
             'properties', 'required', 'additionalProperties', 'items',
             'minimum', 'enum', 'pattern'}
    check(set(schema) <= known, 'schema words', set(schema) - known)
    if '$ref' in schema:
        ref = schema['$ref']
        check(ref.startswith('#/$defs/'), ref)
        validate(value, root['$defs'][ref[8:]], root, at)
    types = {'object': dict, 'array': list, 'string': str, 'integer': int,
             'number': (int, float), 'null': type(None), 'boolean': bool}
    if 'type' in schema:
        names = schema['type']
        names = [names] if isinstance(names, str) else names
        check(any(isinstance(value, types[n]) and
                  (n == 'boolean') == isinstance(value, bool)
                  for n in names), at, 'is no', names, repr(value))
    if 'enum' in schema:
        check(value in schema['enum'], at, 'is', value)
    if 'minimum' in schema and isinstance(value, (int, float)):
        check(value >= schema['minimum'], at, 'is', value)
    if 'pattern' in schema and isinstance(value, str):
        check(re.search(schema['pattern'], value), at, 'is', value)
    if isinstance(value, dict):
        for name in schema.get('required', []):
            check(name in value, at, 'has no', name)
        inner = schema.get('properties', {})
        for name, v in value.items():
            if name in inner:
                validate(v, inner[name], root, at + '.' + name)
            else:
                check(schema.get('additionalProperties', True), at,
                      'has an unknown', name)
    if isinstance(value, list) and 'items' in schema:
        for i, v in enumerate(value):
            validate(v, schema['items'], root, '%s[%d]' % (at, i))


WORDS = ('moved', 'filtered', 'skipped', 'dropped', 'duplicate', 'rejected')


def check_report(job):
    """Is report.json what its schema says, and do its sums meet?"""
    r = report(job)
    schema = json.loads(read(SCHEMA))
    try:
        import jsonschema
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.Draft202012Validator(schema).validate(r)
    except (ImportError, AttributeError):
        validate(r, schema, schema)
    for t in r['tables'] + [r['total']]:
        equal(t['read'], sum(t[w] for w in WORDS),
              'read of ' + t.get('table', 'the total'))
    for word in WORDS + ('read', 'written'):
        equal(r['total'][word], sum(t[word] for t in r['tables']),
              'total ' + word)
    equal(r['total']['written'], r['total']['out']['items'], 'items in out')
    for t in r['tables']:
        for rule in t['rules']:
            for to in rule['to']:
                equal(to['references'], to['resolved'] + to['dangling'] +
                      to['unchecked'], t['table'] + '.' + rule['path'])
                check(to['toRejected'] <= to['resolved'], rule)
    return r


# ---- running ---------------------------------------------------------------

def main(tests, prepare=None):
    """Run `tests`, each called with a folder of its own and the options."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--long', action='store_true',
                        help='the full size, for a machine with time')
    parser.add_argument('--keep', action='store_true',
                        help='keep the folder that it works in')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('names', nargs='*', help='only these tests')
    options = parser.parse_args()
    passed = failed = skipped = 0
    top = tempfile.mkdtemp(prefix='e2e-', dir=os.environ.get('TMPDIR'))
    options.top = top

    if not os.access(PROGRAM, os.X_OK):
        sys.exit('there is no program at %s' % PROGRAM)
    try:
        if prepare:
            prepare(options)
        for test in tests:
            name = test.__name__.replace('_', ' ')
            if options.names and test.__name__ not in options.names:
                continue
            here = os.path.join(top, test.__name__)
            os.makedirs(here, exist_ok=True)
            try:
                says = test(here, options)
                print('ok %s%s' % (name, ' (%s)' % says if says else ''))
                passed += 1
            except Skipped as e:
                print('skipped: %s: %s' % (name, e))
                skipped += 1
            except (Failed, AssertionError) as e:
                print('not ok %s\n\t%s' % (name, str(e).replace('\n', '\n\t')))
                failed += 1
            except Exception:
                print('not ok %s\n\t%s' % (name, traceback.format_exc()
                                            .replace('\n', '\n\t')))
                failed += 1
            sys.stdout.flush()
            if not options.keep:
                shutil.rmtree(here, ignore_errors=True)
    except Skipped as e:
        print('skipped: %s: %s' % (os.path.basename(sys.argv[0]), e))
        skipped += 1
    finally:
        if options.keep:
            print('kept %s' % top)
        else:
            shutil.rmtree(top, ignore_errors=True)
    print('%d passed, %d failed, %d skipped' % (passed, failed, skipped))
    sys.exit(1 if failed else 0)
