// table.mjs - read and check the table of cases.

const FIELDS = new Set(['name', 'kind', 'item', 'expr', 'names', 'values',
	'is', 'gives', 'value', 'error', 'stage', 'server', 'why', 'only',
	'as_literal']);

/* What a case, or its `server` field, says should come out. */
function
outcome(line, item)
{
	if ('is' in line)
		return { is: line.is };
	if ('gives' in line)
		return { item: line.gives === 'same' ? item : line.gives };
	if ('value' in line)
		return { value: line.value };
	if ('crash' in line)
		return { crash: line.crash };
	return { error: line.error, stage: line.stage };
}

export function
read_table(text)
{
	const items = new Map(), reasons = new Map(), names = new Set();
	const cases = [], used = new Set();

	for (const [i, written] of text.split('\n').entries()) {
		const wrong = (what) => {
			throw new Error(`table line ${i + 1}: ${what}`);
		};
		if (written.trim() === '')
			continue;

		const line = JSON.parse(written);
		if ('section' in line)
			continue;
		if ('reason' in line) {
			reasons.set(line.reason, line.because);
			continue;
		}
		if ('define' in line) {
			items.set(line.define, line.item);
			continue;
		}

		const item = typeof line.item === 'string' ?
			items.get(line.item) ?? wrong(`no item ${line.item}`) :
			line.item;
		for (const field of Object.keys(line))
			if (!FIELDS.has(field))
				wrong(`unknown field ${field}`);
		if (names.has(line.name))
			wrong(`a second case called ${line.name}`);
		names.add(line.name);
		if ('error' in line && !['parse', 'item'].includes(line.stage))
			wrong('an error needs a stage');
		if ('server' in line && !reasons.has(line.why))
			wrong(`no reason ${line.why}`);
		used.add(line.why);
		cases.push({
			name: line.name, kind: line.kind, item,
			expression: line.expr, names: line.names,
			values: line.values, only: line.only, why: line.why,
			as_literal: line.as_literal,
			wanted: outcome(line, item),
			server: line.server && outcome(line.server, item),
		});
	}
	for (const reason of reasons.keys())
		if (!used.has(reason))
			throw new Error(`no case needs the reason ${reason}`);
	return { cases, reasons };
}
