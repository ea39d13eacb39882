import { expect, test } from 'vitest';
import { Kept } from './kept.js';

test('when more is said than is kept, then the oldest go first, in number and in size', () => {
  const kept = new Kept();
  for (let id = 0; id < 150; id += 1) kept.add({ id });
  expect(kept.take().map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, n) => n + 50));
  expect(kept.take()).toEqual([]);

  for (let id = 0; id < 5; id += 1) kept.add({ id, text: 'x'.repeat(400_000) });
  expect(kept.take().map(({ id }) => id)).toEqual([3, 4]);
  kept.add({ text: 'x'.repeat(2_000_000) });
  expect(kept.take()).toEqual([]);
});
