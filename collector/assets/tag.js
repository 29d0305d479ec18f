/* Footfall: counts page views without identifying anybody. No identifier, no fingerprint.
   <script defer src="https://COLLECTOR/tag.js" data-site="example.com"></script> */
(() => {
  'use strict';
  const script = document.currentScript;
  if (!script) return;
  const site = script.dataset.site || location.hostname;
  const hitUrl = new URL('hit', script.src).href;
  const KEY = 'footfall-choice';
  let told; // what the banner said on this page, for where storage is blocked
  let view, isSent;

  // Nothing where no choice stands. The banner writes it; what can't be read is a refusal.
  function choice() {
    let value;
    try { value = localStorage.getItem(KEY); } catch { /* storage is blocked */ }
    if (value == null) return told;
    const [, flags, week] = /^1\.\d{1,9}\.(00|10|11)\.(\d{1,9})\.[abf]$/.exec(value) || [];
    if (!flags) return { statistics: false };
    const days = (Math.floor(Date.now() / 604800000) - week) * 7;
    return days < 0 || days > 180 ? undefined : { statistics: flags > '00', marketing: flags > '10' };
  }

  // A choice made on this site beats the browser's privacy signals.
  const mayBeSent = () => choice()?.statistics ?? !(navigator.globalPrivacyControl === true || navigator.doNotTrack === '1');

  // Random for each hit, so that the same hit sent twice counts once.
  const hitId = () =>
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

  function send(hit) {
    const body = JSON.stringify(hit);
    if (navigator.sendBeacon && navigator.sendBeacon(hitUrl, body)) return;
    fetch(hitUrl, { method: 'POST', body, keepalive: true, credentials: 'include' }).catch(() => {});
  }

  function offer() {
    if (!view || isSent || !mayBeSent()) return;
    isSent = true;
    // The cookie that refuses marketing may not reach the collector; the page's own word does.
    send(choice()?.marketing === false ? { ...view, marketing: false } : view);
  }

  function see() {
    const url = location.href.split('#')[0];
    view = { site, kind: 'view', url, referrer: document.referrer, id: hitId() };
    isSent = false;
    offer();
  }

  // A page made ready ahead of time is seen when it is shown; one that comes back from the cache is seen again.
  if (document.prerendering) document.addEventListener('prerenderingchange', see, { once: true });
  else see();
  addEventListener('pageshow', (event) => { if (event.persisted) see(); });

  // An acceptance, here or in another tab, sends the view that was held back or that the collector turned away.
  document.addEventListener('footfall:consent', ({ detail }) => {
    told = detail || undefined;
    if (detail?.heldBack) isSent = false;
    if (told?.statistics) offer();
  });
  addEventListener('storage', ({ key }) => { if (key === KEY && choice()?.statistics) offer(); });
})();
