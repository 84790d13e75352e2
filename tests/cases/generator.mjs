// generator.mjs - random items and expressions from a seed, by placeholders
// and within what DynamoDB accepts, now and then just outside.

/* The members of a path: names and numbers. */
const path_text = (path) => path.map((part, i) =>
	typeof part === 'number' ? `[${part}]` : i ? `.${part}` : part).join('');

const type_of = (value) => value === undefined ? undefined :
	Object.keys(value)[0];

function
follow(item, path)
{
	let at = { M: item };

	for (const part of path) {
		at = typeof part === 'number' ? at.L?.[part] : at.M?.[part];
		if (at === undefined)
			return undefined;
	}
	return at;
}

/* Is `a` at or above `b`? */
const covers = (a, b) => a.length <= b.length &&
	a.every((part, i) => part === b[i]);

const SCALARS = ['S', 'N', 'B'];
const falsy = (value) => value !== undefined &&
	(value.BOOL === false || value.S === '' || value.B === '');
const plain_ascii = (text) => /^[\0-\x7f]*$/.test(text);

/*
 * The known differences, by operator; each gets the operands as { value },
 * undefined where the item has none.  Named as in expressions.jsonl.
 */
const both_missing = (a, b) => a === undefined && b === undefined;
const same_type = (a, b, types) => type_of(a) === type_of(b) &&
	types.includes(type_of(a));
const KNOWN = {
	// "deep equality", "both missing"
	equality: (a, b) => both_missing(a, b) || same_type(a, b, ['L', 'M']),
	// "no order"
	order: (a, b) => both_missing(a, b) || (a !== undefined &&
		type_of(a) === type_of(b) && !SCALARS.includes(type_of(a))),
	// "throws": a missing bound, or bounds of two types; "falsy"
	between: (a, low, high) => low === undefined || high === undefined ||
		type_of(low) !== type_of(high) || falsy(a) ||
		KNOWN.order(a, low),
	// "throws": a missing member; "falsy"
	in: (a, members) => falsy(a) || members.some((m) => m === undefined ||
		KNOWN.equality(a, m)),
	// "falsy"
	attribute_type: (a) => falsy(a),
	// "begins_with numbers", and it throws on other types
	begins_with: (a, b) => both_missing(a, b) || (a !== undefined &&
		type_of(a) === type_of(b) && !['S', 'B'].includes(type_of(a))),
	// "contains any", "falsy"
	contains: (a, b) => both_missing(a, b) || (type_of(a) === 'L' &&
		(!SCALARS.includes(type_of(b)) || falsy(b))),
	// "utf-16", "falsy"
	size: (a) => falsy(a) || (type_of(a) === 'S' && !plain_ascii(a.S)),
};

export const action_text = ({ section, text, value }) =>
	section === 'SET' ? `${text} = ${value}` :
		section === 'REMOVE' ? text : `${text} ${value}`;

export class Generator {
	constructor(seed)
	{
		this.state = seed >>> 0;
		this.dropped = 0;
	}

	/* Mulberry32. */
	random()
	{
		let t = this.state = (this.state + 0x6D2B79F5) >>> 0;

		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	}

	below(n) { return Math.floor(this.random() * n); }
	chance(p) { return this.random() < p; }
	pick(list) { return list[this.below(list.length)]; }
	some(low, high, make)
	{
		return Array.from({ length: low + this.below(high - low + 1) },
			make);
	}

	/* Few different values, so that many are equal. */
	text()
	{
		return this.pick(['', 'a', 'b', 'ab', 'abc', 'B', 'x y', "it's",
			'10', '9', '\u00e9', '\u4e2d\u6587', 'a\u0000', '"']);
	}

	/* Sums of these stay within 38 digits: "precision". */
	digits()
	{
		return this.pick(['0', '1', '-1', '2', '3', '10', '0.5', '1.50',
			'-2.25', '100', '1e2', '1E+3', '-0', '1e-3', '007',
			'12345678901234567890', '0.000000001', '-99999']);
	}

	// ASCII only: "binary as text".
	bytes()
	{
		return Buffer.from(this.pick(['', 'a', 'b', 'ab', 'abc', '\0',
			'zz'])).toString('base64');
	}

	set(make, key = (x) => x)
	{
		const members = new Map(this.some(1, 4, make)
			.map((m) => [key(m), m]));

		return [...members.values()];
	}

	value(depth = 2)
	{
		const types = ['S', 'S', 'N', 'N', 'N', 'B', 'BOOL', 'NULL',
			'SS', 'NS', 'BS'];
		const type = depth > 0 && this.chance(0.35) ?
			this.pick(['L', 'M']) : this.pick(types);

		switch (type) {
		case 'S': return { S: this.text() };
		case 'N': return { N: this.digits() };
		case 'B': return { B: this.bytes() };
		case 'BOOL': return { BOOL: this.chance(0.5) };
		case 'NULL': return { NULL: true };
		case 'SS': return { SS: this.set(() => this.text()) };
		case 'NS': return { NS: this.set(() => this.digits(), Number) };
		case 'BS': return { BS: this.set(() => this.bytes()) };
		case 'L': return { L: this.some(0, 4,
			() => this.value(depth - 1)) };
		default: return { M: this.attributes(0, 3, depth - 1) };
		}
	}

	attributes(low, high, depth)
	{
		return Object.fromEntries(this.some(low, high, () =>
			[this.name(), this.value(depth)]));
	}

	// Reserved words and digits left out: "reserved", "index as name".
	name()
	{
		return this.pick(['a', 'b', 'd', 'e', 'f1', 'g', 'Long_name']);
	}

	/* A path that is mostly there. */
	path()
	{
		const path = [this.name()];
		let at = this.item[path[0]];

		while (path.length < 5) {
			const nested = at?.L || at?.M;

			if (!this.chance(nested ? 0.6 : 0.06))
				break;
			let part;
			if (at?.L && this.chance(0.9))
				part = this.below(at.L.length + 2);
			else if (at?.M && this.chance(0.8))
				part = this.pick([this.name(),
					...Object.keys(at.M)]);
			else
				part = this.chance(0.5) ? this.name() :
					this.below(3);
			path.push(part);
			at = typeof part === 'number' ? at?.L?.[part] :
				at?.M?.[part];
		}
		return path;
	}

	/* An operand: { text, value, path }. */
	place(path = this.path())
	{
		return { path, text: this.named(path),
			value: follow(this.item, path) };
	}

	/* A path's text, some of its names by alias. */
	named(path)
	{
		return path_text(path.map((part) => {
			if (typeof part === 'number' || !this.chance(0.2))
				return part;
			const alias = `#${part.toLowerCase()}`;

			this.names[alias] = part;
			return alias;
		}));
	}

	given(value)
	{
		const name = `:v${Object.keys(this.values).length}`;

		this.values[name] = value;
		return { text: name, value };
	}

	operand(types)
	{
		if (this.chance(0.55))
			return this.place();
		for (;;) {
			const value = this.value(1);

			if (!types || types.includes(type_of(value)))
				return this.given(value);
		}
	}

	/* A value like one that is there, so that comparisons hit. */
	like(other, types)
	{
		if (this.chance(0.5) && other.value !== undefined &&
		    (!types || types.includes(type_of(other.value))))
			return this.given(other.value);
		return this.operand(types);
	}

	/* Not made, and remembered: a known difference. */
	known(is)
	{
		this.bad ||= is;
	}

	sized()
	{
		const a = this.place();

		this.known(KNOWN.size(a.value));
		return { text: `size(${a.text})`, value: { N: '1' } };
	}

	comparison()
	{
		const op = this.pick(['=', '<>', '<', '<=', '>', '>=']);
		const order = !['=', '<>'].includes(op);
		// "operand type": a value beside < has an order.
		const types = order ? SCALARS : undefined;
		const sized = this.chance(0.15);
		const a = sized ? this.sized() : this.operand(types);
		const b = sized ? this.given({ N: String(this.below(4)) }) :
			this.like(a, types);

		this.known((order ? KNOWN.order : KNOWN.equality)
			(a.value, b.value));
		return `${a.text} ${op} ${b.text}`;
	}

	between()
	{
		const a = this.operand(SCALARS);
		const low = this.like(a, SCALARS), high = this.like(a, SCALARS);

		this.known(KNOWN.between(a.value, low.value, high.value));
		return `${a.text} BETWEEN ${low.text} AND ${high.text}`;
	}

	in()
	{
		const a = this.operand();
		const members = this.some(1, 4, () => this.like(a));

		this.known(KNOWN.in(a.value, members.map((m) => m.value)));
		return `${a.text} IN (${members.map((m) => m.text).join(', ')})`;
	}

	call()
	{
		const a = this.place();
		const name = this.pick(['attribute_exists',
			'attribute_not_exists', 'attribute_type', 'begins_with',
			'contains']);
		let b;

		if (name === 'attribute_type')
			b = this.given({ S: this.pick(['S', 'N', 'B', 'BOOL',
				'NULL', 'L', 'M', 'SS', 'NS', 'BS']) });
		else if (name === 'begins_with')
			b = this.like(a, ['S', 'B']);
		else if (name === 'contains')
			b = this.member(a);
		if (name in KNOWN)
			this.known(KNOWN[name](a.value, b?.value));
		return `${name}(${a.text}${b ? `, ${b.text}` : ''})`;
	}

	/* What a container might well hold. */
	member(a)
	{
		const v = a.value ?? {};
		const members = [
			...(v.L ?? []), ...(v.SS ?? []).map((S) => ({ S })),
			...(v.NS ?? []).map((N) => ({ N })),
			...(v.BS ?? []).map((B) => ({ B })),
		];

		return members.length && this.chance(0.6) ?
			this.given(this.pick(members)) : this.like(a);
	}

	condition(depth)
	{
		if (depth === 0 || this.chance(0.35))
			return this[this.pick(['comparison', 'comparison',
				'between', 'in', 'call', 'call'])]();

		const within = () => {
			const text = this.condition(depth - 1);

			// Never twice: the service calls it redundant.
			return this.chance(0.5) && !text.startsWith('(') ?
				`(${text})` : text;
		};
		// One NOT at a time: "not not".
		if (this.chance(0.2))
			return `NOT (${this.condition(0)})`;
		return `${within()} ${this.pick(['AND', 'OR'])} ${within()}`;
	}

	/* The right side of a SET; what it copies goes into `sources`. */
	assigned(sources)
	{
		const number = () => {
			const a = this.chance(0.6) ? this.place() :
				this.given({ N: this.digits() });

			if (a.path)
				sources.push(a.path);
			return a.text;
		};
		const list = () => {
			if (this.chance(0.5))
				return this.given({ L: this.some(0, 3,
					() => this.value(1)) }).text;
			const a = this.place();

			sources.push(a.path);
			return this.chance(0.5) ? a.text :
				`if_not_exists(${a.text}, ${this.given({ L: [] }).text})`;
		};
		const kind = this.below(10);

		if (kind < 4)
			return this.given(this.value()).text;
		if (kind < 6) {
			const a = this.place();

			sources.push(a.path);
			return a.text;
		}
		if (kind < 7) {
			const a = this.place(), b = this.operand();

			sources.push(a.path, ...(b.path ? [b.path] : []));
			return `if_not_exists(${a.text}, ${b.text})`;
		}
		if (kind < 9)
			return `${number()} ${this.pick(['+', '-'])} ${number()}`;
		return `list_append(${list()}, ${list()})`;
	}

	/*
	 * What an action may change: mostly apart from what others change, and
	 * for ADD and DELETE mostly a number or a set.
	 */
	target(section, targets)
	{
		const counts = section === 'ADD' || section === 'DELETE';
		let path;

		for (let n = 0; n < 16; n++) {
			path = n < 12 ? this.path() : [`new${targets.length}`];
			const type = type_of(follow(this.item, path));
			const apart = !targets.some((t) => covers(t.path, path) ||
				covers(path, t.path));

			if (apart && (!counts || n > 12 ||
			    ['N', 'SS', 'NS', 'BS'].includes(type)))
				break;
			if (this.chance(0.02))
				break;
		}
		return this.place(path);
	}

	added(a, section)
	{
		const types = section === 'ADD' ? ['N', 'SS', 'NS', 'BS'] :
			['SS', 'NS', 'BS'];
		const type = types.includes(type_of(a.value)) &&
			this.chance(0.85) ? type_of(a.value) : this.pick(types);

		for (;;) {
			const value = this.value(0);

			if (type_of(value) === type)
				return this.given(value).text;
		}
	}

	update()
	{
		const sources = [];

		this.actions = [];
		for (const section of ['SET', 'REMOVE', 'ADD', 'DELETE']
			.filter(() => this.chance(0.45)))
			this.some(1, 3, () => this.action(section, sources));
		if (this.actions.length === 0)
			this.action('REMOVE', sources);

		this.check_lists();
		this.apart = this.copies_within(sources) || this.shifts();

		const text = [...new Set(this.actions.map((a) => a.section))]
			.map((section) => `${section} ${this.actions
				.filter((a) => a.section === section)
				.map(action_text).join(', ')}`);
		return text.sort(() => this.random() - 0.5).join(' ');
	}

	action(section, sources)
	{
		const a = this.target(section, this.actions);
		const value = section === 'SET' ? this.assigned(sources) :
			section === 'REMOVE' ? undefined :
				this.added(a, section);

		this.actions.push({ section, path: a.path, text: a.text, value });
	}

	// "aliasing": something is copied, and changed within.
	copies_within(sources)
	{
		return sources.some((source) => this.actions.some((a) =>
			covers(source, a.path) &&
			(a.path.length > source.length ||
			['ADD', 'DELETE'].includes(a.section))));
	}

	// "removal order": an element goes, and the list may matter to others.
	shifts()
	{
		return this.actions.some((a) => a.section === 'REMOVE' &&
			typeof a.path.at(-1) === 'number');
	}

	// The same of DELETE, which may empty a set: not made at all.
	check_lists()
	{
		for (const { section, path } of this.actions) {
			if (typeof path.at(-1) !== 'number' ||
			    section !== 'DELETE')
				continue;

			const list = path.slice(0, -1);
			this.known(this.actions.filter((a) =>
				covers(list, a.path) &&
				a.path.length > list.length).length > 1);
		}
	}

	/* The next case, in the form that sides.mjs runs. */
	next()
	{
		for (;;) {
			this.item = this.attributes(2, 7, 3);
			this.names = {};
			this.values = {};
			this.bad = false;

			const kind = this.pick(['condition', 'update']);
			const expression = kind === 'update' ? this.update() :
				this.condition(this.below(4));

			if (this.bad) {
				this.dropped++;
				continue;
			}
			const used = (map) => Object.keys(map).length ? map :
				undefined;
			return { kind, expression, item: this.item,
				names: used(this.names),
				values: used(this.values),
				apart: kind === 'update' && this.apart ?
					this.actions : undefined };
		}
	}
}
