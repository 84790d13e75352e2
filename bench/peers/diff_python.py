#!/usr/bin/env python3
"""Two dumps compared as a script would: one in memory, the other streamed.

    diff_python.py A B      (folders of .json.gz or .json)
"""
import glob
import gzip
import json
import os
import sys


def items(folder):
    for path in sorted(glob.glob(folder + '/**', recursive=True)):
        if os.path.isdir(path) or 'manifest' in path:
            continue
        with (gzip.open if path.endswith('.gz') else open)(path, 'rb') as f:
            for line in f:
                yield json.loads(line)['Item']


def settle(v):
    """Sets in one order, so that == compares values."""
    (kind, x), = v.items()
    if kind == 'M':
        return {kind: {k: settle(y) for k, y in x.items()}}
    if kind == 'L':
        return {kind: [settle(y) for y in x]}
    return {kind: sorted(x)} if kind in ('SS', 'NS', 'BS') else v


a = {x['id']['S']: settle({'M': x}) for x in items(sys.argv[1])}
changed = added = 0
for x in items(sys.argv[2]):
    was = a.pop(x['id']['S'], None)
    if was is None:
        added += 1
    elif was != settle({'M': x}):
        changed += 1
print(changed, 'changed', len(a), 'removed', added, 'added')
