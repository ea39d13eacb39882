import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Bus, type EventLog, InProcessLog, PublishError } from '#bus';
import {
  approvalRequested,
  type ApprovalStatement,
  callAnswered,
  callApproved,
  callCancelled,
  callDecided,
  callFailed,
  callForwarded,
  callMasked,
  callRequested,
  callResumed,
  type DataOf,
  type EventOf,
  grantEnded,
  grantRevoked,
  type Principal,
  type Verdict,
} from '#contracts';
import { newSealKey, newSigningKey, Sealer, Signer, Verifier } from '#trust';
import type { AnswerPart, AskedCall, Caller } from './call.js';
import { Gate } from './gate.js';
import { listenForAnswers } from './gate.consumer.js';
import { GrantsInUse } from './grants-in-use.js';
import { RefusalRecord } from './refusal-record.js';
import { Waiters } from './waiters.js';

/** A call as policy hears of it: when it comes in. */
export type Requested = EventOf<typeof callRequested>;
/** The same, when people have signed it. */
export type Resumed = EventOf<typeof callResumed>;
/** A part of an answer, as masking hears of it. */
export type Answered = EventOf<typeof callAnswered>;

/** Keys of the services, and of somebody who is none of them. */
export const policyKey = newSigningKey();
export const approvalKey = newSigningKey();
export const strangerKey = newSigningKey();
const answers = new Sealer(newSealKey(), 'answers');
/** Any id that is not the one it should be; approvals of the house have it. */
export const otherId = 'c0000000-0000-4000-8000-000000000002';
/** Who calls. */
export const principal: Principal = {
  tenantId: '11111111-2222-4333-8444-555555555555',
  objectId: 'b0000000-0000-4000-8000-000000000001',
  kind: 'person',
  clientApp: 'app',
  displayName: 'Ada',
  groups: [],
  roles: [],
};
/** A call of a tool. */
export const call = (): AskedCall => ({
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
  pinning: { new: 'pass', changed: 'hold' },
});

/** Times before and after which a statement is over. */
export const soon = (): string => new Date(Date.now() + 30_000).toISOString();
export const past = (): string => new Date(Date.now() - 1000).toISOString();

/** What policy says unless a test wants something else. */
export const verdictOn = (
  { data }: Requested | Resumed,
  change: Partial<Verdict> = {},
): Verdict => ({
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

/** The type of an event on its way to the log. */
export const typeOf = (record: Outgoing): string => record.headers['ce_type'] ?? '';

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

  async ends(topic: string): ReturnType<EventLog['ends']> {
    return this.inner.ends(topic);
  }

  async finished(...asked: Parameters<EventLog['finished']>): ReturnType<EventLog['finished']> {
    return this.inner.finished(...asked);
  }

  canAppend(): boolean {
    return this.isWritable && this.inner.canAppend();
  }

  async close(): Promise<void> {
    return this.inner.close();
  }
}

/** What policy demands before a call may run. */
const requirement = { sets: [{ groups: ['g'], quorum: 1 }], expiresAfterSeconds: 60 };

/** The verdict on a call that needs people. */
export const review: Partial<Verdict> = { effect: 'review', approval: requirement };

/** Grants of which a test learns that their end has arrived. */
class WatchedGrants extends GrantsInUse {
  constructor(private readonly seen: string[]) {
    super();
  }

  override end(grantId: string): void {
    super.end(grantId);
    this.seen.push(grantId);
  }
}

/** The gate between a policy, an approval and a masking service that do what the test says. */
export class House {
  readonly folder = mkdtempSync(join(tmpdir(), 'countersign-gate-'));
  readonly log = new WatchedLog(new InProcessLog(join(this.folder, 'events.sqlite')));
  readonly ingress = new Bus(this.log, { group: 'ingress', startAt: 'end', addressee: 'here' });
  readonly others = new Bus(this.log, { group: 'others', startAt: 'committed' });
  onRequested: (event: Requested) => Promise<unknown> = async () => undefined;
  onResumed: (event: Resumed) => Promise<unknown> = async () => undefined;
  onAnswered: (event: Answered) => Promise<unknown> = async () => undefined;
  readonly forwarded: DataOf<typeof callForwarded>[] = [];
  readonly cancelled: DataOf<typeof callCancelled>[] = [];
  /** Grants whose end has come to the gate. */
  readonly ended: string[] = [];
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
    const grants = new WatchedGrants(this.ended);
    listenForAnswers(this.ingress, waiters, grants);
    this.gate = new Gate(
      parts,
      limits,
      waiters,
      grants,
      new RefusalRecord(
        parts,
        () => undefined,
        () => undefined,
      ),
    );
    this.others.on(callRequested, async (event) => void (await this.onRequested(event)));
    this.others.on(callAnswered, async (event) => void (await this.onAnswered(event)));
    this.others.on(callResumed, async (event) => void (await this.onResumed(event)));
    this.others.on(callForwarded, (event) => void this.forwarded.push(event.data));
    this.others.on(callCancelled, (event) => void this.cancelled.push(event.data));
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

  /** Policy judges a call. */
  async decide(
    event: Requested | Resumed,
    change: Partial<Verdict> = {},
    key = policyKey,
  ): Promise<void> {
    const verdict = verdictOn(event, change);
    const signature = new Signer(key.privateKey).sign('verdict', verdict);
    const data = { callId: event.data.callId, ingress: 'here', verdict, signature, review: null };
    await this.others.publish(callDecided, data, event);
  }

  /** Approval asks people. */
  async ask(event: Requested): Promise<void> {
    const { callId: id, digest, server, method, resource, facts } = event.data;
    await this.others.publish(
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
        requirement,
        ruleIds: ['r'],
        bundle: 'b',
        requestedAt: new Date().toISOString(),
        expiresAt: soon(),
      },
      event,
    );
  }

  /** People sign. */
  async approve(
    event: Requested,
    change: Partial<ApprovalStatement> = {},
    key = approvalKey,
  ): Promise<void> {
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
    await this.others.publish(
      callApproved,
      { callId: id, ingress: 'here', statement, signature },
      event,
    );
  }

  /** A grant is taken back, or comes to its own end. */
  async endGrant(grantId: string, how: 'revoked' | 'ended'): Promise<void> {
    const at = new Date().toISOString();
    if (how === 'ended') {
      await this.others.publish(grantEnded, { grantId, cause: 'time', endedAt: at });
      return;
    }
    const by = { tenantId: principal.tenantId, objectId: otherId, displayName: null };
    await this.others.publish(grantRevoked, { grantId, by, reason: 'enough', revokedAt: at });
  }

  /** Masking publishes a part. */
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

/** One who waits, and takes parts into a list. */
export const callerOf = (released: unknown[], change: Partial<Caller> = {}): Caller =>
  Object.defineProperties(
    {
      holdMs: 400,
      withdrawn: new AbortController().signal,
      onPending: () => undefined,
      renewed: async () => ({ principal }),
      release: async (part: AnswerPart) => void released.push(part.content),
    },
    // Getters stay getters.
    Object.getOwnPropertyDescriptors(change),
  );
