#!/usr/bin/python3
"""boto_read.py DUMP... - read every line as boto3 does.

Every line of every data file must be one {"Item": ...} that boto3's
TypeDeserializer takes, and its serializer must give back the same value.  Says
how many items were read; exit status 1 at the first that fails, 77 if boto3 is
not installed.
"""
import base64
import sys

try:
    from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
except ImportError:
    print('skipped: python3-boto3 is not installed')
    sys.exit(77)

import dumps
import same_items


def bytes_of(value):
    """Typed JSON with its base64 decoded, as botocore hands it on."""
    (kind, v), = value.items()
    if kind == 'B':
        return {'B': base64.b64decode(v, validate=True)}
    if kind == 'BS':
        return {'BS': [base64.b64decode(x, validate=True) for x in v]}
    if kind == 'L':
        return {'L': [bytes_of(x) for x in v]}
    if kind == 'M':
        return {'M': {name: bytes_of(x) for name, x in v.items()}}
    return value


def text_of(value):
    """And back."""
    (kind, v), = value.items()
    if kind == 'B':
        return {'B': base64.b64encode(bytes(v)).decode()}
    if kind == 'BS':
        return {'BS': [base64.b64encode(bytes(x)).decode() for x in v]}
    if kind == 'L':
        return {'L': [text_of(x) for x in v]}
    if kind == 'M':
        return {'M': {name: text_of(x) for name, x in v.items()}}
    return value


def read(line):
    if set(line) != {'Item'}:
        raise ValueError('the line is not {"Item": ...}')
    reader, writer = TypeDeserializer(), TypeSerializer()
    item = line['Item']
    back = {}
    for name, value in item.items():
        back[name] = text_of(writer.serialize(
            reader.deserialize(bytes_of(value))))
    if same_items.item_text(back) != same_items.item_text(item):
        raise ValueError('boto3 gives another item back')


def main(tops):
    nitems = nfiles = 0
    for top in tops:
        for paths in dumps.groups(top).values():
            for path in paths:
                nfiles += 1
                for number, line in dumps.lines_of(path):
                    try:
                        read(line)
                    except Exception as e:
                        print('%s: line %d: %s' % (path, number, e))
                        return 1
                    nitems += 1
    print('%d items in %d files' % (nitems, nfiles))
    return 0 if nfiles else 1


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit('usage: boto_read.py DUMP...')
    sys.exit(main(sys.argv[1:]))
