import type { Principal } from '#contracts';
import { assetPaths } from './assets.js';
import { type Content, type Element, h } from './html.js';
import { absoluteTime, relativeTime, shown } from './words.js';

/** What every page for somebody who is signed in is made with. */
export interface PageContext {
  readonly reader: Principal;
  /** In every form. */
  readonly csrf: string;
  /** Place in the change feed before the page was read. */
  readonly cursor: string;
  readonly now: Date;
}

/** A whole page. Without a context it is a page for nobody in particular: no name, no live updates. */
export function layout(
  page: { readonly title: string; readonly content: Content; readonly head?: Content },
  context?: PageContext,
): Element {
  return h(
    'html',
    { lang: 'en' },
    h(
      'head',
      {},
      h('meta', { charset: 'utf-8' }),
      h('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
      h('title', {}, page.title),
      h('link', { rel: 'stylesheet', href: assetPaths.style }),
      h('link', { rel: 'icon', type: 'image/svg+xml', href: assetPaths.icon }),
      context !== undefined && h('script', { src: assetPaths.script, defer: true }),
      page.head,
    ),
    h(
      'body',
      context === undefined ? {} : { 'data-cursor': context.cursor },
      h('a', { class: 'skip', href: '#main' }, 'Skip to content'),
      header(context),
      h('main', { id: 'main', tabindex: '-1' }, page.content),
      context !== undefined && helpDialog(),
    ),
  );
}

function header(context: PageContext | undefined): Element {
  const brand = h(
    'a',
    { class: 'brand', href: '/approvals' },
    h('strong', {}, 'Countersign'),
    ' ',
    h('span', {}, 'Approvals'),
  );
  if (context === undefined) return h('header', { class: 'top' }, brand);
  return h(
    'header',
    { class: 'top' },
    brand,
    h('p', { id: 'live', class: 'live', 'data-state': 'off' }, 'Not live: reload to see changes'),
    h('p', { id: 'announcer', class: 'unseen', role: 'status', 'aria-live': 'polite' }),
    h(
      'details',
      { class: 'me' },
      h('summary', {}, shown(context.reader.displayName ?? context.reader.objectId, 40)),
      h(
        'form',
        { method: 'post', action: '/approvals/sign-out' },
        csrfField(context),
        h('button', { type: 'submit' }, 'Sign out'),
        h(
          'button',
          { type: 'submit', name: 'everywhere', value: 'yes' },
          'Sign out in all browsers',
        ),
      ),
    ),
  );
}

/** The field that ties a form to the session. */
export function csrfField({ csrf }: PageContext): Element {
  return h('input', { type: 'hidden', name: 'csrf', value: csrf });
}

/** A moment: absolute in UTC and relative, which the script keeps up to date. */
export function moment(date: Date, now: Date): Content {
  const iso = date.toISOString();
  return [
    h('time', { datetime: iso }, absoluteTime(date)),
    ' ',
    h('span', { class: 'relative', 'data-moment': iso }, `(${relativeTime(date, now)})`),
  ];
}

const keys: readonly (readonly [string, string])[] = [
  ['j', 'next request'],
  ['k', 'previous request'],
  ['Enter', 'open it'],
  ['a', 'approve: asks once more, Enter confirms'],
  ['d', 'deny: goes to the reason'],
  ['u', 'back to the list'],
  ['?', 'this help'],
];

function helpDialog(): Element {
  return h(
    'dialog',
    { id: 'help', 'aria-labelledby': 'help-title' },
    h('h2', { id: 'help-title' }, 'Keys'),
    h(
      'dl',
      { class: 'keys' },
      keys.map(([key, words]) => h('div', {}, h('dt', {}, h('kbd', {}, key)), h('dd', {}, words))),
    ),
    h(
      'label',
      { class: 'choice' },
      h('input', { type: 'checkbox', id: 'keys-on', checked: true }),
      ' Single keys are on in this browser',
    ),
    h(
      'form',
      { method: 'dialog' },
      h('button', { type: 'submit', class: 'plain', autofocus: true }, 'Close'),
    ),
  );
}
