import { expect, test } from 'vitest';
import type { Principal } from '#contracts';
import { Quotas } from './quotas.js';

const ada: Principal = {
  tenantId: '11111111-2222-4333-8444-555555555555',
  objectId: 'b0000000-0000-4000-8000-000000000001',
  kind: 'person',
  clientApp: 'a',
  displayName: null,
  groups: [],
  roles: [],
};
const eve = { ...ada, objectId: 'b0000000-0000-4000-8000-000000000002' };

test('when a caller has all its places, then it is refused, under another client too, and nobody else is', () => {
  const quotas = new Quotas({ callsPerCaller: 2, streamsPerCaller: 1 });
  quotas.take(ada, 'call');
  const giveBack = quotas.take(ada, 'call');

  const again = () => quotas.take({ ...ada, clientApp: 'b' }, 'call');
  expect(again).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
  expect(() => quotas.take(eve, 'call')).not.toThrow();
  expect(() => quotas.take(ada, 'stream')).not.toThrow();
  giveBack();
  giveBack();
  expect(again).not.toThrow();
  expect(again).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
});
