// compare.mjs - Ion as ion-js reads and writes it, and as dynamill does.
//
//	node compare.mjs TOOL [--items N] [--seed N]
//
// TOOL is build/opt/tool_items. Fixtures and N random items go both ways, in
// every spelling that Ion has for them. Ends with `N passed, N failed`.
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gunzipSync } from 'node:zlib';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const ion = require('ion-js');
const JSBI = require('jsbi');
const here = path.dirname(fileURLToPath(import.meta.url));
const fixtures = path.join(here, '../../fixtures');

const args = process.argv.slice(2);
const tool = args.shift();
const options = { '--items': 5000, '--seed': 1 };
for (let i = 0; i < args.length; i += 2)
	options[args[i]] = Number(args[i + 1]);

let passed = 0, failed = 0;

function test(name, f) {
	try {
		const says = f();
		console.log(`ok ${name}${says ? ` (${says})` : ''}`);
		passed++;
	} catch (e) {
		console.log(`not ok ${name}\n\t${String(e.message).slice(0, 2000)
			.replaceAll('\n', '\n\t')}`);
		failed++;
	}
}

function fail(text) {
	throw new Error(text);
}

function equal(got, want, what) {
	if (got === want)
		return;
	let i = 0;
	while (got[i] === want[i])
		i++;
	fail(`${what}: at ${i}\n${got.slice(Math.max(0, i - 100), i + 200)}\n` +
	     `and not\n${want.slice(Math.max(0, i - 100), i + 200)}`);
}

// ---- dynamill ---------------------------------------------------------------

function convert(from, to, input) {
	const done = spawnSync(tool, [from, to], { input,
		maxBuffer: 1 << 30 });
	if (done.error)
		throw done.error;
	return { status: done.status, out: done.stdout.toString(),
		 err: done.stderr.toString() };
}

function items_of(from, input) {
	const r = convert(from, 'dynamodb-json', input);
	if (r.status !== 0)
		fail(r.err);
	return lines(r.out).map(l => JSON.parse(l).Item);
}

const lines = text => text.split('\n').filter(l => l !== '');
const to_json = items => items.map(
	item => JSON.stringify({ Item: item }) + '\n').join('');

// ---- one form for what is equal ---------------------------------------------

// Digits and a power of ten as DynamoDB writes numbers.
function plain(neg, digits, exponent) {
	digits = digits.replace(/^0+/, '');
	while (digits.endsWith('0')) {
		digits = digits.slice(0, -1);
		exponent++;
	}
	if (digits === '')
		return '0';
	const point = digits.length + exponent;
	const text = point <= 0 ? '0.' + '0'.repeat(-point) + digits :
		point >= digits.length ? digits + '0'.repeat(exponent) :
		digits.slice(0, point) + '.' + digits.slice(point);
	return (neg ? '-' : '') + text;
}

function number(text) {
	const [, sign, whole, fraction = '', exponent = '0'] =
		text.match(/^([-+]?)(\d*)(?:\.(\d*))?(?:[eE]([-+]?\d+))?$/);
	return plain(sign === '-', whole + fraction,
		     Number(exponent) - fraction.length);
}

function canonical(v) {
	const [type, x] = Object.entries(v)[0];
	switch (type) {
	case 'N': return { N: number(x) };
	case 'NS': return { NS: x.map(number).sort() };
	case 'SS': case 'BS': return { [type]: [...x].sort() };
	case 'L': return { L: x.map(canonical) };
	case 'M': return { M: canonical_map(x) };
	default: return v;
	}
}

const canonical_map = map => Object.fromEntries(Object.entries(map)
	.map(([k, v]) => [k, canonical(v)]).sort(([a], [b]) => a < b ? -1 : 1));
const one_form = items => items.map(
	i => JSON.stringify(canonical_map(i))).join('\n');

// ---- what ion-js reads ------------------------------------------------------

const SETS = { $dynamodb_SS: 'SS', $dynamodb_NS: 'NS', $dynamodb_BS: 'BS' };

// A value of ion-js as one of DynamoDB's, if it has a type for it.
function typed(v) {
	const notes = v.getAnnotations();
	const type = v.getType().name;
	if (notes.length > 0) {
		const set = SETS[notes[0]];
		if (notes.length > 1 || !set || type !== 'list' || v.isNull())
			fail('an annotation');
		const members = v.elements().map(m => Object.entries(typed(m))[0]);
		if (members.length === 0 || members.some(m => m[0] !== set[0]))
			fail('members of a set');
		const keys = members.map(m => JSON.stringify(
			canonical({ [m[0]]: m[1] })));
		if (new Set(keys).size < keys.length)
			fail('a member twice');
		return { [set]: members.map(m => m[1]) };
	}
	if (v.isNull())
		return { NULL: true };
	switch (type) {
	case 'string': return { S: well_formed(v.stringValue()) };
	case 'bool': return { BOOL: v.booleanValue() };
	case 'blob': return { B: Buffer.from(v.uInt8ArrayValue())
		.toString('base64') };
	case 'int': return { N: in_range(v.bigIntValue().toString()) };
	case 'decimal': {
		const d = v.decimalValue();
		return { N: in_range(d.getCoefficient().toString() + 'e' +
				     d.getExponent()) };
	}
	case 'float': return { N: in_range(String(v.numberValue())) };
	case 'list': return { L: v.elements().map(typed) };
	case 'struct': return { M: map_of(v) };
	default: return fail(type);
	}
}

function well_formed(text) {
	return text.isWellFormed?.() === false ? fail('a surrogate') : text;
}

function in_range(text) {
	if (!/^-?\d/.test(text))
		fail(text);
	const n = number(text);
	const digits = n.replace(/^-?0*\.?0*/, '').replace('.', '');
	const power = n.includes('.') && /^-?0\./.test(n)
		? -n.match(/^-?0\.(0*)/)[1].length - 1
		: n.replace('-', '').split('.')[0].length - 1;
	if (digits.replace(/0+$/, '').length > 38 ||
	    (n !== '0' && (power > 125 || power < -130)))
		fail('a number out of range');
	return n;
}

function map_of(v) {
	const map = {};
	for (const [name, values] of v.allFields()) {
		if (values.length > 1)
			fail('a name twice');
		if (name === '')
			fail('an empty name');
		map[name] = typed(values[0]);
	}
	return map;
}

// The item of a value: what is under Item, or all of it.
function item(v) {
	if (v.getType().name !== 'struct' || v.isNull() ||
	    v.getAnnotations().length > 0)
		fail('no struct');
	const fields = v.allFields();
	const [first, values] = fields[0] ?? [];
	if (first === 'Item' && values[0].getType().name === 'struct') {
		if (fields.length > 1)
			fail('more beside Item');
		v = values[0];
	} else if (fields.some(f => f[0] === 'Keys') && fields.every(f =>
		   ['Metadata', 'Keys', 'OldImage', 'NewImage'].includes(f[0]))) {
		fail('a record');
	}
	return map_of(v);
}

const ion_items = text => ion.loadAll(text).map(item);

// ---- what ion-js writes -----------------------------------------------------

// Into a writer of ion-js.
function write_value(w, v, name) {
	if (name !== undefined)
		w.writeFieldName(name);
	const [type, x] = Object.entries(v)[0];
	const set = { SS: 'S', NS: 'N', BS: 'B' }[type];
	switch (type) {
	case 'S': w.writeString(x); break;
	case 'N': w.writeDecimal(ion.Decimal.parse(x.replace(/e/i, 'd')
		.replace(/^([^.d]*)$/, '$1.'))); break;
	case 'B': w.writeBlob(new Uint8Array(Buffer.from(x, 'base64'))); break;
	case 'BOOL': w.writeBoolean(x); break;
	case 'NULL': w.writeNull(ion.IonTypes.NULL); break;
	case 'M':
		w.stepIn(ion.IonTypes.STRUCT);
		for (const [k, y] of Object.entries(x))
			write_value(w, y, k);
		w.stepOut();
		break;
	default:
		if (set)
			w.setAnnotations(['$dynamodb_' + type]);
		w.stepIn(ion.IonTypes.LIST);
		for (const y of x)
			write_value(w, set ? { [set]: y } : y);
		w.stepOut();
	}
}

function ion_text(items, make) {
	const w = make();
	for (const i of items) {
		w.stepIn(ion.IonTypes.STRUCT);
		write_value(w, { M: i }, 'Item');
		w.stepOut();
	}
	w.close();
	return Buffer.from(w.getBytes());
}

// ---- random items, in random spellings --------------------------------------

let state = BigInt(options['--seed']) * 2654435761n + 1n;

function dice(n) {
	state = (state * 6364136223846793005n + 1442695040888963407n) &
		0xFFFFFFFFFFFFFFFFn;
	return Number((state >> 33n) % BigInt(n));
}

const pick = list => list[dice(list.length)];
const several = (n, f) => Array.from({ length: dice(n) }, f);
const distinct = (list, key) => [...new Map(list.map(
	x => [key(x), x])).values()];

const CHARS = ['a', 'B', '7', ' ', '_', '$', '"', "'", '\\', '/', '\n', '\r',
	'\t', '\0', '\x07', '\b', '\v', '\f', '\x1b', '\x7f', '\x85', 'é',
	'\u2028', '€', '\ufeff', '\uffff', '🏠', '\u{10ffff}', '{', '}', ':',
	',', "'''", '//', '/*', '*/', '$ion_1_0', '::'];
const NAMES = ['id', 'a', 'b', 'name', '$ion', '$ion_1_0', '$1', '$10', '$',
	'null', 'true', 'false', 'nan', 'int', 'null.int', 'a b', 'Item',
	'Keys', 'inf', '+inf', '1', '-', '.', "it's"];

const random_text = n => several(n, () => pick(CHARS)).join('');
const random_name = () => dice(3) > 0 ? pick(NAMES) : 'x' + random_text(6);
const random_bytes = () => Buffer.from(several(40, () => dice(256)))
	.toString('base64');

function random_number() {
	const digits = Array.from({ length: 1 + dice(pick([3, 10, 38])) },
				  () => dice(10)).join('');
	const most = 125 - digits.length, least = -130;
	const exponent = dice(3) === 0
		? least + dice(most - least) : dice(12) - 6;
	return plain(dice(2) === 0, digits, exponent);
}

function random_value(depth) {
	const types = ['S', 'S', 'S', 'N', 'N', 'N', 'B', 'BOOL', 'NULL', 'SS',
		'NS', 'BS'].concat(depth > 0 ? ['M', 'L', 'M', 'L'] : []);
	const type = pick(types);
	switch (type) {
	case 'S': return { S: random_text(30) };
	case 'N': return { N: random_number() };
	case 'B': return { B: random_bytes() };
	case 'BOOL': return { BOOL: dice(2) === 0 };
	case 'NULL': return { NULL: true };
	case 'SS': return { SS: distinct(['x', ...several(5,
		() => random_text(5))], x => x) };
	case 'NS': return { NS: distinct(['1', ...several(5, random_number)],
		number) };
	case 'BS': return { BS: distinct(['AA==', ...several(5, random_bytes)],
		x => x) };
	case 'L': return { L: several(6, () => random_value(depth - 1)) };
	default: return { M: random_map(depth - 1) };
	}
}

function random_map(depth) {
	return Object.fromEntries(several(8, () => [random_name(),
		random_value(depth)]));
}

const random_item = n => ({ id: { S: 'item-' + n }, ...random_map(3) });

// White space, in some places none; with or without comments.
const WHITE = ['', '', '', '', ' ', '\n', '\t', '\r\n', ' \v\f', '\n\n  '];
const COMMENTS = ['/* } ] " */', '/**/', '// ]}\'"\n'];
const EASY = COMMENTS.map(c => ' ' + c);
/* For ion-js: no underscores in numbers, no binary ones, no negative ones to
 * base 16, no comment right behind a number; and long strings whole, for where
 * pieces are empty, or have nothing or a comment between them, it loses text. */
let easy = false;
const blank = () => pick([...WHITE, ...easy ? EASY : COMMENTS]);

const hex = (n, c) => c.toString(16).padStart(n, '0');

function spell_char(c, quotes) {
	const code = c.codePointAt(0);
	const short = { '\0': '0', '\x07': 'a', '\b': 'b', '\t': 't',
		'\n': 'n', '\v': 'v', '\f': 'f', '\r': 'r', '"': '"', "'": "'",
		'?': '?', '/': '/', '\\': '\\' }[c];
	const ways = [`\\U${hex(8, code)}`];
	if (short)
		ways.push('\\' + short, '\\' + short);
	if (code < 0x100)
		ways.push(`\\x${hex(2, code)}`);
	if (code < 0x10000)
		ways.push(`\\u${hex(4, code).toUpperCase()}`);
	if ((code >= 0x20 || c === '\t' || c === '\v' || c === '\f') &&
	    c !== quotes && c !== '\\')
		ways.push(c, c, c, c, c);
	return pick(ways) + (dice(200) === 0 ? '\\\n' : '');
}

const spell_chars = (text, quotes) => [...text].map(
	c => spell_char(c, quotes)).join('');

function spell_long(text) {
	const chars = [...text], pieces = [];
	do {
		const n = easy ? chars.length : dice(chars.length + 1);
		pieces.push("'''" + chars.splice(0, n).map(
			c => c === '\n' && dice(2) ? c : spell_char(c, "'")
		).join('') + "'''");
	} while (chars.length > 0);
	return pieces.join(blank());
}

const spell_string = text => dice(4) === 0 ? spell_long(text)
	: '"' + spell_chars(text, '"') + '"';

function spell_name(name) {
	const bare = /^[a-zA-Z_$][\w$]*$/.test(name) && !/^\$\d+$/.test(name) &&
		!['null', 'true', 'false', 'nan'].includes(name);
	if (bare && dice(3) > 0)
		return name;
	return dice(2) ? `'${spell_chars(name, "'")}'` : spell_string(name);
}

function spell_number(text) {
	const neg = text.startsWith('-') ? '-' : '';
	let [whole, fraction = ''] = text.replace('-', '').split('.');
	const score = t => t.replace(/\d(?=\d)/g,
		d => dice(9) === 0 && !easy ? d + '_' : d);

	if (fraction === '' && dice(4) === 0) {
		const big = BigInt(whole);
		if (easy)
			return neg + (neg ? whole : '0x' + big.toString(16));
		return neg + pick([score(whole), '0x' + big.toString(16),
			'0X' + big.toString(16).toUpperCase(),
			'0b' + big.toString(2)]);
	}
	if (dice(3) === 0) {		/* all digits, and an exponent */
		const digits = (whole + fraction).replace(/^0+(?=\d)/, '');
		const zeros = digits === '0' ? 0 : dice(3);
		return neg + score(digits + '0'.repeat(zeros)) +
			pick(['d', 'D']) + (-fraction.length - zeros);
	}
	if (dice(3) === 0)
		fraction += '0'.repeat(dice(3));
	return neg + score(whole) + '.' + score(fraction);
}

function spell_blob(text) {
	return '{{' + [...text].map(c => dice(20) ? c : c + pick([' ', '\n',
		'\t'])).join('') + pick(['', ' ', '\r\n']) + '}}';
}

function spell_list(elements, open, close) {
	return open + elements.map(e => blank() + e + blank()).join(',') +
		(elements.length > 0 && dice(4) === 0 ? ',' + blank() : blank()) +
		close;
}

function spell(v) {
	const [type, x] = Object.entries(v)[0];
	const note = () => pick(['$dynamodb_' + type, `'$dynamodb_${type}'`]) +
		blank() + '::' + blank();
	switch (type) {
	case 'S': return spell_string(x);
	case 'N': return spell_number(x);
	case 'B': return spell_blob(x);
	case 'BOOL': return String(x);
	case 'NULL': return pick(['null', 'null.null', 'null.string',
		'null.decimal', 'null.struct', 'null.list']);
	case 'SS': return note() + spell_list(x.map(spell_string), '[', ']');
	case 'NS': return note() + spell_list(x.map(spell_number), '[', ']');
	case 'BS': return note() + spell_list(x.map(spell_blob), '[', ']');
	case 'L': return spell_list(x.map(spell), '[', ']');
	default: return spell_map(x);
	}
}

function spell_map(map) {
	return spell_list(Object.entries(map).map(([k, v]) => spell_name(k) +
		blank() + ':' + blank() + spell(v)), '{', '}');
}

function spell_item(i) {
	return pick(['$ion_1_0 ', ' $ion_1_0 ', '$ion_1_0\n', '', '']) +
		(dice(3) === 0 ? spell_map(i) :
		 '{' + blank() + pick(['Item', '"Item"', "'Item'"]) + blank() +
		 ':' + blank() + spell_map(i) + blank() + '}') +
		pick(['\n', '\n', ' ', '//\n', '/*\n*/']);
}

// ---- tests ------------------------------------------------------------------

const names_in = folder => readdirSync(path.join(fixtures, folder))
	.filter(f => f.endsWith('.ion')).map(f => f.slice(0, -4)).sort();
const fixture = name => readFileSync(path.join(fixtures, name));

// What ion-js reads otherwise than the specification says; and what it takes,
// or does not look into, of what is refused.
const { otherwise, taken } = JSON.parse(readFileSync(
	path.join(here, 'differences.json')));
const DIFFERS = new Set(Object.keys(otherwise));
const TAKEN = new Set(Object.keys(taken));

for (const name of names_in('ion/good'))
	test(`good/${name} is read as it should be, by both`, () => {
		const text = fixture(`ion/good/${name}.ion`);
		const want = fixture(`ion/good/${name}.json`).toString();
		const r = convert('ion', 'dynamodb-json', text);
		equal(r.err, '', 'rejects');
		equal(r.out, want, 'dynamill');
		/* To ion-js a byte order mark is no Ion. */
		let js;
		try {
			js = one_form(ion_items(text.toString()
				.replace(/^\ufeff/, '')));
		} catch (e) {
			js = e.message;
		}
		const json = one_form(lines(want).map(l => JSON.parse(l).Item));
		if (DIFFERS.has(name) !== (js !== json))
			equal(js, json, 'ion-js');
		return DIFFERS.has(name) ? 'otherwise by ion-js' : '';
	});

for (const name of names_in('ion/bad'))
	test(`bad/${name} is refused by both`, () => {
		const text = fixture(`ion/bad/${name}.ion`);
		const r = convert('ion', 'dynamodb-json', text);
		equal(r.err, fixture(`ion/bad/${name}.why`).toString(), 'reasons');
		let items;
		try {
			items = ion_items(text.toString());
		} catch (e) {
			if (TAKEN.has(name))
				fail('ion-js refuses it now');
			return;
		}
		if (!TAKEN.has(name))
			fail('ion-js takes it: ' + JSON.stringify(items));
		return 'but ion-js takes it';
	});

function both_ways(items) {
	const want = one_form(items);
	const r = convert('dynamodb-json', 'ion', to_json(items));
	equal(r.err, '', 'rejects');
	equal(one_form(items_of('ion', r.out)), want, 'dynamill reads its own');
	equal(one_form(ion_items(r.out)), want, 'ion-js reads dynamill');
	equal(convert('ion', 'ion', r.out).out, r.out, 'written again');
	for (const make of [ion.makeTextWriter, ion.makePrettyWriter])
		equal(one_form(items_of('ion', ion_text(items, make))), want,
		      'dynamill reads ion-js, ' + make.name);
	return `${items.length} items`;
}

test('all types of the fixtures, both ways', () => {
	const top = path.join(fixtures, 'good/types/AWSDynamoDB');
	const items = [];
	for (const id of readdirSync(top))
		for (const f of readdirSync(path.join(top, id, 'data')))
			items.push(...items_of('dynamodb-json', gunzipSync(
				readFileSync(path.join(top, id, 'data', f)))));
	for (const name of names_in('ion/good'))
		items.push(...items_of('ion', fixture(`ion/good/${name}.ion`)));
	return both_ways(items);
});

const PIECE = 1000;
test('random items, both ways, in every spelling', () => {
	let n = 0;
	for (; n < options['--items']; n += PIECE) {
		const items = Array.from({ length: PIECE },
			(_, i) => random_item(n + i));
		both_ways(items);
		const want = one_form(items);
		for (easy of [false, true]) {
			const text = items.map(spell_item).join('');

			equal(one_form(items_of('ion', text)), want,
			      'dynamill');
			if (easy)
				equal(one_form(ion_items(text)), want,
				      'ion-js');
		}
	}
	return `${n} items`;
});

console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
