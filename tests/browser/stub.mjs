// A collector and a website in one small server, for tests of what the browser does. It serves the real scripts, answers
// `/consent` as the contract says, keeps the choice in a cookie for each site, and writes down every request.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';

/** A script as the collector serves it: without lines of comment and without indentation. */
export async function asset(name) {
  const text = await readFile(new URL(`../../collector/assets/${name}`, import.meta.url), 'utf8');
  const lines = text.split('\n').map((line) => line.trimStart());
  return lines.filter((line) => line && !line.startsWith('//')).map((line) => `${line}\n`).join('');
}

export const thisWeek = () => Math.floor(Date.now() / 604_800_000);

export const TEXTS = {
  en: {
    title: 'Counting visits',
    body: 'We count visits to see which pages help. Nobody is identified, and nothing is passed on.',
    accept: 'Accept', refuse: 'Refuse', details: 'Details', save: 'Save my choice',
    necessary: 'Necessary', necessary_detail: 'Keeps your choice. Always on.',
    statistics: 'Statistics', statistics_detail: 'Counts pages and visits, without an identifier.',
    marketing: 'Marketing', marketing_detail: 'Credits a campaign that brought you here.',
    gpc: 'Your browser asks not to be tracked. We keep to that.',
    notice: 'Our privacy policy has changed. Your choice stays as it is.', understood: 'Understood',
    privacy: 'Privacy policy', close: 'Close', saved: 'Your choice is saved.',
  },
  de: {
    title: 'Besuche zählen',
    body: 'Wir zählen Besuche, um zu sehen, welche Seiten helfen. Niemand wird erkannt, und nichts wird weitergegeben.',
    accept: 'Zustimmen', refuse: 'Ablehnen', details: 'Einzelheiten', save: 'Auswahl speichern',
    necessary: 'Notwendig', necessary_detail: 'Bewahrt Ihre Entscheidung. Immer an.',
    statistics: 'Statistik', statistics_detail: 'Zählt Seiten und Besuche, ohne Kennung.',
    marketing: 'Marketing', marketing_detail: 'Schreibt den Besuch der Werbung gut, die Sie hergeführt hat.',
    gpc: 'Ihr Browser bittet darum, nicht verfolgt zu werden. Daran halten wir uns.',
    notice: 'Unsere Datenschutzerklärung hat sich geändert. Ihre Entscheidung bleibt.', understood: 'Verstanden',
    privacy: 'Datenschutz', close: 'Schließen', saved: 'Ihre Entscheidung ist gespeichert.',
  },
  ar: {
    title: 'إحصاء الزيارات',
    body: 'نعدّ الزيارات لنعرف أي الصفحات مفيدة. لا نتعرّف على أحد ولا نشارك شيئًا مع غيرنا.',
    accept: 'أوافق', refuse: 'أرفض', details: 'التفاصيل', save: 'احفظ اختياري',
    necessary: 'ضروري', necessary_detail: 'يحفظ اختيارك. مفعّل دائمًا.',
    statistics: 'الإحصاءات', statistics_detail: 'تعدّ الصفحات والزيارات من دون أي معرّف.',
    marketing: 'التسويق', marketing_detail: 'ينسب الزيارة إلى الحملة التي جاءت بك.',
    gpc: 'متصفحك يطلب عدم التتبع، ونحن نلتزم بذلك.',
    notice: 'تغيّرت سياسة الخصوصية لدينا. يبقى اختيارك كما هو.', understood: 'فهمت',
    privacy: 'سياسة الخصوصية', close: 'إغلاق', saved: 'حُفظ اختيارك.',
  },
};

/** Starts it; `reset()` before each test. */
export async function startStub() {
  const stub = new Stub();
  await stub.listen();
  return stub;
}

class Stub {
  #servers = [];

  async listen() {
    const start = async (answer) => {
      const server = createServer((request, response) => answer.call(this, request, response)).listen(0, '127.0.0.1');
      await once(server, 'listening');
      this.#servers.push(server);
      return `http://127.0.0.1:${server.address().port}`;
    };
    this.collector = `${await start(this.#collect)}/stats`;
    this.site = await start(this.#page);
    this.reset();
  }

  close() {
    for (const server of this.#servers) server.close(), server.closeAllConnections();
  }

  /** A collector with one policy and sites that differ in nothing but their choice. */
  reset(settings = {}) {
    Object.assign(this, { mode: 'opt-in', revision: 1, material: 1, isDown: false, delayMs: 0, html: '', headers: {}, ...settings });
    this.requests = [];
  }

  of(method, path) {
    return this.requests.filter((request) => request.method === method && request.path === path);
  }

  get hits() { return this.of('POST', '/hit').flatMap(({ body }) => body); }
  get choices() { return this.of('POST', '/consent').map(({ body }) => body); }
  get questions() { return this.of('GET', '/consent'); }

  async #collect(request, response) {
    const url = new URL(request.url, this.collector);
    const path = url.pathname.replace('/stats', '');
    let body = '';
    for await (const chunk of request) body += chunk;
    const type = request.headers['content-type'];
    this.requests.push({ method: request.method, path, query: Object.fromEntries(url.searchParams), type, body: body && JSON.parse(body) });
    if (this.delayMs) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    if (path.endsWith('.js')) {
      const policy = `const POLICY = {revision: ${this.revision}, material: ${this.material}};`;
      const script = (await asset(path === '/tag.js' ? 'tag.min.js' : path.slice(1))).replace(/const POLICY = .*/, policy);
      return response.writeHead(200, { 'content-type': 'text/javascript; charset=utf-8' }).end(script);
    }
    const cors = { 'access-control-allow-origin': request.headers.origin ?? '', 'access-control-allow-credentials': 'true' };
    if (path !== '/hit' && this.isDown) return response.writeHead(503, cors).end();
    if (path === '/hit') return response.writeHead(204, cors).end();
    if (path === '/privacy') return response.writeHead(200, { 'content-type': 'text/html' }).end('<title>Privacy</title>');
    if (request.method === 'POST') return response.writeHead(204, { ...cors, 'set-cookie': this.#cookie(JSON.parse(body)) }).end();
    response.writeHead(200, { ...cors, 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(JSON.stringify(this.#answer(url.searchParams, request.headers)));
  }

  #cookie({ site, statistics, marketing, method }) {
    const flags = [statistics, marketing].map((word) => (word === 'accept' ? 1 : 0)).join('');
    return `__Host-consent-${site}=1.${this.revision}.${flags}.${thisWeek()}.${method[0]}; Secure; HttpOnly; Path=/; SameSite=Lax`;
  }

  #answer(query, headers) {
    const site = query.get('site');
    const [, value] = (headers.cookie ?? '').match(`__Host-consent-${site}=([^;]*)`) ?? [];
    const [, revision, flags, week, method] = value?.match(/^1\.(\d+)\.(\d\d)\.(\d+)\.(\w)/) ?? [];
    const choice = value
      ? { statistics: flags > '00', marketing: flags === '11', revision: Number(revision), week: Number(week), method }
      : null;
    const signal = headers['sec-gpc'] === '1' ? 'gpc' : headers.dnt === '1' ? 'dnt' : null;
    const isVoid = choice?.statistics && choice.revision < this.material;
    const language = TEXTS[query.get('language')] ? query.get('language') : 'en';
    return {
      site, mode: this.mode, revision: this.revision, material: this.material, choice, signal,
      ask: this.mode !== 'cookieless' && (isVoid || (!choice && !signal)),
      notice: Boolean(choice && !isVoid && choice.revision < this.revision),
      language, direction: language === 'ar' ? 'rtl' : 'ltr', texts: TEXTS[language],
      privacy: `${this.collector}/privacy?site=${site}`,
    };
  }

  /** A page: `?site=` names it, `?lang=` is its language, `?script=` are more attributes of the banner's script. */
  #page(request, response) {
    const { searchParams: query } = new URL(request.url, this.site);
    const site = query.get('site') ?? 'example.com';
    const nonce = this.nonce ? ` nonce="${this.nonce}"` : '';
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...this.headers });
    response.end(`<!doctype html>
<html lang="${query.get('lang') ?? 'en'}"><head><meta charset="utf-8"><title>A page</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
${this.html}
<script defer${nonce} src="${this.collector}/tag.js" data-site="${site}"></script>
<script defer${nonce} src="${this.collector}/consent.js" data-site="${site}" ${query.get('script') ?? ''}></script>
</head><body><main><h1>A page</h1><p>Its text. <a href="/other">Another page</a></p>
${'<p>One line more, so that there is something to scroll.</p>\n'.repeat(query.has('long') ? 60 : 3)}</main>
<footer><p><a href="${this.collector}/privacy?site=${site}" data-footfall-consent>Privacy choices</a></p></footer></body></html>`);
  }
}
