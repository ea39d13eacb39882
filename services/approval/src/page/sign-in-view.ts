import { type Element, h } from './html.js';
import { layout } from './layout.js';

/** Where a sign-in begins. */
function signInAddress(tenant: string, returnPath: string): string {
  return `/approvals/sign-in/start?${new URLSearchParams({ tenant, return: returnPath }).toString()}`;
}

/** The way to Entra: links, since a form could not lead there under the page's content policy. */
export function signInPage(tenants: readonly string[], returnPath: string): Element {
  return wordPage(
    'Sign in',
    h('p', {}, 'Sign in to see what waits for your signature.'),
    tenants.length === 1
      ? h(
          'p',
          {},
          h(
            'a',
            { class: 'button approve', href: signInAddress(tenants[0] ?? '', returnPath) },
            'Sign in with Microsoft',
          ),
        )
      : h(
          'ul',
          { class: 'plain-list' },
          tenants.map((tenant) =>
            h(
              'li',
              {},
              h(
                'a',
                { class: 'button approve', href: signInAddress(tenant, returnPath) },
                `Sign in at tenant ${tenant}`,
              ),
            ),
          ),
        ),
  );
}

/**
 * A page of ours that goes on at once to another one of ours. The navigation then begins on our own site, so that the
 * browser sends the strict cookie that it kept back when somebody came from Teams, a mail or Entra.
 */
export function onwardPage(path: string): Element {
  return layout({
    title: 'One moment · Countersign',
    head: h('meta', { 'http-equiv': 'refresh', content: `0; url=${path}` }),
    content: [h('h1', {}, 'One moment'), h('p', {}, h('a', { href: path }, 'Go on'))],
  });
}

/** After signing out here. */
export function signedOutPage(entraAddress: string | undefined): Element {
  return wordPage(
    'You are signed out',
    h('p', {}, 'This browser is signed out of the approval page.'),
    h('p', {}, h('a', { href: '/approvals' }, 'Sign in again')),
    entraAddress !== undefined &&
      h('p', {}, h('a', { href: entraAddress }, 'Sign out of Microsoft too')),
  );
}

/** What went wrong: in words, with the code and, for our own faults, what to name when asking for help. */
export function errorPage(error: {
  readonly title: string;
  readonly detail: string;
  readonly code: string;
  readonly reference: string;
  readonly backPath: string;
}): Element {
  return wordPage(
    error.title,
    h('p', {}, error.detail),
    h(
      'p',
      { class: 'hint' },
      'Code ',
      h('code', {}, error.code),
      ', reference ',
      h('code', {}, error.reference),
    ),
    h('p', {}, h('a', { href: error.backPath }, 'Go back')),
    h('p', {}, h('a', { href: '/approvals/sign-in' }, 'Sign in as somebody else')),
  );
}

function wordPage(title: string, ...content: Parameters<typeof h>[2][]): Element {
  return layout({
    title: `${title} · Countersign`,
    content: h('div', { class: 'words' }, h('h1', {}, title), content),
  });
}
