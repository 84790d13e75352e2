// values.mjs - DynamoDB's typed JSON: canonical text to compare by, and the
// literal that a dynamill expression would write for a value.

/* One spelling for each number: "-12e3", "0". */
export function
number(text)
{
	const m = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text);
	if (!m || m[2] + m[3] === '')
		throw new Error(`not a number: ${text}`);

	const digits = (m[2] + m[3]).replace(/^0+/, '');
	const trimmed = digits.replace(/0+$/, '');
	if (trimmed === '')
		return '0';
	const exponent = Number(m[4] ?? 0) - m[3].length +
		digits.length - trimmed.length;
	return `${m[1] === '-' ? '-' : ''}${trimmed}e${exponent}`;
}

/* A value with its maps and sets sorted and its numbers in one spelling. */
function
plain(value)
{
	const types = Object.keys(value);
	if (types.length !== 1)
		throw new Error(`not a value: ${JSON.stringify(value)}`);

	const type = types[0];
	const v = value[type];
	switch (type) {
	case 'N':
		return { N: number(v) };
	case 'NS':
		return { NS: v.map(number).sort() };
	case 'SS': case 'BS':
		return { [type]: [...v].sort() };
	case 'L':
		return { L: v.map(plain) };
	case 'M':
		return { M: attributes(v) };
	default:
		return value;
	}
}

function
attributes(map)
{
	return Object.keys(map).sort().map((name) => [name, plain(map[name])]);
}

/* Equal texts, equal values. */
export const value_text = (value) => JSON.stringify(plain(value));
export const item_text = (item) => JSON.stringify(attributes(item));

const quoted = (text) => `'${text.replaceAll("'", "''")}'`;

/* The value as a literal, or null: there is none for binary. */
export function
literal(value)
{
	const type = Object.keys(value)[0];
	const v = value[type];
	const all = (parts, open, close) => parts.includes(null) ? null :
		open + parts.join(', ') + close;

	switch (type) {
	case 'S': return quoted(v);
	case 'N': return v;
	case 'BOOL': return v ? 'true' : 'false';
	case 'NULL': return 'null';
	case 'SS': return `<<${v.map(quoted).join(', ')}>>`;
	case 'NS': return `<<${v.join(', ')}>>`;
	case 'L': return all(v.map(literal), '[', ']');
	case 'M': return all(Object.entries(v).map(([name, member]) => {
		const text = literal(member);

		return text === null ? null : `${quoted(name)}: ${text}`;
	}), '{', '}');
	default: return null;
	}
}

/*
 * An expression with its placeholders written out, or null if one cannot be.
 * Placeholders that are not defined stay, and so does the error.
 */
export function
written_out({ expression, names = {}, values = {} })
{
	const unused = new Set([...Object.keys(names), ...Object.keys(values)]);
	if (unused.size === 0)
		return null;

	let whole = true;
	const text = expression.replace(/[#:]\w+/g, (name) => {
		unused.delete(name);
		if (name in names)
			return `"${names[name].replaceAll('"', '""')}"`;
		if (!(name in values))
			return name;

		const spelled = literal(values[name]);
		whole &&= spelled !== null;
		return spelled;
	});
	return whole && unused.size === 0 ? text : null;
}
