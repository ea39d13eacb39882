import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { Bus, type EventLog, InProcessLog, PublishError } from '#bus';
import {
  approvalRequested,
  type ApprovalStatement,
  callAnswered,
  callApproved,
  callDecided,
  callFailed,
  callForwarded,
  callMasked,
  callRequested,
  type DataOf,
  type EventOf,
  type Principal,
  type Verdict,
} from '#contracts';
import type { Json } from '#masking';
import { newSealKey, newSigningKey, Sealer, Signer, Verifier } from '#trust';
import type { AnswerPart, AskedCall, Caller } from './call.js';
import { Gate } from './gate.js';
import { listenForAnswers } from './gate.consumer.js';
import { RefusalRecord } from './refusal-record.js';
import { Waiters } from './waiters.js';

type Requested = EventOf<typeof callRequested>;
type Answered = EventOf<typeof callAnswered>;

const policyKey = newSigningKey();
const approvalKey = newSigningKey();
const strangerKey = newSigningKey();
const answers = new Sealer(newSealKey(), 'answers');
const otherId = 'c0000000-0000-4000-8000-000000000002';
const principal: Principal = {
  tenantId: '11111111-2222-4333-8444-555555555555',
  objectId: 'b0000000-0000-4000-8000-000000000001',
  kind: 'person',
  clientApp: 'app',
  displayName: 'Ada',
  groups: [],
  roles: [],
};
const call = (): AskedCall => ({
  callId: crypto.randomUUID(),
  protocol: 'mcp',
  server: 'orders',
  labels: {},
  method: 'tools/call',
  resource: 'refund',
  kind: 'statement',
  sessionId: null,
  parentCallId: null,
  principal,
  client: null,
  facts: { action: 'execute', objects: ['refund'], complete: false },
  arguments: { amount: 20 },
  extras: {},
});

const soon = (): string => new Date(Date.now() + 30_000).toISOString();
const past = (): string => new Date(Date.now() - 1000).toISOString();

const verdictOn = ({ data }: Requested, change: Partial<Verdict> = {}): Verdict => ({
  callId: data.callId,
  digest: data.digest,
  tenantId: data.principal.tenantId,
  objectId: data.principal.objectId,
  server: data.server,
  method: data.method,
  resource: data.resource,
  effect: 'allow',
  ruleIds: ['r'],
  erroredRuleIds: [],
  mask: { profile: 'standard', entities: {}, fields: {}, binary: 'withhold' },
  approval: null,
  reviewDigest: null,
  hidden: false,
  message: 'Denied by r.',
  bundle: 'b',
  decidedAt: new Date().toISOString(),
  notAfter: soon(),
  ...change,
});

type Outgoing = Parameters<EventLog['append']>[0];

const typeOf = (record: Outgoing): string => record.headers['ce_type'] ?? '';

/** A log on which a test sees what is written, and decides what its writer learns of it. */
class WatchedLog implements EventLog {
  /** Events of this type are written, but never acknowledged. */
  unacknowledged = '';
  isWritable = true;
  onAppend: (record: Outgoing) => void = () => undefined;
  readonly written: Outgoing[] = [];
  readonly #acknowledged = new Set<string>();

  constructor(private readonly inner: EventLog) {}

  async connect(): Promise<void> {
    return this.inner.connect();
  }

  async append(record: Outgoing): Promise<void> {
    this.onAppend(record);
    this.written.push(record);
    await this.inner.append(record);
    const type = typeOf(record);
    if (type === this.unacknowledged) throw new PublishError('OUTCOME_UNKNOWN', 'no answer');
    this.#acknowledged.add(`${type} of ${record.key}`);
  }

  /** Whether the writer of this event knows that it is durable. */
  hasAcknowledged(contract: { readonly type: string }, callId: string): boolean {
    return this.#acknowledged.has(`${contract.type} of ${callId}`);
  }

  async subscribe(...how: Parameters<EventLog['subscribe']>): ReturnType<EventLog['subscribe']> {
    return this.inner.subscribe(...how);
  }

  canAppend(): boolean {
    return this.isWritable && this.inner.canAppend();
  }

  async close(): Promise<void> {
    return this.inner.close();
  }
}

/** The gate between a policy, an approval and a masking service that do what the test says. */
class House {
  readonly folder = mkdtempSync(join(tmpdir(), 'countersign-gate-'));
  readonly log = new WatchedLog(new InProcessLog(join(this.folder, 'events.sqlite')));
  readonly ingress = new Bus(this.log, { group: 'ingress', startAt: 'end', addressee: 'here' });
  readonly others = new Bus(this.log, { group: 'others', startAt: 'committed' });
  onRequested: (event: Requested) => Promise<unknown> = async () => undefined;
  onAnswered: (event: Answered) => Promise<unknown> = async () => undefined;
  readonly forwarded: string[] = [];
  readonly failed: DataOf<typeof callFailed>[] = [];
  readonly gate: Gate;

  constructor() {
    const parts = {
      bus: this.ingress,
      instance: 'here',
      argumentsSealer: new Sealer(newSealKey(), 'arguments'),
      answersSealer: answers,
      policyVerifier: new Verifier(policyKey.publicKey),
      approvalVerifier: new Verifier(approvalKey.publicKey),
    };
    const limits = {
      verdictTimeoutMs: 400,
      maskTimeoutMs: 400,
      maxAnswerBytes: 10_000,
      maxConcurrentCalls: 10,
    };
    const waiters = new Waiters();
    listenForAnswers(this.ingress, waiters);
    this.gate = new Gate(
      parts,
      limits,
      waiters,
      new RefusalRecord(
        parts,
        () => undefined,
        () => undefined,
      ),
    );
    this.others.on(callRequested, async (event) => void (await this.onRequested(event)));
    this.others.on(callAnswered, async (event) => void (await this.onAnswered(event)));
    this.others.on(callForwarded, (event) => void this.forwarded.push(event.data.callId));
    this.others.on(callFailed, (event) => void this.failed.push(event.data));
  }

  async start(): Promise<void> {
    await this.ingress.listen((error) => expect(error).toBeUndefined());
    await this.others.listen((error) => expect(error).toBeUndefined());
  }

  async stop(): Promise<void> {
    await this.ingress.close();
    await this.others.close();
    await this.log.close();
    rmSync(this.folder, { recursive: true });
  }

  async decide(event: Requested, change: Partial<Verdict> = {}, key = policyKey): Promise<void> {
    const verdict = verdictOn(event, change);
    const signature = new Signer(key.privateKey).sign('verdict', verdict);
    const data = { callId: event.data.callId, ingress: 'here', verdict, signature, review: null };
    await this.others.publish(callDecided, data, event);
  }

  async mask(
    event: Answered,
    content: string,
    withheld: { code: string; message: string } | null = null,
  ) {
    const { callId, part, last } = event.data;
    const data = {
      callId,
      ingress: 'here',
      part,
      last,
      chunk: 0,
      chunks: 1,
      content,
      counts: {},
      withheld,
    };
    await this.others.publish(callMasked, data, event);
  }
}

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
const caller = (change: Partial<Caller> = {}): Caller =>
  Object.defineProperties(
    {
      holdMs: 400,
      withdrawn: new AbortController().signal,
      onPending: () => undefined,
      release: async (part: AnswerPart) => void released.push(part.content),
    },
    // Getters stay getters.
    Object.getOwnPropertyDescriptors(change),
  );
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
  const review: Partial<Verdict> = {
    effect: 'review',
    approval: { sets: [{ groups: ['g'], quorum: 1 }], expiresAfterSeconds: 60 },
  };
  const ask = async (event: Requested): Promise<void> => {
    const { callId: id, digest, server, method, resource, facts } = event.data;
    await house.others.publish(
      approvalRequested,
      {
        approvalId: otherId,
        callId: id,
        ingress: 'here',
        joined: false,
        digest,
        requester: { ...principal },
        server,
        method,
        resource,
        facts,
        maskedArguments: '{}',
        requirement: { sets: [{ groups: ['g'], quorum: 1 }], expiresAfterSeconds: 60 },
        ruleIds: ['r'],
        bundle: 'b',
        requestedAt: new Date().toISOString(),
        expiresAt: soon(),
      },
      event,
    );
  };
  const approve = async (
    event: Requested,
    change: Partial<ApprovalStatement>,
    key = approvalKey,
  ) => {
    const { callId: id, digest, server, method, resource } = event.data;
    const { tenantId, objectId } = principal;
    const approvers = [{ tenantId, objectId: otherId, displayName: null }];
    const named = { callId: id, digest, tenantId, objectId, server, method, resource };
    const times = { approvedAt: new Date().toISOString(), notAfter: soon() };
    const statement = {
      approvalId: otherId,
      ...named,
      bundle: 'b',
      approvers,
      ...times,
      ...change,
    };
    const signature = new Signer(key.privateKey).sign('approval', statement);
    await house.others.publish(
      callApproved,
      { callId: id, ingress: 'here', statement, signature },
      event,
    );
  };

  test('when approval signs this call, then it runs', async () => {
    house.onRequested = async (event) => {
      await house.decide(event, review);
      await ask(event);
      await approve(event, {});
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
      await ask(event);
      await approve(event, change, key);
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
      await ask(event);
    };

    const waiting = pass(call(), caller({ onPending: (id) => void asked.push(id), holdMs: 300 }));

    await expect(waiting).rejects.toMatchObject({ code: 'APPROVAL_PENDING', approvalId: otherId });
    expect(asked).toEqual([otherId]);
    expect(executions).toBe(0);
  });

  test('when the caller takes it back, then nothing runs', async () => {
    const withdrawal = new AbortController();
    house.onRequested = async (event) => {
      await house.decide(event, review);
      await ask(event);
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
  await vi.waitFor(() => expect(house.forwarded).toContain(asked.callId));
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
