/**
 * Keeps a page up to date: one tab of the browser (the one that holds the lock) reads the stream and tells the others,
 * so that many tabs do not use up the connections. What changed is fetched as a page and its parts are taken over as
 * nodes: no markup is ever made from text here, so the page needs no Trusted Types policy.
 */
export const liveScript = `
(() => {
  'use strict';
  const sign = document.getElementById('live');
  if (sign === null) return;
  const staleMs = 25000;
  const channel = new BroadcastChannel('countersign-live');
  const own = document.querySelector('[data-approval]')?.dataset.approval;
  let cursor = document.body.dataset.cursor;
  let source;
  let isLeading = false;
  let isFirst = true;
  let lastSign = Date.now();
  let retryMs = 1000;

  const state = (name, words) => {
    if (sign.dataset.state === 'ended') return;
    sign.dataset.state = name;
    if (sign.textContent !== words) sign.textContent = words;
  };

  const ended = () => {
    source?.close();
    state('ended', 'Signed out: reload to sign in');
  };

  const hear = (message) => {
    if (message.kind === 'hello') {
      if (isLeading) channel.postMessage({ kind: 'beat', cursor });
    } else if (message.kind === 'beat') {
      // A tab that came later may have missed what was told before it listened.
      if (isFirst && !isLeading && message.cursor !== cursor) refresh();
      isFirst = false;
      cursor = message.cursor || cursor;
      lastSign = Date.now();
      state('live', 'Live');
    } else if (message.kind === 'changed') {
      if (own === undefined || own === message.id) refresh();
    } else if (message.kind === 'all') refresh();
    else if (message.kind === 'down') state('reconnecting', 'Reconnecting…');
    else if (message.kind === 'ended') ended();
  };

  const say = (message) => {
    channel.postMessage(message);
    hear(message);
  };

  const lead = () => {
    isLeading = true;
    source = new EventSource('/approvals/events?after=' + encodeURIComponent(cursor));
    source.addEventListener('beat', (event) => {
      retryMs = 1000;
      say({ kind: 'beat', cursor: event.lastEventId || cursor });
    });
    source.addEventListener('changed', (event) => say({ kind: 'changed', id: event.data }));
    source.addEventListener('all', () => say({ kind: 'all' }));
    source.addEventListener('ended', () => say({ kind: 'ended' }));
    source.addEventListener('error', () => {
      say({ kind: 'down' });
      if (source.readyState !== EventSource.CLOSED) return;
      // A refusal ends an EventSource for good. Looking at the page tells whether somebody is signed in still.
      refresh();
      setTimeout(lead, retryMs);
      retryMs = Math.min(retryMs * 2, 30000);
    });
  };

  let isBusy = false;
  let isDue = false;
  const refresh = () => {
    if (sign.dataset.state === 'ended') return;
    if (isBusy) {
      isDue = true;
      return;
    }
    isBusy = true;
    const request = new XMLHttpRequest();
    request.open('GET', location.pathname + location.search);
    request.responseType = 'document';
    request.timeout = 10000;
    request.setRequestHeader('Countersign-Live', '1');
    request.addEventListener('loadend', () => {
      isBusy = false;
      if (request.status === 401) say({ kind: 'ended' });
      else if (request.status === 200 && request.response !== null) merge(request.response);
      else if (request.status !== 404) setTimeout(refresh, 2000);
      if (isDue) {
        isDue = false;
        refresh();
      }
    });
    request.send();
  };

  const merge = (fresh) => {
    const before = rowKeys();
    for (const part of document.querySelectorAll('[data-live]')) {
      const next = fresh.getElementById(part.id);
      if (next !== null && !part.isEqualNode(next)) replace(part, document.importNode(next, true));
    }
    document.title = fresh.title;
    announce(before);
  };

  const replace = (part, next) => {
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const key = focused?.closest('[data-key]')?.dataset.key;
    const written = [...part.querySelectorAll('textarea, select')].map((each) => [each.id, each.value]);
    const opened = [...part.querySelectorAll('details')].map((each) => each.open);
    const selection = focused instanceof HTMLTextAreaElement ? [focused.selectionStart, focused.selectionEnd] : null;
    part.replaceWith(next);
    for (const [id, value] of written) {
      const field = document.getElementById(id);
      if (field !== null) field.value = value;
    }
    next.querySelectorAll('details').forEach((each, index) => { each.open = opened[index] ?? false; });
    if (focused === null) return;
    const again =
      (focused.id !== '' && document.getElementById(focused.id)) ||
      (key !== undefined && next.querySelector('[data-key="' + CSS.escape(key) + '"] a')) ||
      document.getElementById('main');
    again.focus({ preventScroll: true });
    if (selection !== null && again instanceof HTMLTextAreaElement) again.setSelectionRange(...selection);
  };

  const rowKeys = () => new Set([...document.querySelectorAll('#open [data-key]')].map((row) => row.dataset.key));

  const announce = (before) => {
    const added = [...rowKeys()].filter((key) => !before.has(key)).length;
    const outcome = document.getElementById('outcome')?.textContent ?? '';
    const words = added === 0 ? outcome : added === 1 ? 'One new request' : added + ' new requests';
    document.getElementById('announcer').textContent = words;
  };

  setInterval(() => {
    const silentMs = Date.now() - lastSign;
    if (sign.dataset.state === 'live' && silentMs > staleMs) {
      state('live', 'Stale: nothing heard for ' + Math.round(silentMs / 1000) + ' s');
      sign.dataset.state = 'stale';
    } else if (sign.dataset.state === 'stale') {
      state('stale', 'Stale: nothing heard for ' + Math.round(silentMs / 1000) + ' s');
    }
  }, 1000);

  channel.addEventListener('message', (event) => hear(event.data));
  state('reconnecting', 'Connecting…');
  channel.postMessage({ kind: 'hello' });
  if (navigator.locks === undefined) lead();
  else navigator.locks.request('countersign-live', () => new Promise(lead));
})();
`;
