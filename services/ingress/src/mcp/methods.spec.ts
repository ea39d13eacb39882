import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { clientMethod, methodEntry } from './methods.js';

/** The official suite carries the published JSON schemas of both eras, and validates messages with them. */
const suite = dirname(createRequire(import.meta.url).resolve('conformance-next/package.json'));
const source = readFileSync(join(suite, 'dist', 'index.js'), 'utf8');
const published = [
  ...new Set([...source.matchAll(/method:\{const:`([^`]+)`/g)].map(([, method = '']) => method)),
].toSorted();

test('when the schemas are read, then they hold the methods of both eras', () => {
  expect(published.length).toBeGreaterThanOrEqual(34);
  expect(published).toEqual(expect.arrayContaining(['initialize', 'server/discover']));
});

test.each(published)(
  'when the protocol has %s, then it is known who sends it and what it does',
  (method) => {
    const entry = methodEntry(method);

    expect(entry).toBeDefined();
    expect(entry?.eras).not.toHaveLength(0);
  },
);

test.each([
  ['subscriptions/listen', 'legacy'],
  ['resources/subscribe', 'modern'],
  ['initialize', 'modern'],
  ['sampling/createMessage', 'legacy'],
  ['tools/anything', 'modern'],
] as const)('when a client says %s in the %s era, then it is unknown there', (method, era) => {
  expect(clientMethod(method, era)).toBeUndefined();
});
