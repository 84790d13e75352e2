#!/usr/bin/env python3
"""s3.py - a bucket of files on this machine, no slower than it must be.

    s3.py FOLDER

Serves s3://bench/... from FOLDER on a free port of 127.0.0.1, which it prints:
listings, and objects or ranges of them by sendfile(). It runs on the last
processor, and checks nothing; for measuring a reader, not for testing one.
"""
import http.server
import os
import re
import sys
import urllib.parse
import xml.sax.saxutils


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True      # or some answers wait 40 ms for an ACK

    def log_message(self, *_):
        pass

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        key = urllib.parse.unquote(url.path).lstrip('/').partition('/')[2]
        query = dict(urllib.parse.parse_qsl(url.query))
        if 'list-type' in query:
            self.list(query.get('prefix', ''))
        else:
            self.give(os.path.join(sys.argv[1], key))

    def do_HEAD(self):
        self.do_GET()

    def answer(self, status, length, **fields):
        self.send_response_only(status)
        for name, value in fields.items():
            self.send_header(name.replace('_', '-'), value)
        self.send_header('Content-Length', str(length))
        self.end_headers()

    def list(self, prefix):
        found = []
        for folder, _, names in os.walk(sys.argv[1]):
            for name in names:
                path = os.path.join(folder, name)
                key = os.path.relpath(path, sys.argv[1])
                if key.startswith(prefix):
                    found.append((key, os.path.getsize(path)))
        text = '<ListBucketResult>%s</ListBucketResult>' % ''.join(
            '<Contents><Key>%s</Key><Size>%d</Size><ETag>"%d"</ETag>'
            '</Contents>' % (xml.sax.saxutils.escape(key), n, n)
            for key, n in sorted(found))
        self.answer(200, len(text.encode()))
        self.wfile.write(text.encode())

    def give(self, path):
        if not os.path.isfile(path):
            return self.answer(404, 0)
        size = os.path.getsize(path)
        etag = '"%d"' % size
        asked = re.match(r'bytes=(\d+)-(\d*)$', self.headers['range'] or '')
        first, last = 0, size - 1
        if asked:
            first = int(asked[1])
            last = min(int(asked[2] or last), last)
        if first > last:
            return self.answer(416, 0)
        self.answer(206 if asked else 200, last + 1 - first, ETag=etag,
                    **({'Content_Range': 'bytes %d-%d/%d'
                        % (first, last, size)} if asked else {}))
        self.wfile.flush()
        if self.command == 'HEAD':
            return None
        with open(path, 'rb') as f:
            while first <= last:
                first += os.sendfile(self.connection.fileno(), f.fileno(),
                                     first, last + 1 - first)
        return None


if __name__ == '__main__':
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.daemon_threads = True
    print('http://127.0.0.1:%d' % server.server_port, flush=True)
    server.serve_forever()
