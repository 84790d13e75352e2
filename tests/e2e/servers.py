"""servers.py - servers that others wrote, for as long as a test wants them."""
import contextlib
import http.server
import json
import os
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

    def stat(self):
        with urllib.request.urlopen(self.url + '/__stat') as f:
            return json.load(f)


@contextlib.contextmanager
def dynamodb(*faults):
    """dynalite, behind a front that checks signatures and has faults."""
    child = subprocess.Popen(
        ['sh', UP, 'strict', *[str(f) for f in faults], '--', 'sh', '-c',
         'echo "$DYNAMODB_URL"; cat'],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True)
    try:
        url = child.stdout.readline().strip()
        if not url:
            raise e2e.Skipped('no server: ' + child.stderr.read().strip())
        yield Server(url)
    finally:
        child.stdin.close()
        child.stdout.close()
        child.stderr.close()
        child.wait()


@contextlib.contextmanager
def answers(answer):
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
        do_GET = do_PUT = do_POST = do_HEAD = do

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield 'http://127.0.0.1:%d' % server.server_port
    finally:
        server.shutdown()
        server.server_close()


def form(request):
    return dict(urllib.parse.parse_qsl(request.body.decode()))
