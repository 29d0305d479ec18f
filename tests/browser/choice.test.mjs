// A choice made earlier, signals of the browser, storage, and other tabs.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  blockStorage, box, browser, button, choice, isGone, isShown, kept, KEY, open, openHavingChosen, posted, press,
  region, reopen, settle, stub, told, value, views,
} from './banner.mjs';
import { eventually, newVisitor, newVisitorWithPrivacyControl } from './browser.mjs';
import { TEXTS, thisWeek } from './stub.mjs';

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
