#!/usr/bin/env python3
"""build.py - the exports of the examples, and what their plans must make of them.

    examples/build.py           rewrites examples/*/{export,expected}

What is expected is worked out here, in slow and obvious Python, and not by
dynamill. Run twice, it gives the same bytes.
"""
import datetime
import hashlib
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE + '/../fixtures', HERE + '/../tests/oracle']
import ids                                                   # noqa: E402
from make import B, Export, L, M, N, NULL, S, TRUE, compact  # noqa: E402


def SS(*texts):
    return {'SS': list(texts)}


def export(example, number, table, items, files=2):
    Export(os.path.join(HERE, example, 'export', table), table,
           number).split(items, files).write()


def expect(example, table, items):
    path = os.path.join(HERE, example, 'expected', table + '.jsonl')
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as f:
        for line in sorted(compact({'Item': x}) for x in items):
            f.write(line + '\n')


def uuid_of(table, id, environment):
    return S(ids.uuid(ids.digest(table, id['S'].encode(), environment)))


def moment(seconds):
    at = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return at.strftime('%Y-%m-%dT%H:%M:%S.000Z')


def without(item, *names):
    return {k: v for k, v in item.items() if k not in names}


# ---- accounts and repositories to one table with indexes ---------------------

def accounts_v2():
    accounts = [
        {'account_id': S('a-%d' % i), 'login': S(login), 'plan': S(plan),
         'created': N(1700000000 + 86400 * i),
         **({'email': S(login + '@example.com')} if i % 2 else {})}
        for i, (login, plan) in enumerate((
            ('ada', 'pro'), ('björn', 'free'), ('chloé', 'free'),
            ('伟', 'team'), ('octo-org', 'team')))]
    repositories = [
        {'repo_id': N(100 + i), 'account_id': S('a-%d' % (i % 5)),
         'full_name': S(accounts[i % 5]['login']['S'] + '/' + name),
         'stars': N(stars), 'pushed_at': N(1710000000 + 3600 * i),
         **({'languages': SS(*languages)} if languages else {}),
         **({'archived': TRUE} if i == 3 else {})}
        for i, (name, stars, languages) in enumerate((
            ('dotfiles', 3, ['Shell']), ('kernel', 52000, ['C', 'Rust']),
            ('blog', 0, []), ('attic', 12, ['Perl']),
            ('tools', 740, ['Go', 'Python']), ('api', 15, ['TypeScript']),
            ('game', 9, ['Lua']), ('notes', 0, [])))]
    export('accounts-v2', 1, 'sc-accounts', accounts)
    export('accounts-v2', 2, 'sc-repositories', repositories)

    out = []
    for a in accounts:
        x = without(a, 'account_id', 'login', 'created')
        x.update({
            'pk': S('ACCOUNT#' + a['account_id']['S']), 'sk': S('METADATA'),
            'username': a['login'],
            'createdAt': S(moment(int(a['created']['N']))),
            'gsi1pk': S('LOGIN#' + a['login']['S'].translate(
                {c: c + 32 for c in range(65, 91)})),
            'gsi1sk': S('ACCOUNT'), 'entity': S('Account')})
        out.append(x)
    for r in repositories:
        if 'archived' in r:
            continue
        x = without(r, 'repo_id', 'account_id', 'full_name', 'pushed_at')
        x.update({
            'pk': S('ACCOUNT#' + r['account_id']['S']),
            'sk': S('REPO#' + r['repo_id']['N']),
            'name': r['full_name'],
            'pushedAt': S(moment(int(r['pushed_at']['N']))),
            'gsi2pk': S('REPO'), 'gsi2sk': r['stars'],
            'entity': S('Repository')})
        out.append(x)
    expect('accounts-v2', 'Accounts_v2', out)


# ---- products, carts, orders, returns -----------------------------------------

def products():
    env = 'shop-v2'

    def variant(sku, color, stock, **more):
        return M(sku=S(sku), color=S(color), stock=N(stock), **more)

    goods = [
        {'productId': S('P1'), 'name': S('Mug'), 'price': N('12.50'),
         'category': S('Kitchen'), 'variants': L(
             variant('MUG-R', 'red', 4), variant('MUG-B', 'blue', 0,
                                                 price=N('13')))},
        {'productId': S('P2'), 'name': S('Café au lait 咖啡'),
         'price': N('4.20'), 'variants': L(variant('CAL-1', 'white', 9))},
        {'productId': S('P3'), 'name': S('Voucher'), 'price': N('25')}]
    carts = [
        {'userId': S('u1'), 'items': L(
            M(productId=S('P1'), sku=S('MUG-B'), qty=N(2)),
            M(productId=S('P3'), sku=S('VOUCHER'), qty=N(1)))},
        {'userId': S('u2'), 'items': L()}]
    orders = [
        {'orderId': S('O1'), 'userId': S('u1'), 'at': S('2025-02-01'),
         'shipments': L(
             M(carrier=S('Post'), lines=L(
                 M(productId=S('P1'), sku=S('MUG-R'), qty=N(1)),
                 M(productId=S('P2'), sku=S('CAL-1'), qty=N(3)))),
             M(carrier=S('Drone'), lines=L(
                 M(productId=S('P3'), sku=S('VOUCHER'), qty=N(1),
                   note=S('gift')))))},
        {'orderId': S('O2'), 'userId': S('u2'), 'at': S('2025-02-03')}]
    returns = [
        {'returnId': S('R1'), 'orderId': S('O1'), 'lines': M(
            **{'MUG-R': N(1), 'CAL-1': N(0)}), 'reason': S('broken')},
        {'returnId': S('R2'), 'orderId': S('O9'), 'lines': M(), 'reason': S('?')}]
    for i, (table, items) in enumerate((('Products', goods), ('Carts', carts),
                                        ('Orders', orders),
                                        ('Returns', returns))):
        export('products-enhanced', 10 + i, table, items, 1)

    def new(table, id):
        return uuid_of(table, id, env)

    enhanced, cart_lines, order_items, return_items = [], [], [], []
    for p in goods:
        pk = S('PRODUCT#' + new('Products', p['productId'])['S'])
        enhanced.append({**without(p, 'productId', 'variants'), 'pk': pk,
                         'sk': S('METADATA'), 'category':
                         p.get('category', S('none'))})
        for v in p.get('variants', L())['L']:
            v = v['M']
            enhanced.append({
                'pk': pk, 'sk': S('VARIANT#' + v['sku']['S']),
                'color': v['color'], 'stock': v['stock'],
                'price': v.get('price', p['price'])})
    for c in carts:
        for line in c['items']['L']:
            line = line['M']
            cart_lines.append({
                'pk': S('USER#' + c['userId']['S']),
                'sk': S('ITEM#' + line['sku']['S']),
                'product': new('Products', line['productId']),
                'qty': line['qty']})
    for o in orders:
        id = new('Orders', o['orderId'])
        pk = S('ORDER#' + id['S'])
        order_items.append({**without(o, 'shipments', 'orderId'), 'pk': pk,
                            'sk': S('METADATA'), 'orderId': id})
        for n, s in enumerate(o.get('shipments', L())['L']):
            s = s['M']
            order_items.append({'pk': pk, 'sk': S('SHIPMENT#%d' % n),
                                'carrier': s['carrier']})
            for k, line in enumerate(s['lines']['L']):
                line = line['M']
                x = {'pk': pk, 'sk': S('LINE#%d#%d' % (n, k)),
                     'product': new('Products', line['productId']),
                     'sku': line['sku'], 'qty': line['qty']}
                if 'note' in line:
                    x['note'] = line['note']
                order_items.append(x)
    for r in returns:
        id = new('Returns', r['returnId'])
        for sku, qty in r['lines']['M'].items():
            if qty != N(0):
                return_items.append({
                    'pk': S('RETURN#' + id['S']), 'sk': S('LINE#' + sku),
                    'order': new('Orders', r['orderId']), 'qty': qty,
                    'reason': r['reason']})
    expect('products-enhanced', 'ProductsEnhanced', enhanced)
    expect('products-enhanced', 'CartLines', cart_lines)
    expect('products-enhanced', 'OrdersV2', order_items)
    expect('products-enhanced', 'ReturnsV2', return_items)


# ---- a property-services platform, staging to production -----------------------

def property_services():
    env = 'production'
    names = '%s-staging-NONE'

    def id(table, n):
        return S('%s%02d' % (table.lower()[:4], n))

    data = {
        'Properties': [
            {'id': id('Properties', i), 'city': S(city), 'sqm': N(80 + i)}
            for i, city in enumerate(('Oslo', 'Porto', 'Łódź', '東京'))],
        'Affiliates': [
            {'id': id('Affiliates', i), 'name': S('Affiliate %d' % i)}
            for i in range(2)],
        'Contacts': [
            {'id': id('Contacts', i), 'email': S('c%d@example.com' % i),
             'addressId': id('Properties', i % 4),
             'affiliateId': id('Affiliates', i % 2) if i % 3 else NULL,
             'gsi1pk': S('CONTACT#' + id('Contacts', i)['S'])}
            for i in range(5)],
        'ContactUs': [
            {'id': id('ContactUs', i), 'contactId': id('Contacts', i),
             'text': S('Hello %d' % i)} for i in range(3)],
        'Requests': [
            {'id': id('Requests', i), 'contactId': id('Contacts', i % 5),
             'propertyId': id('Properties', i % 4),
             'watcherIds': SS(*sorted({id('Contacts', k % 5)['S']
                                       for k in (i, i + 2)})),
             **({'deletedAt': S('2024-12-01')} if i == 4 else {})}
            for i in range(6)],
        'Projects': [
            {'id': id('Projects', i), 'requestId': id('Requests', i),
             'team': L(*(M(contactId=id('Contacts', k % 5), role=S('agent'))
                         for k in range(i)))} for i in range(4)],
        'Quotes': [
            {'id': id('Quotes', i), 'requestId': id('Requests', i),
             'total': N(100 * i)} for i in range(5)],
        'QuoteItems': [
            {'id': id('QuoteItems', i), 'quoteId': id('Quotes', i % 5),
             'projectId': id('Projects', i % 4),
             'ref': S('%s#%s' % (id('Projects', i % 4)['S'],
                                 id('Quotes', i % 5)['S']))}
            for i in range(8)],
        'AuditLog': [{'id': id('AuditLog', i)} for i in range(3)],
    }
    for n, (table, items) in enumerate(data.items()):
        export('property-services', 20 + n, names % table, items,
               1 if len(items) < 4 else 2)

    def new(table, id):
        return uuid_of(table, id, env) if 'S' in id else id

    def moved(table, item):
        x = {**item, 'id': new(table, item['id'])}
        for path, to in (('addressId', 'Properties'),
                         ('affiliateId', 'Affiliates'),
                         ('contactId', 'Contacts'), ('quoteId', 'Quotes'),
                         ('propertyId', 'Properties'),
                         ('requestId', 'Requests'),
                         ('projectId', 'Projects')):
            if path in x:
                x[path] = new(to, x[path])
        if 'gsi1pk' in x:
            x['gsi1pk'] = S('CONTACT#' + x['id']['S'])
        if 'watcherIds' in x:
            x['watcherIds'] = SS(*(new('Contacts', S(w))['S']
                                   for w in x['watcherIds']['SS']))
        if 'team' in x:
            x['team'] = L(*(M(contactId=new('Contacts', m['M']['contactId']),
                              role=m['M']['role']) for m in x['team']['L']))
        if 'ref' in x:
            project, quote = x['ref']['S'].split('#')
            x['ref'] = S('%s#%s' % (new('Projects', S(project))['S'],
                                    new('Quotes', S(quote))['S']))
        return x

    for table, items in data.items():
        if table != 'AuditLog':
            expect('property-services', table + '-production-NONE',
                   [moved(table, x) for x in items if 'deletedAt' not in x])


# ---- articles of several versions -------------------------------------------

def metadata_versions():
    articles = []
    for i in range(9):
        a = {'id': S('article-%d' % i), 'title': S('Title %d' % i)}
        version = (None, 1, 2, 3)[i % 4]
        if version is not None:
            a['version'] = N(version)
        if version in (None, 1):
            if i != 8:
                a['category'] = S('news' if i % 2 else 'essays')
            a['tags'] = S('a, b,c' if i < 4 else '')
        elif version == 2:
            a['metadata'] = M(tags=L(S('x')), category=S('news'))
        else:
            a['metadata'] = M(tags=L(), category=S('none'),
                              source=S('editor'))
        articles.append(a)
    articles.append({'id': S('article-9'), 'title': S('From the future'),
                     'version': N(4)})
    export('metadata-versions', 40, 'Articles', articles)

    out = []
    for a in articles[:9]:
        x = dict(a)
        version = int(x.get('version', N(1))['N'])
        if version == 1:
            tags = x['tags']['S'].replace(' ', '')
            x = without(x, 'tags', 'category')
            x['metadata'] = M(
                tags=L(*map(S, tags.split(','))) if tags else L(),
                category=a.get('category', S('none')))
        if version <= 2:
            x['metadata'] = M(**x['metadata']['M'], source=S('import'))
        x['version'] = N(3)
        out.append(x)
    expect('metadata-versions', 'Articles', out)


# ---- production to staging, without the people ------------------------------

def masking():
    secret = b'a secret for the examples'

    def new(id):
        return ids.uuid(ids.digest('Contacts', id.encode(), 'staging',
                                   secret))

    contacts = [
        {'id': S('c%d' % i), 'email': S(email), 'fullName': S(name),
         'gsi1pk': S('EMAIL#%s#2024' % email), 'phone': S(phone),
         'notes': S('met %s in Oslo' % name),
         'addresses': L(M(street=S('Storgata %d' % i), city=S('Oslo'))),
         'score': N(i)}
        for i, (name, email, phone) in enumerate((
            ('Ada Lovelace', 'ada@lovelace.example', '+4712345678'),
            ('Björn Ångström', 'bjorn@angstrom.example', '+46701234567'),
            ('李伟', 'wei.li@example.org', '12')))]
    # The key of the last one has another's address in it: it must not go out.
    contacts.append({**contacts[0], 'id': S('c9'), 'gsi1pk': S('EMAIL#x'),
                     'gsi2pk': S('OWNER#ada@lovelace.example')})
    requests = [
        {'id': S('r%d' % i), 'contactId': S('c%d' % i),
         'text': S('Please call'),
         **({'contactEmail': contacts[i]['email']} if i else {})}
        for i in range(3)]
    export('masking', 50, 'Contacts-production', contacts)
    export('masking', 51, 'Requests-production', requests, 1)

    out = []
    for c in contacts[:3]:
        id, email = new(c['id']['S']), new(c['email']['S'])
        phone = c['phone']['S']
        out.append({
            'id': S(id), 'score': c['score'],
            'email': S('contact+%s@example.com' % email),
            'gsi1pk': S('EMAIL#%s#2024' % email),
            'phone': S('*' * len(phone[:-2]) + phone[-2:]
                       if len(phone) > 2 else '*' * len(phone)),
            'fullName': S('Contact ' + hashlib.sha256(
                id.encode()).hexdigest()[:8])})
    expect('masking', 'Contacts-staging', out)
    expect('masking', 'Requests-staging', [
        {**r, 'contactId': S(new(r['contactId']['S'])),
         'id': S(ids.uuid(ids.digest('Requests', r['id']['S'].encode(),
                                     'staging', secret))),
         **({'contactEmail': S(new(r['contactEmail']['S']))}
            if 'contactEmail' in r else {})} for r in requests])


if __name__ == '__main__':
    for example in ('accounts-v2', 'products-enhanced', 'property-services',
                    'metadata-versions', 'masking'):
        for part in 'export', 'expected':
            shutil.rmtree(os.path.join(HERE, example, part),
                          ignore_errors=True)
    accounts_v2()
    products()
    property_services()
    metadata_versions()
    masking()
