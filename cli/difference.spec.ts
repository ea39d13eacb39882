import fc from 'fast-check';
import { expect, test } from 'vitest';
import { difference, linesOf } from './difference.js';

const shown = (before: unknown, after: unknown): string[] =>
  difference(linesOf(before), linesOf(after)).map(({ mark, text }) => `${mark}${text}`);

test('when one line of a description changes, then that line is shown, and a few around it', () => {
  const before = { name: 'pay', description: 'Pays.\nAsk first.', inputSchema: {} };
  const after = { ...before, description: 'Pays.\nNever ask.' };

  expect(shown(before, after)).toEqual([
    ' {',
    String.raw`   "description": "Pays.\n`,
    '-Ask first.",',
    '+Never ask.",',
    '   "inputSchema": {},',
    '   "name": "pay"',
  ]);
});

test('when only the order of members changes, then nothing differs', () => {
  expect(shown({ a: 1, b: { c: 1, d: 2 } }, { b: { d: 2, c: 1 }, a: 1 })).toEqual([]);
});

test('when there was nothing before, then all is new', () => {
  expect(shown(null, { a: 1 })).toEqual(['+{', '+  "a": 1', '+}']);
});

test('when any two texts are compared, then the lines that go and stay are the old one, those that come and stay the new one', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 });
  fc.assert(
    fc.property(text, text, (before, after) => {
      // Far from any change lines are left out, so the texts are made to differ everywhere.
      const between = (lines: string[], mark: string) => lines.flatMap((each) => [each, mark]);
      const lines = difference(between(before, '1'), between(after, '2'));
      const kept = (not: string) =>
        lines.filter(({ mark }) => mark !== not).map((each) => each.text);
      expect(kept('+')).toEqual(between(before, '1'));
      expect(kept('-')).toEqual(between(after, '2'));
    }),
  );
});

test('when texts are too long to be compared, then all of both is shown', () => {
  const before = Array.from({ length: 3001 }, (_, n) => `old ${n}`);
  const after = Array.from({ length: 3001 }, (_, n) => `new ${n}`);

  expect(difference(before, after)).toHaveLength(6002);
});
