import { afterEach, expect, test, vi } from 'vitest';
import { maskText, maskValue, type MaskProfile } from './index.js';

const standard: MaskProfile = { profile: 'standard', entities: {}, fields: {}, binary: 'withhold' };

afterEach(() => {
  vi.restoreAllMocks();
});

/** How often patterns are tried; each try looks at a bounded piece of text. */
function patternsTried(text: string): number {
  const exec = vi.spyOn(RegExp.prototype, 'exec');
  maskText(text, standard);
  const tried = exec.mock.calls.length;
  exec.mockRestore();
  return tried;
}

test.each([
  ['digits', '4'],
  ['digits in groups', '4111 '],
  ['at signs', 'a@'],
  ['mail without an end', 'a@b.'],
  ['token beginnings', 'eyJ'],
  ['token beginnings with dots', 'eyJ.'],
  ['key beginnings', '-----BEGIN RSA PRIVATE KEY '],
  ['key labels', '-----BEGIN PUBLIC KEY-----'],
  ['schemes', 'a://b:'],
  ['colons', '1:'],
  ['dots', '1.'],
  ['assignments', 'password='],
  ['brackets', '(1)'],
  ['escapes', String.raw`\u004`],
  ['invisible characters', '\u200b4'],
  ['open JSON', '{"a":'],
  ['base64', 'YWFhYWFh'],
])('when a text of %s grows fivefold, then so does the work', (_, unit) => {
  const text = unit.repeat(Math.ceil(1000 / unit.length));

  const one = patternsTried(text);
  const five = patternsTried(text.repeat(5));

  expect(five).toBeLessThan(one * 7 + 500);
});

test.each([
  ['letters', 'a'],
  ['words', 'password secret token key '],
  ['addresses without a domain', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@'],
])('when a large text of %s is masked, then it ends in time', { timeout: 20_000 }, (_, unit) => {
  const text = unit.repeat(Math.ceil(300_000 / unit.length));

  expect(maskText(text, standard).text).toBe(text);
});

test('when a text is made of candidates, then it is refused as too costly, to be withheld', () => {
  const text = '4111 1111 1111 1112 '.repeat(15_000);

  expect(() => maskText(text, standard)).toThrow(
    expect.objectContaining({ code: 'MASK_TOO_COSTLY' }),
  );
});

test(
  'when very many keys are masked, then each gets its own name in time',
  { timeout: 20_000 },
  () => {
    const keys = Array.from({ length: 50_000 }, (_, at) => [`p${at}@example.com`, at] as const);

    const { value } = maskValue(Object.fromEntries(keys), standard);

    expect(Object.keys(value ?? {})).toHaveLength(50_000);
  },
);
