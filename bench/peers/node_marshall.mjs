// node_marshall.mjs LEVEL OUT FILE... - readline, and the SDK's own unmarshall
// and marshall, as the documents of AWS do it.  What is binary comes out as
// text by that (an export has base64 where unmarshall wants bytes): its items
// are not those that the others make.
import { createReadStream, createWriteStream } from 'node:fs';
import { createGunzip, createGzip } from 'node:zlib';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import readline from 'node:readline';
import { newId, placeOf, references } from './job.mjs';

// Beside the working folder, where scripts/bench puts the package.
const require = createRequire(process.cwd() + '/');
const { marshall, unmarshall } = require('@aws-sdk/util-dynamodb');
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
		const item = unmarshall(JSON.parse(line).Item,
					{ wrapNumbers: true });

		item.schemaVersion = 2;
		delete item.legacyField;
		if (item.statusCode !== undefined) {
			item.status = item.statusCode;
			delete item.statusCode;
		}
		item.id = newId(table, item.id);
		for (const name in references)
			if (item[name])
				item[name] = newId(references[name],
						   item[name]);
		if (!gzip.write(JSON.stringify({ Item: marshall(item) }) +
				'\n'))
			await once(gzip, 'drain');
	}
	gzip.end();
	await once(stream, 'finish');
}
