/* Footfall: counts visits without identifying anybody. No identifier, no fingerprint. See README.md. */
{
  const script = document.currentScript;
  const on = (types, act) => types.split(' ').map((type) => addEventListener(type, act, true));

  const start = () => {
    const earlier = window.footfall;
    if (earlier?.site) return;
    const { site = location.hostname, hash, footfallEvent } = script.dataset;
    const address = new URL('hit', script.src);
    const KEY = 'footfall-choice';
    const queue = [];
    let flying; // a request is under way, or not yet to be sent
    let told; // what the banner said on this page, for where storage is blocked
    let isHeld; // the view waits for an acceptance
    let view, since, engaged, deepest;

    // Nothing where no choice stands. The banner writes it; what can't be read is a refusal.
    const choice = () => {
      let value;
      try { value = localStorage[KEY]; } catch { /* storage is blocked */ }
      if (value == null) return told;
      const [, flags, week] = /^1\.\d+\.(00|1[01])\.(\d{1,9})\.[abf]$/.exec(value) || [];
      const weeks = Date.now() / 604800000 - week;
      return !(weeks < 0 || weeks >= 26) && { statistics: flags > 0, marketing: flags > 10 };
    };

    // A choice made on this site beats the browser's privacy signals.
    const mayBeSent = () => choice()?.statistics ?? !(navigator.globalPrivacyControl || navigator.doNotTrack == 1);

    // Random for each hit, so that the same hit sent twice counts once.
    const hitId = () => `${crypto.getRandomValues(new Uint32Array(4))}`;

    const add = (hit) => {
      // The cookie that refuses marketing may not reach the collector; the page's own word does.
      queue.push({ site, url: view.url, id: hitId(), ...choice(), ...hit });
      flush();
    };

    // Brings time and choice up to date and sends what there is.
    const flush = () => {
      // A page is in use while it is visible and has the focus. Time under a refusal is nobody's business.
      const now = mayBeSent() && performance.now();
      engaged = now && engaged + now - (since || now);
      since = !document.hidden && document.hasFocus() && now;
      // An acceptance, here or in another tab, sends the view that was held back or that the collector turned away.
      if (isHeld && choice()?.statistics) {
        isHeld = 0;
        add(view);
      }
      // A refusal drops what waits; the collector takes 20 at once.
      queue.splice(now ? 20 : 0);
      // One request at a time: the state of the visit is in its answer.
      if (!flying && queue[0]) post();
    };

    // What is refused for good is not sent again. A collector that is busy is left alone for a minute.
    const post = () => {
      const hits = queue.splice(0);
      flying = 1;
      const again = () => queue.unshift(...hits);
      const done = () => {
        flying = 0;
        flush();
      };
      fetch(address, { method: 'POST', body: JSON.stringify(hits), keepalive: true, credentials: 'include' }).then(({ status }) => {
        if (/408|429|^5/.test(status)) { again(); setTimeout(done, 60000); }
        else done();
      }, () => { again(); flying = 0; });
    };

    const event = (name, value) => {
      if (name) add({ kind: 'event', name, value: +value || 0 });
    };

    // With data-hash a route behind # belongs to the address.
    const here = () => location.href.split(hash == null ? '#' : /#(?!!?\/)/)[0];

    const see = (referrer) => {
      view = { kind: 'view', url: here(), referrer, id: hitId() };
      isHeld = 0;
      flush();
      engaged = deepest = 0;
      isHeld = !mayBeSent();
      if (!isHeld) add(view);
    };

    const deepen = () => {
      deepest = Math.max(deepest, (scrollY + innerHeight + 1) / document.documentElement.scrollHeight);
    };

    // Several leaves of a page add up. One without time in use has nothing to say.
    const leave = () => {
      flush();
      deepen();
      if (isHeld || engaged < 100) return;
      add({ kind: 'leave', engaged_ms: engaged, scroll: deepest * 100 | 0 });
      engaged = 0;
    };

    // The old page is measured before it changes; the new one is seen when redirects within the site are over.
    const moved = () => {
      if (here() == view.url) return;
      leave();
      setTimeout(() => { if (here() != view.url) see(view.url); });
    };

    const clicked = (click) => {
      if (click.button > 1) return;
      const closest = (selector) => click.composedPath().find((node) => node.matches?.(selector));
      const { footfallEvent, footfallValue } = closest(click.type == 'submit' ? 'form' : '[data-footfall-event]:not(form)')?.dataset || 0;
      event(footfallEvent, footfallValue);
      const { protocol, origin, hostname, pathname } = closest('a[href]') || 0;
      const scheme = /^(http|mailto|tel)|/.exec(protocol)[0];
      if (scheme != 'http') event(scheme);
      else if (closest('[download]') || /\.(pdf|zip|gz|dmg|exe|csv|(doc|xls|ppt|mp[34])x?)$/i.test(pathname)) add({ kind: 'download', name: origin + pathname });
      else if (hostname != location.hostname && !hostname.endsWith(site)) add({ kind: 'outbound', name: origin });
    };

    try {
      const own = location.hash;
      if (own == '#footfall-ignore') localStorage[KEY] = own;
      if (own == '#footfall-count' && localStorage[KEY][0] == '#') delete localStorage[KEY];
    } catch { /* storage is blocked */ }
    see(document.referrer);
    event(footfallEvent);
    earlier?.q?.map((call) => event(...call));
    (window.footfall = Object.assign(event, earlier)).site = site;
    ['pushState', 'replaceState'].map((name) => {
      const original = history[name];
      history[name] = (...state) => {
        original.apply(history, state);
        moved();
      };
    });
    on('popstate', moved);
    on('scroll', deepen);
    on('focus blur online storage', flush);
    on('click auxclick submit', clicked);
    // A page that comes back from the cache is seen again.
    on('pageshow', ({ persisted }) => { if (persisted) see(view.referrer); });
    on('visibilitychange pagehide', () => {
      leave();
      // Nobody may be there any more to hear of the request under way.
      if (document.hidden && queue[0]) post();
    });
    on('footfall:consent', ({ detail }) => {
      told = detail;
      isHeld ||= detail?.heldBack;
      flush();
    });
  };

  // A page made ready ahead of time is seen when it is shown.
  if (document.prerendering) on('prerenderingchange', start);
  else start();
}
