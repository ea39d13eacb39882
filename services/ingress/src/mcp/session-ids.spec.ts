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
const ids = new SessionIds(sealer);
const client = { name: 'a-client', version: '1.2.3' };

test('when the same caller comes back to the same server, then the session opens', () => {
  const { id, session } = ids.issue('upstream-1', 'orders', ada, client);

  expect(ids.open(id, 'orders', { ...ada, groups: ['other'] })).toEqual(session);
  expect(id).toMatch(/^[\u0021-\u007e]+$/);
  expect(id).not.toContain('upstream-1');
});

test.each<[string, Partial<Principal>, string]>([
  ['another person', { objectId: 'b0000000-0000-4000-8000-000000000002' }, 'orders'],
  ['another tenant', { tenantId: '21111111-2222-4333-8444-555555555555' }, 'orders'],
  ['another client application', { clientApp: 'client-b' }, 'orders'],
  ['another server', {}, 'files'],
])('when %s uses it, then it is unknown', (_, change, server) => {
  const { id } = ids.issue('upstream-1', 'orders', ada, client);

  expect(ids.open(id, server, { ...ada, ...change })).toBeUndefined();
});

test('when an id is invented, altered or raw, then it is unknown', () => {
  const { id } = ids.issue('upstream-1', 'orders', ada, client);
  const last = id.at(-2) === 'A' ? 'B' : 'A';

  for (const forged of ['', 'upstream-1', `${id}AAAA`, `${id.slice(0, -2)}${last}${id.at(-1)}`]) {
    expect(ids.open(forged, 'orders', ada)).toBeUndefined();
  }
});

test('when the client said nothing of itself, then its session opens too', () => {
  const { id } = ids.issue('upstream-1', 'orders', ada, null);

  expect(ids.open(id, 'orders', ada)?.client).toBeNull();
});

test('when an id was issued before ids told of the client, then it still opens', () => {
  const binding = JSON.stringify(['orders', ada.tenantId, ada.objectId, ada.clientApp]);
  const id = sealer.seal(JSON.stringify({ u: 'upstream-1', s: 'session-1' }), binding);

  expect(ids.open(id, 'orders', ada)).toEqual({
    upstreamId: 'upstream-1',
    sessionId: 'session-1',
    client: null,
  });
});
