// run.mjs - run the table of cases on both sides and say what differs.
//
//	node run.mjs [--tool PATH] [--table FILE] [--only TEXT] [--verbose]
//
// The server is the one in DYNAMODB_URL (tests/servers/up.sh sets it); without
// it, or without the tool, that side's runs are skipped and counted as such.
// README.md says what the table's lines hold.
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { Server, Tool } from './sides.mjs';
import { read_table } from './table.mjs';
import { item_text, value_text, written_out } from './values.mjs';

const here = new URL('.', import.meta.url);
const { values: options } = parseArgs({ options: {
	tool: { type: 'string',
		default: new URL('../../build/opt/tool_expr', here).pathname },
	table: { type: 'string',
		default: new URL('expressions.jsonl', here).pathname },
	only: { type: 'string' },
	verbose: { type: 'boolean', default: false },
} });

/* Does the outcome show what is wanted?  Error texts need only contain it. */
function
shows(outcome, wanted)
{
	if ('is' in wanted)
		return outcome.is === wanted.is;
	if ('item' in wanted)
		return 'item' in outcome &&
			item_text(outcome.item) === item_text(wanted.item);
	if ('value' in wanted)
		return 'value' in outcome &&
			value_text(outcome.value) === value_text(wanted.value);
	if ('crash' in wanted)
		return 'crash' in outcome;
	return 'error' in outcome && outcome.stage === wanted.stage &&
		outcome.error.includes(wanted.error);
}

/*
 * As shows(), but words apart: both refused it, before or at the item.  What
 * is wrong in the plan's text is told in dynamill's own words.
 */
function
agrees(outcome, wanted)
{
	if (!('error' in wanted))
		return shows(outcome, wanted);
	return 'error' in outcome && outcome.stage === wanted.stage &&
		(wanted.stage === 'parse' || outcome.error.includes(wanted.error));
}

const counts = { passed: 0, failed: 0, skipped: 0 };
const explained = new Map();

function
judge(good, side, c, outcome, wanted)
{
	counts[good ? 'passed' : 'failed']++;
	if (good && !options.verbose)
		return;
	console.log(`${good ? 'ok' : 'FAILED'}: ${c.name} (${side})`);
	console.log(`\t${c.kind} ${c.expression}`);
	if (!good)
		console.log(`\twanted ${JSON.stringify(wanted)}`);
	console.log(`\tgot    ${JSON.stringify(outcome)}`);
}

async function
run_here(tool, c)
{
	const outcome = await tool.run(c);
	const literal = c.as_literal === false ? null : written_out(c);

	judge(agrees(outcome, c.wanted), 'here', c, outcome, c.wanted);
	if (literal === null)
		return;

	const spelled = { ...c, expression: literal, names: {}, values: {} };
	const again = await tool.run(spelled);
	judge(agrees(again, c.wanted), 'here, written out', spelled, again,
		c.wanted);
}

async function
run_there(server, c)
{
	server.patience = c.server?.crash ? 300 : 10000;
	const outcome = await server.run(c);

	if (c.server) {
		const known = shows(outcome, c.server);

		judge(known, agrees(outcome, c.wanted) ?
			'there: the difference is gone' : 'there', c, outcome,
			c.server);
		explained.set(c.why, (explained.get(c.why) ?? 0) + 1);
	} else {
		judge(agrees(outcome, c.wanted), 'there', c, outcome, c.wanted);
	}
}

const { cases, reasons } = read_table(readFileSync(options.table, 'utf8'));
const chosen = cases.filter((c) => !options.only ||
	c.name.includes(options.only) || c.expression.includes(options.only));

let tool = null, server = null;
if (existsSync(options.tool)) {
	tool = new Tool(options.tool);
	await tool.start();
} else {
	console.log(`skipped here: there is no ${options.tool}`);
}
if (process.env.DYNAMODB_URL) {
	server = new Server(process.env.DYNAMODB_URL);
	await server.start();
} else {
	console.log('skipped there: no server (DYNAMODB_URL is not set)');
}

for (const c of chosen) {
	if (tool)
		await run_here(tool, c);
	else
		counts.skipped++;
	if (c.only === 'dynamill')
		continue;
	if (server)
		await run_there(server, c);
	else
		counts.skipped++;
}
tool?.stop();
server?.stop();

for (const [why, n] of [...explained].sort((a, b) => b[1] - a[1]))
	console.log(`explained ${n}: ${reasons.get(why) ?? why}`);
console.log(`${chosen.length} cases: ${counts.passed} passed, ` +
	`${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed > 0 ? 1 : 0;
