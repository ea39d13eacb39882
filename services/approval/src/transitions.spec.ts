import { describe, expect, test } from 'vitest';
import type { Principal } from '#contracts';
import type { Approval } from './approval.js';
import { expire, maySee, release, settle, use, vote, withdraw } from './transitions.js';

const tenantId = '11111111-1111-4111-8111-111111111111';
const noon = new Date('2026-11-24T12:00:00Z');
const calm = { leaseSeconds: 30, graceSeconds: 10, mayReissue: true };
const [call1, call2] = [
  '00000000-0000-4000-8000-000000000001',
  '00000000-0000-4000-8000-000000000002',
];

function at(seconds: number): Date {
  return new Date(noon.getTime() + seconds * 1000);
}

function person(name: string, overrides: Partial<Principal> = {}): Principal {
  return {
    tenantId,
    objectId: `22222222-2222-4222-8222-${name.padStart(12, '0')}`,
    kind: 'person',
    clientApp: 'client',
    displayName: name,
    groups: ['approvers'],
    roles: [],
    ...overrides,
  };
}

const requester = person('0a');
const bob = person('0b');
const carol = person('0c');
const approve = { decision: 'approve', reason: 'fine', channel: 'rest' } as const;
const refuse = { decision: 'refuse', reason: 'no', channel: 'rest' } as const;

function pending(
  overrides: Partial<Extract<Approval, { status: 'pending' }>> = {},
): Extract<Approval, { status: 'pending' }> {
  return {
    id: '33333333-3333-4333-8333-333333333333',
    status: 'pending',
    requestKey: 'a'.repeat(64),
    requester: { tenantId, objectId: requester.objectId, displayName: 'Ada' },
    requesterKind: 'person',
    clientApp: 'client',
    protocol: 'mcp',
    server: 'orders',
    method: 'tools/call',
    resource: 'refund',
    digest: 'b'.repeat(64),
    bundle: 'bundle',
    ruleIds: ['refunds'],
    facts: { action: 'write', objects: [], complete: false },
    maskedArguments: '{}',
    requirement: { sets: [{ groups: ['approvers'], quorum: 1 }], expiresAfterSeconds: 300 },
    votes: [],
    requestedAt: noon,
    expiresAt: at(300),
    ...overrides,
  };
}

function approved(): Approval {
  return vote(pending(), bob, approve, noon);
}

describe('vote', () => {
  test('when a person of the group signs, then the approval is approved', () => {
    const after = vote(pending(), bob, approve, noon);

    expect(after).toMatchObject({ status: 'approved', decidedAt: noon });
  });

  test('when one of the group refuses, then the approval is refused with the reason', () => {
    const after = vote(pending(), bob, refuse, noon);

    expect(after).toMatchObject({ status: 'refused', reason: 'no' });
  });

  test.each([
    ['the requester', requester, 'APPROVER_IS_REQUESTER'],
    ['a workload of the group', person('0d', { kind: 'workload' }), 'APPROVER_NOT_A_PERSON'],
    ['an agent of the group', person('0d', { kind: 'agent' }), 'APPROVER_NOT_A_PERSON'],
    ['somebody outside the group', person('0d', { groups: ['others'] }), 'APPROVER_NOT_IN_GROUP'],
    ['somebody without groups', person('0d', { groups: [] }), 'APPROVER_NOT_IN_GROUP'],
    [
      'somebody of another tenant',
      person('0d', { tenantId: '99999999-9999-4999-8999-999999999999' }),
      'APPROVER_NOT_IN_GROUP',
    ],
  ])('when %s presses, then it is refused', (_, who, code) => {
    expect(() => vote(pending(), who, approve, noon)).toThrow(expect.objectContaining({ code }));
  });

  test('when two must sign and one person signs twice, then it stays pending', () => {
    const two = { sets: [{ groups: ['approvers'], quorum: 2 }], expiresAfterSeconds: 300 };
    const once = vote(pending({ requirement: two }), bob, approve, noon);

    const twice = vote(once, bob, approve, noon);

    expect(twice).toBe(once);
    expect(twice.status).toBe('pending');
    expect(vote(twice, carol, approve, noon).status).toBe('approved');
  });

  test('when one person has two votes on record, then they are one signature', () => {
    const { objectId } = bob;
    const voter = { tenantId, objectId, displayName: 'Bob' };
    const one = { ...approve, voter, votedAt: noon.toISOString(), sets: [0] };
    const three = { sets: [{ groups: ['approvers'], quorum: 3 }], expiresAfterSeconds: 300 };

    const after = vote(pending({ requirement: three, votes: [one, one] }), carol, approve, noon);

    expect(after.status).toBe('pending');
  });

  test('when two sets must sign, then each needs a person of its own group', () => {
    const sets = [
      { groups: ['approvers'], quorum: 1 },
      { groups: ['owners'], quorum: 1 },
    ];
    const once = vote(
      pending({ requirement: { sets, expiresAfterSeconds: 300 } }),
      bob,
      approve,
      noon,
    );

    expect(once.status).toBe('pending');
    expect(vote(once, carol, approve, noon).status).toBe('pending');
    expect(vote(once, person('0e', { groups: ['owners'] }), approve, noon).status).toBe('approved');
  });

  test('when the time is over to the millisecond, then a press is refused', () => {
    expect(() => vote(pending(), bob, approve, at(300))).toThrow(
      expect.objectContaining({ code: 'APPROVAL_EXPIRED' }),
    );
    expect(vote(pending(), bob, approve, at(299.999)).status).toBe('approved');
  });

  test('when it is decided, then the same press changes nothing and another is refused', () => {
    const after = approved();

    expect(vote(after, bob, approve, at(400))).toBe(after);
    expect(() => vote(after, bob, refuse, noon)).toThrow(
      expect.objectContaining({ code: 'APPROVAL_ALREADY_DECIDED' }),
    );
    expect(() => vote(after, carol, approve, noon)).toThrow(
      expect.objectContaining({ code: 'APPROVAL_ALREADY_DECIDED' }),
    );
  });

  test('when a person changes their mind while others are awaited, then it is refused', () => {
    const two = { sets: [{ groups: ['approvers'], quorum: 2 }], expiresAfterSeconds: 300 };
    const once = vote(pending({ requirement: two }), bob, approve, noon);

    expect(() => vote(once, bob, refuse, noon)).toThrow(
      expect.objectContaining({ code: 'APPROVAL_ALREADY_VOTED' }),
    );
  });
});

describe('settle', () => {
  test('when two calls wait for what is approved, then the newest gets the lease', () => {
    const settled = settle(approved(), [call1, call2], at(10), calm);

    expect(settled.approval).toMatchObject({ status: 'leased', leaseCallId: call2 });
    expect(settled.outcomes).toMatchObject([
      { kind: 'refused', callId: call1, code: 'SUPERSEDED' },
      { kind: 'approved', callId: call2, notAfter: at(40) },
    ]);
  });

  test('when nobody waits, then it stays approved for a retry', () => {
    expect(settle(approved(), [], noon, calm)).toEqual({ approval: approved(), outcomes: [] });
  });

  test('when a lease runs or its use may still be reported, then a retry waits', () => {
    const leased = settle(approved(), [call1], noon, calm).approval;

    const during = settle(leased, [call2], at(39), calm);

    expect(during).toEqual({ approval: leased, outcomes: [] });
  });

  test('when lease and grace have passed unused, then the retry gets it', () => {
    const leased = settle(approved(), [call1], noon, calm).approval;

    const after = settle(leased, [call2], at(40), calm);

    expect(after.approval).toMatchObject({ status: 'leased', leaseCallId: call2 });
    expect(after.outcomes).toMatchObject([{ kind: 'approved', callId: call2, notAfter: at(70) }]);
  });

  test('when reports of use may be lagging, then nothing is leased a second time', () => {
    const leased = settle(approved(), [call1], noon, calm).approval;

    const after = settle(leased, [call2], at(100), { ...calm, mayReissue: false });

    expect(after).toEqual({ approval: leased, outcomes: [] });
  });

  test('when a lease lapsed after the expiry, then the retry is told that it expired', () => {
    const leased = settle(approved(), [call1], at(290), calm).approval;

    const after = settle(leased, [call2], at(330), calm);

    expect(after.approval.status).toBe('expired');
    expect(after.outcomes).toEqual([{ kind: 'expired', callId: call2 }]);
  });

  test('when the leased call went away, then the next retry gets the lease at once', () => {
    const leased = settle(approved(), [call1], noon, calm).approval;

    const after = settle(release(leased, call1), [call2], at(1), calm);

    expect(after.outcomes).toMatchObject([{ kind: 'approved', callId: call2 }]);
    expect(release(leased, call2)).toBe(leased);
  });

  test.each([
    ['refused', vote(pending(), bob, refuse, noon), { kind: 'refused', code: 'APPROVAL_REFUSED' }],
    ['withdrawn', withdraw(pending(), requester, noon), { kind: 'refused', code: 'WITHDRAWN' }],
    ['expired', expire(pending(), at(300)), { kind: 'expired' }],
    ['used', use(approved(), call2, noon), { kind: 'refused', code: 'SUPERSEDED' }],
  ])('when it is %s, then every waiting call is told', (_, approval, outcome) => {
    expect(settle(approval, [call1], noon, calm).outcomes).toMatchObject([outcome]);
  });
});

describe('the rest', () => {
  test('when a use is reported late, then the approval is used whatever it had become', () => {
    expect(use(expire(approved(), at(300)), call1, at(301))).toMatchObject({
      status: 'used',
      leaseCallId: call1,
    });
  });

  test('when somebody else withdraws, then it is refused', () => {
    expect(() => withdraw(pending(), bob, noon)).toThrow(
      expect.objectContaining({ code: 'NOT_THE_REQUESTER' }),
    );
  });

  test('when a call has the lease, then the requester cannot withdraw any more', () => {
    const leased = settle(approved(), [call1], noon, calm).approval;

    expect(() => withdraw(leased, requester, noon)).toThrow(
      expect.objectContaining({ code: 'APPROVAL_ALREADY_DECIDED' }),
    );
  });

  test('when the time has not come or a call has the lease, then nothing expires', () => {
    const leased = settle(approved(), [call1], noon, calm).approval;

    expect(expire(pending(), at(299)).status).toBe('pending');
    expect(expire(leased, at(500))).toBe(leased);
  });

  test('when the requester’s object id comes from another tenant, then it is somebody else', () => {
    const double = person('0a', { tenantId: '99999999-9999-4999-8999-999999999999' });

    expect(maySee(pending(), double)).toBe(false);
    expect(() => withdraw(pending(), double, noon)).toThrow(
      expect.objectContaining({ code: 'NOT_THE_REQUESTER' }),
    );
  });

  test('when somebody is neither requester nor in the groups, then the approval does not exist for them', () => {
    expect(maySee(pending(), requester)).toBe(true);
    expect(maySee(pending(), bob)).toBe(true);
    expect(maySee(pending(), person('0d', { groups: ['others'] }))).toBe(false);
  });
});
