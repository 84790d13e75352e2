// random.mjs - random expressions on random items, run on both sides and
// compared with each other.
//
//	node random.mjs [--seed N] [--count N] [--tool PATH] [--verbose]
//
// Both sides must be there, else all is skipped.  A case that falls into a
// known difference (expressions.jsonl has the reasons and an example of each)
// is not made: generator.mjs says which these are, and nothing else is left out.
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { Generator } from './generator.mjs';
import { Server, Tool } from './sides.mjs';
import { item_text, written_out } from './values.mjs';

const here = new URL('.', import.meta.url);
const { values: options } = parseArgs({ options: {
	tool: { type: 'string',
		default: new URL('../../build/opt/tool_expr', here).pathname },
	seed: { type: 'string', default: '1' },
	count: { type: 'string', default: '300' },
	verbose: { type: 'boolean', default: false },
} });
const count = Number(options.count);

/*
 * One text for equal outcomes.  Which of several faults in one expression is
 * told is nobody's promise, so an error is only where it was found.
 */
function
summary(outcome)
{
	if ('is' in outcome)
		return String(outcome.is);
	if ('item' in outcome)
		return item_text(outcome.item);
	if ('error' in outcome)
		return `refused: ${outcome.stage}`;
	return JSON.stringify(outcome);
}

function
skip(why)
{
	console.log(`skipped random expressions: ${why}`);
	console.log(`random: 0 passed, 0 failed, ${count} skipped`);
	process.exit(0);
}

if (!existsSync(options.tool))
	skip(`there is no ${options.tool}`);
if (!process.env.DYNAMODB_URL)
	skip('no server (DYNAMODB_URL is not set)');

const tool = new Tool(options.tool);
const server = new Server(process.env.DYNAMODB_URL);
await tool.start();
await server.start();

const generator = new Generator(Number(options.seed));
const kinds = new Map();
let passed = 0, failed = 0;

for (let n = 0; n < count; n++) {
	const c = generator.next();
	const there = summary(await server.run(c));
	const spellings = [c];
	const literal = written_out(c);

	if (literal !== null)
		spellings.push({ ...c, expression: literal,
			names: undefined, values: undefined });

	let good = true;
	for (const spelled of spellings) {
		const answer = await tool.run(spelled);

		if (summary(answer) === there)
			continue;
		good = false;
		console.log(`FAILED: random case ${n} of seed ${options.seed}`);
		console.log(`\t${JSON.stringify(spelled)}`);
		console.log(`\tthere ${there}`);
		console.log(`\there  ${JSON.stringify(answer)}`);
		break;
	}
	if (good && options.verbose)
		console.log(`ok ${c.expression}: ${there}`);
	good ? passed++ : failed++;

	const kind = `${c.kind} ${/^(refused.*|true|false)$/.test(there) ?
		there : 'item'}`;
	kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
}
tool.stop();
server.stop();

console.log(`random: seed ${options.seed}; ` + [...kinds].sort()
	.map(([kind, n]) => `${n} ${kind}`).join(', ') +
	`; ${generator.dropped} known differences not made`);
console.log(`random: ${passed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed > 0 ? 1 : 0;
