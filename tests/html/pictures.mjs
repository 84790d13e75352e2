// The pictures in docs/images: node pictures.mjs FOLDER OUT, where analysis.html
// and report.html are in FOLDER. What they look like depends on the fonts here.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Browser, find } from './chromium.mjs';

const [folder, out] = process.argv.slice(2);
const PICTURES = [
	{ name: 'report-light', page: 'report', height: 640 },
	{ name: 'report-dark', page: 'report', dark: true, height: 760,
	  from: '#tables' },
	{ name: 'analysis-relations', page: 'analysis', height: 740,
	  from: '#relations' },
	{ name: 'analysis-table', page: 'analysis', height: 640, from: '#t7' },
	{ name: 'analysis-phone', page: 'analysis', width: 390, height: 780,
	  phone: true, from: '#t7' },
];
const browser = new Browser(find());

for (const p of PICTURES) {
	const page = await browser.open(pathToFileURL(
		join(folder, p.page + '.html')).href,
		{ width: 1100, ...p });
	const y = p.from ? await page.eval(`document.querySelector(
		${JSON.stringify(p.from)}).getBoundingClientRect().top +
		scrollY - 12`) : 0;

	writeFileSync(join(out, p.name + '.png'), await page.picture({
		x: 0, y, width: p.width ?? 1100, height: p.height,
		scale: 1 }));
	await page.close();
}
await browser.close();
