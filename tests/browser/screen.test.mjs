// How the banner is reached and how it looks.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { button, choice, focused, isGone, isShown, open, posted, press, region, stub, tab } from './banner.mjs';
import { eventually } from './browser.mjs';
import { TEXTS } from './stub.mjs';

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
