// The steps of bench/plan.yaml, without ids.
import { createInterface } from 'node:readline';

let n = 0;
createInterface({ input: process.stdin }).on('line', line => {
  const item = JSON.parse(line);
  item.schemaVersion = 2;
  delete item.legacyField;
  if ('statusCode' in item) {
    item.status = item.statusCode;
    delete item.statusCode;
  }
  process.stdout.write(JSON.stringify(item) + '\n#' + ++n + '\n');
});
