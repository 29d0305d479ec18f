// Views of sites whose pages change without being loaded anew.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listener } from './listener.mjs';

const paths = () => listener.of('view').map(({ url }) => url.replace(listener.site, ''));

/** Runs `act` in the page and gives the paths of all views, once everything that the tag had to send has come. */
async function viewsAfter(page, act) {
  await page.evaluate(act);
  await page.evaluate(() => new Promise((resolve) => { setTimeout(resolve); }));
  await listener.drain(page);
  return paths();
}

test('a new path or query is a view, whose referrer is the page before', async () => {
  const page = await listener.open('/start#top');
  const views = await viewsAfter(page, async () => {
    const task = () => new Promise((resolve) => { setTimeout(resolve, 10); });
    history.pushState(null, '', '/products');
    await task();
    history.replaceState({ sorted: true }, '', '/products?sort=price');
    await task();
  });
  assert.deepEqual(views, ['/start', '/products', '/products?sort=price']);
  const referrers = listener.of('view').map(({ referrer }) => referrer.replace(listener.site, ''));
  assert.deepEqual(referrers, ['', '/start', '/products']);
  assert.equal(new Set(listener.hits.map(({ id }) => id)).size, listener.hits.length);
});

test('going back and forth is a view', async () => {
  const page = await listener.open('/start');
  await page.evaluate(() => history.pushState(null, '', '/products'));
  await listener.hitOf('/products');
  await page.goBack();
  await listener.hear('view', 3);
  await page.goForward();
  await listener.hear('view', 4);
  assert.deepEqual(paths(), ['/start', '/products', '/start', '/products']);
});

test('the same address, another state or another fragment is no view', async () => {
  const page = await listener.open('/start?a=1');
  assert.deepEqual(await viewsAfter(page, async () => {
    history.replaceState({ scroll: 300 }, '');
    history.pushState({ open: true }, '', '/start?a=1');
    location.hash = 'section';
    history.pushState(null, '', '#other');
    await new Promise((resolve) => { setTimeout(resolve, 10); });
  }), ['/start?a=1']);
});

test('a redirect within the page counts where it ends, and once', async () => {
  const page = await listener.open('/start');
  assert.deepEqual(await viewsAfter(page, () => {
    history.pushState(null, '', '/account');
    history.replaceState(null, '', '/login');
    history.replaceState({ key: 1 }, '', '/login');
  }), ['/start', '/login']);
  listener.reset();
  assert.deepEqual(await viewsAfter(page, () => {
    history.pushState(null, '', '/account');
    history.pushState(null, '', '/login');
  }), []);
});

test('what the site does with its history still works', async () => {
  const page = await listener.open('/start');
  assert.deepEqual(await page.evaluate(() => {
    history.pushState({ key: 1 }, '', '/a');
    let problem;
    try { history.pushState(null, '', 'https://example.org/'); } catch (error) { problem = error.name; }
    return [history.state, location.pathname, problem];
  }), [{ key: 1 }, '/a', 'SecurityError']);
  await listener.drain(page);
});

test('routes behind # count on demand; other fragments stay in the browser', async () => {
  for (const [attributes, expected] of [
    ['data-hash', ['/app?utm_source=x#/users', '/app?utm_source=x#!/users/7', '/app?utm_source=x']],
    ['', ['/app?utm_source=x']],
  ]) {
    listener.reset({ attributes });
    const page = await listener.open('/app?utm_source=x#/users');
    assert.deepEqual(await viewsAfter(page, async () => {
      for (const hash of ['!/users/7', 'secret']) {
        const went = new Promise((resolve) => { addEventListener('popstate', () => setTimeout(resolve), { once: true }); });
        location.hash = hash;
        await went;
      }
    }), expected);
    await page.close();
  }
});
