// sigv4.mjs - is a request signed as AWS Signature Version 4 wants it?
import { createHash, createHmac } from 'node:crypto';

const hmac = (key, data) => createHmac('sha256', key).update(data).digest();
const sha256 = (data) => createHash('sha256').update(data).digest('hex');
const encoded = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) =>
	`%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const SKEW = 15 * 60 * 1000;

function
decoded(text)
{
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

/* S3 encodes its path once, all others what is encoded already. */
const canonical_path = (path, service) => path.split('/').map((part) =>
	encoded(service === 's3' ? decoded(part) : part)).join('/');

const canonical_query = (query) => query.split('&').filter(Boolean)
	.map((pair) => {
		const [name, ...rest] = pair.split('=');

		return [name, rest.join('=')]
			.map((part) => encoded(decoded(part)));
	})
	.sort((a, b) => a[0] < b[0] ? -1 : a[0] > b[0] ? 1 :
		a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0)
	.map((pair) => pair.join('=')).join('&');

/*
 * What is wrong with the signature of a request, or null.  `keys` maps key ids
 * to { secret, token }; `now` is in milliseconds.
 */
export function
wrong_with({ method, url, headers }, body, keys, now)
{
	const authorization = headers.authorization;
	if (!authorization)
		return 'MissingAuthenticationToken';

	const m = new RegExp('^AWS4-HMAC-SHA256 Credential=' +
		'([^/]+)/(\\d{8})/([^/]+)/([^/]+)/aws4_request, ?' +
		'SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$')
		.exec(authorization);
	if (!m)
		return `IncompleteSignature: ${authorization}`;

	const [, id, date, region, service, list, signature] = m;
	const key = keys[id];
	if (!key)
		return `UnrecognizedClientException: key id ${id}`;
	const token = headers['x-amz-security-token'];
	if (token !== key.token && !token?.startsWith(key.tokens ?? key.token ??
		'none is taken'))
		return 'UnrecognizedClientException: security token';

	const signed = list.split(';');
	if (signed.join() !== [...signed].sort().join())
		return 'the signed headers are not sorted';
	if (!signed.includes('host'))
		return 'host must be signed';
	for (const name of signed)
		if (!(name in headers))
			return `signed header ${name} was not sent`;
	for (const name in headers)
		if (name.startsWith('x-amz-') && !signed.includes(name))
			return `${name} was sent and not signed`;

	const time = headers['x-amz-date'];
	if (time?.slice(0, 8) !== date)
		return 'bad x-amz-date';
	const sent = Date.parse(time.replace(
		/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6Z'));
	if (!(Math.abs(now - sent) < SKEW))
		return 'RequestTimeTooSkewed';

	const hash = sha256(body);
	const claimed = headers['x-amz-content-sha256'];
	if (service === 's3' && !claimed)
		return 'MissingSecurityHeader: x-amz-content-sha256';
	if (claimed && claimed !== 'UNSIGNED-PAYLOAD' && claimed !== hash)
		return 'XAmzContentSHA256Mismatch';

	const [path, query = ''] = url.split(/\?(.*)/s);
	const request = [
		method, canonical_path(path, service), canonical_query(query),
		...signed.map((name) => `${name}:${String(headers[name]).trim()
			.replace(/ +/g, ' ')}`),
		'', list, claimed || hash,
	].join('\n');
	const scope = `${date}/${region}/${service}/aws4_request`;
	const signing = [date, region, service, 'aws4_request']
		.reduce((k, part) => hmac(k, part), `AWS4${key.secret}`);
	const want = hmac(signing, ['AWS4-HMAC-SHA256', time, scope,
		sha256(request)].join('\n')).toString('hex');

	return want === signature ? null :
		`SignatureDoesNotMatch: the canonical request is\n${request}`;
}
