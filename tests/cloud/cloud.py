"""cloud.py - are the definitions of scripts/cloud what their services take, and
do their commands do it?  See run.sh."""
import json
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, ROOT + '/tests/e2e')
from e2e import (PROGRAM, PYTHON, Skipped, check, contains,  # noqa: E402
                 equal, main, read, run, same_jobs, write, write_items,
                 write_plan)

CLOUD = ROOT + '/scripts/cloud'
HERE = ROOT + '/tests/cloud'
TIME = '2025-02-01T12:00:00Z'


def definition(name):
    return json.loads(read('%s/%s.json' % (CLOUD, name)))


def by_botocore(service, operation, parameters):
    """Does the service's own model take these?  '' or what is wrong."""
    done = subprocess.run([PYTHON, '-c', '''
import json, sys
try:
    import botocore.session, botocore.validate
except ImportError:
    sys.exit(77)
service, operation = sys.argv[1:3]
model = botocore.session.Session().get_service_model(service)
shape = model.operation_model(operation).input_shape
report = botocore.validate.ParamValidator().validate(json.load(sys.stdin), shape)
print(report.generate_report())
''', service, operation], input=json.dumps(parameters), text=True,
                          capture_output=True)
    if done.returncode == 77:
        raise Skipped('python3-boto3 is not installed')
    check(done.returncode == 0, done.stderr)
    return done.stdout.strip()


def batch_takes_its_definitions(here, options):
    for name in 'batch-job-definition', 'batch-merge-definition':
        d = definition(name)
        equal(by_botocore('batch', 'RegisterJobDefinition', d), '', name)
        for word in d['containerProperties']['command']:
            if word.startswith('Ref::'):
                check(word[5:] in d['parameters'], word, 'has no default')
    d['retryStrategy']['attempts'] = 'two'
    contains(by_botocore('batch', 'RegisterJobDefinition', d), 'attempts')


def batch_gets_an_array_and_its_merge(here, options):
    write(here + '/aws', '#!/bin/sh\necho "$@" >>%s/said\n'
          'echo id-$(wc -l <%s/said)\n' % (here, here))
    os.chmod(here + '/aws', 0o755)
    for n in 7, 1:
        said = subprocess.run([CLOUD + '/batch-submit', 'q', str(n),
                               '/shared/p.yaml', '/shared/j'], check=True,
                              capture_output=True, text=True, env={
                                  **os.environ, 'AWS': here + '/aws'}).stdout
        check(re.match(r'array id-\d, merge id-\d', said), said)
    first, merge, alone, _ = read(here + '/said').splitlines()
    contains(first, '--array-properties size=7', 'shard=auto/7', 'command=run')
    contains(merge, '--depends-on jobId=id-1', 'job=/shared/j')
    contains(alone, 'shard=1/1')
    check('array-properties' not in alone, alone)


def schemas_take_the_rest(here, options):
    if not shutil.which('node') or not os.path.isdir(HERE + '/node_modules'):
        raise Skipped('there is no node, or npm ci got no schemas')
    done = subprocess.run(['node', HERE + '/check.mjs', CLOUD],
                          capture_output=True, text=True)
    check(done.returncode == 0, done.stderr[-2000:])
    shards = json.loads(done.stdout)[1]['spec']
    args = shards['template']['spec']['containers'][0]['args']
    contains(' '.join(args), '--shard auto/%d' % shards['completions'])
    equal(by_botocore('stepfunctions', 'CreateStateMachine', {
        'name': 'x', 'roleArn': 'arn:aws:iam::111122223333:role/x',
        'definition': read(CLOUD + '/step-functions.json')}), '', 'states')


def do(words, here, env):
    """A container's command, with its volume in a folder of ours."""
    words = [re.sub('^/shared/', here + '/', w) for w in words]
    if words[0] == 'run':
        words += ['--run-time', TIME]
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True,
                          env={**os.environ, **env})
    check(done.returncode == 0, words, done.stdout, done.stderr)


def prepare_job(here):
    for i in range(5):
        write_items('%s/data/d%d.json.gz' % (here, i), [
            {'id': {'S': '%d-%d' % (i, k)}} for k in range(50)])
    os.rename(write_plan(here + '/p', {
        'source': {'exports': [{'path': 'data', 'table': 'Things'}]},
        'target': {'environment': 'prod'},
        'tables': {'Things': {'key': ['id'], 'id': 'id'}}}),
        here + '/plan.yaml')
    run(here + '/plan.yaml', here + '/whole', '--run-time', TIME)


def commands_of_batch(here, options):
    prepare_job(here)
    d = definition('batch-job-definition')
    parameters = {**d['parameters'], 'shard': 'auto/3'}
    for i in range(3):
        do([parameters[w[5:]] if w.startswith('Ref::') else w
            for w in d['containerProperties']['command']], here,
           {'AWS_BATCH_JOB_ARRAY_INDEX': str(i)})
    d = definition('batch-merge-definition')
    do([d['parameters'][w[5:]] if w.startswith('Ref::') else w
        for w in d['containerProperties']['command']], here, {})
    same_jobs(here + '/whole', here + '/x.job')


def commands_of_kubernetes(here, options):
    try:
        import yaml
    except ImportError:
        raise Skipped('there is no YAML for Python')
    prepare_job(here)
    _, shards, merge = yaml.safe_load_all(read(CLOUD + '/kubernetes.yaml'))
    args = [j['spec']['template']['spec']['containers'][0]['args']
            for j in (shards, merge)]
    for i in range(3):
        do([w.replace('auto/100', 'auto/3') for w in args[0]], here,
           {'JOB_COMPLETION_INDEX': str(i)})
    do(args[1], here, {})
    same_jobs(here + '/whole', here + '/x.job')


def the_image_holds_what_it_needs(here, options):
    """By chroot, which wants no builder."""
    chroot = shutil.which('chroot')
    if os.geteuid() != 0 or chroot is None:
        raise Skipped('only root may chroot')
    done = subprocess.run([CLOUD + '/image-root', PROGRAM, here + '/root'],
                          capture_output=True, text=True)
    if 'no libcurl' in done.stderr:
        raise Skipped('there is no libcurl')
    check(done.returncode == 0, done.stderr)
    # No shell, and certificates: an address that is none of a name server's.
    for words, status, says in (
            (['version'], 0, 'dynamill'),
            (['cat', 's3://bucket/key', '--endpoint-url',
              'https://127.0.0.1:1'], 4, '127.0.0.1')):
        got = subprocess.run(
            [chroot, here + '/root', '/usr/bin/dynamill', *words],
            capture_output=True, text=True, env={
                'AWS_ACCESS_KEY_ID': 'x', 'AWS_SECRET_ACCESS_KEY': 'y',
                'AWS_REGION': 'us-east-1', 'AWS_MAX_ATTEMPTS': '1'})
        check('libcurl is not here' not in got.stderr, got.stderr)
        check(got.returncode == status, got)
        contains(got.stdout + got.stderr, says)
    size = sum(os.path.getsize(os.path.join(f, n))
               for f, _, names in os.walk(here + '/root') for n in names)
    return '%d MB' % (size >> 20)


def builder():
    """podman or docker, if it can build."""
    for name in 'podman', 'docker':
        if shutil.which(name) and subprocess.run(
                [name, 'info'], capture_output=True).returncode == 0:
            return name


def the_containerfile_builds(here, options):
    """By a builder; where there is none, its steps in a bare Debian 12."""
    if not options.long:
        raise Skipped('minutes: see --long, or scripts/test-all')
    src = here + '/src'
    os.mkdir(src)
    subprocess.run(['sh', '-c', 'git archive HEAD | tar -x -C "$1"', 'sh',
                    src], cwd=ROOT, check=True)
    name = builder()
    if name:
        for words in (['build', '-t', 'dynamill-test', '-f',
                       src + '/Containerfile', src],
                      ['run', '--rm', 'dynamill-test', 'version']):
            done = subprocess.run([name, *words], capture_output=True,
                                  text=True)
            check(done.returncode == 0, done.stderr[-2000:])
        return name
    base = os.environ.get('DEBIAN_TAR') or \
        os.environ.get('TMPDIR', '/var/tmp') + '/bookworm-minbase.tar'
    if os.geteuid() != 0 or not os.path.exists(base):
        raise Skipped('there is no builder, and no %s for root' % base)
    text = read(src + '/Containerfile').replace('\\\n', '')
    steps = [line[4:] for line in text.split('\n') if line.startswith('RUN ')]
    check(steps and 'COPY . /src' in text and 'COPY --from=build /image /'
          in text, text)
    root = here + '/root'
    os.mkdir(root)
    subprocess.run(['tar', '-C', root, '-xf', base], check=True)
    os.rename(src, root + '/src')
    for f in '/etc/resolv.conf', '/etc/hosts':
        shutil.copy(f, root + f)
    shutil.copytree('/etc/apt/apt.conf.d', root + '/etc/apt/apt.conf.d',
                    dirs_exist_ok=True)
    for step in steps:
        done = subprocess.run([
            'unshare', '--mount', '--pid', '--fork', 'sh', '-c',
            'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && '
            'exec chroot "$1" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:'
            '/bin sh -ec "cd /src; $2"', 'sh', root, step],
            capture_output=True, text=True)
        check(done.returncode == 0, step, done.stdout[-2000:],
              done.stderr[-2000:])
    done = subprocess.run(['chroot', '--userspec=65532:65532',
                           root + '/image', '/usr/bin/dynamill', 'version'],
                          capture_output=True, text=True)
    check(done.returncode == 0, done.stderr)
    contains(done.stdout, 'dynamill')
    check(not os.path.exists(root + '/image/bin/sh'), 'it has a shell')
    return 'in a bare Debian: no builder is here'


def scale_is_what_its_program_says(here, options):
    """The tables of docs/SCALE.md come from bench/scale.py, seed and all."""
    said = subprocess.run([sys.executable, ROOT + '/bench/scale.py'],
                          check=True, capture_output=True, text=True).stdout
    text = read(ROOT + '/docs/SCALE.md')
    check(len(said.strip().split('\n\n')) == 4, said)
    for table in said.strip().split('\n\n'):
        contains(text, table)


main([batch_takes_its_definitions, batch_gets_an_array_and_its_merge,
      schemas_take_the_rest, commands_of_batch, commands_of_kubernetes,
      the_image_holds_what_it_needs, the_containerfile_builds,
      scale_is_what_its_program_says])
