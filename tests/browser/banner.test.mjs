// The banner as part of a page: security policy, API, accessibility, size.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import {
  browser, choice, isGone, isShown, kept, open, posted, press, region, reopen, stub, told, value,
} from './banner.mjs';
import { eventually, newVisitor, newVisitorWithPrivacyControl } from './browser.mjs';
import { asset } from './stub.mjs';

const BANNER_BYTES_MAX = 4000;
const TAG_BYTES_MAX = 1500;
const axe = await readFile(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

describe('the page', () => {
  test('a strict Content-Security-Policy with Trusted Types: no errors', async () => {
    const origin = new URL(stub.collector).origin;
    const policies = [
      `default-src 'none'; script-src ${origin}; connect-src ${origin}; img-src data:; require-trusted-types-for 'script'`,
      `default-src 'none'; script-src 'nonce-r4nd0m' 'strict-dynamic'; connect-src ${origin}; img-src data:; style-src 'nonce-r4nd0m'`,
    ];
    for (const policy of policies) {
      stub.reset({ headers: { 'content-security-policy': policy }, nonce: 'r4nd0m' });
      const visitor = await newVisitor(browser);
      const troubles = [];
      visitor.on('console', (message) => { if (message.type() !== 'log') troubles.push(message.text()); });
      visitor.on('weberror', (error) => troubles.push(String(error.error())));
      const page = await open({ visitor });
      await isShown(page);
      assert.equal((await region(page).evaluate((node) => getComputedStyle(node).position)), 'fixed');
      await press(page, 'details');
      await press(page, 'save');
      await isGone(page);
      await posted(page);
      await reopen(page);
      await isShown(page);
      assert.deepEqual(troubles, []);
    }
    stub.nonce = undefined;
  });

  test('the API: reads, sets once, opens; what is not true is a refusal', async () => {
    const page = await open({ path: '/?script=data-manual' });
    await page.waitForFunction(() => window.told.length === 1);
    assert.deepEqual([await told(page), stub.questions, await region(page).count()], [[null], [], 0], 'data-manual: nothing by itself');
    const all = { statistics: true, marketing: true, revision: 1 };
    const set = (wish) => page.evaluate((wish) => window.footfall.consent(wish), wish);
    assert.deepEqual(await set({ statistics: true, marketing: true }), all);
    assert.equal(await kept(page), value('11', 1, 'a'));
    assert.deepEqual(await set({ statistics: true, marketing: true }), all);
    assert.equal(stub.choices.length, 1, 'the same again is no news');
    assert.deepEqual(await set({ statistics: 'yes', marketing: true }), { statistics: false, marketing: false, revision: 1 });
    assert.deepEqual(stub.choices.map(({ method }) => method), ['api', 'api']);
    assert.deepEqual((await told(page)).map((detail) => detail?.statistics), [undefined, true, false]);
    await page.evaluate(() => window.footfall.consent('show'));
    await isShown(page);
    assert.equal(stub.questions.length, 2, 'before something is accepted, and when it is opened');
  });

  test('what others keep on window.footfall stays, a second script does nothing', async () => {
    stub.html = `<script>(window.footfall = () => {}).other = 'other'</script><script defer src="${stub.collector}/consent.js"></script>`;
    const page = await open();
    await isShown(page);
    assert.equal(await page.evaluate(() => window.footfall.other), 'other');
    assert.equal(await region(page).count(), 1);
    assert.equal(stub.questions.length, 1);
  });

  test('Google Consent Mode: denied by default, updated with each choice, ads never against a signal', async () => {
    stub.html = '<script>window.calls = []; function gtag(...call) { calls.push(call) }</script>';
    const calls = (page) => page.evaluate(() => window.calls);
    const words = (analytics, ads) =>
      ({ analytics_storage: analytics, ad_storage: ads, ad_user_data: ads, ad_personalization: ads });
    const silent = await open();
    await isShown(silent);
    assert.deepEqual(await calls(silent), []);

    const page = await open({ path: '/?script=data-google-consent' });
    await isShown(page);
    assert.deepEqual((await calls(page))[0], ['consent', 'default', words('denied', 'denied')]);
    await press(page, 'accept');
    await posted(page);
    await eventually(async () => (await calls(page)).length === 3, 'the update');
    assert.deepEqual((await calls(page))[2], ['consent', 'update', words('granted', 'granted')]);
    await page.reload();
    assert.deepEqual((await calls(page))[0], ['consent', 'default', words('granted', 'granted')]);
    await reopen(page);
    await press(page, 'refuse');
    assert.deepEqual((await calls(page)).at(-1), ['consent', 'update', words('denied', 'denied')]);

    const objecting = await open({ path: '/?script=data-google-consent', visitor: await newVisitorWithPrivacyControl(browser) });
    await reopen(objecting);
    await press(objecting, 'accept');
    await posted(objecting, 3);
    await eventually(async () => (await calls(objecting)).at(-1)[2].analytics_storage === 'granted', 'the update');
    assert.deepEqual((await calls(objecting)).at(-1), ['consent', 'update', words('granted', 'denied')]);
  });

  test('axe finds nothing: asked, details, opened again, notice, right to left, dark, saved', async () => {
    const check = async (page, state) => {
      await page.evaluate(axe);
      await page.evaluate(() => Promise.all(document.querySelector('footfall-consent').shadowRoot.getAnimations().map((one) => one.finished)));
      const { violations } = await page.evaluate(() => window.axe.run({ exclude: ['main', 'footer'] }));
      assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)]), [], state);
    };
    for (const [language, colorScheme] of [['en', 'light'], ['ar', 'light'], ['en', 'dark']]) {
      stub.reset();
      const page = await open({ path: `/?lang=${language}`, context: { colorScheme } });
      await isShown(page);
      await check(page, `${language} ${colorScheme} asked`);
      await press(page, 'details', language);
      await check(page, `${language} ${colorScheme} details`);
      await press(page, 'accept', language);
      await posted(page);
      await eventually(async () => await page.getByRole('status').textContent(), 'saved');
      await check(page, `${language} ${colorScheme} saved`);
      await reopen(page);
      await isShown(page);
      await check(page, `${language} ${colorScheme} opened again`);
      stub.revision = 2;
      await page.reload();
      await isShown(page);
      await check(page, `${language} ${colorScheme} notice`);
    }
  });

  test('both scripts stay small', async () => {
    for (const [name, limit] of [['consent.js', BANNER_BYTES_MAX], ['tag.min.js', TAG_BYTES_MAX]]) {
      const bytes = gzipSync(await asset(name), { level: 9 }).length;
      assert.ok(bytes <= limit, `${name}: ${bytes} bytes`);
    }
  });
});
