import { expect, test } from 'vitest';
import { publishedMethods } from '../../../../test/fidelity/published-methods.js';
import { clientMethod, methodEntry } from './methods.js';

const published = publishedMethods();

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
