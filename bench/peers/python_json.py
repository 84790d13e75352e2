#!/usr/bin/env python3
"""python_json.py LEVEL OUT FILE... - Python, with its own json or orjson."""
import gzip
import hashlib
import os
import re
import sys

REFERENCES = {'agentContactId': 'Contacts', 'homeownerContactId': 'Contacts',
              'addressId': 'Properties'}

if os.path.basename(sys.argv[0]).startswith('python_orjson'):
    import orjson
    loads, dumps = orjson.loads, orjson.dumps
else:
    import json
    loads = json.loads
    encode = json.JSONEncoder(separators=(',', ':'), ensure_ascii=False).encode

    def dumps(value):
        return encode(value).encode()


def new_id(table, id):
    """UUID version 8 of SHA-256(table, 0, id, 0, target environment)."""
    h = hashlib.sha256(f'{table}\0{id}\0production'.encode()).hexdigest()
    return (f'{h[:8]}-{h[8:12]}-8{h[13:16]}-'
            f'{int(h[16], 16) & 3 | 8:x}{h[17:20]}-{h[20:32]}')


def main(level, out, *files):
    for path in files:
        table = re.search(r'([^/]+)/AWSDynamoDB/', path).group(1)
        to = os.path.join(out, f'{table}-{os.path.basename(path)}')
        with gzip.open(path, 'rb') as f, \
                gzip.open(to, 'wb', compresslevel=int(level)) as o:
            for line in f:
                record = loads(line)
                item = record['Item']
                item['schemaVersion'] = {'N': '2'}
                item.pop('legacyField', None)
                if 'statusCode' in item:
                    item['status'] = item.pop('statusCode')
                item['id'] = {'S': new_id(table, item['id']['S'])}
                for name, to_table in REFERENCES.items():
                    if name in item:
                        item[name] = {'S': new_id(to_table, item[name]['S'])}
                o.write(dumps(record) + b'\n')


main(*sys.argv[1:])
