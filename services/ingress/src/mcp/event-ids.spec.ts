import { expect, test } from 'vitest';
import { newSealKey, Sealer } from '#trust';
import { principal } from '../gate/house.suite.js';
import { EventIds } from './event-ids.js';

const ids = new EventIds(new Sealer(newSealKey(), 'session'));
const place = { server: 'orders', principal, sessionId: 's-1' };
const mask = {
  profile: 'standard' as const,
  entities: {},
  fields: { '$.a': { op: 'redact' } },
  binary: 'withhold' as const,
};
const callId = 'c0000000-0000-4000-8000-000000000001';
const origin = {
  label: { callId, id: 7, progressToken: 'p' },
  call: { callId, method: 'tools/call', resource: 'refund', mask },
};
const now = 1_000_000;

test('when an event of a call is resumed, then its call, names and mask are known again', () => {
  const id = ids.issue({ eventId: 'e-1', origin }, place, now) ?? '';

  expect(id).toMatch(/^[\x21-\x7e]+$/);
  expect(ids.open(id, place, now)).toEqual({ eventId: 'e-1', origin });
});

test('when the event was of the server’s own stream, then it belongs to no call', () => {
  const id = ids.issue({ eventId: 'e-1' }, place, now) ?? '';

  expect(ids.open(id, place, now)).toEqual({ eventId: 'e-1' });
});

test.each([
  ['another person', { ...place, principal: { ...principal, objectId: callId } }],
  ['another tenant', { ...place, principal: { ...principal, tenantId: callId } }],
  ['another client', { ...place, principal: { ...principal, clientApp: 'other' } }],
  ['another server', { ...place, server: 'files' }],
  ['another session', { ...place, sessionId: 's-2' }],
  ['no session', { ...place, sessionId: null }],
])('when %s brings an id, then it does not open', (_, other) => {
  const id = ids.issue({ eventId: 'e-1', origin }, place, now) ?? '';

  expect(ids.open(id, other, now)).toBeUndefined();
});

test('when an id is old, altered or invented, then it does not open', () => {
  const id = ids.issue({ eventId: 'e-1' }, place, now) ?? '';

  expect(ids.open(id, place, now + 3_600_001)).toBeUndefined();
  expect(ids.open(`${id.slice(0, -2)}AA`, place, now)).toBeUndefined();
  expect(ids.open('e-1', place, now)).toBeUndefined();
});

test('when a server’s id is too long to come back in a header, then none is given out', () => {
  expect(ids.issue({ eventId: 'e'.repeat(4000) }, place, now)).toBeUndefined();
});
