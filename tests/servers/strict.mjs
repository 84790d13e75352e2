// strict.mjs - a front for a server that is too kind: it checks signatures,
// has a capacity, and fails on request.
//
// Before dynalite, in this process, or (`to`) before any other server.  The
// faults come from a seed, so that a run can be had again:
//
//	--unprocessed P	each write of a batch is put back with probability P
//	--throttle P	a call is refused with ...ThroughputExceeded
//	--e500 P	a call fails with an internal error, unprocessed
//	--lost P	a call is carried out, and its answer lost
//	--reset P	the connection is reset before anything happens
//	--tear P	... in the middle of the request
//	--cut P		the connection breaks in the middle of an answer
//	--stall P	an answer stops in its middle, and nothing more comes
//	--stalls N	... every Nth: of POSTs; with --to of GETs, and of PUTs
//	--expire N	a session token is good for N requests
//	--wcu N		a token bucket of N write units a second
//	--deleting MS	a table takes so long to go
//	--unconditional 1	If-None-Match is not seen to, as s3rver does not
//	--seed N
//	--tls FILE	HTTPS, HTTP/2 to who speaks it; FILE is key and certificate
//
// GET /__stat answers with what was counted; so does GET /__faults?cut=0.1&..., and
// from then on there are those faults, and no others.  The keys are STRICT/STRICT, and
// with a session token that begins with SESSION for the key id TEMPORARY, and
// for S3RVER if there is one; S3RVER/S3RVER, too,
// which is what s3rver takes.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';

import { wrong_with } from './sigv4.mjs';

const require = createRequire(import.meta.url);
const DYNAMODB = 'com.amazonaws.dynamodb.v20120810#';
const KEYS = {
	STRICT: { secret: 'STRICT' },
	S3RVER: { secret: 'S3RVER', tokens: 'SESSION' },
	TEMPORARY: { secret: 'STRICT', token: 'SESSION' },
};
const DATA_CALLS = new Set(['BatchWriteItem', 'BatchGetItem', 'PutItem',
	'UpdateItem', 'DeleteItem', 'GetItem', 'Scan', 'Query']);
const WRITES = new Set(['PutItem', 'UpdateItem', 'DeleteItem']);

class Faults {
	constructor(options)
	{
		this.options = options;
		this.state = Number(options.seed ?? 1);
		this.tokens = Number(options.wcu ?? 0);
		this.last = Date.now();
		this.due = {};		/* in how many calls */
	}

	random()
	{
		this.state = (Math.imul(this.state, 1103515245) + 12345) &
			0x7fffffff;
		return this.state / 0x7fffffff;
	}

	/* By chance; and once for certain, at the latest when it is due. */
	happens(what)
	{
		const chance = Number(this.options[what] ?? 0);
		const drawn = this.random() < chance;

		if (!chance)
			return false;
		this.due[what] ??= Math.ceil(1 / chance);
		if (!drawn && --this.due[what] !== 0)
			return false;
		this.due[what] = Infinity;
		return true;
	}

	/* Take `n` write units, if that many are left. */
	take(n)
	{
		const rate = Number(this.options.wcu ?? 0);
		if (!rate)
			return true;

		const now = Date.now();
		this.tokens = Math.min(2 * rate,
			this.tokens + (now - this.last) / 1000 * rate);
		this.last = now;
		if (this.tokens < n)
			return false;
		this.tokens -= n;
		return true;
	}
}

class Front {
	constructor(options)
	{
		this.options = options;
		this.faults = new Faults(options);
		this.ttl = {};
		this.uploads = new Map();	/* id to key, begun and not ended */
		this.stat = { requests: 0, refused: 0, throttled: 0,
			unprocessed: 0, e500: 0, lost: 0, reset: 0, torn: 0,
			http2: 0,
			cut: 0, uploads: 0, aborted: 0, stalled: 0, stalledPUT: 0,
			expired: 0 };
		this.uses = {};		/* of session tokens */
		this.seen = {};		/* methods */
		this.last_put = new Map();	/* by If-None-Match, of a path */
		if (options.to) {
			this.to = new URL(options.to);
			this.agent = new http.Agent({ keepAlive: true });
		} else {
			this.dynalite = require('dynalite')({
				createTableMs: Number(options.create ?? 20),
				deleteTableMs: Number(options.deleting ?? 20), updateTableMs: 20,
			}).listeners('request')[0];
		}
	}

	answer(res, status, text, type = 'application/x-amz-json-1.0')
	{
		res.writeHead(status, { 'Content-Type': type,
			'Content-Length': Buffer.byteLength(text) });
		res.end(text);
	}

	fail(res, json, status, type, message)
	{
		if (json)
			return this.answer(res, status,
				JSON.stringify({ __type: type, message }));
		const text = message.replace(/[<&]/g, '');

		this.answer(res, status, '<?xml version="1.0"?><Error><Code>' +
			`${type.replace(/.*#/, '')}</Code>` +
			`<Message>${text}</Message></Error>`,
			'application/xml');
	}

	throttle(res, json)
	{
		this.stat.throttled++;
		if (!json)
			return this.fail(res, json, 503, 'SlowDown',
				'Please reduce your request rate');
		this.fail(res, json, 400,
			`${DYNAMODB}ProvisionedThroughputExceededException`,
			'The level of configured provisioned throughput for ' +
			'the table was exceeded');
	}

	/* What dynalite does not know, answered here; undefined: it does. */
	own_answer(call, body)
	{
		if (call === 'DescribeLimits')
			return { AccountMaxReadCapacityUnits: 80000,
				AccountMaxWriteCapacityUnits: 80000,
				TableMaxReadCapacityUnits: 40000,
				TableMaxWriteCapacityUnits: 40000 };

		const asked = call.endsWith('TimeToLive') ? JSON.parse(body) : {};
		const name = asked.TableName;
		if (call === 'UpdateTimeToLive') {
			this.ttl[name] = asked.TimeToLiveSpecification;
			return { TimeToLiveSpecification: this.ttl[name] };
		}
		if (call === 'DescribeTimeToLive' && this.ttl[name]) {
			const { Enabled, AttributeName } = this.ttl[name];

			return { TimeToLiveDescription: { AttributeName,
				TimeToLiveStatus: Enabled ? 'ENABLED' :
					'DISABLED' } };
		}
		return undefined;
	}

	/* Take writes out of a batch; what is left of it, and what was taken. */
	thin_out(body)
	{
		const asked = JSON.parse(body);
		const held = {};

		for (const [table, writes] of Object.entries(asked.RequestItems)) {
			const passed = [], kept = [];

			for (const write of writes) {
				const units = Math.max(1, Math.ceil(
					JSON.stringify(write).length / 1024));

				(this.faults.happens('unprocessed') ||
				 !this.faults.take(units) ? kept : passed)
					.push(write);
			}
			if (kept.length)
				held[table] = kept;
			this.stat.unprocessed += kept.length;
			asked.RequestItems[table] = passed;
			if (!passed.length)
				delete asked.RequestItems[table];
		}
		return { asked, held };
	}

	receive(req, res)
	{
		const parts = [];

		if (req.httpVersionMajor === 2) {
			this.stat.http2++;
			req.headers.host = req.headers[':authority'];
		}
		if (this.options.tear &&
		    Number(req.headers['content-length'] ?? 0) > 0 &&
		    this.faults.happens('tear')) {
			this.stat.torn++;
			return req.once('data', () => req.socket.destroy());
		}
		req.on('data', (part) => parts.push(part));
		req.on('end', () => this.handle(req, res, Buffer.concat(parts)));
	}

	handle(req, res, body)
	{
		this.stat.uploads = this.uploads.size;
		if (req.url === '/__stat')
			return this.answer(res, 200, JSON.stringify(this.stat),
				'application/json');
		if (req.url.startsWith('/__faults')) {
			const asked = new URL(req.url, 'http://x').searchParams;

			this.options = { ...Object.fromEntries(asked),
				to: this.options.to, real: this.options.real };
			this.faults.options = this.options;
			return this.answer(res, 200, JSON.stringify(this.stat),
				'application/json');
		}

		const target = req.headers['x-amz-target'];
		const json = target !== undefined;
		const call = json ? target.split('.')[1] : '';
		const wrong = wrong_with(req, body, KEYS, Date.now());

		this.stat.requests++;
		if (wrong !== null) {
			this.stat.refused++;
			return this.fail(res, json, json ? 400 : 403, json ?
				'com.amazon.coral.service#InvalidSignatureException' :
				wrong.split(/[ ;:]/)[0], wrong);
		}
		const token = req.headers['x-amz-security-token'];
		this.uses[token] = (this.uses[token] ?? 0) + 1;
		if (this.options.expire && token !== undefined &&
		    this.uses[token] > Number(this.options.expire)) {
			this.stat.expired++;
			return this.fail(res, json, 400, json ?
				'com.amazon.coral.service#ExpiredTokenException' :
				'ExpiredToken', 'the token has expired');
		}
		if (this.faults.happens('reset')) {
			this.stat.reset++;
			return req.socket.destroy();
		}
		if (this.faults.happens('e500')) {
			this.stat.e500++;
			return this.fail(res, json, 500,
				`${DYNAMODB}InternalServerError`, 'as asked for');
		}
		if (((DATA_CALLS.has(call) || (this.to && this.options.throttle)) &&
		     this.faults.happens('throttle')) ||
		    (WRITES.has(call) && !this.faults.take(1)))
			return this.throttle(res, json);

		const own = this.own_answer(call, body);
		if (own)
			return this.answer(res, 200, JSON.stringify(own));

		let held = {};
		if (call === 'BatchWriteItem') {
			const thinned = this.thin_out(body);

			held = thinned.held;
			if (!Object.keys(thinned.asked.RequestItems).length)
				return this.throttle(res, json);
			body = Buffer.from(JSON.stringify(thinned.asked));
		}
		const changes = DATA_CALLS.has(call) ||
			(Boolean(this.to) && /^P/.test(req.method));
		const lost = changes && this.faults.happens('lost');

		this.stat.lost += lost;
		if (this.to && req.method === 'PUT' && !this.options.real &&
		    !this.options.unconditional &&
		    req.headers['if-none-match'] === '*')
			this.put_new(req, res, body, lost);
		else if (this.to)
			this.uploads_of(req, res) ||
				this.pass_on(req, res, body, lost);
		else
			this.serve(req, res, body, held, changes, lost);
	}

	/* Is there such an object?  s3rver answers anybody. */
	is_there(path)
	{
		return new Promise((done, fail) => http.request({
			host: this.to.hostname, port: this.to.port, path,
			method: 'HEAD', agent: this.agent }, (got) => {
			got.resume();
			done(got.statusCode === 200);
		}).on('error', fail).end());
	}

	/* What s3rver does not know: to put where nothing is; one at a time. */
	put_new(req, res, body, lost)
	{
		const put = async () => {
			if (await this.is_there(req.url))
				return lost ? req.socket.destroy() :
					this.fail(res, false, 412,
						'PreconditionFailed',
						'there is one');
			const over = new Promise((done) => res.once('close', done));

			this.pass_on(req, res, body, lost);
			return over;
		};
		const last = this.last_put.get(req.url) ?? Promise.resolve();

		this.last_put.set(req.url, last.then(put, put));
	}

	/* Half of an answer, if it is to stall or to be cut: true then. */
	half(req, res, text)
	{
		const stalls = this.is_nth(req, /POST/) ||
			(this.options.stall && this.faults.happens('stall'));
		const some = String(text).slice(0, String(text).length >> 1);

		if (!stalls && !(this.options.cut && this.faults.happens('cut')))
			return false;
		this.stat.stalled += Boolean(stalls);
		this.stat.cut += !stalls;
		res.write(some, () => stalls || req.socket.destroy());
		return true;
	}

	/* Let dynalite answer, and add what was held back. */
	serve(req, res, body, held, changes, lost)
	{
		const again = Readable.from(body.length ? [body] : [],
			{ objectMode: false });

		Object.assign(again, { headers: req.headers, method: req.method,
			url: req.url, socket: req.socket,
			connection: req.socket });

		const end = res.end.bind(res);
		res.end = (text) => {
			if (lost)
				return req.socket.destroy();
			if (res.statusCode === 200 && Object.keys(held).length) {
				const answer = JSON.parse(text);

				Object.assign(answer.UnprocessedItems, held);
				text = JSON.stringify(answer);
				res.setHeader('Content-Length',
					Buffer.byteLength(text));
				res.removeHeader('x-amz-crc32');
			}
			return (changes && this.half(req, res, text)) ||
				end(text);
		};
		this.dynalite(again, res);
	}

	/*
	 * What s3rver does not know of uploads: to list them and to call them
	 * off.  True if that was it.
	 */
	uploads_of(req, res)
	{
		const url = new URL(req.url, 'http://x');
		const id = url.searchParams.get('uploadId');
		const prefix = url.searchParams.get('prefix') ?? '';
		const escape = (s) => encodeURIComponent(s);

		if (this.options.real)		/* it knows both itself */
			return false;
		if (req.method === 'DELETE' && id !== null) {
			this.stat.aborted += this.uploads.has(id);
			res.writeHead(this.uploads.delete(id) ? 204 : 404);
			res.end();
			return true;
		}
		if (req.method !== 'GET' || !url.searchParams.has('uploads'))
			return false;
		this.answer(res, 200, '<?xml version="1.0"?>' +
			'<ListMultipartUploadsResult><EncodingType>url' +
			'</EncodingType><IsTruncated>false</IsTruncated>' +
			[...this.uploads].filter(([, key]) =>
				key.startsWith(prefix)).map(([of, key]) =>
				`<Upload><Key>${escape(key)}</Key><UploadId>` +
				`${of}</UploadId></Upload>`).join('') +
			'</ListMultipartUploadsResult>', 'application/xml');
		return true;
	}

	/* Of its kind, is it one of those that stall? */
	is_nth(req, methods)
	{
		const n = (this.seen[req.method] ?? 0) + 1;

		this.seen[req.method] = n;
		return methods.test(req.method) &&
			n % Number(this.options.stalls ?? Infinity) === 0;
	}

	note_abort(req)
	{
		const id = new URL(req.url, 'http://x').searchParams
			.get('uploadId');

		this.stat.aborted += this.uploads.delete(id);
	}

	/* An upload begins or ends with this answer. */
	note_upload(req, text)
	{
		const url = new URL(req.url, 'http://x');
		const key = decodeURIComponent(url.pathname)
			.replace(/^\/[^/]*\//, '');
		const id = /<UploadId>(.*?)<\/UploadId>/.exec(text);

		if (url.searchParams.has('uploads') && id)
			this.uploads.set(id[1], key);
		if (url.searchParams.has('uploadId') && !/<Error>/.test(text))
			this.uploads.delete(url.searchParams.get('uploadId'));
	}

	pass_on(req, res, body, lost)
	{
		const headers = { ...req.headers, 'content-length': body.length };

		delete headers.expect;
		const on = http.request({ host: this.to.hostname,
			port: this.to.port, method: req.method, path: req.url,
			headers, agent: this.agent }, (got) => {
			if (req.method === 'DELETE' && got.statusCode === 204)
				this.note_abort(req);
			if (req.method === 'POST') {
				let text = '';

				got.on('data', (part) => text += part);
				got.on('end', () => this.note_upload(req,
					text));
			}
			if (lost)
				return req.socket.destroy();
			res.writeHead(got.statusCode, got.headers);
			if (this.faults.happens('stall') || this.is_nth(req, /GET|PUT/)) {
				this.stat.stalled++;
				this.stat.stalledPUT += req.method === 'PUT';
				return got.once('data', (part) => res.write(
					part.subarray(0, part.length >> 1)));
			}
			if (!this.faults.happens('cut'))
				return got.pipe(res);
			this.stat.cut++;
			got.once('data', (part) => res.write(
				part.subarray(0, part.length >> 1),
				() => req.socket.destroy()));
			got.once('end', () => req.socket.destroy());
		});

		on.on('error', (e) => this.fail(res, false, 502, 'BadGateway',
			String(e)));
		on.end(body);
	}
}

/* Start it on a free port, or options.port.  Gives { url, close() }. */
export function
start_strict(options)
{
	const front = new Front(options);
	const receive = (req, res) => front.receive(req, res);
	const pem = options.tls && readFileSync(options.tls);
	const server = pem ? http2.createSecureServer({ key: pem, cert: pem,
		allowHTTP1: true }, receive) : http.createServer(receive);

	server.on('checkContinue', (req, res) => {
		res.writeContinue();
		front.receive(req, res);
	});
	return new Promise((done, fail) => {
		server.once('error', fail);
		server.listen(Number(options.port ?? 0), '127.0.0.1', () => done({
			url: `${pem ? 'https' : 'http'}://127.0.0.1:` +
				server.address().port,
			close: () => {
				server.closeAllConnections?.();
				server.close();
			},
		}));
	});
}
