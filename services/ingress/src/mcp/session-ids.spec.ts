import { expect, test } from 'vitest';
import type { Principal } from '#contracts';
import { newSealKey, Sealer } from '#trust';
import { SessionIds } from './session-ids.js';

const ada: Principal = {
  tenantId: '11111111-2222-4333-8444-555555555555',
  objectId: 'b0000000-0000-4000-8000-000000000001',
  kind: 'person',
  clientApp: 'client-a',
  displayName: 'Ada',
  groups: [],
  roles: [],
};
const sealer = new Sealer(newSealKey(), 'session');
const lasting = { idleMs: 1000, maxMs: 10_000 };
const ids = new SessionIds(sealer, lasting);
const now = 1_000_000;
const client = { name: 'a-client', version: '1.2.3' };

test('when the same caller comes back to the same server, then the session opens', () => {
  const { id, session } = ids.issue('upstream-1', 'orders', ada, client, now);

  expect(ids.open(id, 'orders', { ...ada, groups: ['other'] }, now)).toEqual(session);
  expect(id).toMatch(/^[\u0021-\u007e]+$/);
  expect(id).not.toContain('upstream-1');
});

test.each<[string, Partial<Principal>, string]>([
  ['another person', { objectId: 'b0000000-0000-4000-8000-000000000002' }, 'orders'],
  ['another tenant', { tenantId: '21111111-2222-4333-8444-555555555555' }, 'orders'],
  ['another client application', { clientApp: 'client-b' }, 'orders'],
  ['another server', {}, 'files'],
])('when %s uses it, then it is unknown', (_, change, server) => {
  const { id } = ids.issue('upstream-1', 'orders', ada, client, now);

  expect(ids.open(id, server, { ...ada, ...change }, now)).toBeUndefined();
});

test('when an id is invented, altered or raw, then it is unknown', () => {
  const { id } = ids.issue('upstream-1', 'orders', ada, client, now);
  const last = id.at(-2) === 'A' ? 'B' : 'A';

  for (const forged of ['', 'upstream-1', `${id}AAAA`, `${id.slice(0, -2)}${last}${id.at(-1)}`]) {
    expect(ids.open(forged, 'orders', ada, now)).toBeUndefined();
  }
});

test('when the client said nothing of itself, then its session opens too', () => {
  const { id } = ids.issue('upstream-1', 'orders', ada, null, now);

  expect(ids.open(id, 'orders', ada, now)?.client).toBeNull();
});

test('when an id was issued before ids told of their age, then it is over', () => {
  const binding = JSON.stringify(['orders', ada.tenantId, ada.objectId, ada.clientApp]);
  const id = sealer.seal(JSON.stringify({ u: 'upstream-1', s: 'session-1' }), binding);

  expect(ids.open(id, 'orders', ada, now)).toBeUndefined();
});

test('when a session is used again and again, then it lasts until it is too old', () => {
  const { id } = ids.issue('upstream-1', 'orders', ada, client, now);
  for (let ms = now; ms < now + 10_000; ms += 900) {
    expect(ids.open(id, 'orders', ada, ms)).toBeDefined();
  }

  expect(ids.open(id, 'orders', ada, now + 10_000)).toBeUndefined();
});

test('when nobody used a session for too long, then it is over, and stays so', () => {
  const { id } = ids.issue('upstream-1', 'orders', ada, client, now);
  ids.open(id, 'orders', ada, now);

  expect(ids.open(id, 'orders', ada, now + 1000)).toBeUndefined();
  expect(ids.open(id, 'orders', ada, now + 1001)).toBeUndefined();
});

test('when another replica issued the session, then it is served here too', () => {
  const { id } = ids.issue('upstream-1', 'orders', ada, client, now);
  const elsewhere = new SessionIds(sealer, lasting);

  expect(elsewhere.open(id, 'orders', ada, now + 5000)).toBeDefined();
  expect(elsewhere.open(id, 'orders', ada, now + 6000)).toBeUndefined();
});
