import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type ApprovalStatement,
  callAnswered,
  callDecided,
  callForwarded,
  callRequested,
  type Verdict,
} from '#contracts';
import type { Json } from '#masking';
import { Signer } from '#trust';
import type { AnswerPart, Caller } from './call.js';
import {
  type Answered,
  approvalKey,
  call,
  callerOf,
  House,
  otherId,
  past,
  policyKey,
  review,
  strangerKey,
  typeOf,
  verdictOn,
} from './house.suite.js';

let house: House;
let executions: number;
let released: unknown[];

beforeAll(async () => {
  house = new House();
  await house.start();
});
afterAll(async () => house.stop());
beforeEach(() => {
  executions = 0;
  released = [];
  house.onRequested = async (event) => house.decide(event);
  house.onResumed = async (event) =>
    house.decide(event, { ...review, releases: event.data.approvalId });
  house.onAnswered = async (event) => house.mask(event, '{"masked":true}');
});
afterEach(() => {
  vi.useRealTimers();
  house.log.unacknowledged = '';
  house.log.isWritable = true;
  house.log.onAppend = () => undefined;
});

const upstream = (...parts: readonly Json[]) => ({
  async *forward(): AsyncGenerator<AnswerPart> {
    executions += 1;
    for (const [index, content] of parts.entries()) {
      yield { content, last: index === parts.length - 1 };
    }
  },
});
const caller = (change: Partial<Caller> = {}): Caller => callerOf(released, change);
const pass = async (asked = call(), as = caller()) =>
  house.gate.pass(asked, upstream({ secret: 'x' }), as, () => false);

/** What the record says of a call that failed. */
const failureOf = async (callId: string) =>
  vi.waitFor(() => {
    const found = house.failed.find((data) => data.callId === callId);
    if (found === undefined) throw new Error('no failure is on record yet');
    return found;
  }, 5000);

test('when the verdict is signed and about this call, then it runs and the masked answer is released', async () => {
  await pass();

  expect(executions).toBe(1);
  expect(released).toEqual([{ masked: true }]);
});

describe('a verdict that does not hold lets nothing through', () => {
  test.each<[string, Partial<Verdict>, typeof policyKey, RegExp]>([
    ['was signed by somebody else', {}, strangerKey, /SIGNATURE/],
    ['was signed by approval', {}, approvalKey, /SIGNATURE/],
    ['names another call', { callId: otherId }, policyKey, /ANOTHER_CALL/],
    ['names another digest', { digest: 'ab'.repeat(32) }, policyKey, /ANOTHER_CALL/],
    ['names another person', { objectId: otherId }, policyKey, /ANOTHER_CALL/],
    ['names another tenant', { tenantId: otherId }, policyKey, /ANOTHER_CALL/],
    ['names another server', { server: 'files' }, policyKey, /ANOTHER_CALL/],
    ['names another tool', { resource: 'other' }, policyKey, /ANOTHER_CALL/],
    ['names another method', { method: 'prompts/get' }, policyKey, /ANOTHER_CALL/],
    ['is over', { notAfter: past() }, policyKey, /EXPIRED/],
  ])('when it %s', async (_, change, key, message) => {
    house.onRequested = async (event) => house.decide(event, change, key);

    await expect(pass()).rejects.toMatchObject({
      code: 'VERDICT_INVALID',
      executed: 'no',
      message: expect.stringMatching(message),
    });
    expect(executions).toBe(0);
  });

  test('when the signed statement was changed afterwards', async () => {
    house.onRequested = async (event) => {
      const verdict = verdictOn(event, { effect: 'deny' });
      const signature = new Signer(policyKey.privateKey).sign('verdict', verdict);
      const changed = { ...verdict, effect: 'allow' as const };
      const data = {
        callId: event.data.callId,
        ingress: 'here',
        verdict: changed,
        signature,
        review: null,
      };
      await house.others.publish(callDecided, data, event);
    };

    await expect(pass()).rejects.toMatchObject({ code: 'VERDICT_INVALID' });
    expect(executions).toBe(0);
  });

  test('when it denies', async () => {
    house.onRequested = async (event) => house.decide(event, { effect: 'deny' });

    await expect(pass()).rejects.toMatchObject({
      code: 'DENIED',
      executed: 'no',
      message: 'Denied by r.',
    });
    expect(executions).toBe(0);
  });

  test('when there is none in time', async () => {
    house.onRequested = async () => undefined;

    await expect(pass()).rejects.toMatchObject({ code: 'VERDICT_TIMEOUT', executed: 'no' });
    expect(executions).toBe(0);
  });
});

describe('a call that is not on record does not run', () => {
  test.each([
    ['request', callRequested],
    ['forwarding', callForwarded],
  ])('when its %s is written but not acknowledged', async (_, { type }) => {
    house.log.unacknowledged = type;

    await expect(pass()).rejects.toMatchObject({ code: 'RECORD_UNAVAILABLE', executed: 'no' });
    expect(executions).toBe(0);
  });

  test('when the log can be neither written nor read, then policy is not even asked', async () => {
    const asked = call();
    house.log.isWritable = false;

    await expect(pass(asked)).rejects.toMatchObject({
      code: 'RECORD_UNAVAILABLE',
      stage: 'intake',
    });
    expect(executions).toBe(0);
    expect(house.log.hasAcknowledged(callRequested, asked.callId)).toBe(false);
  });

  test('when it does run, then request, verdict and forwarding were durable before', async () => {
    const asked = call();
    const isDurable = (): boolean[] =>
      [callRequested, callDecided, callForwarded].map((contract) =>
        house.log.hasAcknowledged(contract, asked.callId),
      );
    let wasDurable: boolean[] = [];
    const watching = {
      async *forward(): AsyncGenerator<AnswerPart> {
        wasDurable = isDurable();
        yield { content: {}, last: true };
      },
    };

    await house.gate.pass(asked, watching, caller(), () => false);

    expect(wasDurable).toEqual([true, true, true]);
  });

  test('when its permission ends while the forwarding is being recorded', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    house.log.onAppend = (record) => {
      if (typeOf(record) === callForwarded.type) vi.setSystemTime(Date.now() + 60_000);
    };

    await expect(pass()).rejects.toMatchObject({
      code: 'APPROVAL_EXPIRED',
      stage: 'forward',
      executed: 'no',
    });
    expect(executions).toBe(0);
  });
});

test('when as many calls wait as may, then one more is refused at once', async () => {
  house.onRequested = async () => undefined;
  const waiting = Array.from({ length: 10 }, async () => pass());
  const ended = Promise.allSettled(waiting);

  await expect(pass()).rejects.toMatchObject({ code: 'OVERLOADED', executed: 'no' });

  expect((await ended).map(({ status }) => status)).toEqual(waiting.map(() => 'rejected'));
  expect(executions).toBe(0);
});

test('when a call passes, then neither its arguments nor its answer are on the bus in clear', async () => {
  const asked = { ...call(), arguments: { mail: 'asked@secret.example' } };
  const answer = upstream({ mail: 'answered@secret.example' });

  await house.gate.pass(asked, answer, caller(), () => false);

  const texts = house.log.written
    .filter((record) => record.key === asked.callId)
    .map((record) => record.value.toString('utf8'));
  expect(texts.length).toBeGreaterThanOrEqual(5);
  expect(texts.filter((text) => text.includes('secret.example'))).toEqual([]);
});

describe('a call that needs people', () => {
  test('when approval signs this call, then it runs', async () => {
    house.onRequested = async (event) => {
      await house.decide(event, review);
      await house.ask(event);
      await house.approve(event);
    };

    await pass();

    expect(executions).toBe(1);
  });

  test.each<[string, Partial<ApprovalStatement>, typeof approvalKey]>([
    ['was signed by policy', {}, policyKey],
    ['was signed by somebody else', {}, strangerKey],
    ['names another call', { callId: otherId }, approvalKey],
    ['names other arguments', { digest: 'ab'.repeat(32) }, approvalKey],
    ['names another person', { objectId: otherId }, approvalKey],
    ['names another tenant', { tenantId: otherId }, approvalKey],
    ['is over', { notAfter: past() }, approvalKey],
  ])('when the approval %s, then nothing runs', async (_, change, key) => {
    house.onRequested = async (event) => {
      await house.decide(event, review);
      await house.ask(event);
      await house.approve(event, change, key);
    };

    await expect(pass()).rejects.toMatchObject({ code: 'APPROVAL_INVALID', executed: 'no' });
    expect(executions).toBe(0);
  });

  test('when policy only allowed it on a signature, then an allow that never came does not help', async () => {
    house.onRequested = async (event) => house.decide(event, review);

    await expect(pass()).rejects.toMatchObject({ code: 'APPROVAL_TIMEOUT', executed: 'no' });
    expect(executions).toBe(0);
  });

  test('when the caller can wait no longer, then it is told what it waits for', async () => {
    const asked: string[] = [];
    house.onRequested = async (event) => {
      await house.decide(event, review);
      await house.ask(event);
    };

    const waiting = pass(
      call(),
      caller({ onPending: ({ approvalId }) => void asked.push(approvalId), holdMs: 300 }),
    );

    await expect(waiting).rejects.toMatchObject({ code: 'APPROVAL_PENDING', approvalId: otherId });
    expect(asked).toEqual([otherId]);
    expect(executions).toBe(0);
  });

  test('when the caller takes it back, then nothing runs', async () => {
    const withdrawal = new AbortController();
    house.onRequested = async (event) => {
      await house.decide(event, review);
      await house.ask(event);
    };
    const as = caller({
      withdrawn: withdrawal.signal,
      onPending: () => withdrawal.abort(),
      holdMs: 5000,
    });

    await expect(pass(call(), as)).rejects.toMatchObject({ code: 'CANCELLED', executed: 'no' });
    expect(executions).toBe(0);
  });
});

describe('an answer that masking did not publish is not released', () => {
  test('when masking says nothing, then it is withheld and the record says that it was executed', async () => {
    const asked = call();
    house.onAnswered = async () => undefined;

    await expect(pass(asked)).rejects.toMatchObject({ code: 'ANSWER_WITHHELD', executed: 'yes' });
    expect(released).toEqual([]);
    expect(await failureOf(asked.callId)).toMatchObject({
      code: 'ANSWER_WITHHELD',
      stage: 'mask',
      executed: 'yes',
    });
  });

  test('when the answer is written but not acknowledged, then it is withheld', async () => {
    house.log.unacknowledged = callAnswered.type;

    await expect(pass()).rejects.toMatchObject({ code: 'ANSWER_WITHHELD', executed: 'yes' });
    expect(released).toEqual([]);
  });

  test('when masking cannot mask, then it is withheld', async () => {
    house.onAnswered = async (event) =>
      house.mask(event, '', { code: 'MASK_TOO_DEEP', message: 'too deep' });

    await expect(pass()).rejects.toMatchObject({ code: 'ANSWER_WITHHELD', executed: 'yes' });
    expect(released).toEqual([]);
  });

  test('when a part in the middle is withheld, then no later part is released', async () => {
    house.onAnswered = async (event) =>
      event.data.part === 1
        ? house.mask(event, '', { code: 'MASK_FAILED', message: 'no' })
        : house.mask(event, JSON.stringify({ part: event.data.part }));
    const three = upstream({}, {}, {});

    const passed = house.gate.pass(call(), three, caller(), () => false);

    await expect(passed).rejects.toMatchObject({ code: 'ANSWER_WITHHELD' });
    expect(released).toEqual([{ part: 0 }]);
  });

  test('when the answer is larger than allowed, then it is not released', async () => {
    const large = upstream({ text: 'x'.repeat(20_000) });

    const passed = house.gate.pass(call(), large, caller(), () => false);

    await expect(passed).rejects.toMatchObject({ code: 'ANSWER_TOO_LARGE', executed: 'yes' });
    expect(released).toEqual([]);
  });
});

test('when parts come in another order from masking, then they are released in theirs', async () => {
  const held: Answered[] = [];
  house.onAnswered = async (event) => {
    held.push(event);
    if (held.length < 3) return;
    for (const each of held.toReversed()) {
      await house.mask(each, JSON.stringify({ part: each.data.part }));
    }
  };

  await house.gate.pass(call(), upstream({}, {}, {}), caller(), () => false);

  expect(released).toEqual([{ part: 0 }, { part: 1 }, { part: 2 }]);
});

test('when a verdict is delivered twice, then the call runs once', async () => {
  house.onRequested = async (event) => {
    await house.decide(event);
    await house.decide(event, { message: 'again' });
  };

  await pass();

  expect(executions).toBe(1);
});

test('when a call is taken back while its forwarding is being recorded, then it does not run', async () => {
  const withdrawal = new AbortController();
  const asked = call();
  let looks = 0;
  const as = caller({
    // The first look is for the verdict; the last comes when the forwarding is on record.
    get withdrawn() {
      looks += 1;
      if (looks > 1) withdrawal.abort();
      return withdrawal.signal;
    },
  });

  await expect(pass(asked, as)).rejects.toMatchObject({
    code: 'CANCELLED',
    stage: 'forward',
    executed: 'no',
  });
  expect(executions).toBe(0);
  await vi.waitFor(() =>
    expect(house.forwarded.map(({ callId }) => callId)).toContain(asked.callId),
  );
});

test('when a call fails in a way that nobody foresaw before it has run, then the record says that it has not', async () => {
  const asked = { ...call(), labels: { env: 'x' } };
  house.log.onAppend = (record) => {
    if (typeOf(record) === callRequested.type) throw new RangeError('odd');
  };

  await expect(pass(asked)).rejects.toMatchObject({ code: 'RECORD_UNAVAILABLE', executed: 'no' });

  expect(executions).toBe(0);
  await expect
    .poll(() => house.failed.find((each) => each.callId === asked.callId))
    .toMatchObject({ code: 'RECORD_UNAVAILABLE', executed: 'no', stage: 'verdict' });
});
