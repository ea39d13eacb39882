import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  approvalRequested,
  approvalStatementSchema,
  approvalVoted,
  callApproved,
  callDecided,
  callExpired,
  callRefused,
} from '#contracts';
import { newSigningKey, Signer, Verifier } from '#trust';
import { testServer } from '../../../test/postgres/test-database.js';
import { ApprovalReadiness } from './approval.module.js';
import { Approvals } from './approvals.js';
import {
  ada,
  approvers,
  bob,
  carol,
  House,
  houses,
  person,
  stranger,
  word,
} from './house.suite.js';

vi.setConfig({ hookTimeout: 60_000 });

let house: House;
const { atEnd, newHouse } = houses();

/** Tells how many verdicts have had their signature checked since now, whatever came out. */
function verdictsChecked(): () => number {
  const checked = vi.spyOn(Verifier.prototype, 'verify');
  return () => checked.mock.settledResults.filter(({ type }) => type !== 'incomplete').length;
}

/** Tells how many verdicts have been taken for an approval since now, whatever came of it. */
function verdictsHandled(): () => number {
  const opened = vi.spyOn(Approvals.prototype, 'open');
  return () => opened.mock.settledResults.filter(({ type }) => type !== 'incomplete').length;
}

afterEach(async () => {
  vi.restoreAllMocks();
});

describe('a call under review', { timeout: 60_000 }, () => {
  beforeEach(async () => {
    house = await newHouse();
  });

  test('when a person of the group signs, then the call is approved by a signed statement', async () => {
    const { callId, event } = await house.review();
    const asked = await house.heard(approvalRequested, callId);

    const answer = await house.as(bob).approve(asked.approvalId);

    expect(answer.status).toBe(200);
    const { statement, signature } = await house.heard(callApproved, callId);
    expect(await word.verify('approval', statement, signature)).toBe(true);
    expect(approvalStatementSchema.parse(statement)).toMatchObject({
      callId,
      digest: event.data.verdict.digest,
      objectId: ada.objectId,
      approvers: [{ objectId: bob.objectId }],
    });
    expect(Date.parse(statement.notAfter) - Date.parse(statement.approvedAt)).toBe(30_000);
    expect(await house.heard(approvalVoted, callId)).toMatchObject({ channel: 'rest' });
    expect(asked).toMatchObject({ joined: false, ingress: 'ingress-1', ruleIds: ['refunds'] });
  });

  test('when a person of the group refuses, then the call is refused with the reason', async () => {
    const { callId } = await house.review();
    const { approvalId } = await house.heard(approvalRequested, callId);

    await house.as(bob).refuse(approvalId).expect(200);

    const refused = await house.heard(callRefused, callId);
    expect(refused).toMatchObject({ code: 'APPROVAL_REFUSED', reason: 'no' });
    const late = await house.as(carol).approve(approvalId);
    expect([late.status, late.body.code]).toEqual([409, 'APPROVAL_ALREADY_DECIDED']);
  });

  test('when what the approver would see is not what policy signed, then nobody is asked', async () => {
    const digest = 'e'.repeat(64);
    const checked = verdictsChecked();
    const { callId: altered } = await house.review({ digest, shown: '{"amount":1}' });
    await expect.poll(checked, { timeout: 10_000 }).toBe(1);
    const { callId: honest } = await house.review({ digest });

    expect(await house.heard(approvalRequested, honest)).toMatchObject({ joined: false });
    expect(house.about(approvalRequested, altered)).toEqual([]);
  });

  test('when a call needs more signatures, or comes through another client, then it has an approval of its own', async () => {
    const digest = 'f'.repeat(64);
    const calls = [
      await house.review({ digest }),
      await house.review({
        digest,
        requirement: { sets: [{ groups: [approvers], quorum: 2 }], expiresAfterSeconds: 60 },
      }),
      await house.review({ digest, clientApp: 'another' }),
    ];

    const asked = await Promise.all(
      calls.map(async ({ callId }) => house.heard(approvalRequested, callId)),
    );
    expect(asked.map(({ joined }) => joined)).toEqual([false, false, false]);
    expect(new Set(asked.map(({ approvalId }) => approvalId)).size).toBe(3);
  });

  test('when the verdict is not signed by policy, then nobody is asked', async () => {
    const checked = verdictsChecked();
    const forged = await house.review({ signer: new Signer(newSigningKey().privateKey) });
    await expect.poll(checked, { timeout: 10_000 }).toBe(1);
    const honest = await house.review({ digest: 'e'.repeat(64) });

    await house.heard(approvalRequested, honest.callId);

    const rows = await house.as(bob).get('').expect(200);
    expect(rows.body.approvals).toHaveLength(1);
    expect(house.about(approvalRequested, forged.callId)).toEqual([]);
  });

  test.each([
    ['the requester', ada, 403, 'APPROVER_IS_REQUESTER'],
    [
      'a workload of the group',
      person('eeee', { groups: [approvers], kind: 'workload' }),
      403,
      'APPROVER_NOT_A_PERSON',
    ],
    ['somebody outside', stranger, 404, 'APPROVAL_NOT_FOUND'],
  ])(
    'when %s presses, then it is refused and the call still waits',
    async (_, who, status, code) => {
      const { callId } = await house.review();
      const { approvalId } = await house.heard(approvalRequested, callId);

      const answer = await house.as(who).approve(approvalId);

      expect([answer.status, answer.body.code]).toEqual([status, code]);
      expect(answer.type).toBe('application/problem+json');
      expect(await house.row(approvalId)).toMatchObject({ status: 'pending', votes: [] });
    },
  );

  test('when two must sign, then two presses of one person are one signature', async () => {
    const requirement = { sets: [{ groups: [approvers], quorum: 2 }], expiresAfterSeconds: 60 };
    const { callId } = await house.review({ requirement });
    const { approvalId } = await house.heard(approvalRequested, callId);

    await house.as(bob).approve(approvalId).expect(200);
    await house.as(bob).approve(approvalId).expect(200);

    expect(await house.row(approvalId)).toMatchObject({ status: 'pending' });
    await house.as(carol).approve(approvalId).expect(200);
    const { statement } = await house.heard(callApproved, callId);
    expect(statement.approvers.map((each) => each.objectId)).toEqual([
      bob.objectId,
      carol.objectId,
    ]);
    expect(house.about(approvalVoted, callId)).toHaveLength(2);
  });

  test('when nobody signs in time, then the call expires and a late press is told so', async () => {
    const requirement = { sets: [{ groups: [approvers], quorum: 1 }], expiresAfterSeconds: 1 };
    const { callId } = await house.review({ requirement });
    const { approvalId } = await house.heard(approvalRequested, callId);

    await house.heard(callExpired, callId);

    const late = await house.as(bob).approve(approvalId);
    expect([late.status, late.body.code]).toEqual([410, 'APPROVAL_EXPIRED']);
    expect(house.about(callApproved, callId)).toEqual([]);
  });

  test('when the requester takes it back, then the call is refused as withdrawn', async () => {
    const { callId } = await house.review();
    const { approvalId } = await house.heard(approvalRequested, callId);

    await house.as(bob).post(`/${approvalId}/withdrawal`).expect(403);
    await house.as(ada).post(`/${approvalId}/withdrawal`).expect(200);

    expect(await house.heard(callRefused, callId)).toMatchObject({ code: 'WITHDRAWN' });
  });

  test('when a verdict is delivered again while its call waits, then nothing changes', async () => {
    const handled = verdictsHandled();
    const { callId } = await house.review();
    const { approvalId } = await house.heard(approvalRequested, callId);
    const before = await house.row(approvalId);

    await house.addReplica('approval-again');
    await expect.poll(handled, { timeout: 10_000 }).toBe(2);

    expect(house.troubles).toEqual([]);
    expect(house.about(approvalRequested, callId)).toHaveLength(1);
    expect(await house.row(approvalId)).toEqual(before);
  });

  test('when every event is delivered again, then nothing changes', async () => {
    const handled = verdictsHandled();
    const { callId, event } = await house.review();
    const { approvalId } = await house.heard(approvalRequested, callId);
    await house.as(bob).approve(approvalId).expect(200);
    await house.heard(callApproved, callId);
    await house.forwarded(callId, approvalId);
    await expect.poll(async () => (await house.row(approvalId))['status']).toBe('used');
    const before = house.said.length;

    await house.addReplica('approval-again');
    await house.again(callDecided, event);
    await house.forwarded(callId, approvalId);
    const marker = await house.review({ digest: 'e'.repeat(64) });
    await house.heard(approvalRequested, marker.callId);
    await expect.poll(handled, { timeout: 10_000 }).toBe(4);

    expect(house.troubles).toEqual([]);
    expect(house.said).toHaveLength(before + 1);
    expect(await house.row(approvalId)).toMatchObject({ status: 'used', lease_call_id: callId });
  });

  test.each([['a\0b'], ['\ud800']])(
    'when a reason holds what cannot be kept (%j), then it is refused in words, and nothing is decided',
    async (reason) => {
      const { callId } = await house.review();
      const { approvalId } = await house.heard(approvalRequested, callId);

      const answer = await house
        .as(bob)
        .post(`/${approvalId}/decision`, { decision: 'approve', reason });

      expect([answer.status, answer.body.code]).toEqual([400, 'REQUEST_INVALID']);
      expect(answer.body.detail).toContain('cannot be kept');
      expect((await house.as(bob).get(`/${approvalId}`).expect(200)).body.status).toBe('pending');
    },
  );

  test('when the body is not a decision, then the problem names the place', async () => {
    const { callId } = await house.review();
    const { approvalId } = await house.heard(approvalRequested, callId);

    const answer = await house
      .as(bob)
      .post(`/${approvalId}/decision`, { decision: 'approve', reason: 'x', force: true });

    expect([answer.status, answer.body.code]).toEqual([400, 'REQUEST_INVALID']);
  });
});

describe('retries', { timeout: 60_000 }, () => {
  test('when the same request comes again, then it joins, and the newest call gets the lease', async () => {
    house = await newHouse();
    const first = await house.review();
    const asked = await house.heard(approvalRequested, first.callId);
    const second = await house.review();
    const joined = await house.heard(approvalRequested, second.callId);

    await house.as(bob).approve(asked.approvalId).expect(200);

    expect(joined).toMatchObject({ approvalId: asked.approvalId, joined: true });
    await house.heard(callApproved, second.callId);
    expect(await house.heard(callRefused, first.callId)).toMatchObject({ code: 'SUPERSEDED' });
    expect(house.about(callApproved, first.callId)).toEqual([]);
  });

  test('when it was signed while nobody waited, then the retry goes on at once', async () => {
    house = await newHouse();
    const first = await house.review();
    const { approvalId } = await house.heard(approvalRequested, first.callId);
    await house.gaveUp(first.callId, approvalId);
    await expect.poll(async () => house.isWaiting(first.callId)).toBe(false);
    const signed = await house.as(bob).approve(approvalId).expect(200);

    const retry = await house.review();

    expect(signed.body.status).toBe('approved');
    const { statement } = await house.heard(callApproved, retry.callId);
    expect(statement).toMatchObject({ approvalId, callId: retry.callId });
    expect(house.about(callApproved, first.callId)).toEqual([]);
  });

  test('when the approval was used, then the same request needs a new one', async () => {
    house = await newHouse();
    const first = await house.review();
    const { approvalId } = await house.heard(approvalRequested, first.callId);
    await house.as(bob).approve(approvalId).expect(200);
    await house.heard(callApproved, first.callId);
    await house.forwarded(first.callId, approvalId);
    await expect.poll(async () => (await house.row(approvalId))['status']).toBe('used');

    const again = await house.review();

    const asked = await house.heard(approvalRequested, again.callId);
    expect(asked.joined).toBe(false);
    expect(asked.approvalId).not.toBe(approvalId);
  });

  test('when a lease lapsed unused, then the waiting retry gets it, and not before', async () => {
    house = await newHouse({ leaseSeconds: 1, graceSeconds: 0.3 });
    const first = await house.review();
    const { approvalId } = await house.heard(approvalRequested, first.callId);
    await house.as(bob).approve(approvalId).expect(200);
    const lease = await house.heard(callApproved, first.callId);

    const retry = await house.review();
    const again = await house.heard(callApproved, retry.callId);

    const lapsed = Date.parse(lease.statement.notAfter) + 300;
    const issued = Date.parse(again.statement.notAfter) - 1000;
    expect(issued).toBeGreaterThanOrEqual(lapsed);
  });

  test('when the leased call is reported as gone, then the retry gets the lease at once', async () => {
    house = await newHouse();
    const first = await house.review();
    const { approvalId } = await house.heard(approvalRequested, first.callId);
    await house.as(bob).approve(approvalId).expect(200);
    await house.heard(callApproved, first.callId);

    await house.gaveUp(first.callId, approvalId);
    const retry = await house.review();

    await house.heard(callApproved, retry.callId);
  });
});

describe('races', { timeout: 60_000 }, () => {
  test('when two people press against each other on two replicas, then one decision stands', async () => {
    house = await newHouse({}, 2);
    for (let round = 0; round < 10; round += 1) {
      const { callId } = await house.review({ digest: String(round).repeat(64).slice(0, 64) });
      const { approvalId } = await house.heard(approvalRequested, callId);

      const answers = await Promise.all([
        house.as(bob, 0).approve(approvalId),
        house.as(carol, 1).refuse(approvalId),
      ]);

      const codes = answers.map((answer) => answer.status).toSorted((a, b) => a - b);
      expect(codes).toEqual([200, 409]);
      const isApproved = answers[0].status === 200;
      await house.heard(isApproved ? callApproved : callRefused, callId);
      expect(house.about(approvalVoted, callId)).toHaveLength(1);
      expect(house.about(isApproved ? callRefused : callApproved, callId)).toEqual([]);
    }
  });

  test('when parallel retries of one request arrive, then one approval is opened and one call goes on', async () => {
    house = await newHouse({}, 2);
    const calls = await Promise.all(Array.from({ length: 12 }, async () => house.review()));
    const asked = await Promise.all(
      calls.map(async ({ callId }) => house.heard(approvalRequested, callId)),
    );
    const ids = new Set(asked.map((each) => each.approvalId));

    await house
      .as(bob)
      .approve([...ids][0]!)
      .expect(200);

    expect(ids.size).toBe(1);
    expect(asked.filter((each) => !each.joined)).toHaveLength(1);
    const outcomes = () =>
      calls.map(
        ({ callId }) =>
          house.about(callApproved, callId).length + 10 * house.about(callRefused, callId).length,
      );
    await expect
      .poll(() => outcomes().toSorted((a, b) => a - b), { timeout: 5000 })
      .toEqual([1, ...Array.from({ length: 11 }, () => 10)]);
  });

  test('when the press meets the expiry, then exactly one of them is what happened', async () => {
    house = await newHouse();
    const requirement = { sets: [{ groups: [approvers], quorum: 1 }], expiresAfterSeconds: 1 };
    const calls = await Promise.all(
      Array.from({ length: 8 }, async (_, index) =>
        house.review({ digest: String(index).repeat(64), requirement }),
      ),
    );
    const asked = await Promise.all(
      calls.map(async ({ callId }) => house.heard(approvalRequested, callId)),
    );
    const press = async (each: (typeof asked)[number], index: number) => {
      const at = Date.parse(each.expiresAt) - 40 + 10 * index;
      await new Promise((resolve) => setTimeout(resolve, at - Date.now()));
      return house.as(bob).approve(each.approvalId);
    };

    const answers = await Promise.all(asked.map(press));

    for (const [index, { callId }] of calls.entries()) {
      const isApproved = answers[index]!.status === 200;
      await house.heard(isApproved ? callApproved : callExpired, callId);
      expect(house.about(isApproved ? callExpired : callApproved, callId)).toEqual([]);
    }
  });
});

describe('reading', { timeout: 60_000 }, () => {
  beforeEach(async () => {
    house = await newHouse();
    for (const digest of ['1', '2', '3']) {
      const { callId } = await house.review({ digest: digest.repeat(64) });
      await house.heard(approvalRequested, callId);
    }
  });

  test('when somebody lists, then they see what they asked for or may sign, and nothing else', async () => {
    const lists = await Promise.all(
      [ada, bob, stranger].map(async (who) => house.as(who).get('?status=pending').expect(200)),
    );

    expect(lists.map((list) => list.body.approvals.length)).toEqual([3, 3, 0]);
    expect(lists[1]!.body.approvals[0]).toMatchObject({
      requester: { objectId: ada.objectId },
      maskedArguments: { amount: 12 },
      rules: [{ id: 'refunds', message: null }],
      server: 'orders',
      resource: 'refund',
      status: 'pending',
      votes: [],
    });
  });

  test('when the same object ids come from another tenant, then they see nothing', async () => {
    const otherTenant = '99999999-9999-4999-8999-999999999999';

    const lists = await Promise.all(
      [ada, bob].map(async (who) => house.as({ ...who, tenantId: otherTenant }).get('')),
    );

    expect(lists.map((list) => [list.status, list.body.approvals])).toEqual([
      [200, []],
      [200, []],
    ]);
  });

  test('when a stranger asks for one, then it does not exist', async () => {
    const list = await house.as(bob).get('');
    const id = String(list.body.approvals[0].id);

    const answer = await house.as(stranger).get(`/${id}`);

    expect([answer.status, answer.body.code]).toEqual([404, 'APPROVAL_NOT_FOUND']);
    await house.as(ada).get(`/${id}`).expect(200);
  });

  test('when a list has more pages, then the cursor leads through all of them, for this reader and filter only', async () => {
    const first = await house.as(bob).get('?limit=2').expect(200);
    const second = await house.as(bob).get(`?limit=2&cursor=${first.body.next}`).expect(200);
    const other = await house.as(carol).get(`?limit=2&cursor=${first.body.next}`);
    const filtered = await house.as(bob).get(`?server=orders&cursor=${first.body.next}`);

    expect(first.body.approvals).toHaveLength(2);
    expect(second.body.approvals).toHaveLength(1);
    expect(second.body.next).toBeNull();
    expect([other.status, other.body.code]).toEqual([400, 'CURSOR_INVALID']);
    expect(filtered.status).toBe(400);
  });

  test('when there is no token, then there is a challenge and nothing else', async () => {
    const answer = await request(house.app().getHttpServer()).get('/v1/approvals');

    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
  });
});

describe('when the database goes away', { timeout: 60_000 }, () => {
  test('then presses are refused, events wait, and everything goes on when it is back', async () => {
    const server = await testServer();
    atEnd(async () => server.drop());
    house = await new House(server.url).open();
    atEnd(async () => house.close());
    const readiness = house.app().get(ApprovalReadiness, { strict: false });
    const before = await house.review();
    const { approvalId } = await house.heard(approvalRequested, before.callId);
    expect(await readiness.isReady()).toBe(true);

    await server.stop();
    const press = await house.as(bob).approve(approvalId);
    const during = await house.review({ digest: 'e'.repeat(64) });

    expect([press.status, press.body.code]).toEqual([503, 'APPROVALS_UNAVAILABLE']);
    expect(await readiness.isReady()).toBe(false);
    await server.start();
    await house.heard(approvalRequested, during.callId);
    await house.as(bob).approve(approvalId).expect(200);
    await house.heard(callApproved, before.callId);
    expect(await readiness.isReady()).toBe(true);
  });

  test('then an approval that was stored before the outage is still told after it', async () => {
    const server = await testServer();
    atEnd(async () => server.drop());
    house = await new House(server.url).open();
    atEnd(async () => house.close());
    const { callId } = await house.review();
    const { approvalId } = await house.heard(approvalRequested, callId);

    await house.as(bob).approve(approvalId).expect(200);
    await server.stop();
    await server.start();

    await house.heard(callApproved, callId);
    expect(house.about(callApproved, callId)).toHaveLength(1);
  });
});
