// Hold the Kubernetes definitions to the published schema, and the state machine
// to that of the States Language. A broken one of each must be told, too.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Job } from 'kubernetes-models/batch/v1';
import { PersistentVolumeClaim } from 'kubernetes-models/v1';

const require = createRequire(import.meta.url);
const YAML = require('yaml');
const validateStates = require('asl-validator');

const folder = process.argv[2];
const kinds = { Job, PersistentVolumeClaim };

function mustFail(what, action) {
  let failed = false;
  try {
    failed = action() === false;
  } catch {
    failed = true;
  }
  if (!failed) {
    throw new Error(`${what} was not refused`);
  }
}

const text = readFileSync(`${folder}/kubernetes.yaml`, 'utf8');
const all = YAML.parseAllDocuments(text).map((d) => d.toJS());
if (all.length !== 3) {
  throw new Error(`${all.length} objects in kubernetes.yaml`);
}
for (const object of all) {
  new kinds[object.kind](object).validate();
}
mustFail('a Job with a text for completions', () => {
  const broken = structuredClone(all[1]);
  broken.spec.completions = 'many';
  new Job(broken).validate();
});

const machine = JSON.parse(readFileSync(`${folder}/step-functions.json`));
const judged = validateStates(machine);
if (!judged.isValid) {
  throw new Error(judged.errorsText());
}
mustFail('a state machine that goes nowhere', () => {
  const broken = structuredClone(machine);
  broken.StartAt = 'Elsewhere';
  return validateStates(broken).isValid;
});
console.log(JSON.stringify(all));
