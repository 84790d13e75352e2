// duckdb.mjs LEVEL OUT FILE... - DuckDB's SQL; it packs at a level of its own.
import { createRequire } from 'node:module';
import { placeOf } from './job.mjs';

// Beside the working folder, where scripts/bench puts the package.
const require = createRequire(process.cwd() + '/');
const { DuckDBInstance } = require('@duckdb/node-api');
const [, , , out, ...files] = process.argv;
const db = await (await DuckDBInstance.create(':memory:')).connect();

await db.run(`SET threads=${process.env.THREADS ?? 1}`);
await db.run(`CREATE MACRO variant(h) AS
	['8', '9', 'a', 'b'][1 + ('0x' || h)::INT % 4]`);
await db.run(`CREATE MACRO uuid8(h) AS h[1:8] || '-' || h[9:12] || '-8' ||
	h[14:16] || '-' || variant(h[17]) || h[18:20] || '-' || h[21:32]`);

const id = (table, value) => `CASE WHEN ${value} IS NULL THEN NULL ELSE
	json_object('S', uuid8(sha256('${table}' || chr(0) || ${value} ||
		chr(0) || 'production'))) END`;

for (const file of files) {
	const { table, to } = placeOf(out, file);

	await db.run(`COPY (WITH s AS (SELECT json_extract(json, '$.Item') item,
		json_extract(json, '$.Item.statusCode') status,
		json_extract_string(json, ['$.Item.id.S',
			'$.Item.agentContactId.S',
			'$.Item.homeownerContactId.S',
			'$.Item.addressId.S']) k
		FROM read_ndjson_objects('${file}', compression = 'gzip'))
	SELECT json_merge_patch(item, json_object(
		'schemaVersion', json_object('N', '2'), 'legacyField', NULL,
		'status', status, 'statusCode', NULL,
		'id', ${id(table, 'k[1]')},
		'agentContactId', ${id('Contacts', 'k[2]')},
		'homeownerContactId', ${id('Contacts', 'k[3]')},
		'addressId', ${id('Properties', 'k[4]')})) AS Item FROM s)
	TO '${to}' (FORMAT json, COMPRESSION gzip)`);
}
