import { describe, expect, test } from 'vitest';
import {
  approvalRequested,
  approvalVoted,
  callApproved,
  callCancelled,
  callExpired,
  derivedId,
  grantIssued,
} from '#contracts';
import { ConfiguredGroups } from '#identity';
import { ada, approvers, bob, carol, type House, houses, stranger } from './house.suite.js';

const { newHouse } = houses();
const sets = [{ groups: [approvers], quorum: 1 }];
const offering = { sets, expiresAfterSeconds: 60, grant: { maxSeconds: 1800 } };
const press = { decision: 'approve', reason: 'refund day', grantSeconds: 1800 };

async function asked(house: House, overrides: Parameters<House['review']>[0] = {}) {
  const { callId } = await house.review(overrides);
  const { approvalId } = await house.heard(approvalRequested, callId);
  return { callId, approvalId };
}

/** An approver grants half an hour, any number of calls. */
async function granted(house: House) {
  const first = await asked(house, { requirement: offering });
  await house.as(bob).post(`/${first.approvalId}/decision`, press).expect(200);
  await house.heard(callApproved, first.callId);
  await expect.poll(() => house.said.some(({ contract }) => contract === grantIssued)).toBe(true);
  const { body } = await house.as(ada).read('/grants').expect(200);
  return body.grants[0];
}

describe('break-glass that nobody is to hear of', { timeout: 60_000 }, () => {
  const requirement = { sets, expiresAfterSeconds: 60 };
  const glass = { effect: 'allow', approval: null, breakGlass: requirement } as const;

  async function unreviewed(house: House): Promise<number> {
    const { body } = await house.as(bob).get('?status=unreviewed').expect(200);
    return body.approvals.length;
  }

  test('when it is demanded while a held call goes on (a leg, a task), then people look at it all the same', async () => {
    const house = await newHouse();
    const { approvalId } = await asked(house);

    await house.review({ verdict: { ...glass, joins: approvalId } });

    await expect.poll(async () => unreviewed(house), { timeout: 5000 }).toBe(1);
  });

  test('when the client calls itself something that a database cannot keep, then people look at it all the same', async () => {
    const house = await newHouse();

    await house.review({ verdict: glass, picture: { client: { name: 'a\0b', version: '1' } } });

    await expect
      .poll(async () => [await unreviewed(house), ...house.troubles], { timeout: 5000 })
      .toEqual([1]);
  });
});

describe('grants beyond what was signed', { timeout: 60_000 }, () => {
  test('when a grant is revoked while a call of it is on its way and that call ends unused, then its retry asks people', async () => {
    const house = await newHouse();
    const grant = await granted(house);
    const same = {
      requirement: offering,
      digest: '1'.repeat(64),
      verdict: { grantIds: [grant.id] },
    };
    const { callId } = await house.review(same);
    await house.heard(callApproved, callId);
    await house.as(bob).send(`/grants/${grant.id}/revocation`, { reason: 'enough' }).expect(200);
    const stopped = { callId, ingress: 'ingress-1', by: 'client', stage: 'forward' } as const;
    await house.publish(callCancelled, { ...stopped, executed: 'no' });
    const { approvalId } = await house.heard(approvalRequested, callId);
    await expect.poll(async () => (await house.row(approvalId))['status']).not.toBe('leased');

    const next = await house.review({ ...same, verdict: {} });
    await house.heard(approvalRequested, next.callId);

    await expect
      .poll(async () => (await house.row(approvalId))['status'], { timeout: 3000 })
      .toBe('expired');
    expect(house.about(callApproved, next.callId)).toEqual([]);
  });

  test('when the rule offers less time and fewer calls by now, then an older grant covers nothing', async () => {
    const house = await newHouse();
    const grant = await granted(house);
    const stricter = { ...offering, grant: { maxSeconds: 60, maxCalls: 1 } };

    const { approvalId } = await asked(house, {
      requirement: stricter,
      digest: '1'.repeat(64),
      verdict: { grantIds: [grant.id] },
    });

    expect((await house.row(approvalId))['status']).toBe('pending');
  });

  test('when somebody asks beforehand for a grant under the id that an approval will give, then the grant is still the requester’s', async () => {
    const house = await newHouse();
    const { approvalId, callId } = await asked(house, { requirement: offering });
    const squatted = {
      id: derivedId(approvalId, 'grant'),
      server: 'payroll',
      resources: ['refund', 'pay_everybody'],
      seconds: 60,
      justification: 'mine',
    };
    await house.as(stranger).send('/grants', squatted).expect(202);

    await house.as(bob).post(`/${approvalId}/decision`, press).expect(200);

    await house.heard(callApproved, callId);
    const { body } = await house.as(ada).read('/grants').expect(200);
    expect(body.grants).toMatchObject([{ status: 'live', scope: { server: 'orders' } }]);
    expect((await house.as(stranger).read('/grants')).body.grants).not.toMatchObject([
      { status: 'live' },
    ]);
  });
});

test(
  'when a leased call ends unused after the approval’s time, then another that waits is told that it expired',
  { timeout: 60_000 },
  async () => {
    const house = await newHouse();
    const requirement = { sets, expiresAfterSeconds: 2 };
    const { approvalId, callId } = await asked(house, { requirement });
    await house.as(bob).approve(approvalId).expect(200);
    await house.heard(callApproved, callId);
    const second = await asked(house, { requirement });
    expect(second.approvalId).toBe(approvalId);
    const { expires_at: end } = await house.row(approvalId);
    await expect.poll(() => Date.now(), { timeout: 5000 }).toBeGreaterThan(Number(end) + 100);

    const stopped = { callId, ingress: 'ingress-1', by: 'client', stage: 'forward' } as const;
    await house.publish(callCancelled, { ...stopped, executed: 'no' });

    await expect
      .poll(() => house.said.filter(({ subject }) => subject === second.callId).map(kindOf))
      .toContain(callExpired.type);
    expect(house.about(callApproved, second.callId)).toEqual([]);
  },
);

const kindOf = ({ contract }: House['said'][number]): string => contract.type;

describe('what the record and other people learn', { timeout: 60_000 }, () => {
  test('when a delegate signs, then the record names whose place was taken', async () => {
    const directory = new ConfiguredGroups(ada.tenantId, { [approvers]: [bob.objectId] });
    const house = await newHouse({ people: { directory } });
    const { approvalId, callId } = await asked(house);
    const endsAt = new Date(Date.now() + 60_000).toISOString();
    await house.as(bob).send('/delegations', { to: stranger.objectId, endsAt }).expect(201);

    await house.as(stranger).approve(approvalId).expect(200);

    expect(JSON.stringify(await house.heard(approvalVoted, callId))).toContain(bob.objectId);
  });

  test('when a requester reads their own request, then it tells nothing of requests that they may not see', async () => {
    const house = await newHouse();
    const secret = await asked(house, { requester: carol });
    const decision = { decision: 'refuse', reason: 'carol is under investigation' };
    await house.as(bob).post(`/${secret.approvalId}/decision`, decision).expect(200);
    const own = await asked(house, { digest: '1'.repeat(64) });
    expect((await house.as(ada).get(`/${secret.approvalId}`)).status).toBe(404);

    const { body } = await house.as(ada).get(`/${own.approvalId}`).expect(200);

    expect(JSON.stringify(body)).not.toContain('investigation');
  });
});
