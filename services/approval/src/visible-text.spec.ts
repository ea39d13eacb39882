import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bracesApart, visibleLine, visibleLines } from './visible-text.js';

const code = (point: number): string => String.fromCodePoint(point);

describe('what cannot be seen', () => {
  test.each([
    ['a control character', 'a\u0007b', String.raw`a\u{7}b`],
    ['a line break in one line', 'a\nb', String.raw`a\u{a}b`],
    ['a C1 control', 'a\u009bb', String.raw`a\u{9b}b`],
    ['a soft hyphen', 'a\u00adb', String.raw`a\u{ad}b`],
    ['an Arabic letter mark', 'a\u061cb', String.raw`a\u{61c}b`],
    ['a Mongolian vowel separator', 'a\u180eb', String.raw`a\u{180e}b`],
    ['a zero-width space', 'a\u200bb', String.raw`a\u{200b}b`],
    ['a right-to-left mark', 'a\u200fb', String.raw`a\u{200f}b`],
    ['a right-to-left override', 'a\u202eb', String.raw`a\u{202e}b`],
    ['a line separator', 'a\u2028b', String.raw`a\u{2028}b`],
    ['an isolate', 'a\u2066b', String.raw`a\u{2066}b`],
    ['a word joiner', 'a\u2060b', String.raw`a\u{2060}b`],
    ['a byte order mark', 'a\ufeffb', String.raw`a\u{feff}b`],
    ['an annotation', 'a\ufff9b', String.raw`a\u{fff9}b`],
    ['a tag', `a${code(0xe0041)}b`, String.raw`a\u{e0041}b`],
    ['a variation selector', 'a\ufe0fb', String.raw`a\u{fe0f}b`],
    ['a blank letter', 'a\u3164b', String.raw`a\u{3164}b`],
    ['a blank Braille cell', 'a\u2800b', String.raw`a\u{2800}b`],
    ['half a character', 'a\ud800b', String.raw`a\u{d800}b`],
    ['private use', 'a\ue000b', String.raw`a\u{e000}b`],
  ])('when a text holds %s, then it is written out', (_name, given, shown) => {
    expect(visibleLine(given, 100)).toBe(shown);
  });

  test('when marks pile up on a letter, or stand before any, then they are written out', () => {
    expect(visibleLine(`a${'\u0316'.repeat(6)}`, 100)).toBe(
      `a${'\u0316'.repeat(4)}${String.raw`\u{316}`.repeat(2)}`,
    );
    expect(visibleLine('\u0301a', 100)).toBe(String.raw`\u{301}a`);
  });

  test('when a letter comes in two parts, then it is one', () => {
    expect(visibleLine('e\u0301', 100)).toBe('é');
  });

  test('when ordinary text of many scripts comes, then it stays as it is', () => {
    const text = 'Grüße, Ελλάδα, Привет, こんにちは, नमस्ते, שלום, مرحبا, 🙂 {"a": [1]}';

    expect(visibleLine(text, 200)).toBe(text.normalize('NFC'));
  });

  test('when any text comes, then nothing invisible is left, and no piece holds two braces', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const shown = visibleLine(text, 10_000);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{DI}]/u);
        expect(bracesApart(shown).join('')).toBe(shown);
        expect(bracesApart(shown).some((piece) => piece.includes('{{'))).toBe(false);
      }),
    );
  });
});

describe('length', () => {
  test('when a text is too long, then it is cut after the escapes, with a mark of how much is missing', () => {
    expect(visibleLine('a\u202eb', 5)).toBe(String.raw`a\u{2` + '[+5 chars]');
    expect(visibleLine('🙂🙂🙂', 2)).toBe('🙂🙂[+1 chars]');
    expect(visibleLine('🙂🙂🙂', 3)).toBe('🙂🙂🙂');
  });

  test('when a text is endless, then only its beginning is looked at, and the mark still counts all', () => {
    const startedAt = performance.now();

    expect(visibleLine('x'.repeat(50_000_000), 10)).toBe(`${'x'.repeat(10)}[+49999990 chars]`);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  test('when there are too many lines, then the rest is told', () => {
    const limits = { maxCodePoints: 100, maxLines: 2 };

    expect(visibleLines('a\nb\nc\nd', limits)).toEqual(['a', 'b', '[+2 lines]']);
    expect(visibleLines('a\nb', limits)).toEqual(['a', 'b']);
    expect(visibleLines('a\r\nb', limits)).toEqual([String.raw`a\u{d}`, 'b']);
  });
});

describe('braces', () => {
  test('when two braces stand together, then they are in two pieces', () => {
    expect(bracesApart('{{DATE(2026-01-01)}}')).toEqual(['{', '{DATE(2026-01-01)}}']);
    expect(bracesApart('{{{')).toEqual(['{', '{', '{']);
    expect(bracesApart('plain')).toEqual(['plain']);
  });

  test('when very many stand together, then the rest is written out, so that a card stays small', () => {
    expect(visibleLine('{'.repeat(10), 100)).toBe(`${'{'.repeat(9)}${String.raw`\u{7b}`}`);
    expect(bracesApart(visibleLine('{'.repeat(1000), 10_000)).length).toBeLessThanOrEqual(9);
  });
});
