/** Relative times that go on, keys, and forms that are sent once. */
export const pageScript = `
(() => {
  'use strict';
  const span = (seconds) => {
    if (seconds < 120) return seconds + ' s';
    const minutes = Math.floor(seconds / 60);
    if (minutes < 120) return minutes + ' min';
    const hours = Math.floor(minutes / 60);
    if (hours >= 48) return Math.floor(hours / 24) + ' d';
    return minutes % 60 === 0 ? hours + ' h' : hours + ' h ' + (minutes % 60) + ' min';
  };
  const tick = () => {
    for (const each of document.querySelectorAll('[data-moment]')) {
      const seconds = Math.round((Date.parse(each.dataset.moment) - Date.now()) / 1000);
      const words = seconds === 0 ? '(now)' : seconds > 0 ? '(in ' + span(seconds) + ')' : '(' + span(-seconds) + ' ago)';
      if (each.textContent !== words) each.textContent = words;
    }
  };
  setInterval(tick, 1000);

  const address = new URL(location.href);
  if (address.searchParams.has('again')) {
    address.searchParams.delete('again');
    history.replaceState(null, '', address);
  }

  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (form.method !== 'post') return;
    if (form.dataset.sent === 'yes') event.preventDefault();
    form.dataset.sent = 'yes';
  });
  addEventListener('pageshow', () => {
    for (const form of document.forms) delete form.dataset.sent;
  });
})();

(() => {
  'use strict';
  const keysOn = document.getElementById('keys-on');
  const help = document.getElementById('help');
  if (keysOn === null || help === null) return;
  keysOn.checked = localStorage.getItem('countersign-keys') !== 'off';
  keysOn.addEventListener('change', () => {
    localStorage.setItem('countersign-keys', keysOn.checked ? 'on' : 'off');
  });

  const step = (by) => {
    const links = [...document.querySelectorAll('.row a')];
    if (links.length === 0) return;
    const at = links.indexOf(document.activeElement);
    const next = at === -1 ? (by > 0 ? 0 : links.length - 1) : at + by;
    links[Math.max(0, Math.min(links.length - 1, next))].focus();
  };
  const actions = {
    j: () => step(1),
    k: () => step(-1),
    a: () => document.getElementById('confirm')?.showModal(),
    d: () => document.querySelector('[data-deny]')?.focus(),
    u: () => document.querySelector('[data-up]')?.click(),
    '?': () => help.showModal(),
  };

  const isTyping = (target) => target instanceof Element && target.closest('input, textarea, select') !== null;
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (isTyping(event.target) || document.querySelector('dialog[open]') !== null) return;
    if (!keysOn.checked && event.key !== '?') return;
    const act = Object.hasOwn(actions, event.key) ? actions[event.key] : undefined;
    if (act === undefined) return;
    event.preventDefault();
    act();
  });
})();
`;
