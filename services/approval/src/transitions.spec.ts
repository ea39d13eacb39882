import { describe, expect, test } from 'vitest';
import type { Principal } from '#contracts';
import type { Approval } from './approval.js';
import { maySee } from './eligibility.js';
import { unasked } from './request.js';
import {
  abandon,
  drop,
  escalate,
  expire,
  forget,
  grantedSeconds,
  justify,
  release,
  settle,
  use,
  vote,
  withdraw,
} from './transitions.js';

const tenantId = '11111111-1111-4111-8111-111111111111';
const noon = new Date('2026-11-24T12:00:00Z');
const calm = { leaseSeconds: 30, graceSeconds: 10, handledUpTo: new Date(0) };
/** Everything that was said until then has been handled. */
const handled = (seconds: number) => ({ ...calm, handledUpTo: at(seconds) });
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
    ...unasked,
    id: '33333333-3333-4333-8333-333333333333',
    kind: 'call',
    client: null,
    labels: {},
    definition: null,
    rules: [],
    groupNames: {},
    justification: null,
    nonce: 'nonce',
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
    const one = { ...approve, voter, votedAt: noon.toISOString(), groups: ['approvers'] };
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

    const during = settle(leased, [call2], at(39), handled(39));

    expect(during).toEqual({ approval: leased, outcomes: [] });
  });

  test('when lease and grace have passed unused, then the retry gets it', () => {
    const leased = settle(approved(), [call1], noon, calm).approval;

    const after = settle(leased, [call2], at(40), handled(40));

    expect(after.approval).toMatchObject({ status: 'leased', leaseCallId: call2 });
    expect(after.outcomes).toMatchObject([{ kind: 'approved', callId: call2, notAfter: at(70) }]);
  });

  test('when reports of use may be lagging, then nothing is leased a second time', () => {
    const leased = settle(approved(), [call1], noon, calm).approval;

    const after = settle(leased, [call2], at(100), handled(39));

    expect(after).toEqual({ approval: leased, outcomes: [] });
  });

  test('when a lease lapsed after the expiry, then the retry is told that it expired', () => {
    const leased = settle(approved(), [call1], at(290), calm).approval;

    const after = settle(leased, [call2], at(330), handled(330));

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

    expect(maySee(pending(), double, noon)).toBe(false);
    expect(() => withdraw(pending(), double, noon)).toThrow(
      expect.objectContaining({ code: 'NOT_THE_REQUESTER' }),
    );
  });

  test('when somebody is neither requester nor in the groups, then the approval does not exist for them', () => {
    expect(maySee(pending(), requester, noon)).toBe(true);
    expect(maySee(pending(), bob, noon)).toBe(true);
    expect(maySee(pending(), person('0d', { groups: ['others'] }), noon)).toBe(false);
  });
});

describe('who counts', () => {
  const required = (
    sets: readonly (readonly [string, number])[],
    more: Partial<Approval['requirement']> = {},
  ) =>
    pending({
      requirement: {
        sets: sets.map(([group, quorum]) => ({ groups: [group], quorum })),
        expiresAfterSeconds: 300,
        ...more,
      },
    });
  const both = person('0e', { groups: ['approvers', 'owners'] });
  const owner = person('0f', { groups: ['owners'] });

  test('when one person is in both groups, then they fill one seat and another person the other', () => {
    const once = vote(
      required([
        ['approvers', 1],
        ['owners', 1],
      ]),
      both,
      approve,
      noon,
    );

    expect(once.status).toBe('pending');
    expect(vote(once, bob, approve, noon).status).toBe('approved');
    expect(vote(once, owner, approve, noon).status).toBe('approved');
  });

  test('when seats have to be changed to make room, then they are', () => {
    const three = required([
      ['approvers', 1],
      ['owners', 2],
    ]);
    const two = vote(vote(three, both, approve, noon), owner, approve, noon);

    expect(two.status).toBe('pending');
    expect(vote(two, bob, approve, noon).status).toBe('approved');
    const other = person('10', { groups: ['owners'] });
    expect(vote(two, other, approve, noon).status).toBe('approved');
  });

  const lead = person('11', { groups: ['leads'] });
  const escalating = required([['approvers', 1]], {
    escalation: { afterSeconds: 60, groups: ['leads'] },
  });

  test('when the escalation’s time has not come, then its people are nobody', () => {
    expect(maySee(escalating, lead, at(59))).toBe(false);
    expect(() => vote(escalating, lead, approve, at(59))).toThrow(
      expect.objectContaining({ code: 'APPROVER_NOT_IN_GROUP' }),
    );
    expect(escalate(escalating, at(59))).toBe(escalating);
  });

  test('when it has come, then they may sign in anybody’s place, and are asked once', () => {
    expect(vote(escalating, lead, approve, at(60)).status).toBe('approved');
    const asked = escalate(escalating, at(61));
    expect(asked.escalatedAt).toEqual(at(61));
    expect(escalate(asked, at(90))).toBe(asked);
  });

  test('when a delegate signs beside the one whose place it is, then they are one signature', () => {
    const two = required([['approvers', 2]]);
    const onBehalfOf = { tenantId, objectId: bob.objectId, displayName: 'Bob' };
    const once = vote(two, carol, { ...approve, onBehalfOf }, noon);

    expect(vote(once, bob, approve, noon).status).toBe('pending');
    expect(vote(once, person('12'), approve, noon).status).toBe('approved');
  });
});

describe('reasons', () => {
  const strict = pending({
    requirement: {
      sets: [{ groups: ['approvers'], quorum: 1 }],
      expiresAfterSeconds: 300,
      justification: 'required',
    },
  });

  test('when the rule wants a reason and there is none, then nobody can sign, but anybody can refuse', () => {
    const missing = expect.objectContaining({ code: 'JUSTIFICATION_MISSING' });

    expect(() => vote(strict, bob, approve, noon)).toThrow(missing);
    expect(() => vote({ ...strict, justification: '  ' }, bob, approve, noon)).toThrow(missing);
    expect(vote(strict, bob, refuse, noon).status).toBe('refused');
  });

  test('when the requester says why, then it can be signed', () => {
    const said = justify(strict, requester, 'charged twice', noon);

    expect(vote(said, bob, approve, noon).status).toBe('approved');
  });

  test.each<[string, Approval, Principal, number, string]>([
    ['somebody else says why', strict, bob, 0, 'NOT_THE_REQUESTER'],
    ['its time is over', strict, requester, 300, 'APPROVAL_EXPIRED'],
    ['it is decided', approved(), requester, 0, 'APPROVAL_ALREADY_DECIDED'],
    [
      'somebody has signed already',
      vote(
        pending({
          requirement: { sets: [{ groups: ['approvers'], quorum: 2 }], expiresAfterSeconds: 300 },
        }),
        bob,
        approve,
        noon,
      ),
      requester,
      0,
      'APPROVAL_ALREADY_VOTED',
    ],
  ])('when %s, then it is refused', (_, approval, who, seconds, code) => {
    expect(() => justify(approval, who, 'other words', at(seconds))).toThrow(
      expect.objectContaining({ code }),
    );
  });
});

describe('grants', () => {
  const offering = (quorum = 1) =>
    pending({
      requirement: {
        sets: [{ groups: ['approvers'], quorum }],
        expiresAfterSeconds: 300,
        grant: { maxSeconds: 1800 },
      },
    });

  test('when the one approver grants a time, then it is granted', () => {
    expect(grantedSeconds(vote(offering(), bob, { ...approve, grantSeconds: 600 }, noon))).toBe(
      600,
    );
  });

  test('when two approve, then the shorter time holds, and once is the shortest', () => {
    const long = vote(offering(2), bob, { ...approve, grantSeconds: 1800 }, noon);

    expect(grantedSeconds(vote(long, carol, { ...approve, grantSeconds: 60 }, noon))).toBe(60);
    expect(grantedSeconds(vote(long, carol, approve, noon))).toBeUndefined();
  });

  test.each([
    ['the rule offers none', pending(), 60],
    ['it is longer than the rule allows', offering(), 1801],
  ])('when a time is pressed and %s, then it is refused', (_, approval, grantSeconds) => {
    expect(() => vote(approval, bob, { ...approve, grantSeconds }, noon)).toThrow(
      expect.objectContaining({ code: 'GRANT_NOT_OFFERED' }),
    );
  });
});

describe('what nobody comes for', () => {
  test('when the caller went away, then it is dropped after the patience, not before', () => {
    const left = abandon(pending(), noon);

    expect(forget(left, at(19), 20)).toBe(left);
    expect(forget(left, at(20), 20)).toMatchObject({ status: 'withdrawn', decidedBy: null });
    expect(abandon(left, at(5))).toBe(left);
  });

  test('when a call has the lease, then nothing is dropped', () => {
    const leased = settle(approved(), [call1], noon, calm).approval;

    expect(drop(leased, 'gone', noon)).toBe(leased);
    expect(abandon(leased, noon)).toBe(leased);
  });

  test('when an administrator revokes, then it is withdrawn in their name', () => {
    const admin = person('13', { groups: [] });

    expect(withdraw(approved(), admin, noon, 'admin')).toMatchObject({
      status: 'withdrawn',
      decidedBy: { objectId: admin.objectId },
    });
  });
});

describe('break-glass', () => {
  const ran: Approval = { ...pending(), kind: 'break-glass', status: 'unreviewed' };

  test('when somebody of the group looks at it, also after its time, then it is reviewed', () => {
    expect(vote(ran, bob, approve, at(4000))).toMatchObject({ status: 'reviewed' });
    expect(vote(ran, bob, refuse, noon)).toMatchObject({ status: 'reviewed' });
  });

  test('when the one who broke it looks at it, then it is refused', () => {
    expect(() => vote(ran, requester, approve, noon)).toThrow(
      expect.objectContaining({ code: 'APPROVER_IS_REQUESTER' }),
    );
  });

  test('when calls are settled, then it tells nobody anything', () => {
    expect(settle(ran, [], noon, calm)).toEqual({ approval: ran, outcomes: [] });
  });
});
