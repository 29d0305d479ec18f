// Hits that do not get through, and hits that wait.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, newVisitor } from './browser.mjs';
import { browser, chosen, listener } from './listener.mjs';

/** A promise and the way to fulfil it. */
function gate() {
  let open;
  const promise = new Promise((resolve) => { open = resolve; });
  return { promise, open };
}

/** Resolves when the page has seen that many hits fail. */
async function failed(page, count) {
  await eventually(() => page.failures >= count, `${count} failures`);
  await page.evaluate(() => new Promise((resolve) => { setTimeout(resolve); }));
}

async function openOffline(visitor) {
  const page = await listener.open('/page', undefined, visitor);
  await listener.hear('view');
  page.failures = 0;
  page.on('requestfailed', () => { page.failures += 1; });
  await page.context().setOffline(true);
  return page;
}

test('what could not be sent is sent when the network is back, in order', async () => {
  const page = await openOffline();
  await page.evaluate(() => footfall('one'));
  await failed(page, 1);
  await page.evaluate(() => footfall('two'));
  await failed(page, 2);
  await page.context().setOffline(false);
  await listener.hear('event', 2);
  await listener.drain(page);
  assert.deepEqual(listener.of('event').map(({ name }) => name), ['one', 'two']);
});

test('a hit that may have come is sent again under its id, with the next one', async () => {
  const page = await listener.open('/page');
  await listener.hear('view');
  const sent = [];
  await page.route('**/hit', async (route) => {
    sent.push(...route.request().postDataJSON());
    await (sent.length === 1 ? route.abort('connectionreset') : route.continue());
  });
  await page.evaluate(() => footfall('one'));
  await eventually(() => sent.length === 1, 'the first attempt');
  await page.evaluate(() => new Promise((resolve) => { setTimeout(resolve); }));
  await page.evaluate(() => footfall('two'));
  const [one, two] = await listener.hear('event', 2);
  assert.deepEqual([one.name, two.name], ['one', 'two']);
  assert.equal(one.id, sent[0].id);
  assert.notEqual(one.id, two.id);
});

test('a busy collector is asked again after a minute, on its own host and on another', async () => {
  for (const [isElsewhere, status] of [[true, 408], [true, 429], [true, 503], [false, 503]]) {
    listener.reset({ isElsewhere, status });
    const visitor = await newVisitor(browser);
    await visitor.clock.install();
    const page = await listener.open('/page', undefined, visitor);
    await listener.hear('view');
    await page.evaluate(() => new Promise((resolve) => { queueMicrotask(resolve); }));
    listener.status = 204;
    // Chromium itself sends a request that was answered 408 once more.
    const isTaken = ({ status, hits }) => status === 204 && hits.some(({ kind }) => kind === 'view');
    await eventually(async () => {
      await page.clock.fastForward(61_000);
      return listener.requests.some(isTaken);
    }, 'the attempt that is taken');
    assert.equal(new Set(listener.of('view').map(({ id }) => id)).size, 1);
    await page.close();
  }
});

test('what the collector refuses for good is not sent again', async () => {
  for (const isElsewhere of [true, false]) {
    listener.reset({ isElsewhere, status: 400 });
    const page = await listener.open('/page');
    await listener.hear('view');
    listener.status = 204;
    await page.evaluate(() => footfall('next'));
    await listener.hear('event');
    assert.equal(listener.of('view').length, 1);
  }
});

test('one request at a time; what is left when the page goes is sent in one array', async () => {
  const { promise, open } = gate();
  listener.reset({ hold: promise });
  const page = await listener.open('/page');
  await listener.hear('view');
  await page.evaluate(() => { footfall('one'); footfall('two'); });
  await listener.mark(page);
  assert.deepEqual(listener.of('event'), []);
  const hide = (hidden) => page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, hidden);
  await hide(true);
  await listener.hear('event', 2);
  await hide(false);
  const { mode, hits } = listener.requests.at(-1);
  assert.equal(mode, 'cors', 'without an Origin of its own a request would be a stranger\'s');
  assert.deepEqual(hits.filter(({ kind }) => kind === 'event').map(({ name }) => name), ['one', 'two']);
  open();
  await page.evaluate(() => footfall('three'));
  await eventually(() => listener.of('event').some(({ name }) => name === 'three'), 'the page that goes on');
  assert.equal(listener.of('view').length, 1);
  assert.equal(listener.of('event').length, 3);
});

test('what waits is sent when the visitor follows a link', async () => {
  const { promise, open } = gate();
  listener.reset({ hold: promise });
  const page = await listener.open('/page');
  await listener.hear('view');
  await page.evaluate(() => footfall('last'));
  await page.goto('about:blank');
  await listener.hear('event');
  open();
});

test('at most twenty wait', async () => {
  const page = await openOffline();
  await page.evaluate(() => { for (let n = 1; n <= 50; n += 1) footfall(`event ${n}`); });
  await failed(page, 1);
  await page.context().setOffline(false);
  await eventually(() => listener.of('event').length >= 20, 'twenty events');
  await listener.drain(page);
  assert.ok(listener.requests.every(({ hits }) => hits.length <= 20));
  assert.deepEqual(listener.of('event').map(({ name }) => name), Array.from({ length: 20 }, (_, n) => `event ${n + 1}`));
});

test('a refusal in another tab drops what waits in this one', async () => {
  const page = await openOffline();
  await page.evaluate(() => footfall('one'));
  await failed(page, 1);
  const refuse = async () => {
    const heard = page.evaluate(() => new Promise((resolve) => { addEventListener('storage', () => setTimeout(resolve), { once: true }); }));
    await other.evaluate(chosen('00'));
    await heard;
  };
  const other = await page.context().newPage();
  await other.route('**/other', (route) => route.fulfill({ body: '<title>other</title>', contentType: 'text/html' }));
  await other.goto(`${listener.site}/other`);
  await refuse();
  await page.evaluate(chosen('10'));
  await page.context().setOffline(false);
  await page.evaluate(() => footfall('after'));
  await listener.hear('event');
  await listener.drain(page);
  assert.deepEqual(listener.of('event').map(({ name }) => name), ['after']);
});
