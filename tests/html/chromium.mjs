// Chromium without a window, spoken to over a pipe (--remote-debugging-pipe):
// messages of the DevTools protocol, each ended by a NUL. Nothing else needed.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/* The first there is; CHROMIUM names another. */
export function find() {
	const names = process.env.CHROMIUM ? [process.env.CHROMIUM]
		: ['chromium', 'chromium-browser', 'google-chrome'];

	return names.find((n) => spawnSync(n, ['--version'],
		{ stdio: 'ignore' }).status === 0);
}

export class Browser {
	constructor(program) {
		this.dir = mkdtempSync(join(tmpdir(), 'html-'));
		const args = ['--headless', '--remote-debugging-pipe',
			'--no-first-run', '--disable-gpu', '--disable-extensions',
			'--disable-background-networking', '--disable-sync',
			'--disable-dev-shm-usage', '--hide-scrollbars',
			'--force-color-profile=srgb', '--lang=en-US',
			'--user-data-dir=' + this.dir];

		// As root there is no sandbox to be had; the pages are our own.
		if (process.getuid() === 0)
			args.push('--no-sandbox');
		this.child = spawn(program, args, {
			stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
			env: { ...process.env, HOME: this.dir },
		});
		this.waiting = new Map();
		this.listeners = [];
		this.last = 0;
		let rest = Buffer.alloc(0);
		this.child.stdio[4].on('data', (data) => {
			rest = Buffer.concat([rest, data]);
			for (let end; (end = rest.indexOf(0)) >= 0;) {
				this.take(JSON.parse(rest.subarray(0, end)));
				rest = rest.subarray(end + 1);
			}
		});
		this.child.stdio[3].on('error', () => {});
		this.child.on('error', (e) => this.fail(e));
		this.child.on('exit', () =>
			this.fail(new Error('chromium has ended')));
	}

	fail(e) {
		for (const w of this.waiting.values())
			w.reject(e);
		this.waiting.clear();
		this.dead = e;
	}

	take(message) {
		const w = this.waiting.get(message.id);

		if (!w) {
			for (const l of this.listeners)
				l(message);
			return;
		}
		this.waiting.delete(message.id);
		if (message.error)
			w.reject(new Error(w.method + ': ' +
				message.error.message));
		else
			w.resolve(message.result);
	}

	send(method, params = {}, sessionId = undefined) {
		if (this.dead)
			return Promise.reject(this.dead);
		const id = ++this.last;

		this.child.stdio[3].write(JSON.stringify(
			{ id, method, params, sessionId }) + '\0');
		return new Promise((resolve, reject) =>
			this.waiting.set(id, { resolve, reject, method }));
	}

	/* A page: `width` pixels wide, dark or light, with or without script. */
	async open(url, { width = 1200, height = 900, dark = false, script = true,
			  scale = 1, phone = false } = {}) {
		const { targetId } = await this.send('Target.createTarget',
			{ url: 'about:blank' });
		const { sessionId } = await this.send('Target.attachToTarget',
			{ targetId, flatten: true });
		const page = new Page(this, sessionId, targetId);

		await page.send('Page.enable');
		await page.send('Runtime.enable');
		await page.send('Network.enable');
		await page.send('Log.enable');
		await page.send('Emulation.setDeviceMetricsOverride', {
			width, height, deviceScaleFactor: scale, mobile: phone });
		await page.send('Emulation.setEmulatedMedia', { features: [{
			name: 'prefers-color-scheme',
			value: dark ? 'dark' : 'light' }] });
		if (!script)
			await page.send('Emulation.setScriptExecutionDisabled',
				{ value: true });
		const loaded = page.once('Page.loadEventFired');
		await page.send('Page.navigate', { url });
		await loaded;
		return page;
	}

	async close() {
		const ended = new Promise((resolve) =>
			this.child.once('exit', resolve));

		await this.send('Browser.close').catch(() => {});
		const timer = setTimeout(() => this.child.kill('SIGKILL'), 5000);

		await ended;
		clearTimeout(timer);
		rmSync(this.dir, { recursive: true, force: true,
				   maxRetries: 5 });
	}
}

export class Page {
	constructor(browser, session, target) {
		this.browser = browser;
		this.session = session;
		this.target = target;
		this.requests = [];
		this.messages = [];
		this.listen = (m) => {
			if (m.sessionId !== session)
				return;
			if (m.method === 'Network.requestWillBeSent')
				this.requests.push(m.params.request.url);
			if (m.method === 'Runtime.exceptionThrown')
				this.messages.push(
					m.params.exceptionDetails.text);
			if (m.method === 'Log.entryAdded')
				this.messages.push(m.params.entry.text);
			if (m.method === 'Page.javascriptDialogOpening')
				this.messages.push('dialog: ' +
					m.params.message);
		};
		browser.listeners.push(this.listen);
	}

	send(method, params) {
		return this.browser.send(method, params, this.session);
	}

	once(method) {
		return new Promise((resolve) => {
			const all = this.browser.listeners;
			const f = (m) => {
				if (m.sessionId !== this.session ||
				    m.method !== method)
					return;
				all.splice(all.indexOf(f), 1);
				resolve(m.params);
			};

			all.push(f);
		});
	}

	/* What the expression gives, in the page. */
	async eval(expression) {
		const r = await this.send('Runtime.evaluate', {
			expression, returnByValue: true, awaitPromise: true });

		if (r.exceptionDetails)
			throw new Error(r.exceptionDetails.exception
				?.description ?? r.exceptionDetails.text);
		return r.result.value;
	}

	/* A key, as from a keyboard. */
	async press(key, code, text) {
		const k = { key, code: key, windowsVirtualKeyCode: code, text };

		await this.send('Input.dispatchKeyEvent',
			{ type: 'keyDown', ...k });
		await this.send('Input.dispatchKeyEvent',
			{ type: 'keyUp', ...k });
	}

	async pdf() {
		const r = await this.send('Page.printToPDF',
			{ preferCSSPageSize: false, paperWidth: 8.27,
			  paperHeight: 11.69, printBackground: true });

		return Buffer.from(r.data, 'base64');
	}

	/* A picture of the window, or of what is at `clip`. */
	async picture(clip = undefined) {
		const r = await this.send('Page.captureScreenshot', {
			format: 'png', clip, captureBeyondViewport: !!clip });

		return Buffer.from(r.data, 'base64');
	}

	async close() {
		const all = this.browser.listeners;

		all.splice(all.indexOf(this.listen), 1);
		await this.browser.send('Target.closeTarget',
			{ targetId: this.target });
	}
}
