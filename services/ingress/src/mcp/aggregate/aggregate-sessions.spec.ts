import { expect, test } from 'vitest';
import { newSealKey, Sealer } from '#trust';
import { SessionIds } from '../session-ids.js';
import { AggregateSessions, type Member } from './aggregate-sessions.js';

const ids = new SessionIds(new Sealer(newSealKey(), 'session'), { idleMs: 60_000, maxMs: 60_000 });
const sessions = new AggregateSessions(ids);
const principal = {
  tenantId: '11111111-2222-4333-8444-555555555555',
  objectId: 'b0000000-0000-4000-8000-000000000001',
  kind: 'person' as const,
  clientApp: 'app',
  displayName: null,
  groups: [],
  roles: [],
};
const member = (upstreamId: string, version = '2025-11-25'): Member => ({
  session: { upstreamId, sessionId: 'a0000000-0000-4000-8000-000000000001', client: null },
  version,
});

test('when a server names its session at great length, then the others keep theirs', () => {
  const members = new Map([
    ['orders', member('raw')],
    ['long', member('x'.repeat(16_000))],
    ['odd', member('raw', 'y'.repeat(100_000))],
  ]);
  const id = sessions.issue(members, principal, null);

  expect(id.length).toBeLessThan(1000);
  expect([...sessions.open(id, principal)]).toEqual([['orders', member('raw')]]);
});
