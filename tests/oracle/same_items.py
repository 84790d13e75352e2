#!/usr/bin/env python3
"""same_items.py A B - do two dumps hold the same items, in any order?

Items are compared as values: numbers by value, sets and attributes without
order.  Where both dumps say which table a file holds (TABLE/data/..., or
TABLE.jsonl), table by table.  Exit status 1 if they differ, with some of the
items that are on one side only.
"""
import collections
import decimal
import hashlib
import json
import sys

import dumps

SHOWN = 5       # items of each side that are told


def number(text):
    """One spelling for a number: "-12e3", "0"."""
    sign, digits, exponent = decimal.Decimal(text).as_tuple()
    plain = ''.join(map(str, digits)).lstrip('0')
    short = plain.rstrip('0')
    if short == '':
        return '0'
    return '%s%se%d' % ('-' if sign else '', short,
                        exponent + len(plain) - len(short))


def canonical(value):
    (kind, v), = value.items()
    if kind == 'N':
        return {'N': number(v)}
    if kind == 'NS':
        return {'NS': sorted(map(number, v))}
    if kind in ('SS', 'BS'):
        return {kind: sorted(v)}
    if kind == 'L':
        return {'L': [canonical(x) for x in v]}
    if kind == 'M':
        return {'M': {name: canonical(x) for name, x in v.items()}}
    return value


def item_text(item):
    return json.dumps({name: canonical(v) for name, v in item.items()},
                      sort_keys=True, separators=(',', ':'))


def digest(text):
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def items_of(paths):
    for path in paths:
        for _, line in dumps.lines_of(path):
            yield item_text(dumps.item_of(line))


def compare(name, a, b):
    """Two lists of files.  Returns how many items are on one side only."""
    counts = collections.Counter()
    sizes = [0, 0]
    for side, paths in ((0, a), (1, b)):
        for text in items_of(paths):
            counts[digest(text)] += 1 if side == 0 else -1
            sizes[side] += 1

    left = sum(n for n in counts.values() if n > 0)
    right = -sum(n for n in counts.values() if n < 0)
    print('%s: %d and %d items, %d only in the first, %d only in the second'
          % (name or 'all', sizes[0], sizes[1], left, right))
    for sign, mark, paths in ((1, '-', a), (-1, '+', b)):
        shown = 0
        for text in items_of(paths):
            if shown < SHOWN and counts[digest(text)] * sign > 0:
                counts[digest(text)] -= sign
                print('%s %s' % (mark, text))
                shown += 1
    return left + right


def main(a, b):
    a, b = dumps.groups(a), dumps.groups(b)
    if '' in a or '' in b:
        a = {'': sum(a.values(), [])}
        b = {'': sum(b.values(), [])}
    if not a and not b:
        print('no items on either side')
        return 1
    differ = sum(compare(name, a.get(name, []), b.get(name, []))
                 for name in sorted(set(a) | set(b)))
    return 1 if differ else 0


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit('usage: same_items.py A B')
    sys.exit(main(sys.argv[1], sys.argv[2]))
