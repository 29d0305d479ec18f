// Footfall's consent banner: see README.md.
(() => {
  const POLICY = {revision: 1, material: 1};
  const KEY = 'footfall-choice';
  const script = document.currentScript;
  const footfall = (window.footfall ||= () => {});
  if (!script || footfall.consent) return;
  const page = document.documentElement;
  const { site = location.hostname, language = page.lang.split('-')[0], manual, googleConsent } = script.dataset;
  const address = new URL('consent', script.src);

  let policy = POLICY;
  let turn = 0;
  let posts = Promise.resolve();
  let fallback, announced, answer, root, region, opener, isAway;

  const thisWeek = () => Math.floor(Date.now() / 604800000);

  function read() {
    try { return localStorage.getItem(KEY) ?? fallback; } catch { return fallback; }
  }

  function keep(value) {
    fallback = value;
    try { value ? localStorage.setItem(KEY, value) : localStorage.removeItem(KEY); } catch {}
  }

  const keepChoice = ({ statistics, marketing, revision, week = thisWeek(), method }) =>
    keep(`1.${revision}.${+statistics}${+marketing}.${week}.${method[0]}`);

  // What cannot be read is a refusal; what has run out is removed.
  function said() {
    const value = read();
    if (value == null) return null;
    const [, revision, flags, week] =
      /^1\.(\d{1,9})\.(00|10|11)\.(\d{1,9})\.[abf]$/.exec(value) || [, policy.revision, '00', thisWeek()];
    const days = (thisWeek() - week) * 7;
    if (days < 0 || days > 180) return keep(null), null;
    return { statistics: flags > '00', marketing: flags > '10', revision: +revision };
  }

  function standing() {
    const choice = said();
    return choice?.statistics && choice.revision < policy.material ? null : choice;
  }

  // Each time that the collector does not take a refusal of everything puts a zero before its week.
  const fail = () => keep(read().replace('.00.', '.00.0'));

  // heldBack: hits were turned away.
  function announce() {
    const choice = standing();
    if (JSON.stringify(choice) == JSON.stringify(announced)) return;
    const heldBack = announced === null && answer?.mode != 'opt-out';
    announced = choice;
    tellGoogle('update');
    document.dispatchEvent(new CustomEvent('footfall:consent', { detail: choice && { ...choice, heldBack } }));
  }

  function tellGoogle(command) {
    if (googleConsent == null || !window.gtag) return;
    const word = (yes) => (yes ? 'granted' : 'denied');
    const choice = standing();
    const ads = word(choice?.marketing && !navigator.globalPrivacyControl && navigator.doNotTrack != '1');
    gtag('consent', command, {
      analytics_storage: word(choice?.statistics), ad_storage: ads, ad_user_data: ads, ad_personalization: ads,
    });
  }

  // What grants nothing new holds at once.
  async function choose(statistics, marketing, method = 'banner') {
    const { revision } = policy;
    const before = standing() || {};
    close();
    if (method == 'api' && before.revision == revision && freedom(before) == statistics + marketing) return before;
    const grants = statistics > !!before.statistics || marketing > !!before.marketing;
    if (grants && !answer) await ask();
    const mine = ++turn;
    const hold = () => {
      keepChoice({ statistics, marketing, revision, method });
      announce();
    };
    if (!grants) hold();
    const isTaken = await send({ statistics, marketing }, method);
    if (mine == turn) {
      if (isTaken) {
        if (grants) hold();
        status.textContent = answer?.texts.saved;
      } else if (!statistics) fail();
    }
    return standing();
  }

  function send({ statistics, marketing }, method) {
    const word = (yes) => (yes ? 'accept' : 'refuse');
    const body = JSON.stringify({ site, statistics: word(statistics), marketing: word(marketing), method });
    const post = () => fetch(address, { method: 'POST', body, credentials: 'include', keepalive: true });
    return (posts = posts.then(post).then(({ ok }) => ok, () => false));
  }

  // Four times at most. Nothing is ever accepted behind the visitor's back.
  async function retry() {
    const value = read();
    if (!/\.00\.0{1,4}[1-9]/.test(value)) return;
    const mine = turn;
    fail();
    if (await send({}, value.at(-1) == 'a' ? 'api' : 'banner') && mine == turn) keep(value.replace(/\.00\.0+/, '.00.'));
  }

  function catchUp() {
    announce();
    if (announced) close();
  }

  // The more private of cookie and storage counts.
  async function ask() {
    const mine = turn;
    await posts;
    try {
      policy = answer = await (await fetch(`${address}?site=${site}&language=${language}`, { credentials: 'include' })).json();
    } catch { return; }
    if (mine != turn || freedom(answer.choice) >= freedom(standing())) return;
    keepChoice(answer.choice);
    announce();
  }

  const freedom = (choice) => (choice ? choice.statistics + choice.marketing : 3);

  async function start() {
    tellGoogle('default');
    retry();
    if (manual != null || standing()?.revision >= policy.revision) return announce();
    await ask();
    announce();
    if (!answer || turn || region || answer.mode == 'cookieless') return;
    if (announced?.revision < policy.revision) show('notice');
    else if (!announced && answer.ask) show();
  }

  async function open(by) {
    await ask();
    if (!answer) return by.href && location.assign(by.href);
    show('settings');
    opener = by;
    region.focus();
  }

  function element(name, properties, ...children) {
    const node = Object.assign(document.createElement(name), properties);
    node.append(...children);
    return node;
  }

  const status = element('p', { role: 'status' });

  function show(kind) {
    const { texts, mode, signal } = answer;
    const choice = standing();
    const button = (key, onclick, className = '') => element('button', { className, onclick }, texts[key]);
    const boxes = element('div', { className: 'boxes' });
    const box = (id, checked, disabled) => {
      const input = element('input', { type: 'checkbox', id, checked, disabled });
      const detail = id + '_detail';
      input.setAttribute('aria-describedby', detail);
      boxes.append(input, element('label', { htmlFor: id }, texts[id]), element('p', { id: detail }, texts[detail]));
      return input;
    };
    // Unanswered, the boxes show the default, but no marketing that was refused under an earlier policy.
    const counted = mode != 'opt-in' && !signal;
    box('necessary', true, true);
    const statistics = box('statistics', choice ? choice.statistics : counted);
    const marketing = box('marketing', choice ? choice.marketing : counted && mode == 'opt-out' && said()?.marketing != false);
    (statistics.onchange = () => {
      marketing.disabled = !statistics.checked;
      marketing.checked &&= statistics.checked;
    })();

    const refuse = button('refuse', () => choose(false, false));
    const accept = button('accept', () => choose(true, true));
    const save = button('save', () => choose(statistics.checked, marketing.checked));
    const understood = button('understood', () => {
      keep(read().replace(/^1\.\d+/, '1.' + policy.revision));
      announce();
      close();
    });
    const details = button('details', () => expand(boxes.hidden), 'link');
    const expand = (isOpen) => {
      details.ariaExpanded = isOpen;
      boxes.hidden = save.hidden = !isOpen;
      refuse.hidden = accept.hidden = kind == 'notice' && !isOpen;
      understood.hidden = !refuse.hidden;
      if (isOpen) statistics.focus();
    };

    close();
    if (!root) {
      const host = element('footfall-consent');
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      root = host.attachShadow({ mode: 'open' });
      root.adoptedStyleSheets = [sheet];
      root.append(status);
      page.insertBefore(host, document.body);
    }
    status.textContent = '';
    region = element(
      'section', { ariaLabel: texts.title, tabIndex: -1, dir: answer.direction, lang: answer.language },
      element('h2', {}, texts.title),
      element('p', {}, texts[kind] || texts.body),
      signal && !choice ? element('p', {}, texts.gpc) : '',
      boxes,
      element('div', { className: 'buttons' }, save, understood, refuse, accept),
      details, element('a', { href: answer.privacy, className: 'link' }, texts.privacy),
    );
    if (kind == 'settings') {
      region.prepend(button('close', close, 'close link'));
      region.onkeydown = ({ key }) => { if (key == 'Escape') close(); };
    }
    root.append(region);
    // The page can be scrolled from under the banner to its end, and what has the focus is.
    new ResizeObserver(() => {
      page.style.paddingBottom = page.style.scrollPaddingBottom = region ? `${region.offsetHeight + 24}px` : '';
      document.querySelector(':focus:not(footfall-consent)')?.scrollIntoView({ block: 'nearest' });
    }).observe(region);
    expand(kind == 'settings');
  }

  function close() {
    if (!region) return;
    if (root.activeElement) opener?.focus();
    region.remove();
    region = opener = null;
  }

  const STYLE = `
:host { all: initial !important }
* { box-sizing: border-box }
[role=status] { position: fixed; clip-path: inset(50%) }
section {
  position: fixed; z-index: 2147483647; inset: auto 12px 12px; overflow: auto;
  max-width: 38em; max-height: 60dvh; margin: 0 auto; padding: 1.5em;
  border: 1px solid #8886; border-radius: 12px; box-shadow: 0 0 12px #0003;
  background: Canvas; color: CanvasText; color-scheme: light dark;
  font: 1em/1.5 system-ui, sans-serif; overflow-wrap: break-word
}
h2 { margin: 0 0 .75em; font-size: 1.25em }
p { margin: 0 0 .75em; opacity: .8 }
button { font: inherit; color: inherit; cursor: pointer }
.boxes:not([hidden]) { display: grid; grid-template-columns: auto 1fr; gap: 2px 12px; margin: 1.25em 0 }
.boxes p { grid-column: 2 }
input { width: 20px; height: 20px; margin: 2px }
.buttons { display: flex; flex-wrap: wrap; gap: 12px; margin: 1.25em 0 }
.buttons button {
  flex: 1 1 9em; min-width: 0; padding: .75em; border: 0; border-radius: 12px;
  background: CanvasText; color: Canvas; font-weight: 600; forced-color-adjust: none
}
.buttons :nth-child(-n+2) { flex-basis: 100% }
.link { display: inline-block; margin-inline-end: 1.5em; padding: 0; border: 0; background: none; color: inherit; text-decoration: underline }
.close { float: inline-end; margin: 0 }
:focus-visible { outline: 2px solid CanvasText; outline-offset: 2px }
@media (prefers-reduced-motion: no-preference) {
  section { transition: .25s }
  @starting-style { section { opacity: 0 } }
}
`;

  footfall.consent = (request) => {
    if (!request) return standing();
    if (request == 'show') return open(document.activeElement);
    const statistics = request.statistics === true;
    return choose(statistics, statistics && request.marketing === true, 'api');
  };
  addEventListener('storage', ({ key }) => {
    if (key && key != KEY) return;
    fallback = null;
    turn++;
    catchUp();
  });
  addEventListener('pageshow', ({ persisted }) => { if (persisted) catchUp(); });
  // Back from the collector's page, where the choice may have been changed.
  addEventListener('visibilitychange', () => { if (isAway) isAway = document.hidden || void ask(); });
  addEventListener('online', retry);
  document.addEventListener('click', (event) => {
    const link = event.target.closest('[data-footfall-consent]');
    if (!link) return isAway ||= event.composedPath().some(({ href }) => href?.includes?.('/privacy?site='));
    event.preventDefault();
    open(link);
  });
  if (document.prerendering) document.addEventListener('prerenderingchange', start, { once: true });
  else start();
})();
