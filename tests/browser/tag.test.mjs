// What the tag sends and when it stays silent, against a server that only listens.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { eventually, newVisitor, newVisitorWithPrivacyControl, openBrowser } from './browser.mjs';

const TAG_BYTES_MAX = 1500;
const WEEK_MS = 604_800_000;
const tag = await readFile(new URL('../../collector/assets/tag.js', import.meta.url));
let browser, server, base, hits;

before(async () => {
  server = createServer(answer).listen(0, '127.0.0.1');
  browser = await openBrowser();
  base = `http://127.0.0.1:${server.address().port}`;
});
beforeEach(() => { hits = []; });
after(async () => {
  await browser?.close();
  server?.close();
});

/** `/stats/tag.js` is the collector behind a path prefix, `/page…` a page that embeds it. */
async function answer(request, response) {
  if (request.url === '/stats/hit') {
    let body = '';
    for await (const chunk of request) body += chunk;
    hits.push({ type: request.headers['content-type'], ...JSON.parse(body) });
    return response.writeHead(204).end();
  }
  if (request.url === '/stats/tag.js') {
    return response.writeHead(200, { 'content-type': 'text/javascript' }).end(tag);
  }
  const name = request.url.includes('named') ? ' data-site="example.com"' : '';
  response.writeHead(200, { 'content-type': 'text/html' });
  response.end(`<!doctype html><title>page</title><script defer src="/stats/tag.js"${name}></script>`);
}

/** Opens a page as somebody new; `prepare` runs before the page's own scripts. */
async function open(path, prepare, visitor) {
  const context = visitor ?? await newVisitor(browser);
  if (prepare) await context.addInitScript(prepare);
  const page = await context.newPage();
  await page.goto(base + path);
  return page;
}

const hitsOf = (path) => hits.filter((hit) => hit.url.includes(path));
const hitOf = (path) => eventually(() => hitsOf(path)[0], `a hit of ${path}`);

/** The same visitor's browser sends in order: when the mark is here, what was sent before it would be too. */
async function assertSilent(page, path) {
  await page.evaluate((url) => navigator.sendBeacon(url, JSON.stringify({ url: 'mark' })), `${base}/stats/hit`);
  await hitOf('mark');
  assert.deepEqual(hitsOf(path), []);
}

test('a view is sent beside the tag as a simple request, without the fragment', async () => {
  const page = await open('/page-one?utm_source=x#secret');
  const { id, ...hit } = await hitOf('/page-one');
  assert.deepEqual(hit, {
    type: 'text/plain;charset=UTF-8',
    site: '127.0.0.1',
    kind: 'view',
    url: `${base}/page-one?utm_source=x`,
    referrer: '',
  });
  assert.match(id, /^[0-9a-f]{32}$/);
  assert.deepEqual(await page.context().cookies(), []);
});

test('the site can be named, the referrer is told, ids differ', async () => {
  const page = await open('/page-first-named');
  await page.evaluate(() => { location.href = '/page-second-named'; });
  const first = await hitOf('first');
  const second = await hitOf('second');
  assert.equal(second.site, 'example.com');
  assert.equal(second.referrer, `${base}/page-first-named`);
  assert.notEqual(first.id, second.id);
});

test('where beacons fail it fetches', async () => {
  await open('/page-fetch', () => { navigator.sendBeacon = () => false; });
  assert.equal((await hitOf('/page-fetch')).kind, 'view');
});

/** A visitor with a choice that the banner wrote so many weeks ago. */
function chosen(flags, weeksAgo = 0) {
  const week = Math.floor(Date.now() / WEEK_MS) - weeksAgo;
  return `localStorage.setItem('footfall-choice', '1.3.${flags}.${week}.b')`;
}

test('after a refusal kept on the page nothing is sent', async () => {
  await assertSilent(await open('/page-refused', chosen('00')), '/page-refused');
});

test('what cannot be read is a refusal', async () => {
  for (const value of ['', 'accepted', '1.3.01.2968.b', '1.3.11.2968.b.']) {
    const page = await open('/page-unreadable', `localStorage.setItem('footfall-choice', '${value}')`);
    await assertSilent(page, '/page-unreadable');
    hits = [];
  }
});

test('a choice holds for 180 days', async () => {
  await assertSilent(await open('/page-in-force', chosen('00', 25)), '/page-in-force');
  await open('/page-run-out', chosen('00', 26));
  await hitOf('/page-run-out');
  await open('/page-of-tomorrow', chosen('00', -1));
  await hitOf('/page-of-tomorrow');
});

test('the choice made on the page or in another tab is obeyed at once; an acceptance sends the view once', async () => {
  const page = await open('/page-changed', chosen('00'));
  await assertSilent(page, '/page-changed');
  const tell = (detail) => page.evaluate((detail) => {
    localStorage.removeItem('footfall-choice');
    document.dispatchEvent(new CustomEvent('footfall:consent', { detail }));
  }, detail);
  await tell(null);
  await assertSilent(page, '/page-changed');
  await tell({ statistics: true });
  await tell({ statistics: true });
  const { id } = await hitOf('/page-changed');
  await tell({ statistics: true, heldBack: true });
  const again = await eventually(() => hitsOf('/page-changed')[1], 'what the collector turned away');
  assert.equal(again.id, id);
  await tell({ statistics: false });
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
  hits = [];
  await assertSilent(page, '/page-changed');

  const other = await page.context().newPage();
  await other.goto(`${base}/page-other`);
  await other.evaluate(chosen('10'));
  const cameBack = await hitOf('/page-changed');
  assert.notEqual(cameBack.id, id);
});

test('Global Privacy Control and Do Not Track silence it', async () => {
  const control = await open('/page-gpc', undefined, await newVisitorWithPrivacyControl(browser));
  await assertSilent(control, '/page-gpc');
  const doNotTrack = () => Object.defineProperty(Navigator.prototype, 'doNotTrack', { get: () => '1' });
  await assertSilent(await open('/page-dnt', doNotTrack), '/page-dnt');
});

test('an acceptance kept on the page beats Global Privacy Control', async () => {
  const visitor = await newVisitorWithPrivacyControl(browser);
  await open('/page-accepted', chosen('10'), visitor);
  await hitOf('/page-accepted');
});

test('where storage is blocked it still counts', async () => {
  await open('/page-blocked', () =>
    Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('blocked', 'SecurityError'); } }));
  await hitOf('/page-blocked');
});

test('a prerendered page counts when it is shown', async () => {
  const page = await open('/page-prerender', () => {
    window.hidden = true;
    Object.defineProperty(Document.prototype, 'prerendering', { get: () => window.hidden });
  });
  await assertSilent(page, '/page-prerender');
  await page.evaluate(() => {
    window.hidden = false;
    document.dispatchEvent(new Event('prerenderingchange'));
  });
  await hitOf('/page-prerender');
});

test('a page that comes back from the back/forward cache counts again', async () => {
  const page = await open('/page-back', () =>
    addEventListener('pageshow', (event) => { window.cameBack = event.persisted; }));
  await hitOf('/page-back');
  await page.goto(`${base}/page-away`);
  await page.goBack({ waitUntil: 'commit' });
  await eventually(() => page.evaluate(() => window.cameBack), 'the page came from the cache');
  const [first, second] = await eventually(() => hitsOf('/page-back').length === 2 && hitsOf('/page-back'), 'two views');
  assert.notEqual(first.id, second.id);
});

test('it stays small', () => {
  const bytes = gzipSync(tag, { level: 9 }).length;
  assert.ok(bytes <= TAG_BYTES_MAX, `${bytes} bytes`);
});
