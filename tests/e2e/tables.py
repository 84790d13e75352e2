"""tables.py - tables made, told of and removed, as boto3 sees them."""
import json
import subprocess

import e2e
import servers

ORDERS = {
    'TableName': 'Orders', 'BillingMode': 'PROVISIONED',
    'ProvisionedThroughput': {'ReadCapacityUnits': 3, 'WriteCapacityUnits': 4},
    'KeySchema': [{'AttributeName': 'pk', 'KeyType': 'HASH'},
                  {'AttributeName': 'sk', 'KeyType': 'RANGE'}],
    'AttributeDefinitions': [{'AttributeName': a, 'AttributeType': t}
                             for a, t in (('pk', 'S'), ('sk', 'N'),
                                          ('g', 'B'))],
    'GlobalSecondaryIndexes': [{
        'IndexName': 'byG', 'Projection': {
            'ProjectionType': 'INCLUDE', 'NonKeyAttributes': ['x', 'y']},
        'KeySchema': [{'AttributeName': 'g', 'KeyType': 'HASH'}],
        'ProvisionedThroughput': {'ReadCapacityUnits': 1,
                                  'WriteCapacityUnits': 2}}],
    'LocalSecondaryIndexes': [{
        'IndexName': 'byLocal', 'Projection': {'ProjectionType': 'ALL'},
        'KeySchema': [{'AttributeName': 'pk', 'KeyType': 'HASH'},
                      {'AttributeName': 'g', 'KeyType': 'RANGE'}]}],
    'TimeToLiveSpecification': {'Enabled': True, 'AttributeName': 'ttl'}}


def tables(s, *args, status=0):
    done = subprocess.run([e2e.PROGRAM, 'tables', *args], env=s.env, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    r = e2e.Result(done.returncode, done.stdout, done.stderr)
    e2e.clean(r)
    e2e.equal(r.status, status, r)
    return r


def shape(t):
    """What is the same of two tables that are alike."""
    out = {k: t.get(k) for k in ('KeySchema', 'BillingModeSummary')}
    out['attrs'] = sorted(map(str, t['AttributeDefinitions']))
    units = t.get('ProvisionedThroughput', {})
    out['units'] = [units.get(k) for k in ('ReadCapacityUnits',
                                           'WriteCapacityUnits')]
    for kind in ('GlobalSecondaryIndexes', 'LocalSecondaryIndexes'):
        out[kind] = sorted((x['IndexName'], str(x['KeySchema']),
                            str(sorted(x['Projection'].items())))
                           for x in t.get(kind, []))
    return out


def definitions_become_tables(here, _):
    path = e2e.write(here + '/orders.json', json.dumps(ORDERS))
    with servers.dynamodb('--throttle', .2, '--e500', .1) as s:
        e2e.equal(tables(s, 'create', path).out, 'Orders: made\n', 'out')
        first, = servers.boto(s, list=1)
        e2e.equal(first['TableStatus'], 'ACTIVE', 'status')
        e2e.equal(tables(s, 'create', path).out,
                  'Orders: was there, with the same key\n', 'again')
        e2e.equal(tables(s, 'list').out, 'Orders\n', 'list')
        e2e.contains(tables(s, 'describe', 'Orders').out,
                     'Orders: ACTIVE, 0 items', '3 read and 4 write units')
        tables(s, 'describe', 'Nothing', status=4)
        # What describe-table prints makes the same table again.
        first['CreationDateTime'] = 1.5
        e2e.write(path, json.dumps({'Table': first}))
        r = tables(s, 'delete', 'Orders', status=5)
        e2e.contains(r.err, '--yes --confirm Orders')
        tables(s, 'delete', 'Orders', '--yes', '--confirm', 'orders', status=5)
        e2e.equal(tables(s, 'list').out, 'Orders\n', 'still there')
        tables(s, 'delete', 'Orders', '--yes', '--confirm', 'Orders')
        e2e.equal(tables(s, 'list').out, '', 'gone')
        e2e.equal(tables(s, 'create', path).out, 'Orders: made\n', 'out')
        second, = servers.boto(s, list=1)
        e2e.equal(shape(second), shape(first), 'tables')


def another_key_is_another_table(here, _):
    path = e2e.write(here + '/orders.json', json.dumps(ORDERS))
    other = {**ORDERS, 'KeySchema': ORDERS['KeySchema'][:1]}
    for k in ('LocalSecondaryIndexes', 'GlobalSecondaryIndexes'):
        other.pop(k)
    other['AttributeDefinitions'] = other['AttributeDefinitions'][:1]
    with servers.dynamodb() as s:
        tables(s, 'create', path)
        e2e.write(path, json.dumps(other))
        r = tables(s, 'create', path, status=5)
        e2e.contains(r.err, 'another key')
        e2e.write(path, '{"TableName":')
        tables(s, 'create', path, status=3)
        e2e.write(path, '{"x":1}')
        e2e.contains(tables(s, 'create', path, status=2).err, path)
        tables(s, 'create', status=2)
        tables(s, 'frobnicate', status=2)


def a_job_makes_its_targets_and_fills_them(here, _):
    things = [{'id': {'S': 'x%d' % i}, 'n': {'N': str(i)}}
              for i in range(200)]
    e2e.write_items(here + '/data/0.json.gz', things)
    path = e2e.write_plan(here + '/plan.json', {
        'source': {'exports': ['data']}, 'target': {'environment': 'e'},
        'tables': {'Things': {'key': ['id'], 'to': 'Things-e'}}})
    e2e.run(path, here + '/job', '--quiet')
    with servers.dynamodb() as s:
        e2e.equal(tables(s, 'create', '--job', here + '/job').out,
                  'Things-e: made\n', 'made')
        subprocess.run([e2e.PROGRAM, 'push', '--job', here + '/job'],
                       env=s.env, check=True, capture_output=True)
        e2e.equal(len(servers.boto(s, scan='Things-e')), 200, 'items')


if __name__ == '__main__':
    e2e.main([definitions_become_tables, another_key_is_another_table,
              a_job_makes_its_targets_and_fills_them])
