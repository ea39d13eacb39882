import { type Content, h, render } from '../../services/approval/src/page/html.js';
import { demoDescriptions, type DemoIdentityName } from './identities.js';

/** Somebody who can be chosen, and the address that chooses them. */
export interface Choice {
  readonly name: DemoIdentityName;
  readonly displayName: string;
  readonly address: string;
}

/** Where the pages find their style. */
export const choiceStylePath = '/choice.css';

/** The style of the pages. */
export const choiceStyle = `
:root { color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.5 }
body { margin: 0; display: grid; min-height: 100vh; place-items: center; background: Canvas; color: CanvasText }
main { width: min(26rem, calc(100% - 2rem)); padding-block: 2rem }
h1 { font-size: 1.25rem; margin: 0 0 .25rem }
ul { list-style: none; padding: 0; margin: 1.5rem 0; display: grid; gap: .5rem }
li a { display: block; padding: .75rem 1rem; border: 1px solid GrayText; border-radius: .5rem; color: inherit; text-decoration: none }
li a:hover, li a:focus-visible { outline: 3px solid Highlight; outline-offset: 1px }
strong, small { display: block }
`;

/** The page on which a newcomer says who they are today. */
export function choicePage(choices: readonly Choice[], cancelAddress: string): string {
  const words =
    'This is the stand-in for Microsoft Entra of the demo: everybody here signs in without a password.';
  return page(
    'Choose who you are',
    h('p', {}, words),
    h(
      'ul',
      {},
      choices.map(({ address, displayName, name }) =>
        h(
          'li',
          {},
          h(
            'a',
            { href: address },
            h('strong', {}, displayName),
            h('small', {}, demoDescriptions[name]),
          ),
        ),
      ),
    ),
    h('p', {}, h('a', { href: cancelAddress }, 'Cancel')),
  );
}

/** A page that says one thing: what is wrong with a request, or that somebody is signed out. */
export function wordPage(title: string, words: string): string {
  return page(title, h('p', {}, words));
}

function page(title: string, ...content: readonly Content[]): string {
  return render(
    h(
      'html',
      { lang: 'en' },
      h(
        'head',
        {},
        h('meta', { charset: 'utf-8' }),
        h('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
        h('title', {}, title),
        h('link', { rel: 'stylesheet', href: choiceStylePath }),
      ),
      h('body', {}, h('main', {}, h('h1', {}, title), content)),
    ),
  );
}
