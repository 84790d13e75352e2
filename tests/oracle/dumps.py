"""dumps.py - read the items of a dump, slowly and obviously.

A dump is a file or a folder of files: plain, gzip (several members too) or
zstd, with an item a line, {"Item": {...}} or bare.  In an export only the
files that manifest-files.json names count.
"""
import gzip
import json
import os
import subprocess

NOT_DATA = ('manifest-summary.json', 'manifest-files.json', 'table.json')


def text_of(path):
    with open(path, 'rb') as f:
        data = f.read()
    if data[:2] == b'\x1f\x8b':
        data = gzip.decompress(data)
    elif data[:4] == b'\x28\xb5\x2f\xfd':
        data = subprocess.run(['zstd', '-dcq'], input=data, check=True,
                              stdout=subprocess.PIPE).stdout
    return data.decode('utf-8')


def lines_of(path):
    """(line number, value) of each line that is not blank."""
    for number, line in enumerate(text_of(path).split('\n'), 1):
        if line.strip():
            yield number, json.loads(line)


def item_of(line):
    if set(line) == {'Item'} and not is_value(line['Item']):
        return line['Item']
    return line


def is_value(x):
    """Is it {"S": "..."} and the like, and not a map of values?"""
    return len(x) == 1 and (
        isinstance(x.get('S', x.get('N', x.get('B'))), str) or
        isinstance(x.get('BOOL', x.get('NULL')), bool) or
        isinstance(x.get('L', x.get('SS', x.get('NS', x.get('BS')))), list))


def files_in(folder):
    """All data files below a folder, in order of their names."""
    for here, folders, names in sorted(os.walk(folder)):
        folders.sort()
        for name in sorted(names):
            if name in NOT_DATA or name.startswith(('.', '_')):
                continue
            if name.endswith(('.json', '.jsonl', '.gz', '.zst')):
                yield os.path.join(here, name)


def group_of(path, top):
    """The table that a file holds: TABLE/data/FILE or TABLE.jsonl."""
    parts = os.path.relpath(path, top).split(os.sep)
    if len(parts) >= 3 and parts[-2] == 'data':
        return parts[-3]
    if parts[-1].endswith('.jsonl'):
        return parts[-1][:-len('.jsonl')]
    return ''


def groups(top):
    """{table: [path]} of a dump; all is one table '' if nothing says more."""
    if os.path.isfile(top):
        return {'': [top]}
    found = {}
    for path in files_in(top):
        found.setdefault(group_of(path, top), []).append(path)
    return found


def exports_in(top):
    """The folders below `top`, itself included, that are full exports."""
    for here, folders, names in sorted(os.walk(top)):
        folders.sort()
        if 'manifest-summary.json' in names:
            yield here


def export(folder):
    """(source table's name, its items) of one full export."""
    with open(os.path.join(folder, 'manifest-summary.json')) as f:
        summary = json.load(f)
    if summary.get('exportType', 'FULL_EXPORT') != 'FULL_EXPORT':
        raise SystemExit('%s: not a full export' % folder)

    table = summary['tableArn'].split('/')[1]
    items = []
    for _, entry in lines_of(os.path.join(folder, 'manifest-files.json')):
        name = entry['dataFileS3Key'].split('/')[-1]
        items += [item_of(line) for _, line
                  in lines_of(os.path.join(folder, 'data', name))]
    return table, items
