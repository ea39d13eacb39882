import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PartAssembly, toChunks } from './chunks.js';

const together = (chunks: readonly string[], order: readonly number[]): string | undefined => {
  const assembly = new PartAssembly(chunks.length);
  let whole: string | undefined;
  for (const chunk of order) {
    whole = assembly.add({ chunk, chunks: chunks.length, text: chunks[chunk] ?? '' }) ?? whole;
  }
  return whole;
};

test('when text is cut and its chunks come in any order, some twice, then it is whole again', () => {
  const text = `${'äöü😀'.repeat(100_000)}end`;
  const chunks = toChunks(text);

  fc.assert(
    fc.property(fc.shuffledSubarray([...chunks.keys()], { minLength: chunks.length }), (order) => {
      expect(together(chunks, [...order.slice(0, 1), ...order])).toBe(text);
    }),
    { numRuns: 3 },
  );
});

test('when a chunk is missing, then there is no whole', () => {
  const chunks = toChunks('x'.repeat(400_000));

  expect(chunks.length).toBe(3);
  expect(together(chunks, [0, 2, 2])).toBeUndefined();
});

test('when text is empty, then it is one empty chunk', () => {
  expect(toChunks('')).toEqual(['']);
});

test('when a chunk belongs to another part, then it is refused', () => {
  const assembly = new PartAssembly(2);

  expect(() => assembly.add({ chunk: 2, chunks: 2, text: '' })).toThrow(RangeError);
  expect(() => assembly.add({ chunk: 0, chunks: 3, text: '' })).toThrow(RangeError);
});
