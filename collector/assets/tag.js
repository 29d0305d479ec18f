/* Footfall: counts page views without identifying anybody. No identifier, no fingerprint.
   <script defer src="https://COLLECTOR/tag.js" data-site="example.com"></script> */
(() => {
  'use strict';
  const script = document.currentScript;
  if (!script) return;
  const site = script.dataset.site || location.hostname;
  const hitUrl = new URL('hit', script.src).href;

  // A choice made on this site beats the browser's privacy signals. Where it can't be read, the signals stand.
  function refused() {
    let choice;
    try { choice = localStorage.getItem('footfall-choice'); } catch { /* storage is blocked */ }
    if (choice) return choice !== 'accepted';
    return navigator.globalPrivacyControl === true || navigator.doNotTrack === '1';
  }

  // Random for each hit, so that the same hit sent twice counts once.
  const hitId = () =>
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

  function send(hit) {
    const body = JSON.stringify(hit);
    if (navigator.sendBeacon && navigator.sendBeacon(hitUrl, body)) return;
    fetch(hitUrl, { method: 'POST', body, keepalive: true, credentials: 'include' }).catch(() => {});
  }

  function view() {
    if (refused()) return;
    const url = location.href.split('#')[0];
    send({ site, kind: 'view', url, referrer: document.referrer, id: hitId() });
  }

  // A page made ready ahead of time is seen when it is shown; one that comes back from the cache is seen again.
  if (document.prerendering) document.addEventListener('prerenderingchange', view, { once: true });
  else view();
  addEventListener('pageshow', (event) => { if (event.persisted) view(); });
})();
