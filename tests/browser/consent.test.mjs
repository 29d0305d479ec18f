// Choices, from the banner to the cookie and the count: an opt-in and an opt-out site of one collector. The pages are on
// 127.0.0.1, as the collector is, and on localhost, which is another site to a browser.
//
// That something was not counted is known when a mark that another visitor left later is counted.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { eventually, newVisitor, newVisitorWithPrivacyControl, newVisitorWithThirdPartyCookies, openBrowser } from './browser.mjs';
import { startFootfall } from './footfall.mjs';

const axe = await readFile(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
const OPT_IN = 'in.example';
const OPT_OUT = 'out.example';
const CONFIGURATION = `
[[site]]
name = "${OPT_IN}"
hosts = ["127.0.0.1"]
mode = "opt-in"
before_consent = "nothing"

[[site]]
name = "${OPT_OUT}"
hosts = ["localhost"]
mode = "opt-out"

[site.texts.en]
title = "A question of ours"
`;
let footfall, browser, server, pages;

before(async () => {
  footfall = await startFootfall(CONFIGURATION);
  browser = await openBrowser();
  server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  pages = { [OPT_IN]: `http://127.0.0.1:${port}`, [OPT_OUT]: `http://localhost:${port}` };
}, { timeout: 180_000 });
after(async () => {
  await browser?.close();
  server?.close();
  await footfall?.stop();
});

/** The pages of both sites, by the host that is asked for. */
function answer(request, response) {
  const site = request.headers.host.startsWith('localhost') ? OPT_OUT : OPT_IN;
  const own = pages[site] + request.url;
  const state = new URL(own).searchParams.get('set');
  if (state) response.setHeader('set-cookie', `${state}=state; HttpOnly; Secure; Path=/; SameSite=Lax`);
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; script-src ${footfall.collector}; connect-src ${footfall.collector};
      img-src data: ${footfall.collector}; form-action ${footfall.collector} ${pages[site]}`.replace(/\s+/g, ' '),
  });
  response.end(`<!doctype html><html lang="${request.url.split('lang=')[1] ?? 'en'}"><title>A page</title>
<link rel="icon" href="data:,">
<script defer src="${footfall.collector}/tag.js" data-site="${site}"></script>
<script defer src="${footfall.collector}/consent.js" data-site="${site}"></script>
<h1>A page</h1>
<p><a href="${footfall.collector}/privacy?site=${site}" data-footfall-consent>Privacy choices</a></p>
<noscript>
  <img src="${footfall.collector}/pixel.gif?site=${site}" referrerpolicy="no-referrer-when-downgrade" alt="" width="1" height="1">
  <form method="post" action="${footfall.collector}/consent">
    <input type="hidden" name="site" value="${site}"><input type="hidden" name="return" value="${own}">
    <button name="statistics" value="refuse">refuse</button><button name="statistics" value="accept">accept</button>
  </form>
</noscript>`);
}

async function views(site, page) {
  const rows = await footfall.query(`
    SELECT toInt64(sum(views)) AS views FROM footfall.open_hits FINAL
    WHERE kind = 'view' AND site = '${site}' AND page = '${page}' FORMAT JSONEachRow`);
  return Number(rows[0].views);
}

/** Waits until the page has exactly so many views, also after a later mark of somebody else was counted. */
async function assertViews(site, page, count) {
  await eventually(async () => await views(site, page) >= count, `${count} views of ${page}`);
  const earlier = await views(OPT_OUT, '/mark');
  const visitor = await newVisitor(browser);
  await open(visitor, OPT_OUT, '/mark');
  await eventually(async () => await views(OPT_OUT, '/mark') > earlier, 'the mark');
  await visitor.close();
  assert.equal(await views(site, page), count);
}

async function open(visitor, site, path) {
  const page = await visitor.newPage();
  await page.goto(pages[site] + path);
  return page;
}

const region = (page) => page.getByRole('region');
const reopen = (page) => page.getByRole('link', { name: 'Privacy choices' }).click();
const kept = (page) => page.evaluate(() => localStorage.getItem('footfall-choice'));

/** Presses a button of the banner and waits for the collector's answer. */
async function press(page, name) {
  const answer = page.waitForResponse((response) =>
    response.url() === `${footfall.collector}/consent` && response.request().method() === 'POST');
  await region(page).getByRole('button', { name }).click();
  assert.equal((await answer).status(), 204);
}

/** What was chosen more since `before`. */
async function more(before) {
  const now = await footfall.outcomes();
  const changed = Object.keys(now).filter((name) => now[name] !== (before[name] ?? 0));
  return Object.fromEntries(changed.map((name) => [name, now[name] - (before[name] ?? 0)]));
}

async function choiceCookies(visitor) {
  return (await visitor.cookies(footfall.collector)).filter(({ name }) => name.startsWith('__Host-consent-'));
}

test('opt-in: nothing is recorded before an answer; accepted, the view that was held back counts once', async () => {
  const before = await footfall.outcomes();
  const visitor = await newVisitor(browser);
  const page = await open(visitor, OPT_IN, '/accepted');
  await region(page).waitFor();
  await assertViews(OPT_IN, '/accepted', 0);
  assert.deepEqual(await visitor.cookies(), [], 'nothing is on the device');
  assert.equal((await more(before)).unasked, 1);
  await press(page, 'Accept');
  await assertViews(OPT_IN, '/accepted', 1);
  const [cookie, ...others] = await choiceCookies(visitor);
  assert.deepEqual(others, []);
  assert.match(cookie.value, /^1\.\d+\.11\.\d+\.b$/);
  assert.ok(cookie.httpOnly && cookie.secure && cookie.sameSite === 'Lax');
  assert.equal(await kept(page), cookie.value, 'the page keeps what the cookie keeps');
  assert.equal((await more(before)).chose_everything, 1);
});

test('refused: nothing is recorded, nothing but the choice is kept, and all that stays is a bare count', async () => {
  const before = await footfall.outcomes();
  const visitor = await newVisitor(browser);
  const page = await open(visitor, OPT_IN, '/refused');
  await press(page, 'Refuse');
  const hits = [];
  visitor.on('request', (request) => { if (request.url() === `${footfall.collector}/hit`) hits.push(request); });
  await page.reload();
  await assertViews(OPT_IN, '/refused', 0);
  assert.deepEqual(hits, [], 'the tag is silent');
  const { unasked, chose_refusal: refusals, ...others } = await more(before);
  assert.deepEqual([unasked, refusals], [1, 1]);
  assert.deepEqual(Object.keys(others).filter((name) => name.startsWith('chose') || name === 'withdrew'), []);
  const [cookie] = await visitor.cookies();
  assert.match(cookie.value, /^1\.\d+\.00\.\d+\.b$/);
  assert.equal((await visitor.cookies()).length, 1);
});

test('where the page forgets, the cookie speaks: the hit is not recorded, nobody is asked, the page knows again', async () => {
  const visitor = await newVisitor(browser);
  const page = await open(visitor, OPT_IN, '/forgotten');
  await press(page, 'Refuse');
  await page.evaluate(() => localStorage.clear());
  const hit = page.waitForResponse(`${footfall.collector}/hit`);
  await page.reload();
  assert.equal((await hit).headers()['footfall-hit'], 'not-recorded');
  await eventually(() => kept(page), 'the choice on the page');
  assert.match(await kept(page), /^1\.\d+\.00\./);
  assert.equal(await region(page).count(), 0);
  await assertViews(OPT_IN, '/forgotten', 0);
});

test('withdrawn: in two clicks, counted as such, and silent from then on', async () => {
  const visitor = await newVisitor(browser);
  const page = await open(visitor, OPT_IN, '/withdrawn');
  await press(page, 'Accept');
  await assertViews(OPT_IN, '/withdrawn', 1);
  const before = await footfall.outcomes();
  await reopen(page);
  await press(page, 'Refuse');
  const { withdrew, chose_refusal: refusals } = await more(before);
  assert.deepEqual([withdrew, refusals], [1, undefined]);
  await page.reload();
  await assertViews(OPT_IN, '/withdrawn', 1);
  assert.equal((await visitor.cookies()).length, 1, 'the state of the visit is gone, the choice stays');
});

for (const javaScriptEnabled of [true, false]) {
  test(`forgotten on the privacy page, ${javaScriptEnabled ? 'with' : 'without'} JavaScript: counted again only once accepted again`, async () => {
    const visitor = await newVisitor(browser, { javaScriptEnabled });
    const path = `/forgotten-${javaScriptEnabled}`;
    await accept(visitor);
    await open(visitor, OPT_IN, path);
    await assertViews(OPT_IN, path, 1);
    const [{ name }] = await choiceCookies(visitor);
    await open(visitor, OPT_IN, `/state?set=${name.replace('consent', 'visit')}`);
    assert.equal((await visitor.cookies()).length, 2);

    const before = await footfall.outcomes();
    const privacy = await visitor.newPage();
    await privacy.goto(`${footfall.collector}/privacy?site=${OPT_IN}#erase`);
    const section = privacy.getByRole('region', { name: 'Your right to be forgotten' });
    assert.equal(await section.getByRole('status').textContent(), '');
    await section.getByRole('button', { name: 'Forget me' }).click();
    await privacy.waitForURL(/&erased=1#erase$/);
    assert.match(await section.getByRole('status').textContent(), /^You are forgotten/);
    const [choice, ...others] = await visitor.cookies();
    assert.match(choice.value, /^1\.\d+\.00\.\d+\.f$/);
    assert.deepEqual(others, [], 'the choice is all that is stored');
    assert.equal((await more(before)).erased, 1);

    const page = await open(visitor, OPT_IN, path);
    await assertViews(OPT_IN, path, 1);
    if (javaScriptEnabled) {
      assert.match(await kept(page), /^1\.\d+\.11\./, 'the page has its copy, as the privacy page says');
      await reopen(page);
      await eventually(async () => /^1\.\d+\.00\./.test(await kept(page)), 'the copy follows when the choices are opened');
      await press(page, 'Accept');
      await page.reload();
      await assertViews(OPT_IN, path, 2);
    } else {
      await accept(visitor);
      await open(visitor, OPT_IN, path);
      await assertViews(OPT_IN, path, 2);
    }
  });
}

/** Accepts everything on the privacy page. */
async function accept(visitor) {
  const privacy = await visitor.newPage();
  await privacy.goto(`${footfall.collector}/privacy?site=${OPT_IN}`);
  await privacy.getByRole('button', { name: 'Accept all' }).click();
  await privacy.getByText('You have accepted statistics and marketing.').waitFor();
  await privacy.close();
}

test('axe finds nothing on the privacy page, before and after a visitor was forgotten, left to right and right to left', async () => {
  for (const language of ['en', 'ar']) {
    const visitor = await newVisitor(browser);
    const page = await visitor.newPage();
    await page.goto(`${footfall.collector}/privacy?site=${OPT_IN}&language=${language}`);
    const assertClean = async () => {
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => window.axe.run());
      assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), [], language);
    };
    await assertClean();
    await page.locator('form[action="erase"] button').click();
    await page.waitForURL(/&erased=1#erase$/);
    await assertClean();
  }
});

test('statistics without marketing', async () => {
  const visitor = await newVisitor(browser);
  const page = await open(visitor, OPT_IN, '/statistics');
  const pressOnly = (name) => region(page).getByRole('button', { name, exact: true }).click();
  await pressOnly('Settings');
  await region(page).getByRole('checkbox', { name: 'Statistics' }).check();
  await press(page, 'Save');
  await assertViews(OPT_IN, '/statistics', 1);
  assert.match((await choiceCookies(visitor))[0].value, /^1\.\d+\.10\.\d+\.b$/);
});

test('opt-out, and another site than the collector: counted until refused; its choice says nothing of the other site', async () => {
  const visitor = await newVisitor(browser);
  const page = await open(visitor, OPT_OUT, '/counted');
  await assertViews(OPT_OUT, '/counted', 1);
  await region(page).waitFor();
  assert.match(await region(page).textContent(), /A question of ours/, 'texts of the site');
  await press(page, 'Refuse');
  await page.reload();
  await assertViews(OPT_OUT, '/counted', 1);
  const cookies = await visitor.cookies();
  const choice = cookies.find(({ name }) => name.startsWith('__Host-consent-'));
  assert.equal(choice.sameSite, 'None');
  assert.ok(choice.partitionKey, 'kept apart for each page’s site');

  const other = await open(visitor, OPT_IN, '/other');
  await region(other).waitFor();
  await press(other, 'Accept');
  await assertViews(OPT_IN, '/other', 1);
  assert.match(await kept(page), /^1\.\d+\.00\./, 'the refusal stands');
});

test('another site than the collector: an acceptance by the banner holds against an earlier refusal on the collector’s own page', async (context) => {
  const visitor = await newVisitorWithThirdPartyCookies(browser);
  context.after(() => visitor.close());
  const own = await visitor.newPage();
  await own.goto(`${footfall.collector}/privacy?site=${OPT_OUT}&language=en`);
  await own.getByRole('button', { name: 'Refuse all' }).click();
  await own.getByText('You have refused').waitFor();
  const page = await open(visitor, OPT_OUT, '/twins');
  await eventually(() => kept(page), 'the page has heard of it');
  assert.match(await kept(page), /^1\.\d+\.00\.\d+\.f$/);
  assert.equal(await region(page).count(), 0, 'who has refused is not asked');
  const before = await views(OPT_OUT, '/twins');
  await reopen(page);
  await region(page).waitFor();
  await press(page, 'Accept');
  const cookies = await choiceCookies(visitor);
  assert.deepEqual(cookies.map(({ partitionKey }) => Boolean(partitionKey)).sort(), [false, true]);
  for (const { value } of cookies) assert.match(value, /^1\.\d+\.11\.\d+\.b$/);
  await page.evaluate(() => localStorage.clear());
  const hit = page.waitForResponse(`${footfall.collector}/hit`);
  await page.reload();
  assert.equal((await hit).headers()['footfall-hit'], undefined, 'it is recorded');
  await eventually(async () => await views(OPT_OUT, '/twins') > before, 'the view is counted');
});

test('third-party cookies blocked: the choice is kept in the partition of the site, and comes with its hits', async () => {
  const visitor = await newVisitor(browser);
  const page = await open(visitor, OPT_OUT, '/blocked');
  await region(page).waitFor();
  await press(page, 'Refuse');
  const cookies = await choiceCookies(visitor);
  assert.deepEqual(cookies.map(({ partitionKey }) => Boolean(partitionKey)), [true], 'the other one is blocked');
  await page.evaluate(() => localStorage.clear());
  const hit = page.waitForResponse(`${footfall.collector}/hit`);
  await page.reload();
  assert.equal((await hit).headers()['footfall-hit'], 'not-recorded');
  await eventually(() => kept(page), 'the choice on the page');
  assert.match(await kept(page), /^1\.\d+\.00\./);
});

test('axe finds nothing on the privacy page: languages, dark, a narrow screen, forced colours, before and after a choice', async () => {
  const audit = async (page, state) => {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run());
    assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)]), [], state);
    const isWide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    assert.equal(isWide, false, `${state}: no sideways scroll`);
  };
  for (const [language, context] of [
    ['en', {}], ['ar', {}], ['ru', { colorScheme: 'dark' }], ['de', { viewport: { width: 320, height: 640 } }], ['fr', { forcedColors: 'active' }],
  ]) {
    const visitor = await newVisitor(browser, { bypassCSP: true, ...context });
    const page = await visitor.newPage();
    await page.goto(`${footfall.collector}/privacy?site=${OPT_IN}&language=${language}`);
    await audit(page, `${language} unasked`);
    const [everything] = await page.locator('section button').all();
    await everything.click();
    await page.waitForURL('**/privacy?site=*');
    await audit(page, `${language} accepted`);
    await visitor.close();
  }
});

test('without JavaScript: the form sets the cookie and leads back, and the pixel is not recorded', async () => {
  const before = await footfall.outcomes();
  const visitor = await newVisitor(browser, { javaScriptEnabled: false });
  const page = await open(visitor, OPT_IN, '/form');
  await page.getByRole('button', { name: 'refuse' }).click();
  await page.waitForURL(`${pages[OPT_IN]}/form`);
  assert.match((await choiceCookies(visitor))[0].value, /^1\.\d+\.00\.\d+\.f$/);
  const pixel = page.waitForResponse((response) => response.url().startsWith(`${footfall.collector}/pixel.gif`));
  await page.reload();
  assert.equal((await pixel).headers()['footfall-hit'], 'not-recorded');
  await page.getByRole('button', { name: 'accept' }).click();
  await page.waitForURL(`${pages[OPT_IN]}/form`);
  await assertViews(OPT_IN, '/form', 1);
  assert.equal((await more(before)).chose_refusal, 1);
});

test('Global Privacy Control: not asked, not counted, on either site; its user may choose otherwise', async () => {
  const before = await footfall.outcomes();
  for (const site of [OPT_IN, OPT_OUT]) {
    const visitor = await newVisitorWithPrivacyControl(browser);
    const page = await open(visitor, site, '/signal');
    await page.waitForLoadState('networkidle');
    assert.equal(await region(page).count(), 0);
    await reopen(page);
    await region(page).waitFor();
    await press(page, 'Accept');
    await assertViews(site, '/signal', 1);
  }
  assert.equal((await more(before)).refused_by_gpc, undefined, 'nothing was sent that had to be refused');
});

test('the question is counted when it is shown, in the language of the page', async () => {
  const before = await footfall.outcomes();
  const visitor = await newVisitor(browser);
  const german = await open(visitor, OPT_IN, '/language?lang=de');
  await region(german).waitFor();
  assert.equal(await region(german).getAttribute('lang'), 'de');
  const arabic = await open(visitor, OPT_IN, '/language?lang=ar');
  await region(arabic).waitFor();
  assert.equal(await region(arabic).evaluate((node) => getComputedStyle(node).direction), 'rtl');
  assert.equal((await more(before)).shown, 2);
});
