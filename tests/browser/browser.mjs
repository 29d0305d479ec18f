// A real Chromium whose visitors start with an empty profile and an ordinary User-Agent (its own would call it headless,
// and the collector would count a bot).
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const QUIET = [
  '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

/** Playwright switches the back/forward cache off by default; visitors have it. */
const START = {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: QUIET,
  ignoreDefaultArgs: ['--disable-back-forward-cache'],
};

/** Starts the browser. Its visitors are private windows: their third-party cookies are blocked unless they are partitioned. */
export function openBrowser() {
  return chromium.launch(START);
}

/** A visitor nobody has seen before; `options` are Playwright's for a context. */
export function newVisitor(browser, options = {}) {
  return browser.newContext({ userAgent: userAgent(browser), ...options });
}

/** A visitor with a profile of his own, whose browser lets third-party cookies pass. */
export async function newVisitorWithThirdPartyCookies(browser) {
  const profile = await mkdtemp(join(tmpdir(), 'footfall-profile-'));
  await mkdir(join(profile, 'Default'));
  await writeFile(join(profile, 'Default/Preferences'), JSON.stringify({ profile: { cookie_controls_mode: 0 } }));
  const visitor = await chromium.launchPersistentContext(profile, { ...START, userAgent: userAgent(browser) });
  visitor.on('close', () => rm(profile, { recursive: true, force: true, maxRetries: 5 }));
  return visitor;
}

function userAgent(browser) {
  const major = browser.version().split('.')[0];
  return `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${major}.0.0.0 Safari/537.36`;
}

/** A visitor whose browser sends Global Privacy Control, in the header and to scripts. */
export async function newVisitorWithPrivacyControl(browser, options = {}) {
  const visitor = await newVisitor(browser, { extraHTTPHeaders: { 'Sec-GPC': '1' }, ...options });
  await visitor.addInitScript(() =>
    Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true }));
  return visitor;
}

/** Asks until `answer()` gives something true, and returns it. */
export async function eventually(answer, what, withinMs = 30_000) {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const value = await answer();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
