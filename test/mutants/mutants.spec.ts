import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { withoutGuard } from './mutant.js';
import { mutantPlugin } from './mutant-plugin.js';
import { mutants } from './mutants.js';

test('when the laws are counted, then each has a mutant', () => {
  const laws = new Set(mutants.map(({ law }) => law));

  expect([...laws].toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test('when mutants are named, then each name is its own', () => {
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
});

test('when a guard is in its file no more, or twice, then its mutant is stale', () => {
  const [mutant] = mutants;
  if (mutant === undefined) throw new TypeError('there are no mutants');

  expect(() => withoutGuard('', mutant)).toThrow(/stale.*not in/);
  expect(() => withoutGuard(mutant.snippet.repeat(2), mutant)).toThrow(/stale.*more than once in/);
});

test('when a run names a mutant that there is not, then it does not begin', () => {
  expect(() => mutantPlugin('no such mutant')).toThrow('there is no mutant');
  expect(mutantPlugin(undefined)).toBeUndefined();
});

test.each(mutants.map((mutant) => [mutant.name, mutant] as const))(
  'when %s, then the guard stands in its file exactly once, and a spec is there to notice',
  (_, mutant) => {
    const code = readFileSync(mutant.file, 'utf8');

    expect(withoutGuard(code, mutant)).not.toBe(code);
    expect(existsSync(mutant.spec)).toBe(true);
  },
);
