// The consent banner and the tag beside it, in a real browser, against a collector of the test's own (stub.mjs).
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, beforeEach, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { eventually, newVisitor, newVisitorWithPrivacyControl, openBrowser } from './browser.mjs';
import { asset, startStub, TEXTS, thisWeek } from './stub.mjs';

const BANNER_BYTES_MAX = 4000;
const TAG_BYTES_MAX = 1500;
const KEY = 'footfall-choice';
const axe = await readFile(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
let stub, browser;

before(async () => {
  stub = await startStub();
  browser = await openBrowser();
});
beforeEach(() => stub.reset());
after(async () => {
  await browser?.close();
  stub?.close();
});

// --- a visitor and what he sees

/** Opens a page as somebody; `prepare` runs before the page's own scripts. Every event of a choice is written down. */
async function open({ visitor, path = '/', prepare, context = {} } = {}) {
  visitor ??= await newVisitor(browser, context);
  const page = await visitor.newPage();
  await page.addInitScript(() => {
    window.told = [];
    document.addEventListener('footfall:consent', ({ detail }) => window.told.push(detail));
  });
  if (prepare) await page.addInitScript(prepare);
  await page.goto(stub.site + path);
  return page;
}

const region = (page) => page.getByRole('region');
const button = (page, key, language = 'en') => page.getByRole('button', { name: TEXTS[language][key], exact: true });
const box = (page, key) => page.getByRole('checkbox', { name: TEXTS.en[key] });
const press = (page, key, language) => button(page, key, language).click();
const isShown = (page) => region(page).waitFor();
const isGone = (page) => region(page).waitFor({ state: 'detached' });
const reopen = (page) => page.getByRole('link', { name: 'Privacy choices' }).click();
const kept = (page) => page.evaluate((key) => localStorage.getItem(key), KEY);
const told = (page) => page.evaluate(() => window.told);
const choice = (page) => page.evaluate(() => window.footfall.consent());
const value = (flags, revision = 1, method = 'b') => `1.${revision}.${flags}.${thisWeek()}.${method}`;
/** The same where the collector has not taken it so many times. */
const failed = (flags, times = 1, method = 'b') => `1.1.${flags}.${'0'.repeat(times)}${thisWeek()}.${method}`;

/** Waits for so many choices at the collector, and that the page has heard of its answer. */
async function posted(page, count = 1) {
  await eventually(() => stub.choices.length === count, `${count} choices`);
  await page.waitForFunction(() => window.told.length > 0);
}

/** As somebody who chose earlier, once: the visitor may change it afterwards. */
async function openHavingChosen(text, options = {}) {
  const visitor = options.visitor ?? await newVisitor(browser, options.context);
  const page = await visitor.newPage();
  await page.route('**/blank', (route) => route.fulfill({ contentType: 'text/html', body: '<title>blank</title>' }));
  await page.goto(`${stub.site}/blank`);
  await page.evaluate(([key, text]) => localStorage.setItem(key, text), [KEY, text]);
  await page.close();
  stub.requests = [];
  return open({ ...options, visitor });
}

const blockStorage = () =>
  Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('blocked', 'SecurityError'); } });

/** What was sent before the mark has arrived when the mark has: one connection's requests come in order. */
async function settle(page) {
  const earlier = stub.of('POST', '/hit').length;
  await page.evaluate((url) => fetch(url, { method: 'POST', body: JSON.stringify({ kind: 'mark' }) }), `${stub.collector}/hit`);
  await eventually(() => stub.of('POST', '/hit').length > earlier, 'the mark');
}
const views = () => stub.hits.filter(({ kind }) => kind === 'view');

// --- asking

describe('the question', () => {
  test('accept: the choice goes to the collector, is kept on the page, and the view held back is sent again', async () => {
    const page = await open();
    await isShown(page);
    assert.deepEqual(stub.questions[0].query, { site: 'example.com', language: 'en' });
    assert.deepEqual(await choice(page), null);
    await press(page, 'accept');
    await isGone(page);
    await posted(page);
    assert.equal(stub.of('POST', '/consent')[0].type, 'text/plain;charset=UTF-8', 'no preflight');
    assert.deepEqual(stub.choices, [{ site: 'example.com', statistics: 'accept', marketing: 'accept', method: 'banner' }]);
    const all = { statistics: true, marketing: true, revision: 1 };
    await eventually(async () => (await told(page)).length === 2, 'the page is told');
    assert.deepEqual(await told(page), [null, { ...all, heldBack: true }]);
    assert.equal(await kept(page), value('11'));
    assert.deepEqual(await choice(page), all);
    assert.deepEqual((await page.context().cookies()).map((cookie) => cookie.value), [value('11')]);
    await settle(page);
    const [first, second, ...more] = views();
    assert.deepEqual(more, []);
    assert.deepEqual(second, first, 'one view with one id: it counts once');
  });

  test('refuse: nothing is sent any more, on this page or the next', async () => {
    const page = await open();
    await press(page, 'refuse');
    await isGone(page);
    assert.equal(await kept(page), value('00'), 'at once, not when the collector has answered');
    await posted(page);
    assert.deepEqual(stub.choices, [{ site: 'example.com', statistics: 'refuse', marketing: 'refuse', method: 'banner' }]);
    assert.deepEqual(await choice(page), { statistics: false, marketing: false, revision: 1 });
    stub.requests = [];
    await page.reload();
    await settle(page);
    assert.deepEqual(views(), []);
  });

  test('details: nothing is ticked before an answer in opt-in, marketing needs statistics, save keeps both', async () => {
    const page = await open();
    const details = button(page, 'details');
    await details.waitFor();
    assert.equal(await details.getAttribute('aria-expanded'), 'false');
    assert.equal(await box(page, 'statistics').count(), 0);
    await details.click();
    assert.equal(await details.getAttribute('aria-expanded'), 'true');
    assert.ok(await box(page, 'necessary').isChecked() && await box(page, 'necessary').isDisabled());
    assert.equal(await box(page, 'statistics').isChecked(), false);
    assert.equal(await box(page, 'marketing').isChecked(), false);
    assert.ok(await box(page, 'marketing').isDisabled());
    await box(page, 'statistics').check();
    await box(page, 'marketing').check();
    await box(page, 'statistics').uncheck();
    assert.equal(await box(page, 'marketing').isChecked(), false, 'it goes with statistics');
    await box(page, 'statistics').check();
    await press(page, 'save');
    await posted(page);
    assert.deepEqual(stub.choices, [{ site: 'example.com', statistics: 'accept', marketing: 'refuse', method: 'banner' }]);
    await eventually(async () => await kept(page) === value('10'), 'the choice is kept');
    assert.equal(await page.getByRole('status').textContent(), TEXTS.en.saved);

    stub.requests = [];
    await page.reload();
    await eventually(() => views().length === 1, 'the view is counted');
    assert.equal(views()[0].marketing, false, 'the page tells that marketing was refused');
  });

  test('opt-out: the boxes show what holds by default', async () => {
    stub.mode = 'opt-out';
    const page = await open();
    await press(page, 'details');
    assert.ok(await box(page, 'statistics').isChecked());
    assert.ok(await box(page, 'marketing').isChecked());
    await press(page, 'accept');
    await posted(page);
    await settle(page);
    assert.equal(views().length, 1, 'the view was counted when it was seen');
  });

  test('accept and refuse are alike: size, style, reach', async () => {
    const page = await open({ context: { reducedMotion: 'reduce' } });
    await isShown(page);
    const look = (key) => button(page, key).evaluate((node) => {
      const { width, height, top } = node.getBoundingClientRect();
      const { font, color, backgroundColor, border, opacity, textDecoration } = getComputedStyle(node);
      return { tag: node.tagName, width, height, top, font, color, backgroundColor, border, opacity, textDecoration };
    });
    assert.deepEqual(await look('accept'), await look('refuse'));
    await page.keyboard.press('Tab');
    assert.equal(await focused(page), TEXTS.en.refuse, 'refuse is no further than accept');
    await page.keyboard.press('Tab');
    assert.equal(await focused(page), TEXTS.en.accept);
  });

  test('cookieless: never asked; a collector that cannot be reached: nothing is asked', async () => {
    stub.reset({ mode: 'cookieless', revision: 2 });
    const visitor = await newVisitor(browser);
    await visitor.route('**/consent?*', (route) => route.abort());
    for (const page of [await open(), await openHavingChosen(value('00')), await open({ visitor })]) {
      await page.waitForFunction(() => window.told.length === 1);
      assert.equal(await region(page).count(), 0);
    }
  });

  test('an acceptance that the collector did not take is not kept; a refusal is', async () => {
    const page = await open();
    await isShown(page);
    stub.isDown = true;
    await press(page, 'accept');
    await eventually(() => stub.choices.length === 1, 'the choice was sent');
    await settle(page);
    assert.equal(await kept(page), null);
    await page.evaluate(() => window.footfall.consent({ statistics: false }));
    assert.equal(await kept(page), failed('00', 1, 'a'));
    stub.isDown = false;
    await page.evaluate(() => dispatchEvent(new Event('online')));
    await eventually(async () => await kept(page) === value('00', 1, 'a'), 'the refusal is taken');
    assert.deepEqual(stub.choices.map(({ statistics, method }) => [statistics, method]),
      [['accept', 'banner'], ['refuse', 'api'], ['refuse', 'api']], 'the acceptance is not sent again');
    await page.evaluate(() => dispatchEvent(new Event('online')));
    await settle(page);
    assert.equal(stub.choices.length, 3, 'what was taken is not sent again');
  });

  test('a refusal that was not taken is sent again with the next pages, four times at most, and holds all the while', async () => {
    const page = await open();
    await isShown(page);
    stub.isDown = true;
    await press(page, 'refuse');
    await eventually(async () => await kept(page) === failed('00'), 'it is known that the collector does not know');
    for (const times of [2, 3, 4, 5, 5, 5]) {
      await page.reload();
      await eventually(async () => await kept(page) === failed('00', times), `${times} failures`);
      assert.deepEqual(await choice(page), { statistics: false, marketing: false, revision: 1 });
      await settle(page);
      assert.equal(stub.choices.length, times, 'and no more');
    }
    assert.deepEqual(stub.choices, Array(5).fill({ site: 'example.com', statistics: 'refuse', marketing: 'refuse', method: 'banner' }));
    assert.deepEqual(new Set(views().map(({ url }) => url)).size, 1, 'the view before the refusal');
    assert.equal(views().length, 1);
  });

  test('offline: refused at once, told when the browser is online again', async () => {
    const visitor = await newVisitor(browser);
    const page = await open({ visitor });
    await isShown(page);
    await visitor.setOffline(true);
    await press(page, 'refuse');
    await eventually(async () => await kept(page) === failed('00'), 'the refusal holds');
    assert.deepEqual(stub.choices, []);
    await visitor.setOffline(false);
    await eventually(async () => await kept(page) === value('00'), 'the refusal is taken');
    assert.equal(stub.choices.length, 1);
    assert.match((await visitor.cookies())[0].value, /^1\.1\.00\./);
  });
});

// --- choosing again

describe('the choice of earlier', () => {
  test('who has chosen causes no request and no flash', async () => {
    for (const flags of ['00', '10', '11']) {
      const page = await openHavingChosen(value(flags));
      await settle(page);
      assert.deepEqual(stub.questions, []);
      assert.equal(await page.locator('footfall-consent').count(), 0);
      assert.equal(views().length, flags === '00' ? 0 : 1);
      assert.deepEqual((await told(page)).length, 1);
    }
  });

  test('what cannot be read is a refusal, what has run out or comes from the future is none', async () => {
    for (const text of ['', 'accepted', '2.1.11.2968.b', '1.1.01.2968.b', `${value('11')} `, value('11', -1)]) {
      const page = await openHavingChosen(text);
      await settle(page);
      assert.deepEqual([views(), stub.questions, await region(page).count()], [[], [], 0], text);
      assert.deepEqual(await choice(page), { statistics: false, marketing: false, revision: 1 });
    }
    for (const weeks of [-26, 1]) {
      const page = await openHavingChosen(`1.1.00.${thisWeek() + weeks}.b`);
      await isShown(page);
      assert.equal(await choice(page), null);
      assert.equal(await kept(page), null, 'it is removed');
    }
    const page = await openHavingChosen(`1.1.00.${thisWeek() - 25}.b`);
    assert.deepEqual(await choice(page), { statistics: false, marketing: false, revision: 1 });
  });

  test('withdrawn in two clicks: the boxes show the choice, the focus comes back, a new view is not sent', async () => {
    const page = await openHavingChosen(value('10'));
    await reopen(page);
    await isShown(page);
    assert.ok(await box(page, 'statistics').isChecked());
    assert.equal(await box(page, 'marketing').isChecked(), false);
    await press(page, 'refuse');
    await isGone(page);
    assert.equal(await kept(page), value('00'));
    await posted(page);
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Privacy choices');
    assert.equal((await told(page)).at(-1).statistics, false);
    stub.requests = [];
    await page.reload();
    await settle(page);
    assert.deepEqual(views(), []);
    await reopen(page);
    await press(page, 'accept');
    await eventually(() => views().length === 1, 'the view that was held back');
    assert.equal((await told(page)).at(-1).heldBack, false);
  });

  test('known by the cookie only: it is stored, and nothing is shown', async () => {
    const visitor = await newVisitor(browser);
    const page = await open({ visitor });
    await press(page, 'refuse');
    await posted(page);
    await page.evaluate(() => localStorage.clear());
    stub.requests = [];
    await page.reload();
    await eventually(async () => await kept(page) === value('00'), 'the choice is stored');
    assert.equal(stub.questions.length, 1);
    assert.equal(await region(page).count(), 0);
    stub.requests = [];
    await page.reload();
    await settle(page);
    assert.deepEqual([stub.questions, views()], [[], []]);
  });

  test('known by the cookie only: the copy on the page runs out with it', async () => {
    const visitor = await newVisitor(browser);
    const page = await open({ visitor });
    await press(page, 'accept');
    await posted(page);
    const older = value('11').replace(`.${thisWeek()}.`, `.${thisWeek() - 10}.`);
    const cookies = await visitor.cookies(stub.collector);
    await visitor.addCookies(cookies.map((cookie) => ({ ...cookie, value: older })));
    await page.evaluate(() => localStorage.clear());
    await page.reload();
    await eventually(async () => await kept(page) === older, 'the choice is stored as old as it is');
  });

  test('of cookie and storage that differ the more private counts', async () => {
    const visitor = await newVisitor(browser);
    const page = await open({ visitor });
    await press(page, 'refuse');
    await posted(page);
    await page.evaluate(([key, text]) => localStorage.setItem(key, text), [KEY, value('11')]);
    await page.reload();
    await reopen(page);
    await isShown(page);
    assert.equal(await box(page, 'statistics').isChecked(), false);
    assert.equal(await kept(page), value('00'));
  });

  test('withdrawn on the page of the collector: heard when the visitor comes back from it, and when the banner is opened', async () => {
    const visitor = await newVisitor(browser);
    const page = await open({ visitor });
    await press(page, 'accept');
    await posted(page);
    await eventually(() => kept(page), 'the choice is kept');
    const withdraw = async () => {
      const [cookie] = await visitor.cookies(stub.collector);
      await visitor.addCookies([{ ...cookie, value: value('00', 1, 'f') }]);
    };
    await reopen(page);
    await isShown(page);
    stub.requests = [];
    await page.getByRole('link', { name: TEXTS.en.privacy, exact: true }).click();
    await page.waitForURL('**/stats/privacy?site=*');
    await withdraw();
    await page.goBack({ waitUntil: 'commit' });
    await eventually(async () => await kept(page) === value('00', 1, 'f'), 'the withdrawal is heard');
    assert.equal((await told(page)).at(-1).statistics, false);
    assert.equal(stub.questions.length, 1);

    await reopen(page);
    await isShown(page);
    await press(page, 'accept');
    await eventually(async () => await kept(page) === value('11'), 'accepted again');
    await withdraw();
    stub.requests = [];
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await settle(page);
    assert.deepEqual(stub.questions, [], 'who did not go there causes no request');
    await reopen(page);
    await isShown(page);
    assert.equal(await box(page, 'statistics').isChecked(), false);
    assert.deepEqual((await told(page)).slice(-2).map(({ statistics }) => statistics), [true, false]);
  });

  test('what was refused before a material revision is not ticked again', async () => {
    stub.reset({ mode: 'opt-out', revision: 3, material: 3 });
    for (const [flags, marketing] of [['10', false], ['11', true]]) {
      const page = await openHavingChosen(value(flags, 2));
      await press(page, 'details');
      assert.ok(await box(page, 'statistics').isChecked());
      assert.equal(await box(page, 'marketing').isChecked(), marketing, flags);
    }
  });

  test('a material revision asks those who accepted again, and nobody who refused', async () => {
    stub.reset({ revision: 3, material: 3 });
    const accepted = await openHavingChosen(value('11', 2));
    await isShown(accepted);
    assert.equal(await choice(accepted), null);
    await press(accepted, 'details');
    assert.equal(await box(accepted, 'statistics').isChecked(), false, 'nothing is ticked again');
    await press(accepted, 'accept');
    await eventually(async () => await kept(accepted) === value('11', 3), 'accepted anew');
    await settle(accepted);
    assert.equal(new Set(views().map(({ id }) => id)).size, 1);

    const refused = await openHavingChosen(value('00', 2));
    await isShown(refused);
    assert.equal(await button(refused, 'accept').count(), 0, 'a notice, no question');
    assert.deepEqual(await choice(refused), { statistics: false, marketing: false, revision: 2 });
  });

  test('a revision that is not material shows a notice once', async () => {
    stub.reset({ revision: 3, material: 2 });
    const week = thisWeek() - 5;
    const page = await openHavingChosen(`1.2.10.${week}.f`);
    await isShown(page);
    assert.match(await region(page).textContent(), new RegExp(TEXTS.en.notice));
    for (const key of ['accept', 'refuse', 'save']) assert.equal(await button(page, key).count(), 0);
    await press(page, 'understood');
    await isGone(page);
    assert.equal(await kept(page), `1.3.10.${week}.f`, 'the choice does not last longer for it');
    await page.reload();
    await settle(page);
    assert.deepEqual([stub.choices, stub.questions.length, await region(page).count()], [[], 1, 0]);
  });

  test('the notice has the details too, where the choice can be changed', async () => {
    stub.reset({ revision: 2 });
    const page = await openHavingChosen(value('10'));
    await press(page, 'details');
    assert.equal(await button(page, 'understood').count(), 0);
    await press(page, 'refuse');
    await isGone(page);
    assert.equal(await kept(page), value('00', 2));
  });
});

// --- browsers that say no

describe('signals and storage', () => {
  test('Global Privacy Control: not asked, not counted; opened, it says why; accepting counts all the same', async () => {
    for (const mode of ['opt-in', 'opt-out']) {
      stub.reset({ mode });
      const page = await open({ visitor: await newVisitorWithPrivacyControl(browser) });
      await page.waitForFunction(() => window.told.length === 1);
      await settle(page);
      assert.deepEqual([views(), await region(page).count(), await kept(page)], [[], 0, null]);
      await reopen(page);
      await isShown(page);
      assert.match(await region(page).textContent(), new RegExp(TEXTS.en.gpc));
      assert.equal(await box(page, 'statistics').isChecked(), false);
      await press(page, 'accept');
      await eventually(() => views().length === 1, 'the view that was held back');
      await reopen(page);
      assert.doesNotMatch(await region(page).textContent(), new RegExp(TEXTS.en.gpc));
    }
  });

  test('storage blocked: the choice goes to the collector, and the tag of this page is silent after a refusal', async () => {
    const visitor = await newVisitor(browser);
    const page = await open({ visitor, prepare: blockStorage });
    await press(page, 'refuse');
    await posted(page);
    assert.deepEqual(await choice(page), { statistics: false, marketing: false, revision: 1 });
    stub.requests = [];
    await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
    await settle(page);
    assert.deepEqual(views(), []);
    await page.reload();
    await page.waitForFunction(() => window.told.length === 1);
    assert.deepEqual(await told(page), [{ statistics: false, marketing: false, revision: 1, heldBack: false }]);
    assert.equal(await region(page).count(), 0, 'the cookie is known');
  });

  test('storage blocked: a notice that is understood is no new choice', async () => {
    const visitor = await newVisitor(browser);
    const page = await open({ visitor, prepare: blockStorage });
    await press(page, 'accept');
    await posted(page);
    stub.revision = 2;
    await page.reload();
    await press(page, 'understood');
    await isGone(page);
    assert.deepEqual(await choice(page), { statistics: true, marketing: true, revision: 2 });
    await settle(page);
    assert.equal(stub.choices.length, 1, 'the choice is neither counted again nor made to last longer');
    assert.equal((await visitor.cookies())[0].value, value('11'));
  });
});

// --- more than one

describe('tabs and sites', () => {
  test('two tabs: the banner of the other closes, a refusal silences it at once, an acceptance sends its view', async () => {
    const visitor = await newVisitor(browser);
    const [here, there] = [await open({ visitor, path: '/here' }), await open({ visitor, path: '/there' })];
    await Promise.all([isShown(here), isShown(there)]);
    await press(here, 'refuse');
    await isGone(there);
    assert.deepEqual(await choice(there), { statistics: false, marketing: false, revision: 1 });
    assert.deepEqual((await told(there)).at(-1), { statistics: false, marketing: false, revision: 1, heldBack: true });
    stub.requests = [];
    await there.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
    await settle(there);
    assert.deepEqual(views(), []);
    await reopen(here);
    await press(here, 'accept');
    await eventually(() => views().some(({ url }) => url.endsWith('/there')), 'the view of the other tab');
    await settle(there);
    assert.equal(views().filter(({ url }) => url.endsWith('/there')).length, 1);
  });

  test('a banner that lay in the back/forward cache closes when the choice was made meanwhile', async () => {
    const page = await open();
    await isShown(page);
    await page.evaluate(([key, text]) => {
      localStorage.setItem(key, text);
      dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
    }, [KEY, value('00')]);
    await isGone(page);
  });

  test('an acceptance answered late does not undo a refusal made meanwhile', async () => {
    const page = await open();
    await isShown(page);
    stub.delayMs = 300;
    await press(page, 'accept');
    await page.evaluate(() => window.footfall.consent({ statistics: false }));
    assert.deepEqual(stub.choices.map(({ statistics }) => statistics), ['accept', 'refuse'], 'one after the other');
    assert.equal(await kept(page), value('00', 1, 'a'));
  });

  // The collector has a cookie for each site; the page's host has one storage. Sites that share a host share the choice.
  test('two sites on one host share what the page keeps; on two hosts they do not', async () => {
    const visitor = await newVisitor(browser);
    const one = await open({ visitor, path: '/?site=one.example' });
    await press(one, 'refuse');
    await posted(one);
    assert.deepEqual((await visitor.cookies()).map(({ name }) => name), ['__Host-consent-one.example']);
    stub.requests = [];
    const two = await open({ visitor, path: '/?site=two.example' });
    await settle(two);
    assert.deepEqual([stub.questions, views(), await region(two).count()], [[], [], 0]);
    const elsewhere = await visitor.newPage();
    await elsewhere.goto(`${stub.site.replace('127.0.0.1', 'localhost')}/?site=two.example`);
    await isShown(elsewhere);
  });

  test('a page made ready ahead of time asks when it is shown', async () => {
    const page = await open({
      prepare: () => {
        window.hidden = true;
        Object.defineProperty(Document.prototype, 'prerendering', { get: () => window.hidden });
      },
    });
    await settle(page);
    assert.deepEqual(stub.questions, []);
    await page.evaluate(() => {
      window.hidden = false;
      document.dispatchEvent(new Event('prerenderingchange'));
    });
    await isShown(page);
  });
});

// --- reach

const focused = (page) => page.evaluate(() => {
  const { activeElement } = document;
  const inner = activeElement.shadowRoot?.activeElement ?? activeElement;
  return inner.id || inner.ariaLabel || inner.textContent;
});

async function tab(page, times = 1) {
  for (let i = 0; i < times; i += 1) await page.keyboard.press('Tab');
}

describe('keyboard and screen', () => {
  test('keyboard only: no trap, no theft of focus; details, save; re-opened, Escape closes and the focus returns', async () => {
    const page = await open();
    await isShown(page);
    assert.equal(await page.evaluate(() => document.activeElement === document.body), true);
    await page.keyboard.press('Escape');
    assert.equal(await region(page).count(), 1, 'Escape is no answer');
    await tab(page, 3);
    assert.equal(await focused(page), TEXTS.en.details);
    await page.keyboard.press('Escape');
    assert.equal(await region(page).count(), 1);
    await page.keyboard.press('Enter');
    assert.equal(await focused(page), 'statistics', 'the details begin here');
    await page.keyboard.press('Space');
    await tab(page);
    assert.equal(await focused(page), 'marketing');
    await tab(page);
    assert.equal(await focused(page), TEXTS.en.save);
    await tab(page, 5);
    assert.equal(await focused(page), 'Another page', 'on into the page');
    await page.keyboard.press('Shift+Tab');
    assert.equal(await focused(page), TEXTS.en.privacy);
    await button(page, 'save').focus();
    await page.keyboard.press('Enter');
    await posted(page);
    assert.equal(stub.choices[0].statistics, 'accept');

    await page.getByRole('link', { name: 'Privacy choices' }).focus();
    await page.keyboard.press('Enter');
    await isShown(page);
    assert.equal(await focused(page), TEXTS.en.title);
    await tab(page);
    assert.equal(await focused(page), TEXTS.en.close);
    await page.keyboard.press('Escape');
    await isGone(page);
    assert.equal(await focused(page), 'Privacy choices');
    assert.equal(stub.choices.length, 1, 'closing is no choice');
    await page.keyboard.press('Enter');
    await press(page, 'close');
    await isGone(page);
    assert.equal(await focused(page), 'Privacy choices');
  });

  test('what has the focus is not hidden behind the banner', async () => {
    const page = await open({ path: '/?long', context: { viewport: { width: 800, height: 500 } } });
    await isShown(page);
    const link = page.getByRole('link', { name: 'Privacy choices' });
    await page.evaluate(() => { document.querySelector('h1').tabIndex = 0; });
    const paddings = () => page.evaluate(() => {
      const { scrollPaddingBottom, paddingBottom } = getComputedStyle(document.documentElement);
      return `${scrollPaddingBottom} ${paddingBottom}`;
    });
    const makesRoom = async () => {
      const room = `${Math.round((await region(page).boundingBox()).height) + 24}px`;
      return await paddings() === `${room} ${room}`;
    };
    await eventually(makesRoom, 'room for the banner');
    await page.evaluate(() => {
      const [, , , middle] = [...document.querySelectorAll('main p')].slice(20);
      middle.tabIndex = 0;
      middle.id = 'middle';
      middle.focus();
    });
    const bottom = await page.locator('#middle').evaluate((node) => node.getBoundingClientRect().bottom);
    assert.ok(bottom <= (await region(page).boundingBox()).y, `${bottom}`);
    await press(page, 'refuse');
    await isGone(page);
    await eventually(async () => await paddings() === 'auto 0px', 'no room any more');
    await link.waitFor();
  });

  test('at 400 % zoom what has the focus is not hidden: the last link, and after the window or the banner has changed', async () => {
    const page = await open({ path: '/?long&lang=de', context: { viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' } });
    await isShown(page);
    const link = page.getByRole('link', { name: 'Privacy choices' });
    const isVisible = async () => {
      const [{ y, height }, banner] = [await link.boundingBox(), await region(page).boundingBox()];
      return y >= 0 && y + height <= banner.y;
    };
    await link.focus();
    assert.ok(await isVisible());
    // 1280 pixels at 400 %.
    await page.setViewportSize({ width: 320, height: 200 });
    await eventually(isVisible, 'the link is above the banner');
    assert.ok((await region(page).boundingBox()).height <= 120, 'the banner leaves room for the page');
    await page.addStyleTag({ content: 'html { font-size: 10px }' });
    await page.setViewportSize({ width: 320, height: 800 });
    await eventually(isVisible, 'the link is above the banner again');
  });

  test('320 pixels: no sideways scroll, every button within reach, also in a low window', async () => {
    for (const viewport of [{ width: 320, height: 640 }, { width: 320, height: 256 }]) {
      const page = await open({ path: '/?lang=de', context: { viewport } });
      await isShown(page);
      await press(page, 'details', 'de');
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
      const card = await region(page).boundingBox();
      assert.ok(card.x >= 0 && card.y >= 0 && card.x + card.width <= 320 && card.y + card.height <= viewport.height);
      assert.ok(await region(page).evaluate((node) => node.scrollWidth <= node.clientWidth));
      for (const key of ['save', 'refuse', 'accept', 'details']) {
        const target = button(page, key, 'de');
        await target.scrollIntoViewIfNeeded();
        const { x, y, width, height } = await target.boundingBox();
        assert.ok(width >= 24 && height >= 24, key);
        const isOnTop = await target.evaluate((node, point) => node.getRootNode().elementFromPoint(...point) === node,
          [x + width / 2, y + height / 2]);
        assert.ok(isOnTop, `${key} in ${viewport.height}`);
      }
      await press(page, 'refuse', 'de');
      await isGone(page);
    }
  });

  test("the site's own styles do not reach it", async () => {
    stub.html = '<style>html { font-size: 62.5% } * { color: red; font-size: 3px !important; text-transform: uppercase }</style>';
    const page = await open();
    await isShown(page);
    const style = await button(page, 'accept').evaluate((node) => {
      const { color, fontSize, textTransform } = getComputedStyle(node);
      return { color, fontSize, textTransform };
    });
    assert.deepEqual(style, { color: 'rgb(255, 255, 255)', fontSize: '16px', textTransform: 'none' });
  });

  test('no layout shift, when it comes, opens and goes', async () => {
    const page = await open({
      path: '/?long',
      prepare: () => {
        window.shift = 0;
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
        }).observe({ type: 'layout-shift', buffered: true });
      },
    });
    await isShown(page);
    const painted = () => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    await painted();
    await press(page, 'details');
    await painted();
    await press(page, 'refuse');
    await isGone(page);
    await painted();
    assert.equal(await page.evaluate(() => window.shift), 0);
  });

  test('dark, forced colours, right to left, reduced motion', async () => {
    const style = (page, locator = region(page)) => locator.evaluate((node) => {
      const { color, backgroundColor, direction, transitionDuration } = getComputedStyle(node);
      return { color, backgroundColor, direction, transitionDuration };
    });
    const show = async (context, path) => {
      const page = await open({ context, path });
      await isShown(page);
      return page;
    };
    const light = await style(await show({ colorScheme: 'light' }));
    const dark = await style(await show({ colorScheme: 'dark' }));
    assert.equal(light.backgroundColor, 'rgb(255, 255, 255)');
    assert.equal(dark.color, 'rgb(255, 255, 255)');
    assert.notEqual(dark.backgroundColor, light.backgroundColor);
    assert.equal(light.transitionDuration, '0.25s');

    const forced = await show({ forcedColors: 'active' });
    const { color, backgroundColor } = await style(forced, button(forced, 'accept'));
    assert.notEqual(color, backgroundColor);

    const still = await style(await show({ reducedMotion: 'reduce' }));
    assert.equal(still.transitionDuration, '0s');

    const arabic = await show({}, '/?lang=ar-EG');
    assert.equal((await style(arabic)).direction, 'rtl');
    const [refuse, accept] = [await button(arabic, 'refuse', 'ar').boundingBox(), await button(arabic, 'accept', 'ar').boundingBox()];
    assert.ok(refuse.x > accept.x);
  });
});

// --- the page's own rules

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
    assert.equal(stub.questions.length, 1);
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
