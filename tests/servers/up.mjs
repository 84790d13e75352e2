// up.mjs - run a command beside a DynamoDB that lives exactly as long.
//
//	node up.mjs [strict|s3 [--FAULT VALUE]... --] COMMAND [ARGUMENT...]
//
// The server, dynalite, listens on a port that the kernel picks; DYNAMODB_URL
// tells the command, and its exit status is ours.  `strict` puts strict.mjs in
// front, which has the options, and sets the AWS_* variables to keys that it
// takes.  `s3` is an S3 instead, s3rver, with strict.mjs in front: S3_URL, and a
// bucket called test-bucket.  To drive a server from within a node program, import start().
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { start_strict } from './strict.mjs';

const require = createRequire(import.meta.url);

/* Start a plain dynalite.  Gives { url, close() }. */
export function
start()
{
	const server = require('dynalite')({
		createTableMs: 0, deleteTableMs: 0, updateTableMs: 0,
	});

	return new Promise((done, fail) => {
		server.once('error', fail);
		server.listen(0, '127.0.0.1', () => done({
			url: `http://127.0.0.1:${server.address().port}`,
			close: () => server.close(),
		}));
	});
}

/* Start an S3, in a folder that goes with it. */
export async function
start_s3(options)
{
	if (process.env.S3_BEHIND)
		return start_strict({ ...options, real: true,
			to: process.env.S3_BEHIND });

	const S3rver = require('@20minutes/s3rver');
	const directory = mkdtempSync(join(tmpdir(), 's3-'));
	const s3 = new S3rver({ directory, address: '127.0.0.1', port: 0,
		silent: true, vhostBuckets: false,
		configureBuckets: [{ name: 'test-bucket', configs: [] }] });
	const { port } = await s3.run();
	const front = await start_strict({ ...options,
		to: `http://127.0.0.1:${port}` });

	return { url: front.url, close: () => {
		front.close();
		s3.close();
		rmSync(directory, { recursive: true, force: true });
	} };
}

/* Options up to `--`, which may be left out before nothing. */
function
parse(args)
{
	const options = {};

	while (args.length && args[0].startsWith('--')) {
		const name = args.shift().slice(2);

		if (name === '')
			break;
		options[name] = args.shift();
	}
	return options;
}

async function
main(args)
{
	const strict = args[0] === 'strict';
	const { S3_URL: _, ...env } = process.env;
	let server;

	if (args[0] === 's3') {
		args.shift();
		server = await start_s3(parse(args));
		env.S3_URL = server.url;
	} else if (strict) {
		args.shift();
		server = await start_strict(parse(args));
		Object.assign(env, { AWS_ACCESS_KEY_ID: 'STRICT',
			AWS_SECRET_ACCESS_KEY: 'STRICT',
			AWS_REGION: 'us-east-1',
			AWS_DEFAULT_REGION: 'us-east-1' });
		delete env.AWS_SESSION_TOKEN;
		delete env.AWS_PROFILE;
	} else {
		server = await start();
	}
	env.SERVER_URL = server.url;
	if (!env.S3_URL)
		env.DYNAMODB_URL = server.url;

	const [command, ...rest] = args;
	const child = spawn(command, rest, { stdio: 'inherit', env });
	const pass = (signal) => child.kill(signal);

	process.on('SIGINT', pass);
	process.on('SIGTERM', pass);
	child.on('error', (e) => {
		process.stderr.write(`${command}: ${e.message}\n`);
		process.exit(127);
	});
	child.on('exit', (status, signal) => {
		server.close();
		process.exit(signal ? 1 : status);
	});
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	/*
	 * dynalite throws out of some callbacks when an operand is missing, and
	 * then that one request hangs: the caller's time limit is the answer.
	 */
	process.on('uncaughtException', (e) => {
		if (process.env.VERBOSE)
			console.error(`dynalite: ${e.stack}`);
	});
	await main(process.argv.slice(2));
}
