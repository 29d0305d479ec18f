// Which views the tag sends, how it is embedded, and when it stays silent.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { eventually, newVisitor, newVisitorWithPrivacyControl } from './browser.mjs';
import { browser, chosen, listener, tag } from './listener.mjs';
import { minified } from './minify.mjs';

const TAG_BYTES_MAX = 1500;

async function assertSilent(page, path) {
  await listener.mark(page);
  assert.deepEqual(listener.hitsOf(path), []);
}

test('a view is sent beside the tag as a simple request, without the fragment', async () => {
  const page = await listener.open('/page-one?utm_source=x#secret');
  const { id, ...hit } = await listener.hitOf('/page-one');
  assert.deepEqual(hit, { site: '127.0.0.1', kind: 'view', url: `${listener.site}/page-one?utm_source=x`, referrer: '' });
  assert.match(id, /^\d+(,\d+){3}$/);
  assert.equal(listener.requests[0].type, 'text/plain;charset=UTF-8');
  assert.deepEqual(await page.context().cookies(), []);
  assert.deepEqual(await page.evaluate(() => Object.keys(localStorage)), []);
});

test('the site can be named, the referrer is told, ids differ', async () => {
  listener.reset({ attributes: 'data-site="example.com"' });
  const page = await listener.open('/page-first');
  await page.evaluate(() => { location.href = '/page-second'; });
  const first = await listener.hitOf('first');
  const second = await eventually(() => listener.of('view')[1], 'the second view');
  assert.equal(second.site, 'example.com');
  assert.equal(second.referrer, `${listener.site}/page-first`);
  assert.notEqual(first.id, second.id);
});

test('it works on a collector of another site, pinned by its integrity, under a policy with a nonce', async () => {
  const integrity = `sha384-${createHash('sha384').update(tag).digest('base64')}`;
  const policy = (source) => `default-src 'none'; script-src ${source}; connect-src ${source === "'self'" ? source : listener.elsewhere}`;
  for (const [isElsewhere, source, more] of [
    [true, "'nonce-abc'", `nonce="abc" integrity="${integrity}" crossorigin="anonymous"`],
    [false, "'self'", `integrity="${integrity}" crossorigin="anonymous"`],
  ]) {
    listener.reset({ isElsewhere, attributes: more, headers: { 'content-security-policy': policy(source) } });
    const page = await listener.open('/page-strict');
    const troubles = [];
    page.on('console', (message) => troubles.push(message.text()));
    page.on('pageerror', (error) => troubles.push(String(error)));
    await page.evaluate(() => history.pushState(null, '', '/page-next'));
    await listener.hear('view', 2);
    assert.deepEqual(troubles, []);
  }
});

test('a tag that does not match its integrity does not run', async () => {
  const integrity = `sha384-${createHash('sha384').update(`${tag} `).digest('base64')}`;
  listener.reset({ isElsewhere: true, attributes: `integrity="${integrity}" crossorigin="anonymous"` });
  await assertSilent(await listener.open('/page-changed'), '/page-changed');
});

test('embedded twice it counts once', async () => {
  listener.reset({ head: '<script defer src="/stats/tag.js"></script>' });
  const page = await listener.open('/page-twice');
  await page.evaluate(() => history.pushState(null, '', '/page-next'));
  await listener.drain(page);
  assert.equal(listener.of('view').length, 2);
});

test('after a refusal kept on the page nothing is sent', async () => {
  const page = await listener.open('/page-refused', chosen('00'));
  await page.evaluate(() => {
    history.pushState(null, '', '/page-refused-2');
    window.footfall('signup');
  });
  await assertSilent(page, '/page-refused');
});

test('what cannot be read is a refusal', async () => {
  for (const value of ['', 'accepted', '1.3.01.2968.b', '1.3.11.2968.b.']) {
    listener.reset();
    const page = await listener.open('/page-unreadable', `localStorage.setItem('footfall-choice', '${value}')`);
    await assertSilent(page, '/page-unreadable');
  }
});

test('a choice holds for 180 days', async () => {
  await assertSilent(await listener.open('/page-in-force', chosen('00', 25)), '/page-in-force');
  await listener.open('/page-run-out', chosen('00', 26));
  await listener.hitOf('/page-run-out');
  await listener.open('/page-of-tomorrow', chosen('00', -1));
  await listener.hitOf('/page-of-tomorrow');
});

test('the choice made on the page or in another tab is obeyed at once; an acceptance sends the view once', async () => {
  const page = await listener.open('/page-changed', chosen('00'));
  await assertSilent(page, '/page-changed');
  const tell = (detail) => page.evaluate((detail) => {
    localStorage.removeItem('footfall-choice');
    document.dispatchEvent(new CustomEvent('footfall:consent', { detail }));
  }, detail);
  await tell(null);
  await assertSilent(page, '/page-changed');
  await tell({ statistics: true });
  await tell({ statistics: true });
  const { id } = await listener.hitOf('/page-changed');
  await tell({ statistics: true, heldBack: true });
  const again = await eventually(() => listener.hitsOf('/page-changed')[1], 'what the collector turned away');
  assert.equal(again.id, id);
  await tell({ statistics: false });
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
  listener.reset();
  await assertSilent(page, '/page-changed');

  const other = await page.context().newPage();
  await other.goto(`${listener.site}/page-other`);
  await other.evaluate(chosen('10'));
  const cameBack = await listener.hitOf('/page-changed');
  assert.notEqual(cameBack.id, id);
});

test('a refusal of marketing is told with each hit', async () => {
  const page = await listener.open('/page-marketing', chosen('10'));
  assert.equal((await listener.hitOf('/page-marketing')).marketing, false);
  await page.evaluate(chosen('11'));
  await page.evaluate(() => window.footfall('signup'));
  assert.equal((await listener.hear('event'))[0].marketing, true);
});

test('Global Privacy Control and Do Not Track silence it', async () => {
  const control = await listener.open('/page-gpc', undefined, await newVisitorWithPrivacyControl(browser));
  await assertSilent(control, '/page-gpc');
  const doNotTrack = () => Object.defineProperty(Navigator.prototype, 'doNotTrack', { get: () => '1' });
  await assertSilent(await listener.open('/page-dnt', doNotTrack), '/page-dnt');
});

test('an acceptance kept on the page beats Global Privacy Control', async () => {
  const visitor = await newVisitorWithPrivacyControl(browser);
  await listener.open('/page-accepted', chosen('10'), visitor);
  await listener.hitOf('/page-accepted');
});

test('where storage is blocked it still counts', async () => {
  await listener.open('/page-blocked', () =>
    Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('blocked', 'SecurityError'); } }));
  await listener.hitOf('/page-blocked');
});

test('the own visits of those who run the site can be left out, and a refusal is not undone by a link', async () => {
  const visitor = await newVisitor(browser);
  const page = await listener.open('/page-own-1#footfall-ignore', undefined, visitor);
  await page.goto(`${listener.site}/page-own-2`);
  await assertSilent(page, '/page-own');
  await page.goto(`${listener.site}/page-own-3#footfall-count`);
  await listener.hitOf('/page-own-3');
  await page.evaluate(chosen('00'));
  await page.goto(`${listener.site}/page-own-4#footfall-count`);
  await assertSilent(page, '/page-own-4');
});

test('a prerendered page counts when it is shown', async () => {
  const page = await listener.open('/page-prerender', () => {
    window.isPrerendering = true;
    Object.defineProperty(Document.prototype, 'prerendering', { get: () => window.isPrerendering });
  });
  await assertSilent(page, '/page-prerender');
  await page.evaluate(() => {
    window.isPrerendering = false;
    document.dispatchEvent(new Event('prerenderingchange'));
  });
  await listener.hitOf('/page-prerender');
});

test('a page that comes back from the back/forward cache counts again', async () => {
  const page = await listener.open('/page-back', () =>
    addEventListener('pageshow', (event) => { window.cameBack = event.persisted; }));
  await listener.hitOf('/page-back');
  await page.goto(`${listener.site}/page-away`);
  await page.goBack({ waitUntil: 'commit' });
  await eventually(() => page.evaluate(() => window.cameBack), 'the page came from the cache');
  const views = () => listener.of('view').filter(({ url }) => url.includes('/page-back'));
  const [first, second] = await eventually(() => views().length === 2 && views(), 'two views');
  assert.notEqual(first.id, second.id);
});

test('what is served is made of what is read, and stays small', async () => {
  assert.equal(String(tag), await minified(), 'run: npm run tag');
  const bytes = gzipSync(tag, { level: 9 }).length;
  assert.ok(bytes <= TAG_BYTES_MAX, `${bytes} bytes`);
});
