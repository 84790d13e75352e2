#!/usr/bin/env python3
"""shapes.py SEED OUT - exports with ids and references of every shape, and the
plan for them, OUT/plan.json, which says `exports: [exports]`.

Ids of type S, N and B, in keys, in composite keys, in two places of one item;
references in scalars, lists, lists of maps, maps, sets, patterns with several
ids, alternatives, to tables that keep their ids or are left out; and what is no
id at all: NULL, empty, other types, what no pattern matches, what is kept.
"""
import json
import os
import random
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(ROOT, 'fixtures'))

from make import B, Export, FALSE, L, M, N, NULL, S   # noqa: E402

FORMS = [
    {'form': 'uuid'},
    {'form': 'hex', 'length': 12, 'prefix': 'x_', 'digits': 38},
    {'form': 'base32', 'length': 51, 'keep': '^SYSTEM-'},
    {'form': 'number', 'digits': 12, 'keep': '^SYSTEM-|^7$'},
    {'form': 'hex', 'length': 64, 'secret': 'env:ORACLE_SECRET'},
]
SPELLED = ('{}', '{}.0', '{}e0', '0{}', '{}.00E+0')


class Shapes:
    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.users = list(range(1, 41))
        self.blobs = [bytes((i, 255 - i, 0)) for i in range(20)]
        self.orgs = ['o%02d' % i for i in range(20)] + ['SYSTEM-org']
        self.codes = ['%d' % i for i in range(500, 530)]
        self.plains = ['p%02d' % i for i in range(15)]
        self.things = ['t-%03d' % i for i in range(60)] + ['SYSTEM-7']

    def pick(self, ids, missing):
        """Mostly one that is there."""
        return missing if self.dice.random() < 0.06 else self.dice.choice(ids)

    def user(self):
        return N(self.dice.choice(SPELLED)
                 .format(self.pick(self.users, 9999)))

    def blob(self):
        return B(self.pick(self.blobs, b'none'))

    def org(self):
        return self.pick(self.orgs, 'no-org')

    def thing(self):
        return self.pick(self.things, 't-none')

    def odd(self):
        """What a reference should leave alone."""
        return self.dice.choice([NULL, S(''), FALSE, L(), M(), M(x=S('t-001'))])

    def some(self, low, high, make):
        return [make() for _ in range(self.dice.randint(low, high))]

    def members(self, low, high, make):
        out = []
        for value in self.some(low, high, make):
            (_, v), = value.items()
            if v not in out:
                out.append(v)
        return out

    def number_set(self):
        """Each number once, whatever its spelling."""
        numbers = self.dice.sample(self.users + [9999],
                                   self.dice.randint(1, 4))
        return {'NS': [self.dice.choice(SPELLED).format(n) for n in numbers]}

    def references(self):
        d = self.dice
        yield 'userId', self.user()
        yield 'users', L(*self.some(0, 4, self.user))
        yield 'userSet', self.number_set()
        yield 'byRole', M(**{'r%d' % i: self.user()
                             for i in range(d.randint(0, 3))})
        yield 'blob', self.blob()
        yield 'blobs', {'BS': self.members(1, 3, self.blob)}
        yield 'org', S('ORG#' + self.org())
        yield 'orgAndThing', S(self.org() + '#' + self.thing() + '#2024')
        yield 'either', S(d.choice(['ORG#' + self.org(), 'T#' + self.thing(),
                                    'neither', 'ORG#']))
        yield 'parents', {'SS': self.members(1, 3, lambda: S(self.thing()))}
        yield 'parentList', L(*self.some(0, 3, lambda: S(self.thing())))
        yield 'plain', S(self.pick(self.plains, 'p-none'))
        yield 'log', S('any-%d' % d.randint(0, 9))
        yield 'deep', M(a=L(*self.some(0, 3, lambda: M(
            b=M(c=S(self.thing()), other=S('t-001'))))))
        yield 'dotted.name', M(**{'id': S(self.thing())})
        yield 'code', d.choice([S, N])(self.pick(self.codes, '777'))
        yield 'codeKey', S('CODE:%s:x' % self.pick(self.codes, '777'))
        yield 'third', L(S('t-000'), S('t-001'), S(self.thing()))

    def thing_item(self, own):
        item = {'id': S(own), 'note': S(self.dice.choice(
            ['', 'x', 'żółć', 'a"b\\c\n'])), 'n': N('1.50')}
        for name, value in self.references():
            roll = self.dice.random()
            if roll < 0.12:
                continue
            item[name] = self.odd() if roll < 0.2 else value
        if self.dice.random() < 0.5:
            item['copy'] = S('T|' + own + '|x')
        return item

    def tables(self):
        return {
            'Users': [{'id': N(self.dice.choice(SPELLED).format(i)),
                       'boss': self.user()} for i in self.users],
            'Blobs': [{'id': B(b), 'n': N(i)}
                      for i, b in enumerate(self.blobs)],
            'Orgs': [{'pk': S('ORG#' + o), 'sk': S('META'),
                      'gsi': S('O#%s#%d' % (o, i))}
                     for i, o in enumerate(self.orgs)],
            'Codes': [{'code': N(c)} for c in self.codes],
            'Plain': [{'id': S(p), 'thing': S(self.thing())}
                      for p in self.plains],
            'Log': [{'id': S('any-0')}],
            'Things': [self.thing_item(t) for t in self.things],
        }


def plan(seed):
    # Seeds from 10 on: every form again, with `report`.
    dangling = 'report' if seed >= 10 else (
        'report', 'keep', 'remove', 'skip-item', 'null')[seed]
    return {
        'dynamill': 1, 'name': 'shapes-%d' % seed,
        'source': {'environment': 'here', 'exports': ['exports']},
        'target': {'environment': 'there-%d' % seed},
        'names': {'from': '{table}-{source}', 'to': '{table}.{target}'},
        'ids': FORMS[seed % len(FORMS)],
        'tables': {
            'Users': {'key': {'id': 'N'}, 'id': 'id',
                      'references': {'boss': 'Users'}},
            'Blobs': {'key': ['id'], 'id': 'id'},
            'Orgs': {'key': ['pk', 'sk'],
                     'id': [{'path': 'pk', 'pattern': 'ORG#{id}'},
                            {'path': 'gsi', 'pattern': 'O#{id}#*'}]},
            'Codes': {'key': ['code'], 'id': {'path': 'code', 'type': 'N'}},
            'Plain': {'key': ['id'], 'references': {'thing': 'Things'}},
            'Log': {'skip': True, 'id': 'id'},
            'Things': {
                'key': ['id'],
                'id': ['id', {'path': 'copy', 'pattern': 'T|{id}|x'}],
                'dangling': dangling,
                'references': {
                    'userId': 'Users', 'users[*]': 'Users',
                    'userSet': 'Users', 'byRole.*': 'Users',
                    'blob': 'Blobs', 'blobs': 'Blobs',
                    'org': {'table': 'Orgs', 'pattern': 'ORG#{id}'},
                    'orgAndThing': {'pattern': '{Orgs}#{Things}#*'},
                    'either': [{'table': 'Orgs', 'pattern': 'ORG#{id}'},
                               {'table': 'Things', 'pattern': 'T#{id}'}],
                    'parents': 'Things', 'parentList': 'Things',
                    'plain': 'Plain', 'log': 'Log',
                    'deep.a[*].b.c': 'Things',
                    '"dotted.name".id': 'Things',
                    'code': 'Codes',
                    'codeKey': {'table': 'Codes', 'pattern': 'CODE:{id}:x'},
                    'third[2]': 'Things'},
                'steps': [
                    {'update': "SET version = 2, \"x y\" = null REMOVE n"},
                    {'rename': {'note': 'remark', 'version': 'v'}}]},
        },
    }


def main(seed, out):
    shapes = Shapes(seed)
    for i, (table, items) in enumerate(shapes.tables().items()):
        Export(os.path.join(os.path.abspath(out), 'exports', table),
               table + '-here', i).split(items, 2).write()
    with open(os.path.join(out, 'plan.json'), 'w') as f:
        json.dump(plan(seed), f, indent=1, ensure_ascii=False)


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit('usage: shapes.py SEED OUT')
    main(int(sys.argv[1]), sys.argv[2])
