import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { h, render } from './html.js';
import { indentJson } from './indent-json.js';
import { safeReturnPath } from './return-path.js';

describe('a page', () => {
  test('when text and attributes hold anything, then no text becomes markup', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const page = render(h('p', { title: text, id: 'x' }, text, h('strong', {}, text)));

        const shape = page.replaceAll(/[^<>"']/g, '');
        expect(shape).toBe('<><""""><><><>');
        expect(page.isWellFormed()).toBe(true);
      }),
    );
  });

  test('when it is rendered, then switches, gaps and empty elements are as HTML wants them', () => {
    const page = h(
      'form',
      { action: '/a?b=1&c=2', hidden: false, title: undefined },
      h('input', { type: 'text', required: true }),
      [null, false, undefined, 0, 'x'],
      h('textarea', {}, '\nfirst'),
    );

    expect(render(page)).toBe(
      '<!doctype html><form action="/a?b=1&amp;c=2"><input type="text" required>0x<textarea>\n\nfirst</textarea></form>',
    );
  });

  test.each([
    'javascript:alert(1)',
    'JAVASCRIPT:alert(1)',
    ' javascript:alert(1)',
    'data:text/html,x',
    '//evil.example',
    '/\\evil.example',
    'http://evil.example',
    'x',
    '',
  ])('when an address is "%s", then there is no page', (href) => {
    expect(() => render(h('a', { href }, 'x'))).toThrow(TypeError);
  });

  test('when a script were to hold text, then there is no such element', () => {
    expect(() => h('script', {}, 'alert(1)')).toThrow(TypeError);
    expect(() => h('input', {}, 'x')).toThrow(TypeError);
  });
});

describe('JSON with lines', () => {
  test('when it is JSON, then it says the same, and only white space was added', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        const lines = indentJson(json);

        expect(JSON.parse(lines)).toEqual(JSON.parse(json));
        expect(lines.replaceAll(/\s/g, '')).toBe(json.replaceAll(/\s/g, ''));
      }),
    );
  });

  test('when it is anything else, then no word of it is lost', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(indentJson(text).replaceAll(/\s/g, '')).toBe(text.replaceAll(/\s/g, ''));
      }),
    );
  });

  test('when it is deep, then the lines do not grow without end', () => {
    const lines = indentJson('['.repeat(500)).split('\n');

    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(100);
  });
});

test('when a path to return to is anything at all, then what comes out is a page of ours', () => {
  const origin = 'https://gateway.example';
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.webUrl(), fc.webPath()), (wish) => {
      const url = new URL(safeReturnPath(wish, origin), origin);

      expect(url.origin).toBe(origin);
      expect(url.pathname).toMatch(/^\/approvals(\/[0-9a-f-]{36})?$/);
    }),
  );
});
