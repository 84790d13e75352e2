// up.mjs - run a command beside a dynalite that lives exactly as long.
//
//	node up.mjs COMMAND [ARGUMENT...]
//
// The server listens on a port that the kernel picks; DYNAMODB_URL tells the
// command.  Its exit status is ours.  To drive the server from within a node
// program, import start() instead.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

/* Start it.  Gives { url, close() }. */
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
			close: () => server.closeAllConnections
				? (server.closeAllConnections(), server.close())
				: server.close(),
		}));
	});
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	/*
	 * It throws out of some callbacks when an operand is missing, and then
	 * that one request hangs: the caller's time limit is the answer.
	 */
	process.on('uncaughtException', (e) => {
		if (process.env.VERBOSE)
			console.error(`dynalite: ${e.stack}`);
	});

	const server = await start();
	const [command, ...args] = process.argv.slice(2);
	const child = spawn(command, args, {
		stdio: 'inherit',
		env: { ...process.env, DYNAMODB_URL: server.url },
	});
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
