"""The steps of bench/plan.yaml, without ids."""
import json
import sys

for n, line in enumerate(sys.stdin, 1):
    item = json.loads(line)
    item['schemaVersion'] = 2
    item.pop('legacyField', None)
    if 'statusCode' in item:
        item['status'] = item.pop('statusCode')
    sys.stdout.write('%s\n#%d\n' % (json.dumps(item), n))
    sys.stdout.flush()
