// Links that lead away, files, addresses, and events of the site's own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listener } from './listener.mjs';

/** A page with this body, once its view has come. */
async function openWith(body, settings = {}) {
  listener.reset({ body, ...settings });
  const page = await listener.open('/page');
  await listener.hear('view');
  return page;
}

/** What came besides views and leaves, as `kind name`. */
const happenings = () =>
  listener.hits.filter(({ kind }) => kind && kind !== 'view' && kind !== 'leave').map(({ kind, name }) => `${kind} ${name}`);

test('a link to another site is told once, by its origin only, however it is followed', async () => {
  const follow = {
    click: (link) => link.click(),
    'middle click': (link) => link.click({ button: 'middle' }),
    'click with Ctrl': (link) => link.click({ modifiers: ['Control'] }),
    Enter: (link) => link.press('Enter'),
  };
  for (const [way, act] of Object.entries(follow)) {
    const page = await openWith(`<a href="${listener.elsewhere}/private/anna?token=1#x"><b>Out</b></a>`);
    await page.evaluate(() => addEventListener('click', (event) => event.preventDefault()));
    await act(page.getByRole('link'));
    await listener.hear('outbound');
    await listener.drain(page);
    assert.deepEqual(happenings(), [`outbound ${listener.elsewhere}`], way);
    assert.equal(listener.of('outbound')[0].url, `${listener.site}/page`);
    await page.context().close();
  }
});

test('a link that stops the click itself, or stands in a shadow tree, is told', async () => {
  const page = await openWith(`<div onclick="event.stopPropagation()"><a id="a" href="${listener.elsewhere}" target="_blank">Out</a></div><p id="host"></p>`);
  await page.locator('#a').click();
  await listener.hear('outbound');
  await page.evaluate((href) => {
    const link = Object.assign(document.createElement('a'), { href, textContent: 'Out', target: '_blank', id: 'b' });
    document.querySelector('#host').attachShadow({ mode: 'open' }).append(link);
  }, `${listener.elsewhere}/shadow`);
  await page.locator('#b').click();
  await listener.hear('outbound', 2);
});

test('links within the site, to its subdomains, and the menu of the mouse tell nothing', async () => {
  const page = await openWith(
    `<a id="inside" href="/inside">In</a> <a id="anchor" href="#part">Part</a> <a id="script" href="javascript:void 0">Script</a>
     <a id="sub" href="https://shop.example.com/">Shop</a> <a id="out" href="${listener.elsewhere}">Out</a>
     <script>addEventListener('click', (event) => event.preventDefault())</script>`,
    { attributes: 'data-site="example.com"' },
  );
  for (const id of ['inside', 'anchor', 'script', 'sub']) await page.locator(`#${id}`).click();
  await page.locator('#out').click({ button: 'right' });
  await listener.drain(page);
  assert.deepEqual(happenings(), []);
});

test('a file is told without its query, by its name or because the page says so', async () => {
  const page = await openWith(
    `<a id="pdf" href="/files/Price%20List.PDF?session=1">A</a> <a id="said" download href="/files/report?id=2">B</a>
     <a id="far" href="${listener.elsewhere}/files/x.zip">C</a> <a id="no" href="/files/page.html">D</a>
     <script>addEventListener('click', (event) => event.preventDefault())</script>`,
  );
  for (const id of ['pdf', 'said', 'far', 'no']) await page.locator(`#${id}`).click();
  await listener.drain(page);
  assert.deepEqual(happenings(), [
    `download ${listener.site}/files/Price%20List.PDF`, `download ${listener.site}/files/report`, `download ${listener.elsewhere}/files/x.zip`,
  ]);
});

test('an e-mail or telephone link is an event without the address', async () => {
  const page = await openWith('<a id="mail" href="mailto:anna@example.org?subject=Private">Write</a> <a id="call" href="tel:+4930901820">Call</a>');
  await page.evaluate(() => addEventListener('click', (event) => event.preventDefault()));
  await page.locator('#mail').click();
  await page.locator('#call').click();
  await listener.hear('event', 2);
  assert.deepEqual(happenings(), ['event mailto', 'event tel']);
  assert.doesNotMatch(JSON.stringify(listener.hits), /anna|Private|90182/);
});

test('elements tell events by click, forms by being sent', async () => {
  const page = await openWith(
    `<button data-footfall-event="Sign up" data-footfall-value="9.5"><b>Go</b></button>
     <form data-footfall-event="Newsletter"><input aria-label="mail" required><input type="submit" value="Send"></form>
     <script>addEventListener('submit', (event) => event.preventDefault())</script>`,
  );
  await page.getByText('Go').click();
  await page.getByLabel('mail').click();
  await page.getByText('Send').click();
  await page.getByLabel('mail').fill('secret');
  await page.getByText('Send').click();
  await listener.drain(page);
  assert.deepEqual(happenings(), ['event Sign up', 'event Newsletter']);
  assert.deepEqual(listener.of('event').map(({ value }) => value), [9.5, 0]);
});

test('scripts tell events, with what they called before the tag was there', async () => {
  listener.reset({ head: `<script>
    window.footfall ||= function () { (footfall.q ||= []).push(arguments); };
    footfall('Early', 3);
  </script>` });
  const page = await listener.open('/page');
  await listener.hear('event');
  await page.evaluate(() => {
    footfall('Late');
    footfall('Sold', '19.99');
    footfall('Odd', NaN);
    footfall();
  });
  await listener.drain(page);
  assert.deepEqual(listener.hits.slice(0, 5).map(({ kind, name, value }) => [kind, name, value]), [
    ['view', undefined, undefined], ['event', 'Early', 3], ['event', 'Late', 0], ['event', 'Sold', 19.99], ['event', 'Odd', 0],
  ]);
});

test('what the banner keeps on the function stays', async () => {
  listener.reset({ head: '<script>window.footfall = () => {}; footfall.consent = () => 3;</script>' });
  const page = await listener.open('/page');
  await listener.hear('view');
  assert.equal(await page.evaluate(() => footfall.consent()), 3);
});

test('a page that was not found says so on the script', async () => {
  const page = await openWith('', { attributes: 'data-footfall-event="error 404"' });
  await listener.hear('event');
  await page.evaluate(() => history.pushState(null, '', '/found'));
  await listener.hear('view', 2);
  await listener.drain(page);
  assert.deepEqual(happenings(), ['event error 404']);
  assert.equal(listener.of('event')[0].url, `${listener.site}/page`);
});
