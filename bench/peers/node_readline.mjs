// node_readline.mjs LEVEL OUT FILE... - the script that everybody writes.
import { createReadStream, createWriteStream } from 'node:fs';
import { createGunzip, createGzip } from 'node:zlib';
import { once } from 'node:events';
import readline from 'node:readline';
import { newId, placeOf, references } from './job.mjs';

const [, , level, out, ...files] = process.argv;

for (const file of files) {
	const { table, to } = placeOf(out, file);
	const lines = readline.createInterface({
		input: createReadStream(file).pipe(createGunzip()),
		crlfDelay: Infinity,
	});
	const gzip = createGzip({ level: Number(level) });
	const stream = createWriteStream(to);

	gzip.pipe(stream);
	for await (const line of lines) {
		if (!line)
			continue;
		const record = JSON.parse(line);
		const item = record.Item;

		item.schemaVersion = { N: '2' };
		delete item.legacyField;
		if (item.statusCode !== undefined) {
			item.status = item.statusCode;
			delete item.statusCode;
		}
		item.id = { S: newId(table, item.id.S) };
		for (const name in references)
			if (item[name])
				item[name] = { S: newId(references[name],
							item[name].S) };
		if (!gzip.write(JSON.stringify(record) + '\n'))
			await once(gzip, 'drain');
	}
	gzip.end();
	await once(stream, 'finish');
}
