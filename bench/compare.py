#!/usr/bin/env python3
"""compare.py A B... - do these folders hold the same items?

Each is a folder of peers' output (<Table>-<file>) or a job's out/
(<Table>/data/<file>). Items are compared as values, in any order.
"""
import glob
import gzip
import hashlib
import json
import os
import sys
from decimal import Decimal


def by_value(d):
    """Numbers that are equal as one text: JSON of others may have 1.5 for 1.50."""
    if 'N' in d and isinstance(d['N'], str):
        return {'N': str(Decimal(d['N']).normalize())}
    return d


def digest(folder):
    """Per table: the number of items, and the sum of their hashes."""
    tables = {}
    paths = (glob.glob(folder + '/*-*.json.gz') +
             glob.glob(folder + '/*/data/*.json.gz'))
    for path in paths:
        base = os.path.basename(path)
        table = (path.split('/')[-3] if os.path.dirname(path).endswith('data')
                 else base.split('-')[0])
        count, total = tables.get(table, (0, 0))
        with gzip.open(path, 'rb') as f:
            for line in f:
                item = json.dumps(json.loads(line, object_hook=by_value)['Item'],
                                  sort_keys=True)
                h = hashlib.sha256(item.encode()).digest()
                total = (total + int.from_bytes(h[:8], 'big')) % 2 ** 64
                count += 1
        tables[table] = count, total
    return tables


def main():
    first = digest(sys.argv[1])
    if not first:
        sys.exit('%s: nothing there' % sys.argv[1])
    for folder in sys.argv[2:]:
        if digest(folder) != first:
            sys.exit('%s and %s differ:\n%s\n%s' % (
                sys.argv[1], folder, first, digest(folder)))
    print('%d items in %d tables are the same in %d folders' % (
        sum(n for n, _ in first.values()), len(first), len(sys.argv) - 1))


main()
