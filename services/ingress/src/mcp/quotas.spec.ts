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

const server = (limits?: { concurrentCalls?: number; requestsPerSecond?: number }) => ({
  name: 'orders',
  config: { command: ['orders'], env: {}, labels: {}, ...(limits === undefined ? {} : { limits }) },
});
const limits = { callsPerCaller: 2, streamsPerCaller: 1, requestsPerSecondPerCaller: 1000 };

test('when a caller has all its places, then it is refused, under another client too, and nobody else is', () => {
  const quotas = new Quotas(limits);
  quotas.take({ principal: ada, server: server(), kind: 'call' });
  const giveBack = quotas.take({ principal: ada, server: server(), kind: 'call' });

  const again = () =>
    quotas.take({ principal: { ...ada, clientApp: 'b' }, server: server(), kind: 'call' });
  expect(again).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
  expect(() => quotas.take({ principal: eve, server: server(), kind: 'call' })).not.toThrow();
  expect(() => quotas.take({ principal: ada, server: server(), kind: 'stream' })).not.toThrow();
  giveBack();
  giveBack();
  expect(again).not.toThrow();
  expect(again).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
});

test('when a server has all the calls that it can take, then the next one is refused, whoever calls', () => {
  const quotas = new Quotas(limits);
  const busy = server({ concurrentCalls: 1 });
  const giveBack = quotas.take({ principal: ada, server: busy, kind: 'call' });

  const second = () => quotas.take({ principal: eve, server: busy, kind: 'call' });
  expect(second).toThrow(expect.objectContaining({ code: 'OVERLOADED', retryAfterMs: 1000 }));
  giveBack();
  expect(second).not.toThrow();
});

test('when a refused call leaves, then the places of its caller are as before', () => {
  const quotas = new Quotas({ ...limits, callsPerCaller: 1 });
  const busy = server({ concurrentCalls: 1 });
  quotas.take({ principal: ada, server: busy, kind: 'call' });
  expect(() => quotas.take({ principal: eve, server: busy, kind: 'call' })).toThrow();

  expect(() =>
    quotas.take({ principal: eve, server: { ...server(), name: 'files' }, kind: 'call' }),
  ).not.toThrow();
});

test('when a caller or a server is asked too often, then it is said when to come again', () => {
  const slow = new Quotas({ ...limits, callsPerCaller: 9, requestsPerSecondPerCaller: 1 });
  slow.take({ principal: ada, server: server(), kind: 'call' });
  const refused = expect.objectContaining({ code: 'RATE_LIMITED' });

  expect(() => slow.take({ principal: ada, server: server(), kind: 'call' })).toThrow(refused);
  const quotas = new Quotas({ ...limits, callsPerCaller: 9 });
  const slowServer = server({ requestsPerSecond: 1 });
  quotas.take({ principal: ada, server: slowServer, kind: 'call' });
  expect(() => quotas.take({ principal: eve, server: slowServer, kind: 'call' })).toThrow(refused);
});
