// A website and a collector that only listens, for tests of what the tag sends. The collector is behind a path prefix on the
// site's own host, and once more on a host of another site.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { after, before, beforeEach } from 'node:test';
import { SERVED } from './minify.mjs';
import { eventually, newVisitor, openBrowser } from './browser.mjs';

const WEEK_MS = 604_800_000;
export const tag = await readFile(SERVED);

/** Puts a choice, as the banner wrote it so many weeks ago, into the page's storage. */
export function chosen(flags, weeksAgo = 0) {
  const week = Math.floor(Date.now() / WEEK_MS) - weeksAgo;
  return `localStorage.setItem('footfall-choice', '1.3.${flags}.${week}.b')`;
}

/** The listener of this file's tests, and the browser. */
export let listener, browser;

before(async () => {
  browser = await openBrowser();
  listener = new Listener();
  await listener.listen(browser);
});
beforeEach(() => listener.reset());
after(async () => {
  await browser?.close();
  listener?.close();
});

class Listener {
  #servers = [];
  #browser;

  async listen(browser) {
    this.#browser = browser;
    for (const host of ['127.0.0.1', 'localhost']) {
      const server = createServer((request, response) => this.#answer(request, response)).listen(0, '127.0.0.1');
      await once(server, 'listening');
      this.#servers.push(server);
      const base = `http://${host}:${server.address().port}`;
      if (this.site) this.elsewhere = base;
      else this.site = base;
    }
    this.reset();
  }

  close() {
    for (const server of this.#servers) server.close(), server.closeAllConnections();
  }

  /**
   * What the next test needs: `attributes` of the script, `head` and `body` of the page, `headers` of its answer, the
   * collector's `status`, and `hold`, a promise that it waits for before it answers a hit.
   */
  reset(settings = {}) {
    Object.assign(this, { attributes: '', head: '', body: '', headers: {}, status: 204, hold: null, isElsewhere: false, ...settings });
    this.requests = [];
  }

  /** Everything that hits say, in the order in which they came. */
  get hits() { return this.#all.filter(({ name }) => name !== 'drained'); }
  get #all() { return this.requests.flatMap(({ hits }) => hits); }

  of(kind) { return this.hits.filter((hit) => hit.kind === kind); }
  hitsOf(path) { return this.hits.filter((hit) => hit.url.includes(path)); }
  hitOf(path) { return eventually(() => this.hitsOf(path)[0], `a hit of ${path}`); }

  /** Waits for so many hits of a kind, and gives them. */
  hear(kind, count = 1) {
    return eventually(() => this.of(kind).length >= count && this.of(kind), `${count} of ${kind}`);
  }

  /** Opens a page as somebody new; `prepare` runs before the page's own scripts. */
  async open(path, prepare, visitor) {
    const context = visitor ?? await newVisitor(this.#browser);
    if (prepare) await context.addInitScript(prepare);
    const page = await context.newPage();
    await page.goto(this.site + path);
    return page;
  }

  /** A browser sends in order: when the mark is here, what was sent before it would be too. */
  async mark(page) {
    const count = this.hitsOf('mark').length;
    await page.evaluate(() => fetch('/stats/hit', { method: 'POST', body: JSON.stringify({ url: 'mark' }) }));
    await eventually(() => this.hitsOf('mark').length > count, 'the mark');
  }

  /** Waits until everything that the page's tag still has to send has come; it sends in order. */
  async drain(page) {
    const drained = () => this.#all.filter(({ name }) => name === 'drained').length;
    const count = drained();
    await page.evaluate(() => window.footfall('drained'));
    await eventually(() => drained() > count, 'what the tag had to send');
  }

  async #answer(request, response) {
    const path = request.url.split('?')[0];
    if (path === '/stats/hit') return this.#take(request, response);
    if (path === '/stats/tag.js') {
      const headers = { 'content-type': 'text/javascript', 'access-control-allow-origin': '*' };
      return response.writeHead(200, headers).end(tag);
    }
    if (path.startsWith('/files/')) {
      return response.writeHead(200, { 'content-type': 'application/octet-stream' }).end('a file');
    }
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...this.headers });
    response.end(this.#page());
  }

  async #take(request, response) {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { origin = '*', 'content-type': type, 'sec-fetch-mode': mode } = request.headers;
    this.requests.push({ type, mode, status: this.status, hits: [JSON.parse(body)].flat() });
    if (!body.includes('"mark"')) await this.hold;
    const cors = { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true' };
    response.writeHead(this.status, cors).end();
  }

  #page() {
    const collector = this.isElsewhere ? `${this.elsewhere}/stats` : '/stats';
    return `<!doctype html><title>page</title><link rel="icon" href="data:,">${this.head}
<script defer src="${collector}/tag.js" ${this.attributes}></script>
<body>${this.body}</body>`;
  }
}
