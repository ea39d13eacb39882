import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { callApproved, callResumed, type ApprovalStatement, type Verdict } from '#contracts';
import type { AnswerPart, AskedCall, Caller, Upstream } from './call.js';
import {
  approvalKey,
  call,
  callerOf,
  House,
  otherId,
  past,
  policyKey,
  principal,
  type Resumed,
  review,
  soon,
  strangerKey,
  typeOf,
} from './house.suite.js';
import { Refusal } from './refusal.js';

const grantId = 'd0000000-0000-4000-8000-000000000003';
const [older, newer] = ['ab'.repeat(32), 'cd'.repeat(32)];

let house: House;
let executions: number;
let released: unknown[];

beforeAll(async () => {
  house = new House();
  await house.start();
});
afterAll(async () => house.stop());

/** Policy wants signatures, and people give them. */
const signed = (change: Partial<ApprovalStatement> = {}, asked: Partial<Verdict> = {}) => {
  house.onRequested = async (event) => {
    await house.decide(event, { ...review, ...asked });
    await house.ask(event);
    await house.approve(event, change);
  };
};
/** What policy says when the call is to be let go. */
const releasedBy = (change: Partial<Verdict>, key = policyKey) => {
  house.onResumed = async (event) =>
    house.decide(event, { ...review, releases: event.data.approvalId, ...change }, key);
};

beforeEach(() => {
  executions = 0;
  released = [];
  house.onAnswered = async (event) => house.mask(event, '{"masked":true}');
  signed();
  releasedBy({});
});
afterEach(() => {
  vi.useRealTimers();
  house.log.unacknowledged = '';
  house.log.onAppend = () => undefined;
});

const answering: Upstream = {
  async *forward(): AsyncGenerator<AnswerPart> {
    executions += 1;
    yield { content: { secret: 'x' }, last: true };
  },
};
const pass = async (
  asked: AskedCall = call(),
  change: Partial<Caller> = {},
  upstream: Upstream = answering,
) => house.gate.pass(asked, upstream, callerOf(released, change), () => false);

/** The events of a type that were written about a call. */
const written = (type: string, { callId }: AskedCall): string[] =>
  house.log.written
    .filter((record) => record.key === callId && typeOf(record) === type)
    .map((record) => record.value.toString('utf8'));

const failureOf = async ({ callId }: AskedCall) =>
  vi.waitFor(() => {
    const found = house.failed.find((data) => data.callId === callId);
    if (found === undefined) throw new Error('no failure is on record yet');
    return found;
  }, 5000);

describe('what people signed goes on only when policy lets it go', () => {
  test('when policy still wants the signatures that were given, then it runs under the word of then', async () => {
    const asked = call();
    const resumed: Resumed[] = [];
    const fields = { salary: { op: 'redact' } };
    house.onResumed = async (event) => {
      resumed.push(event);
      await house.decide(event, {
        ...review,
        releases: event.data.approvalId,
        mask: { profile: 'standard', entities: {}, fields, binary: 'withhold' },
      });
    };
    const masks: unknown[] = [];
    house.onAnswered = async (event) => {
      masks.push(event.data.mask.fields);
      await house.mask(event, '{"masked":true}');
    };

    await pass(asked, { renewed: async () => ({ principal: { ...principal, groups: ['new'] } }) });

    expect(executions).toBe(1);
    expect(masks).toEqual([fields]);
    expect(resumed[0]?.data).toMatchObject({
      callId: asked.callId,
      approvalId: otherId,
      principal: { groups: ['new'] },
    });
    expect(resumed[0]?.causationid).toBeDefined();
    await vi.waitFor(() => {
      const forwarded = house.forwarded.find(({ callId }) => callId === asked.callId);
      expect(forwarded).toMatchObject({ approvalId: otherId });
      const [, last] = written('countersign.call.decided.v1', asked);
      expect(last).toContain(`"id":"${forwarded?.verdictEventId}"`);
    });
  });

  test('when policy by now allows it to everybody, then it runs', async () => {
    releasedBy({ effect: 'allow', approval: null, bundle: 'another' });

    await pass();

    expect(executions).toBe(1);
  });

  test('when policy by now denies it, then it does not run, and the record says where it stopped', async () => {
    const asked = call();
    releasedBy({ effect: 'deny', message: 'Not any more.' });

    await expect(pass(asked)).rejects.toMatchObject({ code: 'DENIED', stage: 'forward' });

    expect(executions).toBe(0);
    expect(await failureOf(asked)).toMatchObject({
      code: 'DENIED',
      stage: 'forward',
      executed: 'no',
      approvalId: otherId,
    });
  });

  test.each<[string, Partial<Verdict>]>([
    ['another policy wants people', { bundle: 'another' }],
    [
      'the same policy wants other people',
      { approval: { sets: [{ groups: ['h'], quorum: 1 }], expiresAfterSeconds: 60 } },
    ],
    [
      'the same policy wants more people',
      { approval: { sets: [{ groups: ['g'], quorum: 2 }], expiresAfterSeconds: 60 } },
    ],
  ])('when %s by now, then the signatures are stale', async (_, change) => {
    releasedBy(change);

    await expect(pass()).rejects.toMatchObject({
      code: 'APPROVAL_STALE',
      stage: 'forward',
      executed: 'no',
      message: expect.stringMatching(/make the same call again, people will be asked anew/),
    });
    expect(executions).toBe(0);
  });

  test.each<[string, Partial<Verdict>, typeof policyKey, RegExp]>([
    ['was signed by somebody else', {}, strangerKey, /SIGNATURE/],
    ['was signed by approval', {}, approvalKey, /SIGNATURE/],
    ['releases another approval', { releases: grantId }, policyKey, /ANOTHER_APPROVAL/],
    ['names another call', { callId: otherId }, policyKey, /ANOTHER_CALL/],
    ['names another digest', { digest: older }, policyKey, /ANOTHER_CALL/],
    ['names another person', { objectId: otherId }, policyKey, /ANOTHER_CALL/],
    ['names another tenant', { tenantId: otherId }, policyKey, /ANOTHER_CALL/],
    ['is over', { notAfter: past() }, policyKey, /EXPIRED/],
  ])('when the word on its release %s, then nothing runs', async (_, change, key, message) => {
    releasedBy(change, key);

    await expect(pass()).rejects.toMatchObject({
      code: 'VERDICT_INVALID',
      stage: 'forward',
      message: expect.stringMatching(message),
    });
    expect(executions).toBe(0);
  });

  test('when the verdict on the request is repeated in its place, then nothing runs', async () => {
    house.onResumed = async (event) => house.decide(event, { effect: 'allow' });

    await expect(pass()).rejects.toMatchObject({ code: 'VERDICT_TIMEOUT', stage: 'forward' });
    expect(executions).toBe(0);
  });

  test('when the verdict on the request is repeated before it, then it runs once', async () => {
    house.onResumed = async (event) => {
      // Under an id of its own, or the bus would drop one of the two.
      await house.decide({ ...event, id: crypto.randomUUID() }, review);
      await house.decide(event, { ...review, releases: event.data.approvalId });
    };

    await pass();

    expect(executions).toBe(1);
  });

  test('when a word on a release comes in place of the verdict on the request, then nothing runs', async () => {
    house.onRequested = async (event) => house.decide(event, { releases: otherId });

    await expect(pass()).rejects.toMatchObject({ code: 'VERDICT_TIMEOUT', stage: 'verdict' });
    expect(executions).toBe(0);
  });

  test('when policy says nothing any more, then nothing runs', async () => {
    house.onResumed = async () => undefined;

    await expect(pass()).rejects.toMatchObject({ code: 'VERDICT_TIMEOUT', executed: 'no' });
    expect(executions).toBe(0);
  });

  test('when the question is written but not acknowledged, then nothing runs', async () => {
    house.log.unacknowledged = callResumed.type;

    await expect(pass()).rejects.toMatchObject({ code: 'RECORD_UNAVAILABLE', stage: 'forward' });
    expect(executions).toBe(0);
  });

  test('when policy’s word is over before the forwarding is on record, then nothing runs', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    releasedBy({ notAfter: new Date(Date.now() + 5000).toISOString() });
    house.log.onAppend = (record) => {
      if (typeOf(record) === 'countersign.call.forwarded.v1') vi.setSystemTime(Date.now() + 6000);
    };

    await expect(pass()).rejects.toMatchObject({ code: 'APPROVAL_EXPIRED', stage: 'forward' });
    expect(executions).toBe(0);
  });
});

describe('the caller and the tool are those of now', () => {
  test('when the token has expired meanwhile, then nothing runs, and policy is not even asked', async () => {
    const asked = call();
    const renewed = async () => {
      throw new Refusal('IDENTITY_REFUSED', 'forward', 'The token is over.');
    };

    await expect(pass(asked, { renewed })).rejects.toMatchObject({ code: 'IDENTITY_REFUSED' });

    expect(executions).toBe(0);
    expect(written(callResumed.type, asked)).toEqual([]);
    expect(await failureOf(asked)).toMatchObject({
      code: 'IDENTITY_REFUSED',
      stage: 'forward',
      executed: 'no',
    });
  });

  test('when it is another caller by now, then nothing runs', async () => {
    const renewed = async () => ({ principal: { ...principal, objectId: otherId } });

    await expect(pass(call(), { renewed })).rejects.toMatchObject({ code: 'IDENTITY_REFUSED' });
    expect(executions).toBe(0);
  });

  test('when the tool is described otherwise than what was signed, then nothing runs', async () => {
    signed({ definition: older });
    const renewed = async () => ({ principal, definition: { digest: newer, hints: {} } });

    await expect(pass(call(), { renewed })).rejects.toMatchObject({
      code: 'APPROVAL_STALE',
      message: expect.stringMatching(/definition changed/),
    });
    expect(executions).toBe(0);
  });

  test.each([
    ['the same', older, older],
    ['not known where it was signed', undefined, newer],
    ['not known here', older, undefined],
  ])('when its description is %s, then it runs', async (_, was, is) => {
    signed(was === undefined ? {} : { definition: was });
    const definition = is === undefined ? undefined : { digest: is, hints: {} };

    await pass(call(), { renewed: async () => ({ principal, definition }) });

    expect(executions).toBe(1);
  });
});

describe('without anybody who waits a late approval runs nothing', () => {
  test('when the client has gone while policy is asked once more, then nothing runs', async () => {
    const asked = call();
    const withdrawal = new AbortController();
    house.onResumed = async () => withdrawal.abort('client');

    const passed = pass(asked, { withdrawn: withdrawal.signal });

    await expect(passed).rejects.toMatchObject({ code: 'CANCELLED', stage: 'forward' });
    expect(executions).toBe(0);
  });

  test('when it has gone before people signed, then it is on record as taken back', async () => {
    const asked = call();
    const withdrawal = new AbortController();
    const approve = Promise.withResolvers<undefined>();
    house.onRequested = async (event) => {
      await house.decide(event, review);
      await house.ask(event);
      await approve.promise;
      await house.approve(event);
    };
    const onPending = (): void => withdrawal.abort('client');

    const passed = pass(asked, { withdrawn: withdrawal.signal, onPending });

    await expect(passed).rejects.toMatchObject({ code: 'CANCELLED', stage: 'approval' });
    approve.resolve(undefined);
    await vi.waitFor(() => expect(written(callApproved.type, asked)).toHaveLength(1));
    expect(house.cancelled.find(({ callId }) => callId === asked.callId)).toMatchObject({
      by: 'client',
      stage: 'approval',
      executed: 'no',
    });
    expect(executions).toBe(0);
  });

  test('when it will come back for it, then the call waits on, and nothing is taken back', async () => {
    const asked = { ...call(), joins: otherId };
    const withdrawal = new AbortController();
    house.onResumed = async () => withdrawal.abort('later');

    const passed = pass(asked, { withdrawn: withdrawal.signal });

    await expect(passed).rejects.toMatchObject({ code: 'APPROVAL_PENDING', approvalId: otherId });
    expect(await failureOf(asked)).toMatchObject({ code: 'APPROVAL_PENDING', executed: 'no' });
    expect(house.cancelled.filter(({ callId }) => callId === asked.callId)).toEqual([]);
    expect(executions).toBe(0);
  });
});

describe('a call under a grant', () => {
  const under = (until = soon()) => signed({ grant: { id: grantId, until } });

  /** An upstream that says one thing and then nothing more, whatever happens. */
  const endless = () => {
    const running = Promise.withResolvers<undefined>();
    const forward: Upstream['forward'] = async function* ({ ended }) {
      executions += 1;
      ended?.addEventListener('abort', () => signals.push('ended'));
      yield { content: { note: 1 }, last: false };
      running.resolve(undefined);
      await new Promise(() => undefined);
    };
    const signals: string[] = [];
    return { upstream: { forward }, running: running.promise, signals };
  };

  test('when it covers the call, then the call runs, and the record names the grant', async () => {
    const asked = call();
    under();

    await pass(asked);

    await vi.waitFor(() =>
      expect(house.forwarded.find(({ callId }) => callId === asked.callId)).toMatchObject({
        grantId,
      }),
    );
  });

  test.each(['revoked', 'ended'] as const)(
    'when the grant is %s while it runs, then it is cut off',
    async (how) => {
      const asked = call();
      // Each grant ends once.
      const id = crypto.randomUUID();
      signed({ grant: { id, until: soon() } });
      const { running, signals, upstream } = endless();

      const passed = pass(asked, {}, upstream);
      const refused = expect(passed).rejects.toMatchObject({
        code: 'GRANT_ENDED',
        stage: 'upstream',
        executed: 'yes',
      });
      await running;
      await house.endGrant(id, how);

      await refused;
      expect(signals).toEqual(['ended']);
      expect(released).toEqual([{ masked: true }]);
      expect(await failureOf(asked)).toMatchObject({ code: 'GRANT_ENDED', executed: 'yes' });
    },
  );

  test('when its time is over while it runs, then it is cut off', async () => {
    under(new Date(Date.now() + 300).toISOString());
    const { upstream } = endless();

    await expect(pass(call(), {}, upstream)).rejects.toMatchObject({ code: 'GRANT_ENDED' });
    expect(executions).toBe(1);
  });

  test('when another grant ends, then it runs on', async () => {
    under();
    const { running, upstream } = endless();
    const taking = new AbortController();

    const passed = pass(call(), {}, upstream);
    const ended = passed.finally(() => taking.abort()).catch(() => undefined);
    await running;
    await house.endGrant(crypto.randomUUID(), 'revoked');
    await vi.waitFor(() => expect(released).toHaveLength(1));

    expect(taking.signal.aborted).toBe(false);
    await house.endGrant(grantId, 'revoked');
    await ended;
  });

  test('when it ends while policy is asked once more, then nothing runs', async () => {
    const id = crypto.randomUUID();
    signed({ grant: { id, until: soon() } });
    house.onResumed = async (event) => {
      await house.endGrant(id, 'revoked');
      await vi.waitFor(() => expect(house.ended).toContain(id));
      await house.decide(event, { ...review, releases: event.data.approvalId });
    };

    await expect(pass()).rejects.toMatchObject({ code: 'GRANT_ENDED', executed: 'no' });
    expect(executions).toBe(0);
  });

  test('when its end was told before its use, then nothing runs', async () => {
    const id = crypto.randomUUID();
    await house.endGrant(id, 'revoked');
    await vi.waitFor(() => expect(house.ended).toContain(id));
    signed({ grant: { id, until: soon() } });

    await expect(pass()).rejects.toMatchObject({ code: 'GRANT_ENDED', executed: 'no' });
    expect(executions).toBe(0);
  });

  test('when its time is over, then nothing runs', async () => {
    under(past());

    await expect(pass()).rejects.toMatchObject({ executed: 'no' });
    expect(executions).toBe(0);
  });
});

describe('what a caller says to the gateway', () => {
  test('when it says why, then the record has its words masked, and the log never in clear', async () => {
    const asked: AskedCall = {
      ...call(),
      justification: 'Ada Byron (ada@secret.example) waits for her money',
      breakGlass: true,
      joins: otherId,
      definition: { digest: older, hints: { destructiveHint: true } },
    };

    await pass(asked);

    const texts = [
      ...written('countersign.call.requested.v1', asked),
      ...written('countersign.call.resumed.v1', asked),
    ];
    expect(texts).toHaveLength(2);
    for (const text of texts) {
      expect(text).toContain('waits for her money');
      expect(text).not.toContain('secret.example');
      expect(text).toContain('"breakGlass":true');
      expect(text).toContain(`"joins":"${otherId}"`);
    }
    expect(texts[0]).toContain('"destructiveHint":true');
  });
});

test('when an answer can be masked in no way that is known here, then the call is not made, and the record says so', async () => {
  house.onRequested = async (event) => house.decide(event);
  const odd = { profile: 'none' as const, entities: { EMAIL: { op: 'blur' } }, fields: {} };
  const asked: AskedCall = { ...call(), leastMask: { ...odd, binary: 'pass' } };

  await expect(pass(asked)).rejects.toMatchObject({ code: 'RECORD_UNAVAILABLE', executed: 'no' });
  expect(executions).toBe(0);
  expect(house.forwarded.filter(({ callId }) => callId === asked.callId)).toEqual([]);
});
