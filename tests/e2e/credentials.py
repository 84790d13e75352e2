"""credentials.py - signatures, and where credentials come from, against
botocore; what AWS answers in places that have no server to be had is made up
after its documentation."""
import json
import os
import random
import socket
import subprocess
from urllib.parse import quote

import e2e
import push
import servers

TOOL = os.path.join(os.path.dirname(os.path.realpath(e2e.PROGRAM)),
                    'tool_aws')

BOTO = '''
import json, sys
import botocore.session
c = botocore.session.Session(profile=sys.argv[1] or None).get_credentials()
if c is None: sys.exit(3)
f = c.get_frozen_credentials()
print(json.dumps([f.access_key, f.secret_key, f.token or '', c.method]))
'''


def need_tools():
    if not os.path.exists(TOOL):
        raise e2e.Skipped('there is no %s: make tests' % TOOL)


def need_boto():
    need_tools()
    if subprocess.run([e2e.PYTHON, '-c', 'import botocore'],
                      capture_output=True).returncode != 0:
        raise e2e.Skipped('python3-botocore is not installed')


def tool(env, *args, text='', profile=None, **more):
    if profile:
        env = {**env, 'TOOL_PROFILE': profile}
    done = subprocess.run([TOOL, *args], input=text, env=env, text=True,
                          capture_output=True)
    e2e.clean(done_result(done))
    return done


def done_result(done):
    return e2e.Result(done.returncode, done.stdout, done.stderr)


def ours(env, profile=None):
    done = tool(env, 'creds', profile=profile)
    e2e.equal(done.returncode, 0, done.stderr)
    return json.loads(done.stdout)


def both(env, profile=None):
    """Ours, which must be botocore's too."""
    mine = ours(env, profile)
    done = subprocess.run([e2e.PYTHON, '-c', BOTO, profile or ''], env=env,
                          text=True, capture_output=True)
    e2e.equal(done.returncode, 0, done.stderr)
    theirs = json.loads(done.stdout)
    e2e.equal([mine['access'], mine['secret'], mine['token']], theirs[:3],
              theirs[3])
    return mine


def home(folder, config='', credentials=''):
    """Where the shared files are."""
    return {'AWS_CONFIG_FILE': e2e.write(folder + '/config', config),
            'AWS_SHARED_CREDENTIALS_FILE':
            e2e.write(folder + '/credentials', credentials)}


# ---- signatures --------------------------------------------------------------

SIGN = '''
import json, sys
from botocore.auth import SigV4Auth, S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from urllib.parse import quote
for line in sys.stdin:
    r = json.loads(line)
    kind = S3SigV4Auth if r['service'] == 's3' else SigV4Auth
    auth = kind(Credentials(r['access'], r['secret']), r['service'],
                r['region'])
    request = AWSRequest(method=r['method'],
                         url='https://example.com' + r['path'],
                         params=dict(r['query']))
    for name, value in r['headers']:
        request.headers[name] = value
    request.context['timestamp'] = r['date']
    auth.payload = lambda _: r['payload']
    text = auth.canonical_request(request)
    print(auth.signature(auth.string_to_sign(request, text), request))
'''


def signatures_are_botocores(_here, _):
    need_boto()
    r = random.Random(20250201)
    letters = 'abcXYZ019-._~ !\'()*+,;=:@&$?#%[]{}|\\^`"<>\u00e9\u20ac\U0001f600'
    requests = []

    def some(n):
        return ''.join(r.choice(letters) for _ in range(r.randint(1, n)))
    for _ in range(400):
        s3 = r.random() < .5
        path = '/' + '/'.join(quote(some(12), safe='~')
                              for _ in range(r.randint(0, 4)))
        if not s3:      # botocore mends what has dots, which is not ours to do
            path = '/' if '.' in path else path
        headers = {'host': 'example.com', 'x-amz-date': '20250201T120000Z'}
        for _ in range(r.randint(0, 4)):
            headers['x-amz-' + ''.join(r.choices('abc-', k=5)).strip('-')] = \
                ''.join(r.choices('abc  de,=', k=r.randint(1, 20))).strip()
        requests.append({
            'service': 's3' if s3 else 'dynamodb', 'region': 'eu-west-1',
            'access': 'AKID', 'secret': some(40), 'date': '20250201T120000Z',
            'method': r.choice(['GET', 'PUT', 'POST', 'DELETE', 'HEAD']),
            'path': path, 'payload': '%064x' % r.getrandbits(256),
            'query': list({some(8): some(12)
                           for _ in range(r.randint(0, 5))}.items()),
            'headers': list(headers.items())})
    text = ''.join(json.dumps(x) + '\n' for x in requests)
    done = tool(servers.environment(), 'sign', text=text)
    e2e.equal(done.returncode, 0, done.stderr)
    boto = subprocess.run([e2e.PYTHON, '-c', SIGN], input=text, text=True,
                          capture_output=True)
    e2e.equal(boto.returncode, 0, boto.stderr)
    mine = [x.rsplit('Signature=', 1)[1] for x in done.stdout.splitlines()]
    theirs = boto.stdout.split()
    e2e.equal(len(theirs), 400, 'signatures')
    for i, (a, b) in enumerate(zip(mine, theirs)):
        e2e.equal(a, b, json.dumps(requests[i]))


# ---- where they come from ----------------------------------------------------

KEYS = '[default]\naws_access_key_id = AKFILE\naws_secret_access_key = s/+=\n' \
    '[other]\naws_access_key_id=AKOTHER\naws_secret_access_key= two # words\n' \
    'aws_session_token = token\n'


def the_environment_comes_first_unless_a_profile_is_asked_for(d, _):
    need_boto()
    env = servers.environment(AWS_ACCESS_KEY_ID='AKENV',
                              AWS_SECRET_ACCESS_KEY='env',
                              **home(d, '', KEYS.replace(' # words', '')))
    e2e.equal(both(env)['access'], 'AKENV', 'environment')
    e2e.equal(both({**env, 'AWS_SESSION_TOKEN': 't'})['token'], 't', 'token')
    e2e.equal(both({**env, 'AWS_PROFILE': 'other'})['access'], 'AKENV',
              'AWS_PROFILE does not beat keys')
    e2e.equal(both(env, 'other')['access'], 'AKOTHER', 'a profile by name')


def profiles_are_read_as_botocore_reads_them(d, _):
    need_boto()
    config = '[default]\nregion = eu-west-1\ns3 =\n  max = 3\n' \
        '  aws_access_key_id = NOT\n' \
        '[profile "in config"]\naws_access_key_id = AKCONFIG\n' \
        'aws_secret_access_key = x\n; a comment\n# another\n' \
        '[profile both]\naws_access_key_id = AKLAST\n' \
        'aws_secret_access_key = x\n' \
        '[other]\naws_access_key_id = NOT\n'
    both_keys = '[both]\nAWS_ACCESS_KEY_ID = AKFIRST\r\n' \
        'aws_secret_access_key = y\r\n'
    env = servers.environment(**home(d, config, KEYS.replace(' # words', '') +
                                     both_keys))
    e2e.equal(both(env)['secret'], 's/+=', 'default')
    e2e.equal(both({**env, 'AWS_PROFILE': 'in config'})['access'], 'AKCONFIG',
              'of the config file')
    e2e.equal(both(env, 'both')['access'], 'AKFIRST', 'credentials file wins')
    done = tool(env, 'creds', profile='nobody')
    e2e.contains(done.stderr, "there is no profile 'nobody'")


def a_program_may_print_them(d, _):
    need_boto()
    keys = {'Version': 1, 'AccessKeyId': 'AKPROC', 'SecretAccessKey': 'p',
            'SessionToken': 't', 'Expiration': '2099-01-01T00:00:00Z'}
    e2e.write(d + '/a b.json', json.dumps(keys))
    env = servers.environment(**home(
        d, '[profile p]\ncredential_process = cat "%s/a b.json"\n'
        '[profile bad]\ncredential_process = false\n'
        '[profile secret]\ncredential_process = echo SECRET{\n' % d))
    e2e.equal(both(env, 'p')['expires'], 4070908800, 'expires')
    done = tool(env, 'creds', profile='bad')
    e2e.contains(done.stderr, "profile 'bad': credential_process: 'false' "
                 'failed')
    done = tool(env, 'creds', profile='secret')
    e2e.check('SECRET' not in done.stderr, done.stderr)


def a_container_is_asked(d, _):
    need_boto()

    def answer(request):
        if request.headers['Authorization'] != 'Bearer x':
            return 401, {}, b''
        return 200, {}, json.dumps({
            'AccessKeyId': 'AKPOD', 'SecretAccessKey': 'c', 'Token': 'tt',
            'Expiration': '2099-01-01T00:00:00.123Z'}).encode()
    with servers.answers(answer) as url:
        env = servers.environment(
            AWS_CONTAINER_CREDENTIALS_FULL_URI=url + '/v1',
            AWS_CONTAINER_AUTHORIZATION_TOKEN='Bearer x')
        e2e.equal(both(env)['access'], 'AKPOD', 'container')
        del env['AWS_CONTAINER_AUTHORIZATION_TOKEN']
        env['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'] = \
            e2e.write(d + '/token', 'Bearer x\n')
        e2e.equal(ours(env)['access'], 'AKPOD', 'token in a file')
    for bad in ('http://example.com/x', 'http://localhost@example.com/',
                'http://127.0.0.1.example.com/'):
        done = tool({**env, 'AWS_CONTAINER_CREDENTIALS_FULL_URI': bad},
                    'creds')
        e2e.contains(done.stderr, 'neither https nor of this machine')


def an_instance_is_asked_by_imdsv2(_here, _):
    need_boto()
    seen = []

    def answer(request):
        seen.append((request.command, request.path))
        if request.command == 'PUT':
            ttl = request.headers['x-aws-ec2-metadata-token-ttl-seconds']
            return (200, {}, b'TOKEN') if ttl else (400, {}, b'')
        if request.headers['x-aws-ec2-metadata-token'] != 'TOKEN':
            return 401, {}, b''
        if request.path.endswith('/'):
            return 200, {}, b'my-role'
        return 200, {}, json.dumps({
            'Code': 'Success', 'Type': 'AWS-HMAC', 'AccessKeyId': 'AKEC2',
            'LastUpdated': '2025-01-01T00:00:00Z', 'SecretAccessKey': 'i',
            'Token': 'it', 'Expiration': '2099-01-01T00:00:00Z'}).encode()
    with servers.answers(answer) as url:
        env = servers.environment(AWS_EC2_METADATA_SERVICE_ENDPOINT=url)
        del env['AWS_EC2_METADATA_DISABLED']
        mine = both(env)
        e2e.contains(mine['origin'], 'my-role')
        e2e.equal(seen[0], ('PUT', '/latest/api/token'), 'first request')


def nothing_is_found_where_nothing_is(_here, _):
    need_tools()
    done = tool(servers.environment(), 'creds')
    e2e.equal(done.returncode, 1, 'status')
    e2e.contains(done.stderr, 'no AWS credentials', 'set AWS_PROFILE')


# ---- roles: STS's answers as its documentation shows them -----------------------

def assumed(access, seconds=3600):
    return ('<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/'
            '2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>%s'
            '</AccessKeyId><SecretAccessKey>a&amp;b</SecretAccessKey>'
            '<SessionToken>tok</SessionToken><Expiration>2099-01-01T00:00:00Z'
            '</Expiration></Credentials></AssumeRoleResult>'
            '</AssumeRoleResponse>' % access).encode()


def roles_are_taken_on_one_after_the_other(d, _):
    need_tools()
    asked = []

    def answer(request):
        f = servers.form(request)
        by = request.headers.get('Authorization', '')
        asked.append((f['Action'], f['RoleArn'], f.get('ExternalId'),
                      by.split('Credential=')[-1].split('/')[0],
                      f['RoleSessionName'],
                      request.headers.get('x-amz-security-token')))
        if len(asked) == 1:     # again after what passes
            return 503, {}, b''
        return 200, {}, assumed('AK' + f['RoleArn'][-1])
    with servers.answers(answer) as url:
        env = servers.environment(AWS_ENDPOINT_URL_STS=url, **home(
            d, '[profile a]\nrole_arn = arn:aws:iam::1:role/A\n'
            'source_profile = b\nrole_session_name = me\n'
            '[profile b]\nrole_arn = arn:aws:iam::1:role/B\n'
            'source_profile = default\nexternal_id = ext\n'
            '[profile round]\nrole_arn = arn:aws:iam::1:role/R\n'
            'source_profile = round2\n'
            '[profile round2]\nrole_arn = arn:aws:iam::1:role/R\n'
            'source_profile = round\n'
            '[profile own]\nrole_arn = arn:aws:iam::1:role/O\n'
            'source_profile = own\naws_access_key_id = AKOWN\n'
            'aws_secret_access_key = x\n'
            '[profile mfa]\nrole_arn = arn:aws:iam::1:role/M\n'
            'source_profile = own\nmfa_serial = x\n', KEYS))
        mine = ours(env, 'a')
        e2e.equal((mine['access'], mine['secret']), ('AKA', 'a&b'), 'keys')
        e2e.equal([x[:4] for x in asked[1:]],
                  [('AssumeRole', 'arn:aws:iam::1:role/B', 'ext', 'AKFILE'),
                   ('AssumeRole', 'arn:aws:iam::1:role/A', None, 'AKB')],
                  'asked')
        e2e.equal(asked[-1][4:], ('me', 'tok'), 'session')
        e2e.equal(ours(env, 'own')['access'], 'AKO', 'its own keys')
        e2e.equal(asked[-1][3], 'AKOWN', 'signed by')
        e2e.contains(tool(env, 'creds', profile='round').stderr, 'circle')
        e2e.contains(tool(env, 'creds', profile='mfa').stderr,
                     'export-credentials')
        env['TOOL_ROLE'] = 'arn:aws:iam::1:role/Z'
        e2e.equal(ours(env)['access'], 'AKZ', 'a role on top')
        e2e.equal(asked[-1][3], 'AKFILE', 'signed by')
        # A web identity is not signed.
        token = e2e.write(d + '/jwt', 'JWT\n')
        env = servers.environment(AWS_ENDPOINT_URL_STS=url,
                                  AWS_WEB_IDENTITY_TOKEN_FILE=token,
                                  AWS_ROLE_ARN='arn:aws:iam::1:role/W')
        e2e.equal(ours(env)['access'], 'AKW', 'web identity')
        e2e.equal(asked[-1][0], 'AssumeRoleWithWebIdentity', 'action')
        e2e.equal(asked[-1][3], '', 'signed by')


def what_sts_refuses_is_told_in_its_words(d, _):
    need_tools()

    def answer(_):
        return 403, {}, b'<ErrorResponse><Error><Type>Sender</Type><Code>' \
            b'AccessDenied</Code><Message>User: x is not authorized' \
            b'</Message></Error></ErrorResponse>'
    with servers.answers(answer) as url:
        env = servers.environment(AWS_ENDPOINT_URL_STS=url,
                                  TOOL_ROLE='arn:aws:iam::1:role/Z',
                                  **home(d, '', KEYS))
        e2e.contains(tool(env, 'creds').stderr, 'arn:aws:iam::1:role/Z',
                     'AccessDenied: User: x is not authorized')


# ---- a service -----------------------------------------------------------------

def calls_survive_what_passes(_here, _):
    need_tools()
    with servers.dynamodb('--e500', .3, '--reset', .2) as s:
        for _ in range(12):
            done = tool(s.env, 'dynamodb', 'ListTables', text='{}')
            e2e.equal(done.stdout, '{"TableNames":[]}\n', done.stderr)
        stat = s.stat()
        e2e.check(stat['e500'] > 0 and stat['reset'] > 0, stat)
        e2e.equal(stat['refused'], 0, 'refused')


def a_wrong_secret_is_not_tried_twice(_here, _):
    need_tools()
    with servers.dynamodb() as s:
        done = tool({**s.env, 'AWS_SECRET_ACCESS_KEY': 'wrong'}, 'dynamodb',
                    'ListTables', text='{}')
        e2e.equal(done.returncode, 1, 'status')
        e2e.check('wrong' not in done.stderr, done.stderr)
        e2e.equal(s.stat()['requests'], 1, 'requests')


def a_session_token_is_signed_too(_here, _):
    need_tools()
    with servers.dynamodb() as s:
        done = tool({**s.env, 'AWS_ACCESS_KEY_ID': 'TEMPORARY',
                     'AWS_SESSION_TOKEN': 'SESSION'}, 'dynamodb',
                    'ListTables', text='{}')
        e2e.equal(done.stdout, '{"TableNames":[]}\n', done.stderr)


def credentials_that_expire_are_found_anew(d, _):
    need_tools()
    n = []

    def answer(request):
        n.append(request.headers['Authorization'])
        if len(n) == 1:
            return 400, {}, b'{"__type":"com.amazon.coral.service#' \
                b'ExpiredTokenException","message":"The security token ' \
                b'included in the request is expired"}'
        return 200, {}, b'{"TableNames":[]}'
    e2e.write(d + '/p', '#!/bin/sh\necho x >>%s/ran\necho "{\\"Version\\":1,'
              '\\"AccessKeyId\\":\\"AK$(wc -l <%s/ran)\\",\\"SecretAccessKey'
              '\\":\\"x\\"}"\n' % (d, d))
    with servers.answers(answer) as url:
        env = servers.environment(
            AWS_ENDPOINT_URL_DYNAMODB=url, AWS_REGION='eu-west-1',
            **home(d, '[default]\ncredential_process = sh %s/p\n' % d))
        done = tool(env, 'dynamodb', 'ListTables', text='{}')
        e2e.equal(done.stdout, '{"TableNames":[]}\n', done.stderr)
        e2e.equal([x.split('/')[0][-3:] for x in n], ['AK1', 'AK2'], 'keys')


def a_wrong_clock_is_put_right(_here, _):
    need_tools()
    n = []

    def answer(request):
        n.append(request.headers['x-amz-date'])
        if len(n) == 1:
            return 403, {'Date': 'Sat, 01 Feb 2025 12:00:00 GMT'}, \
                b'{"__type":"x#InvalidSignatureException","message":' \
                b'"Signature expired: 20350101T000000Z is now earlier"}'
        return 200, {}, b'{"TableNames":[]}'

    with servers.answers(answer) as url:
        env = servers.environment(
            AWS_ENDPOINT_URL_DYNAMODB=url, AWS_REGION='eu-west-1',
            AWS_ACCESS_KEY_ID='A', AWS_SECRET_ACCESS_KEY='B')
        done = tool(env, 'dynamodb', 'ListTables', text='{}')
        e2e.equal(done.stdout, '{"TableNames":[]}\n', done.stderr)
        e2e.equal(n[1][:11], '20250201T12', 'the second date')


def who_cannot_prove_who_he_is_hears_nothing(here, _):
    need_tools()
    both = servers.certificate(here)
    asked = []

    def answer(request):
        asked.append(request.path)
        return 200, {}, b'{"TableNames":[]}'
    with servers.answers(answer, both) as url:
        env = servers.environment(
            AWS_ENDPOINT_URL_DYNAMODB=url, AWS_REGION='eu-west-1',
            AWS_ACCESS_KEY_ID='A', AWS_SECRET_ACCESS_KEY='B')
        done = tool(env, 'dynamodb', 'ListTables', text='{}')
        e2e.equal(done.returncode, 1, 'status')
        e2e.contains(done.stderr.lower(), 'certificate')
        e2e.equal(asked, [], 'requests')
        done = tool({**env, 'AWS_CA_BUNDLE': here + '/cert'}, 'dynamodb',
                    'ListTables', text='{}')
        e2e.equal(done.stdout, '{"TableNames":[]}\n', done.stderr)
        done = tool({**env, 'AWS_CA_BUNDLE': here + '/none'}, 'dynamodb',
                    'ListTables', text='{}')
        e2e.equal(done.returncode, 1, 'a bundle that is not there')


def proxies_are_gone_through_by_the_usual_variables(_here, _):
    need_tools()
    seen = []

    def answer(request):
        seen.append((request.command, request.path))
        return (403, {}, b'') if request.command == 'CONNECT' else \
            (200, {}, b'{"TableNames":[]}')
    with servers.answers(answer) as url:
        def ask(endpoint, **more):
            del seen[:]
            env = servers.environment(
                AWS_ENDPOINT_URL_DYNAMODB=endpoint, AWS_ACCESS_KEY_ID='A',
                AWS_SECRET_ACCESS_KEY='B', AWS_REGION='eu-west-1', **more)
            return tool(env, 'dynamodb', 'ListTables', text='{}')
        done = ask('http://nowhere.invalid/', http_proxy=url)
        e2e.equal(done.stdout, '{"TableNames":[]}\n', done.stderr)
        e2e.equal(seen, [('POST', 'http://nowhere.invalid/')], 'seen')
        done = ask('https://nowhere.invalid/', HTTPS_PROXY=url)
        e2e.contains(done.stderr, '403')
        e2e.equal(seen[0], ('CONNECT', 'nowhere.invalid:443'), 'seen')
        done = ask(url, http_proxy='http://127.0.0.1:1', NO_PROXY='127.0.0.1')
        e2e.equal(done.stdout, '{"TableNames":[]}\n', done.stderr)


def http_2_is_spoken_with_who_speaks_it(here, _):
    """Many requests on one connection, which sign and fail as others."""
    both = servers.certificate(here)
    things = push.items(1000)
    folder = push.job(here, things)
    with servers.dynamodb('--tls', both, '--unprocessed', .1, '--e500',
                          .05) as s:
        s.env.update(AWS_CA_BUNDLE=here + '/cert')
        table = e2e.write(here + '/table.json', json.dumps(push.ROLE))
        subprocess.run([e2e.PROGRAM, 'tables', 'create', table], env=s.env,
                       check=True, capture_output=True)
        t = push.of_json(push.push(s, folder, '--output', 'json'))
        e2e.equal((t['put'], t['refused']), (len(things), 0), 'told')
        got = subprocess.run([e2e.PROGRAM, 'cat', 'dynamodb://Things-new'],
                             env=s.env, capture_output=True, text=True)
        push.same(things, [json.loads(x)['Item']
                           for x in got.stdout.splitlines()])
        stat = s.stat(here + '/cert')
        e2e.equal(stat['http2'], stat['requests'], stat)
        e2e.equal(stat['refused'], 0, 'refused')
        return '%d requests' % stat['requests']


def an_answer_that_does_not_come_is_given_up(_here, _):
    need_tools()
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        s.listen(64)
        env = servers.environment(
            AWS_ENDPOINT_URL_STS='http://127.0.0.1:%d' % s.getsockname()[1],
            AWS_REGION='eu-west-1', AWS_ACCESS_KEY_ID='A',
            AWS_SECRET_ACCESS_KEY='B')
        done = tool(env, 'identity')
        e2e.equal(done.returncode, 1, 'status')
        e2e.contains(done.stderr, 'nothing came for')


# ---- dynamill whoami -----------------------------------------------------------

IDENTITY = b'<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>' \
    b'arn:aws:iam::123456789012:user/me</Arn><UserId>X</UserId><Account>' \
    b'123456789012</Account></GetCallerIdentityResult>' \
    b'</GetCallerIdentityResponse>'


def whoami(env, *args):
    done = subprocess.run([e2e.PROGRAM, 'whoami', *args], env=env, text=True,
                          capture_output=True)
    e2e.clean(done_result(done))
    return done


def whoami_tells_who_and_where(here, _):
    keys = e2e.write(here + '/.env', '# mine\nexport AWS_ACCESS_KEY_ID="STRICT"'
                     '\nAWS_SECRET_ACCESS_KEY=STRICT # secret\nPATH=/none\n'
                     "AWS_REGION='us-east-1'\n")
    with servers.answers(lambda _: (200, {}, IDENTITY)) as sts, \
            servers.dynamodb() as s:
        env = {**s.env, 'AWS_ENDPOINT_URL_STS': sts}
        done = whoami(env)
        e2e.equal(done.returncode, 0, done.stdout)
        e2e.contains(done.stdout, 'user/me', 'account      123456789012\n',
                     'tables       0\n', 'the environment', 'us-east-1')
        # Keys of a file leave nothing of the others.
        env.update(AWS_ACCESS_KEY_ID='x', AWS_SECRET_ACCESS_KEY='y',
                   AWS_SESSION_TOKEN='z', AWS_PROFILE='nobody')
        e2e.equal(whoami(env, '--env-file', keys).returncode, 0, 'env file')
        plan = {'target': {'account': '123456789012'},
                'tables': {'A': {'key': ['id'], 'to': 'A-new'}}}
        path = e2e.write_plan(here + '/plan.json', plan)
        done = whoami(env, path, '--env-file', keys)
        e2e.equal(done.returncode, 0, done.stdout)
        e2e.contains(done.stdout, ', as the plan says',
                     'A-new: is not there')
        plan['target']['account'] = '210987654321'
        e2e.write_plan(path, plan)
        done = whoami(env, path, '--env-file', keys)
        e2e.equal(done.returncode, 5, done.stdout)
        e2e.contains(done.stdout, 'but the plan says 210987654321')
        e2e.equal(s.stat()['refused'], 0, 'refused')


def whoami_tells_with_which_rights_it_will_fail(here, _):
    """Found out without an item being read or written."""
    plan = e2e.write_plan(here + '/plan.json', {
        'source': {'exports': ['dynamodb://Old']},
        'tables': {'Things': {'key': {'pk': 'S', 'sk': 'N'}, 'from': 'Old',
                              'to': 'Things-new'}}})
    thing = {'pk': {'S': 'a'}, 'sk': {'N': '1'}}
    with servers.dynamodb() as s:
        servers.boto(s, create=[push.ROLE, {**push.ROLE, 'TableName': 'Old'}],
                     table='Things-new', put=[thing])
        before = s.stat()['requests']
        done = whoami(s.env, plan)
        e2e.equal(done.returncode, 0, done.stdout)
        e2e.contains(done.stdout, 'Old: may be read\n',
                     'Things-new: may be read and written\n')
        e2e.check(s.stat()['requests'] - before >= 9, 'requests')
        e2e.equal(servers.boto(s, scan='Things-new'), [thing], 'items')

    def answers(*denied):
        def answer(request):
            call = request.headers.get('x-amz-target', '.').split('.')[1]
            if call == '':
                return 200, {}, IDENTITY
            if call == 'DescribeTable':
                return 200, {}, b'{"Table":{"TableStatus":"ACTIVE"}}'
            kind = 'AccessDeniedException' if call in denied else \
                'ValidationException'
            return 400, {}, json.dumps({'__type': 'x#' + kind}).encode()
        return servers.answers(answer)
    for denied, status in ((('PutItem', 'UpdateItem'), 0),
                           (('BatchWriteItem',), 4), (('Scan',), 4)):
        with answers(*denied) as url:
            env = servers.environment(
                AWS_ENDPOINT_URL_DYNAMODB=url, AWS_REGION='eu-west-1',
                AWS_ACCESS_KEY_ID='A', AWS_SECRET_ACCESS_KEY='B',
                AWS_ENDPOINT_URL_STS=url)
            done = whoami(env, plan)
            e2e.equal(done.returncode, status, done.stdout)
            for call in denied:
                e2e.contains(done.stdout, 'Things-new: no dynamodb:' + call)
            e2e.equal(done.stdout.count(': no dynamodb:'), len(denied) +
                      denied.count('Scan'), done.stdout)


def whoami_without_credentials_fails_and_says_so(_here, _):
    done = whoami(servers.environment(AWS_REGION='us-east-1'))
    e2e.equal(done.returncode, 4, done.stdout)
    e2e.contains(done.stdout, 'no AWS credentials')


if __name__ == '__main__':
    e2e.main([signatures_are_botocores,
              the_environment_comes_first_unless_a_profile_is_asked_for,
              profiles_are_read_as_botocore_reads_them,
              a_program_may_print_them,
              a_container_is_asked,
              an_instance_is_asked_by_imdsv2,
              nothing_is_found_where_nothing_is,
              roles_are_taken_on_one_after_the_other,
              what_sts_refuses_is_told_in_its_words,
              credentials_that_expire_are_found_anew,
              calls_survive_what_passes,
              a_wrong_secret_is_not_tried_twice,
              a_session_token_is_signed_too,
              a_wrong_clock_is_put_right,
              who_cannot_prove_who_he_is_hears_nothing,
              proxies_are_gone_through_by_the_usual_variables,
              http_2_is_spoken_with_who_speaks_it,
              an_answer_that_does_not_come_is_given_up,
              whoami_tells_who_and_where,
              whoami_tells_with_which_rights_it_will_fail,
              whoami_without_credentials_fails_and_says_so])
