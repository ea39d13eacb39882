import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  approvalClosed,
  approvalEscalated,
  approvalJustified,
  approvalRequested,
  callApproved,
  callCancelled,
  callRefused,
  grantDecided,
  grantEnded,
  grantIssued,
  grantRequested,
  grantRevoked,
  pressRefused,
} from '#contracts';
import { ConfiguredGroups, GroupDirectory, GroupsUnavailable } from '#identity';
import { canonicalJson, Signer, newSigningKey, sha256 } from '#trust';
import {
  ada,
  approvers,
  bob,
  carol,
  type House,
  houses,
  person,
  policy,
  stranger,
} from './house.suite.js';

const { newHouse } = houses();
const leads = '55555555-5555-4555-8555-555555555555';
const sets = [{ groups: [approvers], quorum: 1 }];
const offering = { sets, expiresAfterSeconds: 60, grant: { maxSeconds: 1800, maxCalls: 2 } };
const tool = (letter: string) => ({ digest: letter.repeat(64), hints: { destructiveHint: true } });

/** Opens an approval and gives the call and the approval. */
async function asked(house: House, overrides: Parameters<House['review']>[0] = {}) {
  const { callId } = await house.review(overrides);
  const { approvalId } = await house.heard(approvalRequested, callId);
  return { callId, approvalId };
}

const closedAs = async (house: House, callId: string) => house.heard(approvalClosed, callId);

describe('what is shown', { timeout: 60_000 }, () => {
  test('when an approver reads, then they see who, what, why they are asked, the risk and what was decided before', async () => {
    const house = await newHouse();
    const before = await asked(house, { picture: { definition: tool('1') } });
    await house.as(bob).approve(before.approvalId).expect(200);
    await house.heard(callApproved, before.callId);
    const { approvalId } = await asked(house, {
      digest: 'e'.repeat(64),
      picture: {
        definition: tool('2'),
        client: { name: 'agent', version: '1' },
        justification: 'charged twice',
        rules: [{ id: 'refunds', message: 'Refunds are countersigned.' }],
        groupNames: { [approvers]: 'orders-owners' },
      },
    });

    const { body } = await house.as(carol).get(`/${approvalId}`).expect(200);

    expect(body).toMatchObject({
      because: [{ id: approvers, name: 'orders-owners' }],
      client: { name: 'agent' },
      justification: 'charged twice',
      rules: [{ message: 'Refunds are countersigned.' }],
      risk: { level: 'high' },
      similar: [{ approvalId: before.approvalId, decidedBy: 'bbbb', reason: 'ok' }],
      url: `https://gateway.example/approvals/${approvalId}`,
    });
    expect(body.drift.lastApprovedAt).toMatch(/^\d{4}-/);
    expect(JSON.stringify(body)).not.toContain('nonce');
  });

  test('when it is forwarded by mail, then it is a subject and a short plain text', async () => {
    const house = await newHouse();
    const { approvalId } = await asked(house, {
      picture: { maskedArguments: '{"a":"\u202Ebad"}' },
    });

    const { body } = await house.as(bob).get(`/${approvalId}/text`).expect(200);

    expect(body.subject).toBe('Ada · refund: waits for a signature');
    expect(body.body).toContain('\\u{202e}bad');
    expect(body.body.length).toBeLessThan(2000);
  });
});

describe('who is asked', { timeout: 60_000 }, () => {
  const lead = person('eeee', { groups: [leads] });

  test('when nobody signs for long enough, then the next group is asked, and may sign', async () => {
    const house = await newHouse();
    const escalation = { afterSeconds: 1, groups: [leads] };
    const requirement = { sets, expiresAfterSeconds: 60, escalation };
    const { approvalId, callId } = await asked(house, { requirement });
    expect((await house.as(lead).get(`/${approvalId}`)).status).toBe(404);

    await house.heard(approvalEscalated, callId);
    const { body } = await house.as(lead).approve(approvalId).expect(200);

    expect(body.sets.at(-1)).toMatchObject({ isEscalation: true, groups: [{ id: leads }] });
    await house.heard(callApproved, callId);
  });

  test('when groups are listed in the configuration, then those count, whatever a token says', async () => {
    const directory = new ConfiguredGroups(ada.tenantId, { [approvers]: [stranger.objectId] });
    const house = await newHouse({ people: { directory } });
    const { approvalId, callId } = await asked(house);

    expect((await house.as(bob).approve(approvalId)).status).toBe(404);
    const { body } = await house.as(stranger).get('').expect(200);
    expect(body.approvals).toHaveLength(1);
    await house.as(stranger).approve(approvalId).expect(200);
    await house.heard(callApproved, callId);
  });

  test('when a group is asked for the first time, then its people see it at once, though they have just looked', async () => {
    const directory = new ConfiguredGroups(ada.tenantId, { [approvers]: [stranger.objectId] });
    const house = await newHouse({ people: { directory } });
    const { body } = await house.as(stranger).get('?status=pending').expect(200);

    const { approvalId } = await asked(house);

    expect(body.approvals).toEqual([]);
    await house.as(stranger).get(`/${approvalId}`).expect(200);
  });

  test('when memberships cannot be had, then nobody signs, it stays pending, and the press is on record', async () => {
    class Down extends GroupDirectory {
      override async memberOf(): Promise<never> {
        throw new GroupsUnavailable('down');
      }
    }
    const house = await newHouse({ people: { directory: new Down() } });
    const { approvalId } = await asked(house);

    const press = await house.as(bob).approve(approvalId);

    expect([press.status, press.body.code]).toEqual([503, 'GROUPS_UNAVAILABLE']);
    expect((await house.row(approvalId))['status']).toBe('pending');
    await expect
      .poll(() => house.said.find(({ contract }) => contract === pressRefused)?.data)
      .toMatchObject({ code: 'GROUPS_UNAVAILABLE', approvalId, objectId: bob.objectId });
  });

  test.each([
    ['withdraw', 'withdrawal', undefined],
    ['justify', 'justification', { justification: 'because' }],
  ])(
    'when an approver tries to %s for the requester, then that is refused on record',
    async (name, path, body) => {
      const house = await newHouse();
      const { approvalId } = await asked(house);
      const before = await house.row(approvalId);

      await house.as(bob).post(`/${approvalId}/${path}`, body).expect(403);

      expect(await house.row(approvalId)).toEqual(before);
      const found = house.said.find(({ contract }) => contract === pressRefused)?.data;
      const who = { approvalId, objectId: bob.objectId, channel: 'rest' };
      expect(found).toMatchObject({ ...who, code: 'NOT_THE_REQUESTER', detail: name });
    },
  );

  test('when somebody is away, then their delegate signs in their place, and only the delegate', async () => {
    const directory = new ConfiguredGroups(ada.tenantId, { [approvers]: [bob.objectId] });
    const house = await newHouse({ people: { directory } });
    const { approvalId, callId } = await asked(house);
    const endsAt = new Date(Date.now() + 60_000).toISOString();
    const given = await house.as(bob).send('/delegations', { to: stranger.objectId, endsAt });
    expect(given.status).toBe(201);

    expect((await house.as(carol).approve(approvalId)).status).toBe(404);
    const { body } = await house.as(stranger).approve(approvalId).expect(200);

    expect(body.votes).toMatchObject([
      { voter: { objectId: stranger.objectId }, onBehalfOf: { objectId: bob.objectId } },
    ]);
    await house.heard(callApproved, callId);
    await house.as(bob).remove(`/delegations/${given.body.id}`).expect(204);
    const next = await asked(house, { digest: 'e'.repeat(64) });
    expect((await house.as(stranger).approve(next.approvalId)).status).toBe(404);
  });

  test('when the requester delegates to a colleague, then that makes nobody an approver', async () => {
    const directory = new ConfiguredGroups(ada.tenantId, { [approvers]: [ada.objectId] });
    const house = await newHouse({ people: { directory } });
    const { approvalId } = await asked(house);
    const endsAt = new Date(Date.now() + 60_000).toISOString();
    await house.as(ada).send('/delegations', { to: stranger.objectId, endsAt }).expect(201);

    expect((await house.as(stranger).approve(approvalId)).status).toBe(404);
  });
});

describe('what the requester and those who run it can do', { timeout: 60_000 }, () => {
  test('when a reason is wanted, then it is signed only after the requester has given one', async () => {
    const house = await newHouse();
    const requirement = { sets, expiresAfterSeconds: 60, justification: 'required' as const };
    const { approvalId, callId } = await asked(house, { requirement });
    expect((await house.as(bob).approve(approvalId)).body.code).toBe('JUSTIFICATION_MISSING');

    const words = { justification: 'charged twice' };
    expect((await house.as(bob).post(`/${approvalId}/justification`, words)).status).toBe(403);
    await house.as(ada).post(`/${approvalId}/justification`, words).expect(200);
    await house.as(bob).approve(approvalId).expect(200);

    expect(await house.heard(approvalJustified, callId)).toMatchObject(words);
    await house.heard(callApproved, callId);
  });

  test('when an administrator revokes, then the call is refused in their name; others cannot', async () => {
    const house = await newHouse();
    const { approvalId, callId } = await asked(house);
    const admin = person('ffff', { roles: ['Countersign.Admin'] });
    expect((await house.as(stranger).post(`/${approvalId}/withdrawal`)).status).toBe(404);

    await house.as(admin).post(`/${approvalId}/withdrawal`).expect(200);

    expect(await house.heard(callRefused, callId)).toMatchObject({
      code: 'WITHDRAWN',
      by: { objectId: admin.objectId },
    });
    expect((await house.as(admin).approve(approvalId)).status).toBe(404);
  });

  test('when the caller goes away for good, then the approval is withdrawn, and a late signature runs nothing', async () => {
    const house = await newHouse();
    const { approvalId, callId } = await asked(house);

    const gone = {
      callId,
      ingress: 'ingress-1',
      by: 'client',
      stage: 'approval',
      executed: 'no',
    } as const;
    await house.publish(callCancelled, gone);

    expect(await closedAs(house, callId)).toMatchObject({ outcome: 'withdrawn', by: null });
    const late = await house.as(bob).approve(approvalId);
    expect([late.status, late.body.code]).toEqual([409, 'APPROVAL_ALREADY_DECIDED']);
  });

  test('when the caller comes back in time, then the approval goes on', async () => {
    const house = await newHouse({ people: { abandonSeconds: 3600 } });
    const { approvalId, callId } = await asked(house);
    const gone = {
      callId,
      ingress: 'ingress-1',
      by: 'client',
      stage: 'approval',
      executed: 'no',
    } as const;
    await house.publish(callCancelled, gone);
    await expect.poll(async () => (await house.row(approvalId))['abandoned_at']).not.toBeNull();

    const again = await asked(house);

    expect(again.approvalId).toBe(approvalId);
    expect((await house.row(approvalId))['abandoned_at']).toBeNull();
  });

  test('when the gateway stops, then nothing is taken for abandoned', async () => {
    const house = await newHouse({ people: { abandonSeconds: 0 } });
    const { approvalId, callId } = await asked(house);
    const stopped = {
      callId,
      ingress: 'ingress-1',
      by: 'gateway',
      stage: 'approval',
      executed: 'no',
    } as const;
    await house.publish(callCancelled, stopped);
    await expect.poll(async () => house.isWaiting(callId)).toBe(false);

    await house.as(bob).approve(approvalId).expect(200);
  });
});

describe('which call may use it', { timeout: 60_000 }, () => {
  test('when a verdict releases a signed call, then it opens nothing', async () => {
    const house = await newHouse();
    const first = await asked(house);

    const { callId } = await house.review({ verdict: { releases: first.approvalId } });
    const later = await asked(house, { digest: 'e'.repeat(64) });

    expect(later.approvalId).not.toBe(first.approvalId);
    expect(house.about(approvalRequested, callId)).toEqual([]);
  });

  test('when the tool’s definition has changed, then the open approval is void and people are asked anew', async () => {
    const house = await newHouse();
    const first = await asked(house, { picture: { definition: tool('1') } });

    const second = await asked(house, { picture: { definition: tool('2') } });

    expect(second.approvalId).not.toBe(first.approvalId);
    expect(await house.heard(callRefused, first.callId)).toMatchObject({ code: 'WITHDRAWN' });
    await house.as(bob).approve(second.approvalId).expect(200);
    const { statement } = await house.heard(callApproved, second.callId);
    expect(statement.definition).toBe('2'.repeat(64));
  });

  test('when a call may join one approval only, then it does, and never opens another', async () => {
    const house = await newHouse();
    const first = await asked(house);
    const joins = { verdict: { joins: first.approvalId } };

    expect((await asked(house, joins)).approvalId).toBe(first.approvalId);
    const other = await house.review({ ...joins, digest: 'e'.repeat(64) });
    expect(await house.heard(callRefused, other.callId)).toMatchObject({ code: 'WITHDRAWN' });
    await house.as(bob).refuse(first.approvalId).expect(200);
    const late = await house.review(joins);
    expect(await house.heard(callRefused, late.callId)).toMatchObject({ code: 'APPROVAL_REFUSED' });
    expect(house.said.filter(({ contract }) => contract === approvalRequested)).toHaveLength(3);
  });
});

describe('grants', { timeout: 60_000 }, () => {
  const press = { decision: 'approve', reason: 'refund day', grantSeconds: 600 };

  /** An approver grants a time for a call of the tool. */
  async function granted(house: House) {
    const first = await asked(house, { requirement: offering });
    await house.as(bob).post(`/${first.approvalId}/decision`, press).expect(200);
    await house.heard(callApproved, first.callId);
    await expect.poll(() => house.said.some(({ contract }) => contract === grantIssued)).toBe(true);
    const { body } = await house.as(ada).read('/grants').expect(200);
    return { ...first, grant: body.grants[0] };
  }

  const covered = async (house: House, letter: string, grantId: string, more: object = {}) =>
    house.review({
      requirement: offering,
      digest: letter.repeat(64),
      verdict: { grantIds: [grantId] },
      ...more,
    });

  test('when an approver grants a time, then calls within it are signed at once, as often as it says', async () => {
    const house = await newHouse();
    const { grant } = await granted(house);
    expect(grant).toMatchObject({
      status: 'live',
      callsLeft: 2,
      scope: { server: 'orders', resources: ['refund'] },
    });

    for (const letter of ['1', '2']) {
      const { callId } = await covered(house, letter, grant.id);
      const { statement } = await house.heard(callApproved, callId);
      expect(statement).toMatchObject({
        grant: { id: grant.id, until: grant.grantedUntil },
        approvers: [{ objectId: bob.objectId }],
      });
    }
    await house.heard(grantEnded, grant.id);
    const { approvalId } = await asked(house, {
      requirement: offering,
      digest: '3'.repeat(64),
      verdict: { grantIds: [grant.id] },
    });
    expect((await house.row(approvalId))['status']).toBe('pending');
  });

  test('when fifty calls race for the two that are left, then two get them', async () => {
    const house = await newHouse({}, 2);
    const { grant } = await granted(house);
    const letters = Array.from({ length: 50 }, (_, index) => index.toString(16).padStart(64, '0'));
    const calls = await Promise.all(
      letters.map(async (digest) =>
        house.review({ requirement: offering, digest, verdict: { grantIds: [grant.id] } }),
      ),
    );

    for (const { callId } of calls) await house.heard(approvalRequested, callId);
    await expect
      .poll(() => calls.filter(({ callId }) => house.about(callApproved, callId).length > 0).length)
      .toBe(2);
  });

  test('when it is revoked, then the next call asks people, and what was signed and not used is void', async () => {
    const house = await newHouse();
    const { grant } = await granted(house);
    const { callId } = await covered(house, '1', grant.id);
    await house.heard(callApproved, callId);
    const stopped = { callId, ingress: 'ingress-1', by: 'gateway', stage: 'forward' } as const;
    await house.publish(callCancelled, { ...stopped, executed: 'no' });
    const { approvalId } = await house.heard(approvalRequested, callId);
    await expect.poll(async () => (await house.row(approvalId))['status']).toBe('approved');
    expect((await house.as(stranger).send(`/grants/${grant.id}/revocation`)).status).toBe(404);

    await house.as(bob).send(`/grants/${grant.id}/revocation`, { reason: 'enough' }).expect(200);

    expect(await house.heard(grantRevoked, grant.id)).toMatchObject({ reason: 'enough' });
    expect((await house.row(approvalId))['status']).toBe('withdrawn');
    const next = await covered(house, '2', grant.id);
    const { approvalId: nextId } = await house.heard(approvalRequested, next.callId);
    expect((await house.row(nextId))['status']).toBe('pending');
    expect(house.about(callApproved, next.callId)).toEqual([]);
    const again = await house.as(bob).send(`/grants/${grant.id}/revocation`);
    expect([again.status, again.body.code]).toEqual([409, 'GRANT_NOT_LIVE']);
  });

  const two = { ...offering, sets: [{ groups: [approvers], quorum: 2 }] };
  const { grant: _grant, ...single } = offering;
  test.each<[string, Parameters<House['review']>[0]]>([
    ['policy demands more by now', { requirement: two }],
    ['the rule allows no grants any more', { requirement: single }],
    ['somebody else calls', { requirement: offering, requester: stranger }],
    ['another tool is called', { requirement: offering, verdict: { resource: 'delete' } }],
    ['another server is called', { requirement: offering, verdict: { server: 'files' } }],
  ])('when %s, then a grant covers nothing', async (_, overrides) => {
    const house = await newHouse();
    const { grant } = await granted(house);

    const { approvalId, callId } = await asked(house, {
      digest: '1'.repeat(64),
      ...overrides,
      verdict: { ...overrides?.verdict, grantIds: [grant.id] },
    });

    expect((await house.row(approvalId))['status']).toBe('pending');
    expect(house.about(callApproved, callId)).toEqual([]);
  });

  test('when its time is over, then it ends and covers nothing', async () => {
    const house = await newHouse();
    const first = await asked(house, { requirement: offering });
    const second = { ...press, grantSeconds: 1 };
    await house.as(bob).post(`/${first.approvalId}/decision`, second).expect(200);
    const { body } = await house.as(ada).read('/grants').expect(200);
    const [grant] = body.grants;

    expect(await house.heard(grantEnded, grant.id)).toMatchObject({ cause: 'time' });
    const { callId } = await covered(house, '1', grant.id);
    await house.heard(approvalRequested, callId);
    expect(house.about(callApproved, callId)).toEqual([]);
  });
});

describe('grants ahead of need', { timeout: 60_000 }, () => {
  const scope = { server: 'orders', resources: ['refund'], when: null, calls: 2 };
  const wish = {
    server: 'orders',
    resources: ['refund'],
    calls: 2,
    seconds: 600,
    justification: 'refund day',
  };

  async function decided(house: House, grantId: string, change: object = {}, signer = policy) {
    const verdict = {
      grantId,
      tenantId: ada.tenantId,
      objectId: ada.objectId,
      scopeDigest: sha256(canonicalJson({ scope, seconds: 600 })),
      effect: 'review' as const,
      ruleIds: ['refunds'],
      approval: offering,
      message: 'Held.',
      bundle: 'bundle-1',
      decidedAt: new Date().toISOString(),
      ...change,
    };
    await house.publish(grantDecided, {
      verdict,
      signature: signer.sign('grant', verdict),
      rules: [{ id: 'refunds', message: null }],
      groupNames: {},
    });
  }

  async function wished(house: House): Promise<string> {
    const { body } = await house.as(ada).send('/grants', wish).expect(202);
    expect(await house.heard(grantRequested, body.id)).toMatchObject({ scope, seconds: 600 });
    return body.id;
  }

  test('when policy lets people be asked and one signs, then the grant lives and covers calls', async () => {
    const house = await newHouse();
    const id = await wished(house);
    await decided(house, id);
    const { approvalId } = await house.heard(approvalRequested, id);
    expect((await house.as(ada).approve(approvalId)).status).toBe(403);

    const { body } = await house.as(bob).approve(approvalId).expect(200);

    expect(body).toMatchObject({ status: 'granted', kind: 'grant', grant: { id, scope } });
    expect(await house.heard(grantIssued, id)).toMatchObject({ approvalId, scope });
    const { callId } = await house.review({
      requirement: offering,
      digest: '1'.repeat(64),
      verdict: { grantIds: [id] },
    });
    await house.heard(callApproved, callId);
  });

  test('when a grant is given while a call waits for people, then its retry goes on without them', async () => {
    const house = await newHouse();
    const waiting = await asked(house, { requirement: offering, digest: '1'.repeat(64) });
    await house.gaveUp(waiting.callId);
    const id = await wished(house);
    await decided(house, id);
    const { approvalId } = await house.heard(approvalRequested, id);
    await house.as(bob).approve(approvalId).expect(200);

    const again = await asked(house, {
      requirement: offering,
      digest: '1'.repeat(64),
      verdict: { grantIds: [id] },
    });

    expect(again.approvalId).toBe(waiting.approvalId);
    expect((await house.heard(callApproved, again.callId)).statement.grant?.id).toBe(id);
  });

  test('when it is extended, then people are asked anew for the same scope', async () => {
    const house = await newHouse();
    const id = await wished(house);
    await decided(house, id);
    const { approvalId } = await house.heard(approvalRequested, id);
    await house.as(bob).approve(approvalId).expect(200);

    const more = { seconds: 600, justification: 'still refund day' };
    expect((await house.as(bob).send(`/grants/${id}/extension`, more)).status).toBe(403);
    const { body } = await house.as(ada).send(`/grants/${id}/extension`, more).expect(202);

    expect(body).toMatchObject({ status: 'asked', scope, extends: id });
  });

  test.each<[string, object, Signer | undefined]>([
    ['policy denies it', { effect: 'deny', approval: null, message: 'No.' }, undefined],
    ['policy speaks of another scope', { scopeDigest: 'a'.repeat(64) }, undefined],
    ['policy speaks of somebody else', { objectId: bob.objectId }, undefined],
  ])('when %s, then nobody is asked and the wish is refused', async (_, change, signer) => {
    const house = await newHouse();
    const id = await wished(house);

    await decided(house, id, change, signer);

    await expect
      .poll(async () => (await house.as(ada).read(`/grants/${id}`)).body.status)
      .toBe('refused');
    expect(house.about(approvalRequested, id)).toEqual([]);
  });

  test('when the word is not policy’s, then it counts for nothing', async () => {
    const house = await newHouse();
    const [forged, real] = [await wished(house), await wished(house)];
    await decided(house, forged, {}, new Signer(newSigningKey().privateKey));
    await decided(house, real);

    await house.heard(approvalRequested, real);
    expect((await house.as(ada).read(`/grants/${forged}`)).body.status).toBe('asked');
    expect(house.about(approvalRequested, forged)).toEqual([]);
  });

  test('when an approver refuses, then the wish is refused', async () => {
    const house = await newHouse();
    const id = await wished(house);
    await decided(house, id);
    const { approvalId } = await house.heard(approvalRequested, id);

    await house.as(bob).refuse(approvalId).expect(200);

    expect((await house.as(ada).read(`/grants/${id}`)).body.status).toBe('refused');
  });
});

describe('break-glass', { timeout: 60_000 }, () => {
  const requirement = { sets, expiresAfterSeconds: 60 };

  test('when a call ran on break-glass, then it is shown until somebody else has reviewed it', async () => {
    const house = await newHouse();
    const { callId } = await house.review({
      verdict: { effect: 'allow', approval: null, breakGlass: requirement },
      picture: { justification: 'production is down' },
    });
    const { approvalId, kind } = await house.heard(approvalRequested, callId);
    expect(kind).toBe('break-glass');
    const { body } = await house.as(bob).get('?status=unreviewed').expect(200);
    expect(body.approvals).toMatchObject([{ justification: 'production is down' }]);
    expect((await house.as(ada).approve(approvalId)).status).toBe(403);

    await house.as(bob).approve(approvalId).expect(200);

    expect(await closedAs(house, callId)).toMatchObject({
      outcome: 'reviewed',
      by: { objectId: bob.objectId },
    });
    expect(house.about(callApproved, callId)).toEqual([]);
  });
});

describe('those who ask too much', { timeout: 60_000 }, () => {
  test('when many requests of one requester wait, then the next is refused, and a retry of an open one is not', async () => {
    const house = await newHouse({ people: { pendingPerRequester: 2 } });
    const first = await asked(house, { digest: '1'.repeat(64) });
    await asked(house, { digest: '2'.repeat(64) });

    const { callId } = await house.review({ digest: '3'.repeat(64) });

    expect(await house.heard(callRefused, callId)).toMatchObject({
      code: 'WITHDRAWN',
      by: null,
      reason: 'Too many requests of yours wait already.',
    });
    expect((await asked(house, { digest: '1'.repeat(64) })).approvalId).toBe(first.approvalId);
    await asked(house, { digest: '3'.repeat(64), requester: stranger });
  });

  test('when many wishes of one person wait, then the next is refused', async () => {
    const house = await newHouse();
    const wish = { server: 'orders', resources: ['refund'], seconds: 60, justification: 'why' };
    for (let each = 0; each < 20; each += 1) {
      await house.as(ada).send('/grants', wish).expect(202);
    }

    const next = await house.as(ada).send('/grants', wish);

    expect([next.status, next.body.code]).toEqual([429, 'TOO_MANY_REQUESTS']);
    await house.as(stranger).send('/grants', wish).expect(202);
  });

  test('when a justification holds personal data, then others read it masked', async () => {
    const house = await newHouse();
    const { approvalId } = await asked(house);
    const justification = 'write to maria.keller@example.com';

    await house.as(ada).post(`/${approvalId}/justification`, { justification }).expect(200);

    const { body } = await house.as(bob).get(`/${approvalId}`).expect(200);
    expect(body.justification).toBe('write to [EMAIL]');
  });
});

test('when somebody asks for what is none of their business, then it does not exist', async () => {
  const house = await newHouse();
  const id = randomUUID();

  expect((await house.as(ada).read(`/grants/${id}`)).body.code).toBe('GRANT_NOT_FOUND');
  expect((await house.as(ada).get(`/${id}`)).body.code).toBe('APPROVAL_NOT_FOUND');
});
