// A visitor before the consent banner: what he sees, presses and is told, against a collector of the test's own (stub.mjs).
import { after, before, beforeEach } from 'node:test';
import { eventually, newVisitor, openBrowser } from './browser.mjs';
import { startStub, TEXTS, thisWeek } from './stub.mjs';

export const KEY = 'footfall-choice';
/** The collector of this file's tests, and the browser. */
export let stub, browser;

before(async () => {
  stub = await startStub();
  browser = await openBrowser();
});
beforeEach(() => stub.reset());
after(async () => {
  await browser?.close();
  stub?.close();
});

/** Opens a page as somebody; `prepare` runs before the page's own scripts. Every event of a choice is written down. */
export async function open({ visitor, path = '/', prepare, context = {} } = {}) {
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

export const region = (page) => page.getByRole('region');
export const button = (page, key, language = 'en') => page.getByRole('button', { name: TEXTS[language][key], exact: true });
export const box = (page, key) => page.getByRole('checkbox', { name: TEXTS.en[key] });
export const press = (page, key, language) => button(page, key, language).click();
export const isShown = (page) => region(page).waitFor();
export const isGone = (page) => region(page).waitFor({ state: 'detached' });
export const reopen = (page) => page.getByRole('link', { name: 'Privacy choices' }).click();
export const kept = (page) => page.evaluate((key) => localStorage.getItem(key), KEY);
export const told = (page) => page.evaluate(() => window.told);
export const choice = (page) => page.evaluate(() => window.footfall.consent());
export const value = (flags, revision = 1, method = 'b') => `1.${revision}.${flags}.${thisWeek()}.${method}`;
/** The same where the collector has not taken it so many times. */
export const failed = (flags, times = 1, method = 'b') => `1.1.${flags}.${'0'.repeat(times)}${thisWeek()}.${method}`;

/** Waits for so many choices at the collector, and that the page has heard of its answer. */
export async function posted(page, count = 1) {
  await eventually(() => stub.choices.length === count, `${count} choices`);
  await page.waitForFunction(() => window.told.length > 0);
}

/** As somebody who chose earlier, once: the visitor may change it afterwards. */
export async function openHavingChosen(text, options = {}) {
  const visitor = options.visitor ?? await newVisitor(browser, options.context);
  const page = await visitor.newPage();
  await page.route('**/blank', (route) => route.fulfill({ contentType: 'text/html', body: '<title>blank</title>' }));
  await page.goto(`${stub.site}/blank`);
  await page.evaluate(([key, text]) => localStorage.setItem(key, text), [KEY, text]);
  await page.close();
  stub.requests = [];
  return open({ ...options, visitor });
}

export const blockStorage = () =>
  Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('blocked', 'SecurityError'); } });

/** What was sent before the mark has arrived when the mark has: one connection's requests come in order. */
export async function settle(page) {
  const earlier = stub.of('POST', '/hit').length;
  await page.evaluate((url) => fetch(url, { method: 'POST', body: JSON.stringify({ kind: 'mark' }) }), `${stub.collector}/hit`);
  await eventually(() => stub.of('POST', '/hit').length > earlier, 'the mark');
}
export const views = () => stub.hits.filter(({ kind }) => kind === 'view');

/** What has the focus, in the banner too. */
export const focused = (page) => page.evaluate(() => {
  const { activeElement } = document;
  const inner = activeElement.shadowRoot?.activeElement ?? activeElement;
  return inner.id || inner.ariaLabel || inner.textContent;
});

export async function tab(page, times = 1) {
  for (let i = 0; i < times; i += 1) await page.keyboard.press('Tab');
}
