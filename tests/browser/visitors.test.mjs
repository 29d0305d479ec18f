// Visitors of the demonstration site, from the page they open to the row that counts it.
//
// Nothing is waited for in vain: that a page was *not* counted is known when a mark that another visitor left later is
// counted, because hits are counted in the order in which they came.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, newVisitor, newVisitorWithPrivacyControl, openBrowser } from './browser.mjs';
import { startFootfall } from './footfall.mjs';

const PAGES = ['/', '/pricing', '/blog', '/blog/counting-visits', '/contact', '/privacy'];
const MARK = '/';
let footfall, browser;

before(async () => {
  footfall = await startFootfall();
  browser = await openBrowser();
}, { timeout: 180_000 });
after(async () => {
  await browser?.close();
  await footfall?.stop();
});

/** Runs `visit` and waits until the page has exactly as many views more. */
async function assertCounts(page, more, visit) {
  const earlier = await footfall.views(page);
  await visit();
  await eventually(async () => await footfall.views(page) >= earlier + more, `${more} more views of ${page}`);
  await leaveMark();
  assert.equal(await footfall.views(page), earlier + more);
}

/** Runs `visit` and makes sure that the page has no view more once a later mark is counted. */
async function assertDoesNotCount(page, visit) {
  const earlier = await footfall.views(page);
  await visit();
  await leaveMark();
  assert.equal(await footfall.views(page), earlier);
}

/** Somebody else opens the mark's page, and it is counted. */
async function leaveMark() {
  const earlier = await footfall.views(MARK);
  const visitor = await newVisitor(browser);
  await open(visitor, MARK);
  await eventually(async () => await footfall.views(MARK) > earlier, 'the mark');
  await visitor.close();
}

async function open(visitor, path) {
  const page = await visitor.newPage();
  await page.goto(footfall.demo + path);
  return page;
}

/** Runs `act` and gives the collector's answer to the hit or pixel that it causes. */
async function answerTo(page, endpoint, act) {
  const answer = page.waitForResponse((response) => response.url().startsWith(`${footfall.collector}/${endpoint}`));
  await act();
  return answer;
}

/** Presses a button of the banner, opened from the foot of the page where it is not open. */
async function choose(page, choice) {
  if (!await page.getByRole('region').count()) await page.getByRole('link', { name: 'Privacy choices' }).click();
  await Promise.all([
    page.waitForResponse((response) => response.url() === `${footfall.collector}/consent`),
    page.getByRole('region').getByRole('button', { name: choice }).click(),
  ]);
  await page.getByRole('region').waitFor({ state: 'detached' });
}

/** The same without JavaScript: a form, from which the collector sends the visitor back to the same page. */
async function chooseByForm(page, choice) {
  const here = page.url();
  await Promise.all([
    page.waitForResponse((response) => response.url() === `${footfall.collector}/consent`),
    page.locator(`footer button[name=statistics][value=${choice}]`).click(),
  ]);
  await page.waitForURL(here);
}

const cookieNames = async (visitor) => (await visitor.cookies()).map((cookie) => cookie.name);

function assertOnlyTheChoice(names) {
  assert.equal(names.length, 1, names.join(', '));
  assert.match(names[0], /^__Host-consent-/);
}

test('a page view is counted once, under the names of the closed lists', async () => {
  const visitor = await newVisitor(browser, { locale: 'de-CH' });
  await assertCounts('/pricing', 1, () => open(visitor, '/pricing'));
  const { views, ...row } = (await footfall.viewRows('/pricing')).at(-1);
  assert.equal(Number(views), 1);
  assert.deepEqual(row, { page: '/pricing', browser: 'Chromium', os: 'Linux', device: 'Desktop', language: 'de' });
});

test('a view without JavaScript is counted by the pixel', async () => {
  const visitor = await newVisitor(browser, { javaScriptEnabled: false });
  await assertCounts('/contact', 1, () => open(visitor, '/contact'));
});

test('after a refusal nothing is sent and only the choice is kept; an acceptance counts again', async () => {
  const visitor = await newVisitor(browser);
  let page;
  await assertCounts('/blog', 1, async () => { page = await open(visitor, '/blog'); });
  await page.getByRole('region').waitFor();
  assert.deepEqual((await cookieNames(visitor)).filter((name) => !name.startsWith('__Host-visit-')), [], 'no choice yet');

  await assertDoesNotCount('/blog', () => choose(page, 'Refuse'));
  assertOnlyTheChoice(await cookieNames(visitor));

  const hits = [];
  visitor.on('request', (request) => { if (request.url() === `${footfall.collector}/hit`) hits.push(request); });
  await assertDoesNotCount('/blog/counting-visits', () => page.goto(`${footfall.demo}/blog/counting-visits`));
  assert.deepEqual(hits, []);
  assertOnlyTheChoice(await cookieNames(visitor));

  await assertCounts('/blog/counting-visits', 1, () => choose(page, 'Accept'));
  await assertCounts('/contact', 1, () => page.goto(`${footfall.demo}/contact`));
});

test('a browser that may hold its visit is known again by its own cookie, until it refuses', async () => {
  const figures = async () => {
    const rows = await footfall.query(`
      SELECT device_held, sum(toInt64(visits)) AS visits, sum(toInt64(new_visitors)) AS new_visitors, sum(toInt64(views)) AS views
      FROM footfall.open_hits FINAL
      WHERE kind = 'view' AND language = 'is' GROUP BY device_held ORDER BY device_held FORMAT JSONEachRow`);
    return rows.map((row) => Object.values(row).map(Number).join(' ')).join(', ');
  };
  const visitor = await newVisitor(browser, { locale: 'is-IS' });
  const visitCookies = async () => (await visitor.cookies()).filter(({ name }) => name.startsWith('__Host-visit-'));
  const page = await open(visitor, '/');
  await eventually(async () => (await visitCookies()).length === 1, 'the cookie');
  const [{ httpOnly, secure, value, expires }] = await visitCookies();
  assert.ok(httpOnly && secure && value.length < 1000);
  const days = (expires - Date.now() / 1000) / 86_400;
  assert.ok(days > 388 && days <= 390, `${days} days`);

  await page.goto(`${footfall.demo}/pricing`);
  await eventually(async () => (await visitCookies())[0].value !== value, 'the next state');
  const first = '0 1 0 1';
  await eventually(async () => await figures() === `${first}, 1 0 1 1`, 'a page more of the visit, of a new visitor');
  await page.goto(`${footfall.demo}/contact`);
  await eventually(async () => await figures() === `${first}, 1 0 1 2`, 'a page more of the visit, of the same visitor');

  await choose(page, 'Refuse');
  await eventually(async () => (await visitCookies()).length === 0, 'the cookie is gone');
  assertOnlyTheChoice(await cookieNames(visitor));
});

test('a refusal without JavaScript holds for the pixel', async () => {
  const visitor = await newVisitor(browser, { javaScriptEnabled: false });
  const page = await open(visitor, '/privacy');
  await chooseByForm(page, 'refuse');
  await assertDoesNotCount('/contact', async () => {
    const answer = await answerTo(page, 'pixel.gif', () => page.goto(`${footfall.demo}/contact`));
    assert.equal(answer.headers()['footfall-hit'], 'not-recorded');
    assert.equal(answer.headers()['content-type'], 'image/gif');
  });
  assertOnlyTheChoice(await cookieNames(visitor));
});

test('Global Privacy Control: the tag sends nothing and nothing is kept', async () => {
  const visitor = await newVisitorWithPrivacyControl(browser);
  const hits = [];
  visitor.on('request', (request) => { if (request.url() === `${footfall.collector}/hit`) hits.push(request); });
  await assertDoesNotCount('/pricing', () => open(visitor, '/pricing'));
  assert.deepEqual(hits, []);
  assert.deepEqual(await cookieNames(visitor), []);
});

test('Global Privacy Control: the pixel is answered but not recorded', async () => {
  const visitor = await newVisitorWithPrivacyControl(browser, { javaScriptEnabled: false });
  const page = await visitor.newPage();
  await assertDoesNotCount('/pricing', async () => {
    const answer = await answerTo(page, 'pixel.gif', () => page.goto(`${footfall.demo}/pricing`));
    assert.equal(answer.headers()['footfall-hit'], 'not-recorded');
  });
  assert.deepEqual(await cookieNames(visitor), []);
});

test('a page that comes back from the back/forward cache is a second view', async () => {
  const visitor = await newVisitor(browser);
  await visitor.addInitScript(() => addEventListener('pageshow', (event) => { window.cameBack = event.persisted; }));
  await assertCounts('/blog/counting-visits', 2, async () => {
    const page = await open(visitor, '/blog/counting-visits');
    await page.goto(`${footfall.demo}/contact`);
    await page.goBack({ waitUntil: 'commit' });
    await eventually(() => page.evaluate(() => window.cameBack), 'the page came from the cache');
  });
});

test('time, events, files and links of a visit that changes its pages without loading them are counted', async () => {
  const visitor = await newVisitor(browser);
  const page = await open(visitor, '/pricing');
  await choose(page, 'Accept');
  const go = (path) => page.evaluate((path) => history.pushState(null, '', path), path);
  const stay = (milliseconds) => page.evaluate((milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); }), milliseconds);
  await page.evaluate(() => addEventListener('click', (event) => event.preventDefault()));
  const begun = Date.now();
  await go('/app/berths');
  await stay(400);
  await page.getByRole('link', { name: 'Ask for a berth' }).click();
  await page.getByRole('link', { name: 'Download the price list' }).click();
  await go('/app/notes');
  await stay(200);
  await page.evaluate(() => {
    const link = Object.assign(document.createElement('a'), { href: 'https://www.example.org/now?who=anna' });
    document.body.append(link);
    link.click();
    // A page that is really gone would send its last words under Chromium's own name, which is a bot's.
    dispatchEvent(new PageTransitionEvent('pagehide'));
  });
  const longest = Date.now() - begun;

  const rows = () => footfall.query(`
    SELECT kind, page, event, outbound, toInt32(sum(views)) AS views, toInt32(sum(events)) AS events,
      toInt32(sum(event_value)) AS value, toInt32(sum(engaged_ms)) AS engaged_ms
    FROM footfall.open_hits FINAL WHERE page LIKE '/app/%'
    GROUP BY kind, page, event, outbound ORDER BY kind, page
    FORMAT JSONEachRow`);
  const found = await eventually(async () => {
    const answer = await rows();
    return answer.length >= 7 && answer;
  }, 'seven kinds of rows');
  assert.deepEqual(found.map(({ engaged_ms, ...row }) => Object.values(row)), [
    ['download', '/app/berths', 'download /price-list.csv', '', 0, 1, 0],
    ['event', '/app/berths', 'Ask for a berth', '', 0, 1, 19000],
    ['leave', '/app/berths', '', '', 0, 0, 0],
    ['leave', '/app/notes', '', '', 0, 0, 0],
    ['outbound', '/app/notes', '', 'example.org', 0, 1, 0],
    ['view', '/app/berths', '', '', 1, 0, 0],
    ['view', '/app/notes', '', '', 1, 0, 0],
  ]);
  const [, , berths, notes] = found.map(({ engaged_ms }) => engaged_ms);
  assert.ok(berths >= 400 && notes >= 200 && berths + notes <= longest, `${berths} and ${notes} of ${longest} ms`);
});

test("every page keeps to its Content-Security-Policy and to the collector's and its own files", async () => {
  const visitor = await newVisitor(browser);
  const page = await visitor.newPage();
  const troubles = [];
  page.on('console', (message) => { if (message.type() === 'error') troubles.push(message.text()); });
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('request', (request) => {
    const { origin } = new URL(request.url());
    if (![footfall.demo, footfall.collector].includes(origin)) troubles.push(`a request to ${origin}`);
  });
  for (const path of PAGES) {
    const response = await page.goto(footfall.demo + path, { waitUntil: 'load' });
    assert.match(response.headers()['content-security-policy'], /default-src 'none'/);
  }
  assert.deepEqual(troubles, []);
});
