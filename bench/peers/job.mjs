// job.mjs - the job of bench/plan.yaml, for the two Node peers.
import { createHash } from 'node:crypto';
import path from 'node:path';

export const references = {
	agentContactId: 'Contacts',
	homeownerContactId: 'Contacts',
	addressId: 'Properties',
};

// UUID version 8 of SHA-256(table, 0, id, 0, target environment).
export function newId(table, id)
{
	const h = createHash('sha256')
		.update(`${table}\0${id}\0production`).digest('hex');
	const variant = (parseInt(h[16], 16) & 3 | 8).toString(16);

	return `${h.slice(0, 8)}-${h.slice(8, 12)}-8${h.slice(13, 16)}-` +
	       `${variant}${h.slice(17, 20)}-${h.slice(20, 32)}`;
}

// The table that a data file of an export belongs to, and where it goes.
export function placeOf(out, file)
{
	const table = file.match(/([^/]+)\/AWSDynamoDB\//)[1];

	return { table, to: path.join(out, `${table}-${path.basename(file)}`) };
}
