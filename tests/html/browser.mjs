// The pages in Chromium: node browser.mjs FOLDER, where analysis.html,
// report.html, hostile-analysis.html and hostile-report.html are. The last line
// is `N passed, N failed, N skipped`.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Browser, find } from './chromium.mjs';

const folder = process.argv[2];
const program = find();
const url = (name) => pathToFileURL(join(folder, name + '.html')).href;
const PAGES = ['analysis', 'report', 'hostile-analysis', 'hostile-report'];
const tests = [];
const test = (name, run) => tests.push({ name, run });
let browser;

/* Open it, do something with it, and see that nothing went wrong meanwhile. */
async function on(name, options, run) {
	const page = await browser.open(url(name), options);

	await run(page);
	assert.deepEqual(page.messages, [], 'messages of the page');
	assert.deepEqual(page.requests.map((u) => u.split('#')[0]),
		[url(name)], 'what was loaded');
	await page.close();
}

/* Found by its caption: in the page, `t` is that table. */
const table = (caption) => `const t = [...document.querySelectorAll('table')]
	.find((t) => t.caption.textContent.startsWith(${
		JSON.stringify(caption)}));
	const shown = () => [...t.tBodies[0].rows].filter((r) => !r.hidden &&
		r.getClientRects().length > 0);
	const column = (i) => shown().map((r) =>
		r.cells[i].firstChild.textContent);
	const head = (i) => t.tHead.rows[0].cells[i];
	const click = (i) => head(i).querySelector('button').click();
	const filter = t.parentNode.previousElementSibling
		.querySelector?.('input');
	const type = (text) => { filter.value = text;
		filter.dispatchEvent(new Event('input')); };`;

test('numbers sort by value: most first, then least, then as it was', () =>
	on('analysis', {}, async (p) => {
		const r = await p.eval(`(() => { ${table('Tables')}
			const all = [column(0)];
			for (let i = 0; i < 3; i++) {
				click(2);
				all.push(column(0), head(2).ariaSort);
			}
			return all; })()`);
		const sorted = ['QuoteItems', 'Contacts', 'Quotes',
			'Properties', 'Requests', 'Projects', 'Attachments',
			'Assignments', 'Users', 'Teams'];

		assert.deepEqual(r[1], sorted);
		assert.equal(r[2], 'descending');
		assert.deepEqual(r[3], sorted.slice().reverse());
		assert.equal(r[4], 'ascending');
		assert.deepEqual(r[5], r[0]);
		assert.equal(r[6], null);
	}));

test('sizes sort by bytes, not by what is written', () =>
	on('analysis', {}, async (p) => {
		const r = await p.eval(`(() => { ${table('Tables')}
			click(11); return column(11); })()`);

		assert.equal(r[0], '224.8 MB');
		assert.deepEqual(r.slice(-2), ['826.0 kB', '794.4 kB']);
	}));

test('texts sort as people order them, and only one column is sorted', () =>
	on('analysis', {}, async (p) => {
		const r = await p.eval(`(() => {
			${table('Attributes of Projects')}
			click(2); click(0);
			return [column(0), head(0).ariaSort, head(2).ariaSort,
				document.querySelectorAll('[aria-sort]')
				.length]; })()`);
		const names = r[0].filter((n) => /^[a-z]/.test(n));

		assert.deepEqual(names, names.slice().sort((a, b) =>
			new Intl.Collator('en', { numeric: true,
				sensitivity: 'base' }).compare(a, b)));
		assert.deepEqual(r.slice(1), ['ascending', null, 1]);
	}));

test('sums stay below, whatever is sorted or filtered', () =>
	on('analysis', {}, async (p) => {
		const r = await p.eval(`(() => { ${table('Tables')}
			click(2); type('quote');
			return [t.tFoot.rows[0].cells[0].textContent,
				t.lastElementChild.tagName, column(0)]; })()`);

		assert.deepEqual(r, ['Total', 'TFOOT',
			['QuoteItems', 'Quotes']]);
	}));

test('a filter shows rows that have every word, and says how many', () =>
	on('analysis', {}, async (p) => {
		const r = await p.eval(`(() => {
			${table('Attributes of Projects')}
			const status = filter.closest('.tools')
				.querySelector('output');
			const all = [shown().length];
			for (const text of ['mixed', 'BILLING null', 'no such',
					    '']) {
				type(text);
				all.push(shown().length, status.textContent);
			}
			return all; })()`);

		assert.equal(r[0], 40);
		assert.deepEqual(r.slice(1, 3), [3, '3 of 40 rows']);
		assert.deepEqual(r.slice(3, 5), [1, '1 of 40 rows']);
		assert.deepEqual(r.slice(5, 7), [0, '0 of 40 rows']);
		assert.deepEqual(r.slice(7), [40, '']);
	}));

test('the keyboard sorts: to the title with Tab, then Enter or Space', () =>
	on('analysis', {}, async (p) => {
		const now = `(() => { ${table('Tables')}
			const b = document.activeElement;
			return [b.tagName, b.getAttribute('aria-label'),
				head(1).ariaSort, column(0)[0]]; })()`;

		await p.eval(`(() => { ${table('Tables')}
			head(0).querySelector('button').focus(); })()`);
		await p.press('Tab', 9);
		await p.press('Enter', 13, '\r');
		assert.deepEqual(await p.eval(now), ['BUTTON',
			'Sort by Level', 'descending', 'QuoteItems']);
		await p.press(' ', 32, ' ');
		assert.deepEqual(await p.eval(now), ['BUTTON',
			'Sort by Level', 'ascending', 'Properties']);
	}));

test('light and dark are told apart, and both can be read', async () => {
	const paper = {};

	for (const dark of [false, true])
		for (const name of ['analysis', 'report'])
			await on(name, { dark }, async (p) => {
				const r = await p.eval(CONTRAST);

				paper[dark] = r.paper;
				assert.deepEqual(r.poor, [],
					'text that is hard to read');
			});
	assert.ok(paper[false] > .9 && paper[true] < .05, paper);
});

/* WCAG's contrast of all text with what is behind it: 4.5 at least. */
const CONTRAST = `(() => {
	const light = (c) => {
		const [r, g, b] = c.match(/[\\d.]+/g).map((v) => v / 255)
			.map((v) => v <= .03928 ? v / 12.92
				: ((v + .055) / 1.055) ** 2.4);
		return .2126 * r + .7152 * g + .0722 * b;
	};
	/* Through what is thin, down to what covers. */
	const behind = (e) => {
		const [r, g, b, a = 1] = getComputedStyle(e).backgroundColor
			.match(/[\\d.]+/g).map(Number);
		if (a === 1 || !e.parentElement)
			return 'rgb(' + [r, g, b] + ')';
		const under = behind(e.parentElement).match(/[\\d.]+/g);
		return 'rgb(' + [r, g, b].map((v, i) =>
			v * a + under[i] * (1 - a)) + ')';
	};
	const poor = new Set();
	for (const e of document.querySelectorAll('body *')) {
		if (![...e.childNodes].some((n) => n.nodeType === 3 &&
				n.data.trim()) || e.closest('script, title'))
			continue;
		const s = getComputedStyle(e);
		const a = light(e.closest('svg') ? s.fill : s.color);
		const b = light(behind(e));
		if ((Math.max(a, b) + .05) / (Math.min(a, b) + .05) < 4.5)
			poor.add(e.tagName + '.' + e.getAttribute('class'));
	}
	return { poor: [...poor], paper: light(behind(document.body)) };
})()`;

test('no page is wider than a phone', async () => {
	for (const name of PAGES)
		for (const width of [320, 390, 768])
			await on(name, { width, phone: true }, async (p) => {
				const r = await p.eval(`[document
					.documentElement.scrollWidth,
					innerWidth]`);

				assert.deepEqual(r, [width, width], name);
			});
});

test('no caption ends out of sight, and what stays does cover', async () => {
	for (const name of PAGES)
		await on(name, { width: 390, phone: true }, async (p) => {
			const wide = await p.eval(`[...document
				.querySelectorAll('caption')].filter((c) =>
				c.getBoundingClientRect().right > innerWidth)
				.length`);
			const thin = await p.eval(`[...document
				.querySelectorAll('.data th:first-child')]
				.filter((e) => /rgba\\(.*, 0(\\.\\d+)?\\)/
				.test(getComputedStyle(e).backgroundColor))
				.length`);

			assert.deepEqual([wide, thin], [0, 0], name);
		});
});

test('it prints, dark or not, on white', async () => {
	for (const name of PAGES)
		await on(name, { dark: true }, async (p) => {
			const pdf = await p.pdf();

			assert.equal(pdf.subarray(0, 5).toString(), '%PDF-');
			await p.send('Emulation.setEmulatedMedia',
				{ media: 'print' });
			assert.equal(await p.eval(`getComputedStyle(document
				.documentElement).backgroundColor`),
				'rgb(255, 255, 255)');
		});
});

test('what was folded away is printed', () =>
	on('analysis', {}, async (p) => {
		await p.eval(`document.querySelectorAll('details').forEach(
			(d) => { d.open = false; })`);
		await p.pdf();
		assert.equal(await p.eval(`document.querySelectorAll(
			'details:not([open])').length`), 0);
	}));

test('hostile names stay text, and no script runs', async () => {
	const TAGS = new Set(`A BODY BR BUTTON CAPTION CIRCLE DD DETAILS DIV DL DT
		FIGCAPTION FIGURE G H1 H2 H3 HEAD HEADER HTML INPUT LABEL LI
		MAIN META NAV OL OUTPUT P PATH RECT SCRIPT SECTION SMALL SPAN
		STRONG STYLE SUMMARY SVG TABLE TBODY TD TEXT TFOOT TH THEAD
		TITLE TR UL`.split(/\s+/));

	for (const name of PAGES)
		await on(name, {}, async (p) => {
			const r = await p.eval(`({ hacked: window.hacked,
				tags: [...new Set([...document
					.querySelectorAll('*')].map((e) =>
					e.tagName.toUpperCase()))],
				scripts: document.scripts.length,
				handlers: [...document.querySelectorAll('*')]
					.filter((e) => [...e.attributes].some(
					(a) => /^on/.test(a.name))).length,
				text: document.body.textContent })`);

			assert.equal(r.hacked, undefined);
			assert.deepEqual(r.tags.filter((t) => !TAGS.has(t)),
				[]);
			assert.equal(r.scripts, 1);
			assert.equal(r.handlers, 0);
			assert.ok(r.text.includes(name === 'report' ? 'Projects'
				: '<script>'), 'the name is shown');
		});
	// Would it have been seen?
	const page = await browser.open('data:text/html,' +
		'<script>window.hacked=1</script>');

	assert.equal(await page.eval('window.hacked'), 1);
	await page.close();
});

test('without script everything is shown', async () => {
	for (const name of ['analysis', 'report'])
		await on(name, { script: false }, async (p) => {
			// Asked from outside: what the page has is laid out.
			const { root } = await p.send('DOM.getDocument');
			const all = async (selector) => (await p.send(
				'DOM.querySelectorAll', { nodeId: root.nodeId,
					selector })).nodeIds;

			assert.equal((await all('button, input')).length, 0);
			const rows = await all('tbody > tr, section, figure');

			assert.ok(rows.length > 30);
			for (const nodeId of rows) {
				const box = await p.send('DOM.getBoxModel',
					{ nodeId });

				assert.ok(box.model.height > 0);
			}
		});
});

test('the picture has every table and every reference', () =>
	on('analysis', {}, async (p) => {
		const r = await p.eval(`(() => {
			const n = (s) => document.querySelectorAll(
				'.graph .scroll ' + s).length;
			return [n('.node'), n('.node.away'), n('.declared'),
				n('.discovered'), n('.dangling'),
				n('.level'), n('.cross'), n('.ring')]; })()`);

		assert.deepEqual(r, [11, 1, 20, 3, 7, 4, 7, 1]);
	}));

test('links lead to the tables that they name, unfolded', () =>
	on('analysis', {}, async (p) => {
		const r = await p.eval(`(async () => {
			const d = document.querySelector('#t7');
			d.open = false;
			const changed = new Promise((resolve) =>
				addEventListener('hashchange', resolve));
			[...document.querySelectorAll('#tables a')].find((a) =>
				a.textContent === 'Projects').click();
			await changed;
			return [d.open, d.querySelector('h3').textContent,
				Math.abs(d.getBoundingClientRect().top) < 100];
		})()`);

		assert.deepEqual(r, [true, 'Projects', true]);
	}));

if (!program) {
	console.log('skipped: there is no chromium');
	console.log(`0 passed, 0 failed, ${tests.length} skipped`);
	process.exit(0);
}

let passed = 0;

browser = new Browser(program);
for (const t of tests)
	try {
		await t.run();
		passed++;
	} catch (e) {
		console.log(`FAILED: ${t.name}\n${e.stack}`);
	}
await browser.close();
console.log(`${passed} passed, ${tests.length - passed} failed, 0 skipped`);
process.exit(passed < tests.length ? 1 : 0);
