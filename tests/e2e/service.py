"""service.py - live tables to folders and back (backup, restore), and what the
service does by itself: exports, imports, recovery, backups on demand.

Backups are of a table that others serve, and compared with what boto3 has to
say. No server that can be had knows ExportTableToPointInTime and its like as
AWS does: those are answered here as its API Reference says, and by moto where
that is installed."""
import glob
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import e2e
import push
import servers


def dynamill(env, *args, status=0):
    done = subprocess.run([e2e.PROGRAM, *args], env=env, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    r = e2e.Result(done.returncode, done.stdout, done.stderr)
    e2e.clean(r)
    e2e.equal(r.status, status, r)
    return r


def items_in(folder):
    done = subprocess.run([e2e.PROGRAM, 'cat', folder], text=True,
                          capture_output=True)
    e2e.equal(done.returncode, 0, done.stderr)
    return [json.loads(line)['Item'] for line in done.stdout.splitlines()]


def fill(s, things, table='Things-new'):
    """Many items, by AWS's own client."""
    servers.boto(s, create=[{**push.ROLE, 'TableName': table}], table=table,
                 put=things)


# ---- backup and restore -------------------------------------------------------

def what_boto_wrote_is_backed_up_and_restored(here, _):
    things = push.items(300)
    with servers.dynamodb() as s:
        fill(s, things)
        servers.boto(s, create=[{**push.ROLE, 'TableName': 'Other'}])
        r = dynamill(s.env, 'backup', 'Things-new', 'Other', '-o',
                     here + '/b', '--consistent', '--max-rcu', '5000')
        e2e.contains(r.out, 'Things-new: 300 items', 'Other: 0 items')
        top = here + '/b/Things-new'
        push.same(things, items_in(top))
        e2e.equal(json.loads(e2e.read(top + '/manifest-summary.json'))
                  ['itemCount'], 300, 'itemCount')
        dynamill(s.env, 'validate', here + '/b')
        # Once more is nothing more.
        before = s.stat()['requests']
        dynamill(s.env, 'backup', 'Things-new', 'Other', '-o', here + '/b')
        e2e.check(s.stat()['requests'] - before < 4, 'requests')
        # It is a definition, and a source.
        path = top + '/table.json'
        e2e.write(here + '/copy.json', e2e.read(path).replace(
            '"Things-new"', '"Copy"'))
        dynamill(s.env, 'tables', 'create', here + '/copy.json')
        r = dynamill(s.env, 'restore', here + '/b', '--table', 'Copy',
                     '--job', here + '/r', status=2)
        e2e.contains(r.err, 'the dump has 2 tables')
        dynamill(s.env, 'restore', top, '--table', 'Copy', '--job',
                 here + '/r')
        push.same(things, servers.boto(s, scan='Copy'))
        # Once more is another job; what was removed is not passed over.
        again = ['restore', top, '--table', 'Copy', '--job', here + '/r',
                 '--yes', '--confirm', 'Copy']
        e2e.contains(dynamill(s.env, *again).err, 'name another job')
        servers.boto(s, table='Copy', remove=[
            {'pk': x['pk'], 'sk': x['sk']} for x in things])
        r = dynamill(s.env, *again, status=5)
        e2e.contains(r.err, "'Copy' is empty", '/push/Copy.done')
        os.remove(here + '/r/push/Copy.done')
        dynamill(s.env, *again)
        push.same(things, servers.boto(s, scan='Copy'))
        dynamill(s.env, 'restore', top, '--table', 'Nothing', '--job',
                 here + '/n', status=5)
        # Back into the table itself, which has changed.
        servers.boto(s, table='Things-new', put=[
            {**x, 's': {'S': 'other'}} for x in things[:50]])
        args = ['restore', top, '--table', 'Things-new', '--job', here + '/s']
        e2e.contains(dynamill(s.env, *args, status=5).err, 'is not empty')
        dynamill(s.env, *args, '--into-existing', '--yes', '--confirm',
                 'Things-new')
        push.same(things, servers.boto(s, scan='Things-new'))


def a_plan_reads_a_backup(here, _):
    things = push.items(100)
    with servers.dynamodb() as s:
        fill(s, things)
        dynamill(s.env, 'backup', 'Things-new', '-o', here + '/b', '--quiet')
    path = e2e.write_plan(here + '/plan.json', {
        'source': {'exports': ['b']}, 'target': {'environment': 'e'},
        'tables': {'Things-new': {'key': {'pk': 'S', 'sk': 'N'},
                                  'update': 'SET v = 2'}}})
    e2e.run(path, here + '/job', '--quiet')
    push.same([{**x, 'v': {'N': '2'}} for x in things],
              e2e.lines(here + '/job', 'Things-new'))


def a_killed_backup_goes_on(here, options):
    things = push.items((60000 if options.long else 6000) // e2e.SLOW)
    for i in range(0, len(things), 3):
        things[i]['long'] = {'S': '"\\' * 2000}
    folder = push.job(here, things)
    with servers.dynamodb('--throttle', .2, '--e500', .1, '--reset', .1) as s:
        servers.boto(s, create=[push.ROLE])
        push.push(s, folder, '--quiet')
        command = [e2e.PROGRAM, 'backup', 'Things-new', '-o', here + '/b',
                   '--quiet']
        data = here + '/b/Things-new/data/*.gz'
        kills = 0
        for n in range(1, 5):
            child = subprocess.Popen(command, env=s.env,
                                     stderr=subprocess.DEVNULL)
            while child.poll() is None and len(glob.glob(data)) < n:
                time.sleep(.002)
            if child.poll() is None:
                child.send_signal(signal.SIGKILL)
                kills += 1
            child.wait()
        dynamill(s.env, *command[1:])
        push.same(things, items_in(here + '/b'))
        dynamill(s.env, 'validate', here + '/b')
        e2e.equal(glob.glob(here + '/b/**/.*.part', recursive=True), [],
                  'parts')
        e2e.equal(s.stat()['refused'], 0, 'refused')
        return '%d kills' % kills


def what_is_no_place_for_a_backup_is_refused(here, _):
    with servers.dynamodb() as s:
        fill(s, push.items(5))
        e2e.contains(dynamill(s.env, 'backup', 'Nothing', '-o', here + '/n',
                              status=5).err, "there is no table 'Nothing'")
        e2e.write(here + '/j/job.json', '{}')
        e2e.contains(dynamill(s.env, 'backup', 'Things-new', '-o',
                              here + '/j', status=5).err, 'of a job')
        dynamill(s.env, 'backup', 'Things-new', status=2)
        dynamill(s.env, 'backup', 'Things-new', '-o', here + '/b')
    with servers.dynamodb() as s:
        time.sleep(1.1)         # another time of creation
        fill(s, push.items(5))
        e2e.contains(dynamill(s.env, 'backup', 'Things-new', '-o',
                              here + '/b', status=5).err, 'of another one')


# ---- what the service does by itself ----------------------------------------

class Service:
    """Of the API what is asked for here, as its reference has it."""
    ARN = 'arn:aws:dynamodb:us-east-1:123456789012:table/'

    def __init__(self, **more):
        self.asked = []
        self.looks = 0
        self.recovery = False
        self.tables = {'Things-new'}
        self.__dict__.update(more)

    def __call__(self, request):
        call = request.headers['x-amz-target'].split('.')[1]
        body = json.loads(request.body)
        self.asked.append((call, body))
        answer = getattr(self, call)(body)
        status = 400 if '__type' in answer else 200
        return status, {'Content-Type': 'application/x-amz-json-1.0'}, \
            json.dumps(answer).encode()

    def of(self, call):
        return [body for name, body in self.asked if name == call]

    def DescribeTable(self, body):
        name = body['TableName']
        if name not in self.tables:
            return {'__type': 'x#ResourceNotFoundException', 'message': 'no'}
        return {'Table': {'TableName': name, 'TableArn': self.ARN + name,
                          'TableStatus': 'ACTIVE', 'KeySchema': [
                              {'AttributeName': 'pk', 'KeyType': 'HASH'}]}}

    def DescribeContinuousBackups(self, _):
        return {'ContinuousBackupsDescription': {
            'ContinuousBackupsStatus': 'ENABLED',
            'PointInTimeRecoveryDescription': {
                'PointInTimeRecoveryStatus':
                    'ENABLED' if self.recovery else 'DISABLED',
                'RecoveryPeriodInDays': 35,
                'EarliestRestorableDateTime': 1.7e9,
                'LatestRestorableDateTime': 1700000300.5}}}

    def UpdateContinuousBackups(self, body):
        self.recovery = body['PointInTimeRecoverySpecification'][
            'PointInTimeRecoveryEnabled']
        return self.DescribeContinuousBackups(body)

    def state(self, done):
        self.looks += 1
        return 'IN_PROGRESS' if self.looks < 3 else done

    def ExportTableToPointInTime(self, body):
        self.export = body
        return self.DescribeExport(body)

    def DescribeExport(self, _):
        status = self.state('COMPLETED')
        e = {'ExportArn': self.ARN + 'Things-new/export/01700-abc',
             'ExportStatus': status, 'S3Bucket': self.export['S3Bucket'],
             'S3Prefix': self.export.get('S3Prefix', '')}
        if status == 'COMPLETED':
            e.update(ItemCount=7, ExportManifest=self.export['S3Prefix'] +
                     '/AWSDynamoDB/01700-abc/manifest-summary.json')
        return {'ExportDescription': e}

    def ImportTable(self, body):
        self.imported = body
        return self.DescribeImport({})

    def DescribeImport(self, _):
        status = self.state(getattr(self, 'ends', 'COMPLETED'))
        i = {'ImportArn': self.ARN + 'Things-new/import/017-def',
             'ImportStatus': status}
        if status != 'IN_PROGRESS':
            errors = getattr(self, 'errors', 0)
            i.update(ErrorCount=errors, ProcessedItemCount=40,
                     ImportedItemCount=40 - errors, ProcessedSizeBytes=4000,
                     CloudWatchLogGroupArn='arn:aws:logs:x:/aws-dynamodb/'
                     'imports:*')
        if errors_of(self) and status == 'FAILED':
            i.update(FailureCode='ItemValidationError',
                     FailureMessage='Some of the items failed')
        return {'ImportTableDescription': i}

    def CreateBackup(self, body):
        self.backup = body
        return {'BackupDetails': {'BackupArn': self.ARN + 'T/backup/1',
                                  'BackupStatus': 'CREATING'}}

    def DescribeBackup(self, body):
        return {'BackupDescription': {'BackupDetails': {
            'BackupArn': body['BackupArn'], 'BackupStatus':
                'CREATING' if self.state('AVAILABLE') == 'IN_PROGRESS'
                else 'AVAILABLE'}}}

    def RestoreTableToPointInTime(self, body):
        self.tables.add(body['TargetTableName'])
        return {'TableDescription': {}}
    RestoreTableFromBackup = RestoreTableToPointInTime


def errors_of(service):
    return getattr(service, 'errors', 0)


def at(url, **more):
    return servers.environment(AWS_ACCESS_KEY_ID='A', AWS_REGION='us-east-1',
                               AWS_SECRET_ACCESS_KEY='B',
                               AWS_ENDPOINT_URL_DYNAMODB=url, **more)


def an_export_wants_recovery_and_tells_its_address(here, _):
    service = Service()
    with servers.answers(service) as url:
        args = ['export', 'Things-new', '--bucket', 'my-bucket', '--prefix',
                'a/b']
        r = dynamill(at(url), *args, status=5)
        e2e.contains(r.err, 'dynamill pitr on Things-new')
        e2e.check(not service.recovery, 'nothing is turned on silently')
        e2e.contains(dynamill(at(url), 'pitr', 'status', 'Things-new').out,
                     'Things-new: off')
        e2e.contains(dynamill(at(url), 'pitr', 'on', 'Things-new', '--days',
                              '7').out, 'on, 35 days, from '
                     '2023-11-14T22:13:20Z to 2023-11-14T22:18:20Z')
        e2e.equal(service.of('UpdateContinuousBackups')[0][
            'PointInTimeRecoverySpecification'],
            {'PointInTimeRecoveryEnabled': True, 'RecoveryPeriodInDays': 7},
            'asked')
        r = dynamill(at(url), *args)
        e2e.equal(r.out, 'Things-new: 7 items at '
                  's3://my-bucket/a/b/AWSDynamoDB/01700-abc/\n', 'told')
        e2e.equal(service.export, {
            'TableArn': Service.ARN + 'Things-new', 'S3Bucket': 'my-bucket',
            'S3Prefix': 'a/b', 'ExportFormat': 'DYNAMODB_JSON'}, 'asked')
        service.looks = 0
        dynamill(at(url), *args, '--as', 'ion', '--from-time',
                 '2023-11-14T22:00:00Z', '--to-time', '2023-11-14T23:00:00Z',
                 '--new-image', '--kms-key', 'k')
        e2e.equal((service.export['ExportType'], service.export[
            'IncrementalExportSpecification'], service.export['ExportFormat'],
            service.export['S3SseAlgorithm']),
            ('INCREMENTAL_EXPORT', {
                'ExportFromTime': 1699999200, 'ExportToTime': 1700002800,
                'ExportViewType': 'NEW_IMAGE'}, 'ION', 'KMS'), 'asked')
        dynamill(at(url), *args, '--from-time', '2023-11-14T22:00:00Z',
                 '--to-time', '2023-11-14T22:14:00Z', status=2)
        dynamill(at(url), 'export', 'Nothing', '--bucket', 'b', status=5)


def backups_and_tables_again_are_waited_for(here, _):
    service = Service()
    with servers.answers(service) as url:
        r = dynamill(at(url), 'create-backup', 'Things-new', '--name', 'x')
        e2e.equal(r.out, 'Things-new: %sT/backup/1\n' % Service.ARN, 'told')
        e2e.equal(service.backup, {'TableName': 'Things-new',
                                   'BackupName': 'x'}, 'asked')
        r = dynamill(at(url), 'restore', 'Things-new', '--into', 'Again',
                     '--to-time', '2023-11-14T22:15:00Z')
        e2e.equal(r.out, 'Again: made\n', 'told')
        dynamill(at(url), 'restore', 'Things-new', '--into', 'Latest')
        dynamill(at(url), 'restore', '--backup', 'arn:x', '--into', 'Third')
        e2e.equal(service.of('RestoreTableToPointInTime'), [
            {'SourceTableName': 'Things-new', 'TargetTableName': 'Again',
             'RestoreDateTime': 1700000100},
            {'SourceTableName': 'Things-new', 'TargetTableName': 'Latest',
             'UseLatestRestorableTime': True}], 'asked')
        dynamill(at(url), 'restore', '--backup', 'arn:x', '--into', 'Third',
                 '--to-time', '2023-11-14T22:15:00Z', status=2)
        e2e.equal(service.of('RestoreTableFromBackup'), [
            {'BackupArn': 'arn:x', 'TargetTableName': 'Third'}], 'asked')


def an_import_uploads_and_tells_what_was_refused(here, _):
    folder = push.job(here, push.items(40))
    with servers.s3('--e500', .05, '--lost', .05) as s:
        service = Service(tables=set())
        with servers.answers(service) as url:
            env = {**s.env, 'AWS_ENDPOINT_URL_DYNAMODB': url}
            args = ['import', '--job', folder, '--to',
                    's3://test-bucket/up/here']
            dynamill(env, 'import', '--job', folder, status=2)
            r = dynamill(env, *args, '--dry-run', '--output', 'json')
            t = json.loads(r.out)['tables'][0]
            e2e.equal((t['table'], t['status'], t['failure']),
                      ('Things-new', None, None), 'not begun')
            e2e.equal(service.of('ImportTable'), [], 'imports')
            r = dynamill(env, *args)
            e2e.contains(r.out, 'Things-new: COMPLETED, 40 of 40 items')
            token = service.imported.pop('ClientToken')
            e2e.equal(len(token), 32, 'token')
            e2e.equal(service.imported, {
                'S3BucketSource': {'S3Bucket': 'test-bucket', 'S3KeyPrefix':
                                   'up/here/Things-new/data/'},
                'InputFormat': 'DYNAMODB_JSON',
                'InputCompressionType': 'GZIP', 'TableCreationParameters':
                json.loads(e2e.read(folder + '/out/Things-new/table.json'))},
                'asked')
            # What is there are the bytes of the job.
            got = s.get('up/here', here + '/got')
            for path in glob.glob(folder + '/out/*/**', recursive=True):
                if os.path.isfile(path):
                    name = os.path.relpath(path, folder + '/out')
                    e2e.check(e2e.read(path, 'rb') == e2e.read(
                        got + '/' + name, 'rb'), name)
            # Again: it is done, and nothing is begun.
            service.tables = {'Things-new'}
            dynamill(env, *args)
            e2e.equal(len(service.of('ImportTable')), 1, 'imports')
            # The table was removed: another one is made.
            service.tables = set()
            service.__dict__.update(looks=3, ends='FAILED', errors=3)
            r = dynamill(env, *args, '--output', 'json', status=1)
            t = json.loads(r.out)['tables'][0]
            e2e.equal((t['status'], t['imported'], t['errors'], t['failure'],
                       t['logGroup'], t['logStream']),
                      ('FAILED', 37, 3, 'Some of the items failed',
                       'arn:aws:logs:x:/aws-dynamodb/imports:*',
                       '017-def/error'), 'told')
            e2e.check(service.imported['ClientToken'] != token, 'token')
        # A table that is there and not of an import is no target.
        service = Service()
        folder = push.job(here + '/2', push.items(10))
        with servers.answers(service) as url:
            env['AWS_ENDPOINT_URL_DYNAMODB'] = url
            e2e.contains(dynamill(env, 'import', '--job', folder, '--to',
                                  's3://test-bucket/up/other', status=5).err,
                         "table 'Things-new' is there", 'dynamill push')


def every_call_is_in_a_policy(_here, _):
    text = e2e.read(e2e.ROOT + '/docs/IAM.md')
    actions = set()
    for policy in re.findall(r'```json\n(.*?)```', text, re.S):
        for statement in json.loads(policy)['Statement']:
            actions.update(statement['Action'])
    calls = re.findall(r'"DynamoDB_20120810\.(\w+)"',
                       e2e.read(e2e.ROOT + '/src/aws/dynamodb.c'))
    e2e.check(len(calls) > 20, calls)
    e2e.equal([c for c in calls if 'dynamodb:' + c not in actions], [],
              'calls that no policy allows')


def moto_imports_what_a_run_wrote_to_s3(here, _):
    """moto reads the objects and makes the table."""
    if subprocess.run([sys.executable, '-c', 'import moto.server'],
                      capture_output=True).returncode != 0:
        raise e2e.Skipped('moto is not installed')
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = str(free.getsockname()[1])
    child = subprocess.Popen([sys.executable, '-m', 'moto.server', '-H',
                              '127.0.0.1', '-p', port],
                             stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    url = 'http://127.0.0.1:' + port
    env = at(url, AWS_ENDPOINT_URL_S3=url)
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(urllib.request.Request(
                    url + '/bbb', method='PUT', headers={
                        'Authorization': 'AWS4-HMAC-SHA256 Credential=A/x/'
                        'us-east-1/s3/aws4_request'}))
                break
            except OSError:
                time.sleep(.1)
        things = [{'pk': {'S': 'p%d' % i}, 'sk': {'N': str(i)}}
                  for i in range(200)]
        for i in range(3):
            e2e.write_items('%s/data/%d.json.gz' % (here, i), things[i::3])
        path = e2e.write_plan(here + '/plan.json', {
            'source': {'exports': ['data']}, 'target': {'environment': 'e'},
            'tables': {'Things': {'key': {'pk': 'S', 'sk': 'N'},
                                  'to': 'Things-new'}}})
        dynamill(env, 'run', path, '--job', here + '/job', '--quiet', '-o',
                 's3://bbb/x')
        r = dynamill(env, 'import', '--job', here + '/job')
        e2e.contains(r.out, 'COMPLETED, 200 of 200')
        push.same(things, servers.boto(servers.Server(url),
                                       scan='Things-new'))
        # The job made the table: a rollback takes it away.
        r = dynamill(env, 'rollback', '--job', here + '/job', '--yes',
                     '--confirm', 'Things-new')
        e2e.contains(r.out, 'deleted: the job made it')
        e2e.equal(servers.boto(servers.Server(url), list=1), [], 'tables')
    finally:
        child.terminate()
        child.wait()


if __name__ == '__main__':
    e2e.main([what_boto_wrote_is_backed_up_and_restored,
              a_plan_reads_a_backup,
              a_killed_backup_goes_on,
              what_is_no_place_for_a_backup_is_refused,
              an_export_wants_recovery_and_tells_its_address,
              backups_and_tables_again_are_waited_for,
              an_import_uploads_and_tells_what_was_refused,
              every_call_is_in_a_policy,
              moto_imports_what_a_run_wrote_to_s3])
