// read.mjs - what AWS's JavaScript SDK reads of a table, as lines of JSON:
//
//	node read.mjs URL TABLE		by Scan, strongly consistent
//	node read.mjs URL TABLE write	and lines of items to be put, from standard
//					input, by BatchWriteItem
//
// Binary values are base64, as boto3's are told in tests/e2e/servers.py.
import { createInterface } from 'node:readline';

import { BatchWriteItemCommand, DynamoDBClient, ScanCommand } from
	'@aws-sdk/client-dynamodb';

const [url, table, verb] = process.argv.slice(2);
const client = new DynamoDBClient({ endpoint: url, region: 'us-east-1',
	credentials: { accessKeyId: 'STRICT', secretAccessKey: 'STRICT' } });

function
base64(bytes)
{
	return Buffer.from(bytes).toString('base64');
}

function
told({ B, BS, L, M, ...rest })
{
	if (B !== undefined)
		return { B: base64(B) };
	if (BS !== undefined)
		return { BS: BS.map(base64) };
	if (L !== undefined)
		return { L: L.map(told) };
	return M !== undefined ? { M: each(M, told) } : rest;
}

function
meant({ B, BS, L, M, ...rest })
{
	if (B !== undefined)
		return { B: Buffer.from(B, 'base64') };
	if (BS !== undefined)
		return { BS: BS.map((b) => Buffer.from(b, 'base64')) };
	if (L !== undefined)
		return { L: L.map(meant) };
	return M !== undefined ? { M: each(M, meant) } : rest;
}

function
each(map, f)
{
	return Object.fromEntries(Object.entries(map).map(
		([name, value]) => [name, f(value)]));
}

async function
put(items)
{
	let left = { [table]: items.map((item) => ({ PutRequest: {
		Item: each(item, meant) } })) };

	while (Object.keys(left).length)
		left = (await client.send(new BatchWriteItemCommand({
			RequestItems: left }))).UnprocessedItems ?? {};
}

if (verb === 'write') {
	let batch = [];

	for await (const line of createInterface({ input: process.stdin })) {
		batch.push(JSON.parse(line));
		if (batch.length === 25)
			await put(batch.splice(0));
	}
	if (batch.length)
		await put(batch);
} else {
	let ExclusiveStartKey;

	do {
		const page = await client.send(new ScanCommand({
			TableName: table, ConsistentRead: true,
			ExclusiveStartKey }));

		for (const item of page.Items)
			process.stdout.write(
				JSON.stringify(each(item, told)) + '\n');
		ExclusiveStartKey = page.LastEvaluatedKey;
	} while (ExclusiveStartKey);
}
