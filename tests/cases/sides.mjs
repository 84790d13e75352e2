// sides.mjs - the two sides that a case is run on: a DynamoDB that others
// wrote, and dynamill's expression tool.  Each takes a case,
//
//	{ kind, item, expression, names, values }
//
// and gives an outcome, one of
//
//	{ is: boolean } { item } { value } { error: text, stage: 'parse'|'item' }
//	{ crash: text }
import http from 'node:http';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

import { action_text } from './generator.mjs';
import { item_text, value_text } from './values.mjs';

const KEY = 'case_key';		// the table's key, which no case may use
const RESULT = 'case_result';	// where a value expression puts its value

/* Refused before any item is looked at? */
const stage_of = (message) =>
	/^(Invalid \w+Expression|ExpressionAttribute|Value provided in|One or more parameter values|Supplied AttributeValue|.*significant digits|Number (over|under)flow\. Attempting to store.* for key|The parameter cannot be converted|Input collection|.*duplicates)/
		.test(message) ? 'parse' : 'item';

/* Those of the placeholders that a text holds; undefined if none. */
function
used_in(text, placeholders = {})
{
	const found = new Set(text.match(/[#:]\w+/g));
	const used = Object.entries(placeholders)
		.filter(([name]) => found.has(name));

	return used.length ? Object.fromEntries(used) : undefined;
}

/* An order of actions in which a later element of a list comes first. */
function
last_first(a, b)
{
	for (const [i, part] of a.path.entries()) {
		const other = b.path[i];

		if (typeof part === 'number' && typeof other === 'number' &&
		    part !== other)
			return other - part;
		if (part !== other)
			return String(part) < String(other) ? -1 : 1;
	}
	return 0;
}

export class Server {
	constructor(url)
	{
		this.url = new URL(url);
		this.agent = new http.Agent({ keepAlive: true });
		this.keys = 0;
		this.patience = 10000;	// milliseconds until «no answer»
	}

	call(operation, body)
	{
		const text = JSON.stringify(body);

		return new Promise((done) => {
			const req = http.request(this.url, {
				method: 'POST',
				agent: this.agent,
				timeout: this.patience,
				headers: {
					'Content-Type': 'application/x-amz-json-1.0',
					'Content-Length': Buffer.byteLength(text),
					'X-Amz-Target': `DynamoDB_20120810.${operation}`,
					'X-Amz-Date': '20250101T000000Z',
					// Of the right shape: only that is looked at.
					'Authorization': 'AWS4-HMAC-SHA256 ' +
						'Credential=a/20250101/us-east-1/dynamodb/aws4_request, ' +
						'SignedHeaders=host, Signature=a',
				},
			}, (res) => {
				const parts = [];

				res.on('data', (part) => parts.push(part));
				res.on('end', () => done({
					status: res.statusCode,
					text: Buffer.concat(parts).toString(),
				}));
			});
			req.on('timeout', () => req.destroy());
			req.on('error', () => done({ status: 0, text: '' }));
			req.end(text);
		});
	}

	/* The answer's body, or { failed: type, message }, or { crash }. */
	async ask(operation, body)
	{
		const { status, text } = await this.call(operation, body);

		if (status === 0 || status >= 500)
			return { crash: status ? `status ${status}` : 'no answer' };

		const answer = JSON.parse(text);
		return status === 200 ? answer : {
			failed: answer.__type.replace(/.*#/, ''),
			message: answer.message ?? answer.Message,
		};
	}

	async start()
	{
		const made = await this.ask('CreateTable', {
			TableName: 'cases',
			KeySchema: [{ AttributeName: KEY, KeyType: 'HASH' }],
			AttributeDefinitions: [
				{ AttributeName: KEY, AttributeType: 'N' },
			],
			BillingMode: 'PAY_PER_REQUEST',
		});
		if (made.failed || made.crash)
			throw new Error(made.message ?? made.crash);
		for (let n = 0; n < 200; n++) {
			const { Table } = await this.ask('DescribeTable',
				{ TableName: 'cases' });

			if (Table?.TableStatus === 'ACTIVE')
				return;
			await new Promise((on) => setTimeout(on, 20));
		}
		throw new Error('the table did not become active');
	}

	stop()
	{
		this.agent.destroy();
	}

	/*
	 * An update, its actions one by one, as the server gets them right: it
	 * lets what SET copies share memory with the original, and list indexes
	 * slip as elements go ("aliasing" and "removal order" in the table).  So
	 * every value is asked for beforehand, on the item as it was, and the
	 * last elements are removed first, when all else is done.
	 */
	async run_apart(c)
	{
		const whole = await this.run({ ...c, apart: undefined });

		if (whole.stage === 'parse')
			return whole;

		const values = { ...c.values };
		const actions = [];
		for (const a of c.apart) {
			if (a.section !== 'SET' || a.value.startsWith(':')) {
				actions.push(a);
				continue;
			}
			const got = await this.run({ ...c, apart: undefined,
				kind: 'value', expression: a.value,
				names: used_in(a.value, c.names),
				values: used_in(a.value, c.values) });
			if (!('value' in got))
				return got;
			const name = `:set${actions.length}`;
			values[name] = got.value;
			actions.push({ ...a, value: name });
		}

		const expression = ['SET', 'ADD', 'DELETE', 'REMOVE'].map((section) =>
			[section, actions.filter((a) => a.section === section)
				.sort(last_first).map(action_text).join(', ')])
			.filter(([, text]) => text).map((part) => part.join(' '))
			.join(' ');
		return this.run({ ...c, apart: undefined, expression,
			names: used_in(expression, c.names),
			values: used_in(expression, values) });
	}

	async run(c)
	{
		if (c.apart)
			return this.run_apart(c);

		const key = { [KEY]: { N: String(++this.keys) } };
		const item = { ...c.item, ...key };
		const put = await this.ask('PutItem',
			{ TableName: 'cases', Item: item });

		if (put.failed || put.crash)
			return this.outcome_of_failure(put);

		const named = {
			TableName: 'cases',
			ExpressionAttributeNames: c.names,
			ExpressionAttributeValues: c.values,
		};
		if (c.kind === 'condition') {
			const got = await this.ask('PutItem', {
				...named, Item: item,
				ConditionExpression: c.expression,
			});

			if (got.failed === 'ConditionalCheckFailedException')
				return { is: false };
			return got.failed || got.crash ?
				this.outcome_of_failure(got) : { is: true };
		}

		const got = await this.ask('UpdateItem', {
			...named, Key: key, ReturnValues: 'ALL_NEW',
			UpdateExpression: c.kind === 'value' ?
				`SET ${RESULT} = ${c.expression}` : c.expression,
		});
		if (got.failed || got.crash)
			return this.outcome_of_failure(got);
		if (c.kind === 'value')
			return { value: got.Attributes[RESULT] };
		delete got.Attributes[KEY];
		return { item: got.Attributes };
	}

	outcome_of_failure({ message, crash })
	{
		if (crash)
			return { crash };
		return { error: message, stage: stage_of(message) };
	}
}

/* What the tool said, if it is well said. */
function
read_answer(line)
{
	try {
		const answer = JSON.parse(line);

		if (answer.item)
			item_text(answer.item);
		if (answer.value)
			value_text(answer.value);
		return answer;
	} catch (e) {
		return { crash: `${e.message}: ${line}` };
	}
}

/* dynamill, by a tool that answers each line of JSON with one. */
export class Tool {
	constructor(path)
	{
		this.path = path;
		this.waiting = [];
	}

	async start()
	{
		this.ended = null;
		this.child = spawn(this.path, [], {
			stdio: ['pipe', 'pipe', 'inherit'],
		});
		this.child.stdin.on('error', () => {});
		createInterface({ input: this.child.stdout }).on('line',
			(line) => this.waiting.shift()?.(read_answer(line)));
		this.child.on('close', (status, signal) => {
			this.ended = `ended with ${signal ?? `status ${status}`}`;
			for (const done of this.waiting.splice(0))
				done({ crash: this.ended });
		});
		await new Promise((done, fail) => {
			this.child.on('spawn', done);
			this.child.on('error', fail);
		});
	}

	stop()
	{
		this.child.stdin.end();
	}

	async run({ kind, item, expression, names, values })
	{
		if (this.ended)		// at the case before
			await this.start();

		const got = await new Promise((done) => {
			this.waiting.push(done);
			this.child.stdin.write(JSON.stringify(
				{ kind, expression, item, names, values }) + '\n');
		});
		return 'result' in got ? { is: got.result } : got;
	}
}
