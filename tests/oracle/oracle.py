#!/usr/bin/env python3
"""oracle.py - what a run should write, worked out slowly and obviously.

    oracle.py PLAN.json EXPORT... -o OUT
    oracle.py --self-test

Reads full exports (folders, or folders of them) and writes, for each target
table, OUT/<TargetTable>.jsonl: its items as typed JSON, one a line, names
sorted, lines sorted.  Items that would be rejected or skipped are counted on
standard error; exit status 1 if any is rejected.  Compare with same_items.py.

The plan is a dynamill plan written as JSON, of which this much is understood
(anything else is an error here):

    source.environment, target.environment, names, ids
    tables.NAME: "skip", or key, id, references, dangling, from, to, skip,
        update and steps: of update only `SET name = LITERAL, ... REMOVE name`,
        and rename of top-level attributes
    rules: a path, {path, pattern, type}, {table, pattern}, or a list of them

A literal is a number, 'text', true, false or null.
"""
import argparse
import base64
import collections
import copy
import csv
import json
import os
import re
import sys

import dumps
import ids as ids_module
from ids import Ids, plain_number


class Rejected(Exception):
    pass


class Skipped(Exception):
    pass


def known(what, where, allowed):
    for name in where:
        if name not in allowed:
            raise SystemExit('%s: the oracle does not know "%s"'
                             % (what, name))


def as_list(x):
    return x if isinstance(x, list) else [x]


# ---------------------------------------------------------------- paths

def parse_path(text):
    """'team[*].contactId' -> ['team', '*', 'contactId']; indexes are ints,
    a quoted name is a name, and .* is every member of a map."""
    parts, rest = [], text
    token = re.compile(r'\.?"((?:[^"]|"")+)"|\.?([^.\["]+)|\[(\d+)\]|\[\*\]')
    while rest:
        m = token.match(rest)
        if not m:
            raise SystemExit('path "%s"' % text)
        if m.group(1):
            parts.append(('name', m.group(1).replace('""', '"')))
        elif m.group(2) == '*':
            parts.append(('members', None))
        elif m.group(2):
            parts.append(('name', m.group(2)))
        elif m.group(3):
            parts.append(('index', int(m.group(3))))
        else:
            parts.append(('elements', None))
        rest = rest[m.end():]
    return parts


def rewrite_at(holder, key, parts, change):
    """Put change(value) where the path leads; None takes the value away.
    `holder[key]` is a typed value; what is not there is left alone."""
    value = holder[key]
    (kind, v), = value.items()

    if not parts:
        if kind in ('SS', 'NS', 'BS'):
            members = []
            for x in v:
                new = change({kind[0]: x}, in_set=True)
                if new is not None and new[kind[0]] not in members:
                    members.append(new[kind[0]])
            return {kind: members} if members else None
        if kind == 'L':
            return rewrite_at(holder, key, [('elements', None)], change)
        return change(value, in_set=False)

    (how, name), rest = parts[0], parts[1:]
    if how == 'name' and kind == 'M' and name in v:
        keep_or_drop(v, name, rewrite_at(v, name, rest, change))
    elif how == 'members' and kind == 'M':
        for each in list(v):
            keep_or_drop(v, each, rewrite_at(v, each, rest, change))
    elif how == 'index' and kind == 'L' and name < len(v):
        new = rewrite_at(v, name, rest, change)
        v[name:name + 1] = [] if new is None else [new]
    elif how == 'elements' and kind == 'L':
        new = [rewrite_at(v, i, rest, change) for i in range(len(v))]
        v[:] = [x for x in new if x is not None]
    return value


def keep_or_drop(holder, name, new):
    if new is None:
        del holder[name]
    else:
        holder[name] = new


# ---------------------------------------------------------------- patterns

def pattern_regex(pattern):
    """A regular expression, and the placeholder of each of its groups."""
    out, names, i = '', [], 0
    while i < len(pattern):
        if pattern.startswith(('{{', '}}'), i):
            out += re.escape(pattern[i])
            i += 2
        elif pattern[i] == '{':
            end = pattern.index('}', i)
            names.append(pattern[i + 1:end])
            out += '(.+?)'
            i = end + 1
        elif pattern[i] == '*':
            out += '.*?'
            i += 1
        else:
            out += re.escape(pattern[i])
            i += 1
    return re.compile(out, re.DOTALL), names


# ---------------------------------------------------------------- the plan

class Table:
    def __init__(self, plan, name, says):
        self.name = name
        if says == 'skip':
            says = {'skip': True}
        known(name, says, ('key', 'id', 'references', 'dangling', 'from',
                           'to', 'skip', 'update', 'steps'))
        names = plan.get('names', {})
        self.skip = says.get('skip', False)
        self.source = plan.filled(
            says.get('from', names.get('from', '{table}')), name)
        self.target = plan.filled(
            says.get('to', names.get('to', '{table}')), name)
        self.key = list(says.get('key', ()))
        self.key_types = says['key'] if isinstance(says.get('key'), dict) \
            else {}
        self.dangling = says.get('dangling', plan.get('dangling', 'report'))

        self.id_rules = [r if isinstance(r, dict) else {'path': r}
                         for r in as_list(says.get('id', []))]
        fixed = {r['type'] for r in self.id_rules if 'type' in r}
        self.ids = plan.ids_of(name, fixed.pop() if fixed else None) \
            if self.id_rules else None
        self.references = {
            path: [r if isinstance(r, dict) else {'table': r}
                   for r in as_list(rules)]
            for path, rules in says.get('references', {}).items()}
        self.steps = says.get('steps', [])
        if 'update' in says:
            self.steps = [{'update': says['update']}]

    def where_its_ids_are(self):
        """Paths and patterns of the own id; else the partition key."""
        if self.id_rules:
            return self.id_rules
        return [{'path': self.key[0]}] if self.key else []


class Plan(dict):
    def __init__(self, path):
        with open(path) as f:
            super().__init__(json.load(f))
        known('the plan', self, (
            'dynamill', 'name', 'description', 'source', 'target', 'names',
            'ids', 'tables', 'dangling'))
        self.folder = os.path.dirname(os.path.abspath(path))
        self.tables = {name: Table(self, name, says)
                       for name, says in self['tables'].items()}

    def environment(self, side):
        return self.get(side, {}).get('environment', '')

    def filled(self, pattern, table):
        return pattern.replace('{table}', table) \
            .replace('{source}', self.environment('source')) \
            .replace('{target}', self.environment('target'))

    def ids_of(self, table, fixed):
        says = self.get('ids', {})
        rows, secret = {}, None
        if 'map' in says:
            with open(os.path.join(self.folder, says['map'])) as f:
                rows = {r['source']: r['target'] for r in csv.DictReader(f)
                        if r['table'] == table}
        if 'secret' in says:
            secret = os.environ[says['secret'].split(':', 1)[1]].encode()
        return Ids(table, self.environment('target'), says, fixed, rows,
                   secret)


# ---------------------------------------------------------------- one value

def new_plain(table, kind, text):
    """The new text of one id; as it was if its table keeps its ids."""
    if table.ids is None:
        return text
    if kind == 'B':
        raw = table.ids.new_bytes(base64.b64decode(text))
        return base64.b64encode(raw).decode()
    return table.ids.new_text(kind, text)


def compared(table, kind, text):
    """What the new value of an id is known by."""
    if kind == 'N' and not (table.ids and table.ids.fixed):
        text = plain_number(text)
    return (kind if not (table.ids and table.ids.fixed) else '', text)


class Run:
    def __init__(self, plan, sources):
        self.plan, self.sources = plan, sources
        self.counts = collections.Counter()
        self.existing = {t.name: set() for t in plan.tables.values()}
        for table in plan.tables.values():
            for item in sources.get(table.name, []):
                self.note_ids(table, item)

    def note_ids(self, table, item):
        """All new ids of an item, so that references can be checked."""
        for rule in table.where_its_ids_are():
            def note(value, in_set):
                found = self.pieces(table, rule, value)
                for owner, kind, text in found or []:
                    if owner is table:
                        new = new_plain(owner, kind, text)
                        self.existing[table.name].add(
                            compared(owner, kind, new))
                return value
            root = {'M': copy.deepcopy(item)}
            rewrite_at([root], 0, parse_path(rule['path']), note)

    def pieces(self, table, rule, value):
        """[(table, kind, text)] of the ids in a value, None: no match."""
        (kind, text), = value.items()
        if kind not in ('S', 'N', 'B') or text == '':
            return None
        own = self.plan.tables[rule['table']] if 'table' in rule else table
        if 'pattern' not in rule:
            return [(own, kind, text)]
        if kind != 'S':
            return None
        regex, names = pattern_regex(rule['pattern'])
        m = regex.fullmatch(text)
        if not m:
            return None
        return [(own if name == 'id' else self.plan.tables[name], 'S', piece)
                for name, piece in zip(names, m.groups())]

    def put(self, rule, value, new):
        """The value again, with the new texts of its pieces."""
        (kind, text), = value.items()
        if 'pattern' not in rule:
            return {kind: new[0]}
        regex, names = pattern_regex(rule['pattern'])
        m, out, at = regex.fullmatch(text), '', 0
        for i, piece in enumerate(new, 1):
            out += text[at:m.start(i)] + piece
            at = m.end(i)
        return {kind: out + text[at:]}

    def changed(self, table, rules, value, is_id, in_set, in_key):
        for rule in rules:
            known(table.name, rule, ('path', 'pattern', 'type', 'table'))
            found = self.pieces(table, rule, value)
            if found is None:
                continue
            new = []
            for owner, kind, text in found:
                to = new_plain(owner, kind, text)
                there = is_id or owner.skip or compared(owner, kind, to) \
                    in self.existing[owner.name]
                if not there:
                    self.counts['dangling'] += 1
                    if table.dangling == 'skip-item':
                        raise Skipped
                    if table.dangling == 'keep':
                        to = text
                    elif table.dangling == 'null':
                        if in_set or in_key:
                            raise Rejected('null in a set or key')
                        return {'NULL': True}
                    elif table.dangling == 'remove':
                        if in_key:
                            raise Rejected('remove in a key')
                        return None
                new.append(to)
            return self.put(rule, value, new)
        return value

    def rewritten(self, table, item):
        item = copy.deepcopy(item)
        by_path = {}
        for rule in table.id_rules:
            by_path.setdefault((rule['path'], True), []).append(rule)
        for path, rules in table.references.items():
            by_path.setdefault((path, False), []).extend(rules)
        for (path, is_id), rules in by_path.items():
            parts = parse_path(path)
            in_key = len(parts) == 1 and parts[0][1] in table.key
            root = {'M': item}
            rewrite_at([root], 0, parts, lambda value, in_set: self.changed(
                table, rules, value, is_id, in_set, in_key))
        return item

    def moved(self, table, item):
        item = self.rewritten(table, item)
        for step in table.steps:
            known(table.name, step, ('update', 'rename', 'overwrite'))
            item = stepped(step, item)
        for name in table.key:
            (kind, v), = item.get(name, {'none': None}).items()
            if kind not in ('S', 'N', 'B') or v == '':
                raise Rejected('key attribute %s' % name)
            if table.key_types.get(name, kind) != kind:
                raise Rejected('type of key attribute %s' % name)
        return item

    def all(self):
        """{target table: [item]}"""
        out = {}
        for table in self.plan.tables.values():
            if table.skip:
                continue
            items = out.setdefault(table.target, [])
            for item in self.sources.get(table.name, []):
                self.counts['read'] += 1
                try:
                    items.append(self.moved(table, item))
                    self.counts['moved'] += 1
                except Rejected as e:
                    self.counts['rejected'] += 1
                    self.counts['rejected: %s' % e] += 1
                except Skipped:
                    self.counts['skipped'] += 1
        return out


# ---------------------------------------------------------------- steps

LITERAL = re.compile(r"""(?ix) \s* (?:
    (?P<n> [+-]? (?: \d+\.?\d* | \.\d+ ) (?: e[+-]?\d+ )? ) |
    ' (?P<s> (?: [^'] | '' )* ) ' |
    (?P<w> true | false | null ) ) \s*""")


def literal(text, at):
    m = LITERAL.match(text, at)
    if not m:
        raise SystemExit('update "%s": no literal at %d' % (text, at))
    if m.group('n'):
        return {'N': m.group('n')}, m.end()
    if m.group('s') is not None:
        return {'S': m.group('s').replace("''", "'")}, m.end()
    word = m.group('w').lower()
    return ({'NULL': True} if word == 'null' else
            {'BOOL': word == 'true'}), m.end()


def parse_update(text):
    """({name: value} to set, [name] to remove)"""
    sets, removes, at = {}, [], 0
    section = None
    keyword = re.compile(r'\s*(SET|REMOVE)\s+', re.I)
    name = re.compile(r'\s*(?:"([^"]+)"|(\w+))\s*')
    while at < len(text):
        m = keyword.match(text, at)
        if m:
            section, at = m.group(1).upper(), m.end()
        m = name.match(text, at)
        if not m or section is None:
            raise SystemExit('update "%s": the oracle is lost at %d'
                             % (text, at))
        attribute, at = m.group(1) or m.group(2), m.end()
        if section == 'SET':
            if text[at:at + 1] != '=':
                raise SystemExit('update "%s": no = at %d' % (text, at))
            sets[attribute], at = literal(text, at + 1)
        else:
            removes.append(attribute)
        if text[at:at + 1] == ',':
            at += 1
    return sets, removes


def stepped(step, item):
    item = dict(item)
    if 'update' in step:
        sets, removes = parse_update(step['update'])
        item.update(copy.deepcopy(sets))
        for name in removes:
            item.pop(name, None)
    if 'rename' in step:
        moved = {new: item.pop(old) for old, new in step['rename'].items()
                 if old in item}
        for name in moved:
            if name in item and not step.get('overwrite'):
                raise Rejected('rename onto %s' % name)
        item.update(moved)
    return item


# ---------------------------------------------------------------- all of it

def read(plan, tops):
    by_source = {t.source: t for t in plan.tables.values()}
    sources = {}
    for top in tops:
        found = list(dumps.exports_in(top))
        if not found:
            raise SystemExit('%s: no export' % top)
        for folder in found:
            name, items = dumps.export(folder)
            if name not in by_source:
                raise SystemExit('%s: table %s is not in the plan'
                                 % (folder, name))
            sources.setdefault(by_source[name].name, []).extend(items)
    return sources


def main():
    p = argparse.ArgumentParser()
    p.add_argument('plan', nargs='?')
    p.add_argument('exports', nargs='*')
    p.add_argument('-o', '--out')
    p.add_argument('--self-test', action='store_true')
    args = p.parse_args()
    if args.self_test:
        self_test()
        print('the oracle agrees with itself')
        return 0
    if not args.plan or not args.exports or not args.out:
        p.error('PLAN.json EXPORT... -o OUT')

    plan = Plan(args.plan)
    run = Run(plan, read(plan, args.exports))
    os.makedirs(args.out, exist_ok=True)
    for target, items in run.all().items():
        lines = sorted(json.dumps({'Item': item}, sort_keys=True,
                                  ensure_ascii=False, separators=(',', ':'))
                       for item in items)
        with open(os.path.join(args.out, target + '.jsonl'), 'w') as f:
            f.writelines(line + '\n' for line in lines)
    for name, n in sorted(run.counts.items()):
        print('%s: %d' % (name, n), file=sys.stderr)
    return 1 if run.counts['rejected'] else 0


def self_test():
    ids_module.self_test()
    assert parse_path('a[*]."b.c".d[2].*') == [
        ('name', 'a'), ('elements', None), ('name', 'b.c'), ('name', 'd'),
        ('index', 2), ('members', None)]

    regex, names = pattern_regex('C#{id}#*')
    assert names == ['id'] and regex.fullmatch('C#1#2#3').group(1) == '1'
    assert not pattern_regex('C#{id}')[0].fullmatch('C#')
    regex, names = pattern_regex('{{{A}#{B}')
    assert regex.fullmatch('{1#2#3').groups() == ('1', '2#3')

    sets, removes = parse_update(
        "SET a = 2, \"b c\" = 'it''s', d = true REMOVE x, y")
    assert sets == {'a': {'N': '2'}, 'b c': {'S': "it's"}, 'd': {'BOOL': True}}
    assert removes == ['x', 'y']
    assert stepped({'rename': {'a': 'b', 'b': 'a'}},
                   {'a': {'N': '1'}, 'b': {'N': '2'}}) == {
                       'a': {'N': '2'}, 'b': {'N': '1'}}

    value = {'M': {'l': {'L': [{'M': {'id': {'S': 'x'}}}, {'S': 'y'}]},
                   's': {'SS': ['x', 'y']}, 'k': {'L': [{'S': 'x'}]}}}
    for path in ('l[*].id', 's', 'k'):
        rewrite_at([value], 0, parse_path(path),
                   lambda v, in_set: {'S': v['S'] + '!'})
    assert value == {'M': {
        'l': {'L': [{'M': {'id': {'S': 'x!'}}}, {'S': 'y'}]},
        's': {'SS': ['x!', 'y!']}, 'k': {'L': [{'S': 'x!'}]}}}
    rewrite_at([value], 0, parse_path('s'), lambda v, in_set: None)
    assert 's' not in value['M']


if __name__ == '__main__':
    sys.exit(main())
