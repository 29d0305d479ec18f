// How long a page was in use and how far it was read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from './browser.mjs';
import { chosen, listener } from './listener.mjs';

/** A page whose clock goes when it is told to, and whose window is looked at when it is told so. */
function withClock() {
  let now = 1000;
  const { get: isReallyHidden } = Object.getOwnPropertyDescriptor(Document.prototype, 'hidden');
  window.isHidden = false;
  window.isFocused = true;
  performance.now = () => now;
  Object.defineProperty(Document.prototype, 'hidden', { get() { return window.isHidden || isReallyHidden.call(this); } });
  Document.prototype.hasFocus = () => window.isFocused;
  window.pass = (milliseconds) => { now += milliseconds; };
  window.hide = (isHidden = true) => {
    window.isHidden = isHidden;
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  };
  window.focusOn = (isFocused) => {
    window.isFocused = isFocused;
    dispatchEvent(new Event(isFocused ? 'focus' : 'blur'));
  };
}

const times = () => listener.of('leave').map(({ engaged_ms }) => engaged_ms);

test('time counts while the page is visible and focused, and leaves of one page add up', async () => {
  const page = await listener.open('/page', withClock);
  await listener.hear('view');
  await page.evaluate(() => {
    pass(2000);
    focusOn(false);
    pass(30_000);
    focusOn(true);
    pass(500);
    hide();
    pass(60_000);
  });
  await listener.hear('leave');
  await page.evaluate(() => {
    hide(false);
    pass(700);
    dispatchEvent(new PageTransitionEvent('pagehide'));
  });
  const [first] = await listener.hear('leave', 2);
  assert.deepEqual(times(), [2500, 700]);
  assert.equal(first.url, `${listener.site}/page`);
});

test('a page that is closed tells its time', async () => {
  const page = await listener.open('/page', withClock);
  await listener.hear('view');
  await page.evaluate(() => pass(1500));
  await page.goto('about:blank');
  await listener.hear('leave');
  assert.deepEqual(times(), [1500]);
});

test('without anything new there is no leave', async () => {
  const page = await listener.open('/page', withClock);
  await listener.hear('view');
  await page.evaluate(() => { hide(); hide(false); pass(5000); hide(); hide(false); hide(); dispatchEvent(new PageTransitionEvent('pagehide')); });
  await listener.hear('leave');
  await listener.drain(page);
  assert.deepEqual(times(), [5000]);
});

test('the next page of the site begins at nought', async () => {
  const page = await listener.open('/one', withClock);
  await listener.hear('view');
  await page.evaluate(() => { pass(3000); history.pushState(null, '', '/two'); });
  await listener.hitOf('/two');
  await page.evaluate(() => { pass(400); hide(); });
  await listener.hear('leave', 2);
  assert.deepEqual(listener.hits.map(({ kind, url, engaged_ms }) => [kind, new URL(url).pathname, engaged_ms]), [
    ['view', '/one', undefined], ['leave', '/one', 3000], ['view', '/two', undefined], ['leave', '/two', 400],
  ]);
});

test('time spent in the back/forward cache is nobody\'s', async () => {
  const page = await listener.open('/page-back', withClock);
  await listener.hear('view');
  await page.evaluate(() => {
    pass(1000);
    document.addEventListener('freeze', () => pass(50_000));
    addEventListener('pageshow', ({ persisted }) => { window.cameBack = persisted; });
  });
  await page.goto(`${listener.site}/page-away`);
  await page.goBack({ waitUntil: 'commit' });
  await eventually(() => page.evaluate(() => window.cameBack), 'the page came from the cache');
  await eventually(() => listener.hitsOf('/page-back').filter(({ kind }) => kind === 'view').length === 2, 'two views');
  await page.evaluate(() => { pass(300); hide(); });
  await eventually(() => listener.hitsOf('/page-back').filter(({ kind }) => kind === 'leave').length === 2, 'two leaves');
  assert.deepEqual(listener.hitsOf('/page-back').map(({ kind, engaged_ms }) => [kind, engaged_ms]), [
    ['view', undefined], ['leave', 1000], ['view', undefined], ['leave', 300],
  ]);
});

test('the largest depth is told in percent', async () => {
  listener.reset({ body: '<main style="height: 4000px"></main><style>body { margin: 0 }</style>' });
  const page = await listener.open('/long', withClock);
  await page.setViewportSize({ width: 800, height: 1000 });
  await listener.hear('view');
  const leave = () => page.evaluate(() => { pass(1000); hide(); hide(false); });
  await leave();
  const scrollTo = async (top) => page.evaluate((top) => new Promise((resolve) => {
    addEventListener('scroll', resolve, { once: true });
    scrollTo(0, top);
  }), top);
  await scrollTo(2000);
  await scrollTo(500);
  await leave();
  await scrollTo(3000);
  await leave();
  await listener.hear('leave', 3);
  assert.deepEqual(listener.of('leave').map(({ scroll }) => scroll), [25, 75, 100]);

  await page.evaluate(() => { pass(1000); history.pushState(null, '', '/long-2'); scrollTo(0, 0); });
  await listener.hitOf('/long-2');
  await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve)); }));
  await leave();
  assert.deepEqual((await listener.hear('leave', 5)).slice(3).map(({ scroll }) => scroll), [100, 25]);

  await page.evaluate(() => {
    pass(1000);
    history.pushState(null, '', '/short');
    document.querySelector('main').style.height = '10px';
  });
  assert.equal((await listener.hear('leave', 6))[5].scroll, 25, 'the page that is left, not the one that comes');
});

test('a page that needs no scrolling was seen whole', async () => {
  const page = await listener.open('/short', withClock);
  await listener.hear('view');
  await page.evaluate(() => { pass(1000); hide(); });
  assert.equal((await listener.hear('leave'))[0].scroll, 100);
});

test('time under a refusal is not told, also not after an acceptance', async () => {
  const page = await listener.open('/page', chosen('00'));
  await page.evaluate(withClock);
  await page.evaluate((accept) => {
    pass(5000);
    hide();
    hide(false);
    eval(accept);
    document.dispatchEvent(new CustomEvent('footfall:consent', { detail: { statistics: true } }));
    pass(800);
    hide();
  }, chosen('10'));
  await listener.hear('leave');
  assert.deepEqual(listener.hits.map(({ kind, engaged_ms }) => [kind, engaged_ms]), [['view', undefined], ['leave', 800]]);
});
