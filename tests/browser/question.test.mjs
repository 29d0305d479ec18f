// What the banner asks, and what it does with an answer.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  box, browser, button, choice, failed, focused, isGone, isShown, kept, open, openHavingChosen, posted, press, region,
  settle, stub, told, value, views,
} from './banner.mjs';
import { eventually, newVisitor } from './browser.mjs';
import { TEXTS } from './stub.mjs';

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
    assert.deepEqual(second, { ...first, statistics: true, marketing: true }, 'one view with one id: it counts once');
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
