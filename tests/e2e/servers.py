"""servers.py - servers that others wrote, for as long as a test wants them."""
import atexit
import contextlib
import functools
import http.server
import json
import os
import shutil
import ssl
import subprocess
import threading
import urllib.parse
import urllib.request

import e2e

UP = os.path.join(e2e.ROOT, 'tests', 'servers', 'up.sh')
FOREIGN = ('AWS_', 'HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy')


def environment(**more):
    """The environment without anything that AWS programs look at."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
    env.update({'AWS_EC2_METADATA_DISABLED': 'true',
                'AWS_CONFIG_FILE': '/nonexistent/config',
                'AWS_SHARED_CREDENTIALS_FILE': '/nonexistent/credentials'})
    env.update({k: str(v) for k, v in more.items() if v is not None})
    return env


class Server:
    def __init__(self, url):
        self.url = url
        self.env = environment(AWS_ACCESS_KEY_ID='STRICT',
                               AWS_SECRET_ACCESS_KEY='STRICT',
                               AWS_REGION='us-east-1',
                               AWS_ENDPOINT_URL_DYNAMODB=url)

    def stat(self, trusted=None):
        context = ssl.create_default_context(cafile=trusted) if trusted \
            else None
        with urllib.request.urlopen(self.url + '/__stat',
                                    context=context) as f:
            return json.load(f)

    def faults(self, **wanted):
        """From now on these, and no others; what was until now."""
        with urllib.request.urlopen(self.url + '/__faults?' +
                                    urllib.parse.urlencode(wanted)) as f:
            return json.load(f)


def expiring(here, key):
    """For the environment: a process that gives keys, other ones each time."""
    e2e.write(here + '/keys', '#!/bin/sh\necho x >>%s/ran\necho "{\\"Version\\"'
              ':1,\\"AccessKeyId\\":\\"%s\\",\\"SecretAccessKey\\":'
              '\\"%s\\",\\"SessionToken\\":\\"SESSION$(wc -l <%s/ran)\\"}"'
              '\n' % (here, *key, here))
    return {'AWS_CONFIG_FILE': e2e.write(
        here + '/config',
        '[default]\ncredential_process = sh %s/keys\n' % here)}


@contextlib.contextmanager
def start(kind, faults, variable):
    child = subprocess.Popen(
        ['sh', UP, kind, *[str(f) for f in faults], '--', 'sh', '-c',
         'echo "%s"; cat' % variable],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True)
    try:
        url = child.stdout.readline().strip()
        if not url:
            raise e2e.Skipped('no server: ' + child.stderr.read().strip())
        yield url
    finally:
        child.stdin.close()
        child.stdout.close()
        child.stderr.close()
        child.wait()


@contextlib.contextmanager
def dynamodb(*faults):
    """dynalite, behind a front that checks signatures and has faults."""
    with start('strict', faults, '$DYNAMODB_URL') as url:
        yield Server(url)


@functools.lru_cache(None)
def standing():
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(dynamodb())


@contextlib.contextmanager
def emptied():
    """The same for every test of a script, without tables: to start one takes
    longer than many a test."""
    s = standing()
    try:
        yield s
    finally:
        boto(s, drop=[t['TableName'] for t in boto(s, list=True)])


def certificate(here):
    """Of this machine, in here/cert; the file with its key, too."""
    made = subprocess.run(
        ['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days',
         '2', '-subj', '/CN=x', '-addext', 'subjectAltName=IP:127.0.0.1',
         '-keyout', here + '/key', '-out', here + '/cert'],
        capture_output=True) if shutil.which('openssl') else None
    if made is None or made.returncode != 0:
        raise e2e.Skipped('openssl is not installed')
    return e2e.write(here + '/both', e2e.read(here + '/key') +
                     e2e.read(here + '/cert'))


@contextlib.contextmanager
def answers(answer, certificate=None):
    """A server on this machine that a test makes up: for what no real one can
    be had.  `answer` is given each request (a handler, with .body) and returns
    status, headers and body."""
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def do(self):
            n = int(self.headers.get('content-length') or 0)
            self.body = self.rfile.read(n)
            status, fields, body = answer(self)
            self.send_response_only(status)
            fields = {'Date': self.date_time_string(), **fields}
            for name, value in fields.items():
                self.send_header(name, value)
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_CONNECT = do

        def log_message(self, *_):
            pass

    class Quiet(http.server.ThreadingHTTPServer):
        def handle_error(self, *_):     # who asked has gone
            pass

    server = Quiet(('127.0.0.1', 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield '%s://127.0.0.1:%d' % ('https' if certificate else 'http',
                                     server.server_port)
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def front(server, calls, change=lambda call, text: text):
    """In front of one that checks no signatures: `calls` gets the names of what
    is asked of DynamoDB, and `change` has its way with what is answered."""
    def answer(request):
        call = request.headers.get('x-amz-target', '').split('.')[-1]
        calls.add(call)
        try:
            with urllib.request.urlopen(urllib.request.Request(
                    server.url, request.body, dict(request.headers))) as r:
                status, text = r.status, r.read()
        except urllib.error.HTTPError as e:
            status, text = e.code, e.read()
        changed = change(call, text)
        return (status if changed is text else 200), {}, changed
    with answers(answer) as url:
        passing = Server(url)
        passing.env = environment(AWS_ACCESS_KEY_ID='A', AWS_REGION='us-east-1',
                                  AWS_SECRET_ACCESS_KEY='B',
                                  AWS_ENDPOINT_URL_DYNAMODB=url)
        yield passing


def form(request):
    return dict(urllib.parse.parse_qsl(request.body.decode()))


# boto3 as a client of that server, for what follows.
CLIENT = '''
import os, sys
try:
    import boto3
except ImportError:
    sys.exit(77)
from botocore.config import Config
s3 = boto3.client('s3', endpoint_url=sys.argv[1], aws_access_key_id='S3RVER',
                  aws_secret_access_key='S3RVER', region_name='us-east-1',
                  config=Config(s3={'addressing_style': 'path'},
                                retries={'max_attempts': 20}))
'''


PUT = '''
top, to = sys.argv[2:]
for folder, _, names in os.walk(top):
    for name in names:
        path = os.path.join(folder, name)
        with open(path, 'rb') as f:
            s3.put_object(Bucket='test-bucket', Body=f.read(),
                          Key=os.path.join(to, os.path.relpath(path, top)))
'''


# All below a prefix to a folder; or none of it to be left.
GET = '''
prefix, to = sys.argv[2:]
for page in s3.get_paginator('list_objects_v2').paginate(
        Bucket='test-bucket', Prefix=prefix + '/'):
    for o in page.get('Contents', []):
        if to == 'remove':
            s3.delete_object(Bucket='test-bucket', Key=o['Key'])
            continue
        path = os.path.join(to, o['Key'][len(prefix) + 1:])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as f:
            f.write(s3.get_object(Bucket='test-bucket', Key=o['Key'])
                    ['Body'].read())
'''


def boto_s3(url, script, *words):
    done = subprocess.run([e2e.PYTHON, '-c', CLIENT + script, url, *words],
                          capture_output=True, text=True, env=environment())
    if done.returncode == 77:
        raise e2e.Skipped('python3-boto3 is not installed')
    e2e.check(done.returncode == 0, done.stderr)


class S3(Server):
    def __init__(self, url):
        super().__init__(url)
        self.env = environment(AWS_ACCESS_KEY_ID='S3RVER',
                               AWS_SECRET_ACCESS_KEY='S3RVER',
                               AWS_REGION='us-east-1',
                               AWS_ENDPOINT_URL_S3=url)

    def put(self, top, to):
        """All files below a folder, as objects s3://test-bucket/TO/..., by
        boto3."""
        boto_s3(self.url, PUT, top, to)
        return 's3://test-bucket/' + to

    def get(self, prefix, to):
        """All objects below s3://test-bucket/PREFIX/ into a folder, by boto3;
        `remove` instead of the folder removes them."""
        boto_s3(self.url, GET, prefix, to)
        return to

    def begin(self, *keys):
        """Uploads to these keys, which nobody finishes, by boto3."""
        boto_s3(self.url, BEGIN, *keys)


BEGIN = '''
for key in sys.argv[2:]:
    s3.create_multipart_upload(Bucket='test-bucket', Key=key)
'''


# A bucket that is there, and has nothing in it.
EMPTY = '''
b = 'test-bucket'
s3.create_bucket(Bucket=b)
for u in s3.list_multipart_uploads(Bucket=b).get('Uploads', []):
    s3.abort_multipart_upload(Bucket=b, Key=u['Key'], UploadId=u['UploadId'])
for page in s3.get_paginator('list_objects_v2').paginate(Bucket=b):
    for o in page.get('Contents', []):
        s3.delete_object(Bucket=b, Key=o['Key'])
'''


@contextlib.contextmanager
def s3(*faults):
    """s3rver, or what S3_BEHIND says (radosgw.sh), behind a front that checks
    signatures and has faults."""
    if 'S3_BEHIND' in os.environ:
        boto_s3(os.environ['S3_BEHIND'], EMPTY)
    with start('s3', faults, '$S3_URL') as url:
        yield S3(url)


# What boto3 does, as a client that others wrote: a line of JSON is asked, lines
# of JSON are answered, and behind them `.`, or `!` and what was wrong.
BOTO = '''
import json, sys, traceback
try:
    import boto3
except ImportError:
    sys.exit(77)
import base64
clients = {}
def client(url):
    if url not in clients:
        clients[url] = boto3.client(
            'dynamodb', endpoint_url=url, region_name='us-east-1',
            aws_access_key_id='STRICT', aws_secret_access_key='STRICT')
    return clients[url]
def plain(x):
    if isinstance(x, bytes):
        return base64.b64encode(x).decode()
    if isinstance(x, list):
        return [plain(y) for y in x]
    return {k: plain(v) for k, v in x.items()} if isinstance(x, dict) else x
def typed(v):
    (kind, x), = v.items()
    if kind == 'B':
        return {kind: base64.b64decode(x)}
    if kind == 'BS':
        return {kind: [base64.b64decode(y) for y in x]}
    if kind == 'L':
        return {kind: [typed(y) for y in x]}
    if kind == 'M':
        return {kind: {k: typed(y) for k, y in x.items()}}
    return v
def do(d, asked):
    for t in asked.get('create', []):
        t.setdefault('BillingMode', 'PAY_PER_REQUEST')
        d.create_table(**t)
        while d.describe_table(TableName=t['TableName'])['Table'][
                'TableStatus'] != 'ACTIVE':
            pass
    for name in asked.get('begin_drop', []):
        d.delete_table(TableName=name)
    for name in asked.get('drop', []):
        d.delete_table(TableName=name)
        d.get_waiter('table_not_exists').wait(
            TableName=name, WaiterConfig={'Delay': .05, 'MaxAttempts': 200})
    for item in asked.get('put', []):
        d.put_item(TableName=asked['table'],
                   Item={k: typed(v) for k, v in item.items()})
    batch = [{'PutRequest': {'Item': {k: typed(v) for k, v in item.items()}}}
             for item in asked.get('batch', [])]
    for i in range(0, len(batch), 25):
        left = {asked['table']: batch[i:i + 25]}
        while left:
            left = d.batch_write_item(RequestItems=left)['UnprocessedItems']
    for key in asked.get('remove', []):
        d.delete_item(TableName=asked['table'],
                      Key={k: typed(v) for k, v in key.items()})
    if 'scan' in asked:
        for page in d.get_paginator('scan').paginate(
                TableName=asked['scan'], ConsistentRead=True):
            for item in page['Items']:
                print(json.dumps(plain(item)))
    if 'all' in asked:
        for name in d.list_tables()['TableNames']:
            pages = d.get_paginator('scan').paginate(TableName=name,
                                                     ConsistentRead=True)
            print(json.dumps({'table': name, 'items': [
                plain(item) for page in pages for item in page['Items']]}))
    if 'list' in asked:
        for name in d.list_tables()['TableNames']:
            print(json.dumps(d.describe_table(TableName=name)['Table'],
                             default=str))
print('.', flush=True)
for line in sys.stdin:
    url, asked = json.loads(line)
    try:
        do(client(url), asked)
        print('.')
    except Exception:
        print('!' + json.dumps(traceback.format_exc()))
    sys.stdout.flush()
'''


boto_lock = threading.Lock()


@functools.lru_cache(None)
def boto_process():
    """One for all that is asked: what takes time is to load it."""
    child = subprocess.Popen([e2e.PYTHON, '-c', BOTO], env=environment(),
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             text=True)
    if child.stdout.readline() != '.\n':
        return None
    return child


def boto(server, **asked):
    """Lines of JSON that boto3 has to say."""
    with boto_lock:
        child = boto_process()
        if child is None:
            raise e2e.Skipped('python3-boto3 is not installed')
        child.stdin.write(json.dumps([server.url, asked]) + '\n')
        child.stdin.flush()
        lines = []
        for line in child.stdout:
            if line == '.\n':
                return lines
            if line[0] == '!':
                raise e2e.Failed(json.loads(line[1:]))
            lines.append(json.loads(line))
        raise e2e.Failed('boto3 has ended')


SDK = os.path.join(e2e.ROOT, 'tests', 'sdk')


def sdk(server, table, put=None):
    """What AWS's JavaScript SDK reads; or it puts items."""
    if not os.path.isdir(SDK + '/node_modules/@aws-sdk'):
        try:
            made = subprocess.run(
                ['npm', 'ci', '--no-audit', '--no-fund', '--ignore-scripts'],
                cwd=SDK, capture_output=True, text=True, timeout=300)
        except (OSError, subprocess.TimeoutExpired) as e:
            raise e2e.Skipped('npm ci in tests/sdk: %s' % e)
        if made.returncode != 0:
            raise e2e.Skipped('npm ci in tests/sdk did not get the packages')
    done = subprocess.run(
        ['node', SDK + '/read.mjs', server.url, table,
         *([] if put is None else ['write'])], capture_output=True, text=True,
        input=''.join(json.dumps(x) + '\n' for x in put or []),
        env=environment())
    e2e.check(done.returncode == 0, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


@contextlib.contextmanager
def start_plain():
    """dynalite alone, which takes any signature."""
    child = subprocess.Popen(['sh', UP, 'sh', '-c', 'echo $DYNAMODB_URL; cat'],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             text=True)
    try:
        yield Server(child.stdout.readline().strip())
    finally:
        child.stdin.close()
        child.stdout.close()
        child.wait()
