import {
  callCompleted,
  callForwarded,
  type Envelope,
  type EventOf,
  type MaskObligation,
} from '#contracts';
import { type Json, maskProfileSchema, mergeProfiles } from '#masking';
import { callDigest } from '#trust';
import { AnswerRelay, type Relayed } from './answer-relay.js';
import type { AskedCall, Caller, Forwarding, Upstream } from './call.js';
import { cancelled } from './cancelled.js';
import { countCall } from './call-metrics.js';
import { Countersigning, endOf } from './countersigning.js';
import { grantEnded, untilEnded } from './cut.js';
import type { GateLimits, GateParts } from './gate-settings.js';
import type { GrantInUse, GrantsInUse } from './grants-in-use.js';
import { Judging, type Waiting } from './judging.js';
import { Listings } from './listings.js';
import { Questions } from './questions.js';
import { recorded } from './record.js';
import { Refusal, type Stage } from './refusal.js';
import type { RefusalRecord } from './refusal-record.js';
import type { GateEvents, Waiters } from './waiters.js';

/** How long the end of an answered call waits for other events to travel with, in milliseconds. */
const completionPatienceMs = 25;

/** One call on its way through the gate. */
interface Passage extends Waiting {
  readonly upstream: Upstream;
  readonly startedMs: number;
  /** How far the call has come; from `upstream` on the server may have acted. */
  stage: Stage;
}

/** What lets a call go on: policy's last word on it, and until when. */
interface Permission {
  /** Names the mask of the answer. */
  readonly decided: GateEvents['decided'];
  readonly approvalId: string | null;
  /** Milliseconds since 1970. */
  readonly endsMs: number;
  /** The grant that covers the call, where no signature of its own does. */
  readonly grant?: { readonly id: string; readonly inUse: GrantInUse };
}

/** Tells whether an answering part reports a failure of the upstream. */
export type SaysError = (content: Json) => boolean;

/**
 * The gate: record, await the verdict, check it, record the forwarding, forward, mask, release, record
 * the end. It knows no protocol; an adapter gives it a call, an upstream and a caller.
 */
export class Gate {
  readonly #judging: Judging;
  readonly #countersigning: Countersigning;
  readonly #questions: Questions;
  readonly #listings: Listings;

  constructor(
    private readonly parts: GateParts,
    private readonly limits: GateLimits,
    private readonly waiters: Waiters,
    private readonly grants: GrantsInUse,
    private readonly refusals: RefusalRecord,
  ) {
    this.#judging = new Judging(parts, limits);
    this.#countersigning = new Countersigning(parts, limits);
    this.#listings = new Listings(parts, limits);
    this.#questions = new Questions(parts, this.#judging, waiters, refusals);
  }

  /** Takes a call through. Resolves when the whole answer was released. @throws Refusal, on record. */
  async pass(
    call: AskedCall,
    upstream: Upstream,
    caller: Caller,
    saysError: SaysError,
  ): Promise<Relayed> {
    const waiter = this.waiters.open(call.callId);
    const startedMs = performance.now();
    let passage: Passage | undefined;
    try {
      this.#refuseWhenClosed();
      const subject = { call, digest: callDigest(call) };
      passage = { subject, waiter, upstream, caller, startedMs, stage: 'verdict' };
      const relayed = await this.#walk(passage, saysError);
      countCall(call.server, relayed.isError ? 'error' : 'ok', startedMs);
      return relayed;
    } catch (error) {
      if (!(error instanceof Refusal)) this.refusals.unforeseen(error);
      const refusal = asRefusal(error, passage?.stage ?? 'intake');
      countCall(call.server, refusal.code, startedMs);
      await this.refusals.of(call, refusal);
      throw refusal;
    } finally {
      this.waiters.close(call.callId);
    }
  }

  async #walk(passage: Passage, saysError: SaysError): Promise<Relayed> {
    const requested = await recorded('verdict', async () => this.#judging.request(passage.subject));
    const decided = await this.#judging.verdict(passage);
    const { verdict } = decided.data;
    if (verdict.effect === 'deny') {
      throw new Refusal('DENIED', 'verdict', verdict.message, { hidden: verdict.hidden });
    }
    if (verdict.effect === 'allow') {
      const endsMs = Date.parse(verdict.notAfter);
      return this.#run(passage, { decided, approvalId: null, endsMs }, requested, saysError);
    }
    passage.stage = 'approval';
    const approved = await this.#countersigning.await(passage, decided);
    passage.stage = 'forward';
    const { grant } = approved.data.statement;
    // From here on, not from when it runs: the grant may end while policy is asked.
    const inUse = grant && this.grants.hold(grant.id, grant.until);
    try {
      const permission = await this.#released(passage, decided, approved, inUse);
      return await this.#run(passage, permission, requested, saysError);
    } finally {
      inUse?.release();
    }
  }

  /** What people signed, let go by policy as it is now. */
  async #released(
    passage: Passage,
    asked: GateEvents['decided'],
    approved: GateEvents['approved'],
    inUse: GrantInUse | undefined,
  ): Promise<Permission> {
    const { statement } = approved.data;
    const { approvalId, grant } = statement;
    const decided = await this.#judging.release(passage, asked, approved);
    const ends = [endOf(statement), decided.data.verdict.notAfter];
    const endsMs = Math.min(...ends.map((each) => Date.parse(each)));
    const permission = { decided, approvalId, endsMs };
    return grant === undefined || inUse === undefined
      ? permission
      : { ...permission, grant: { id: grant.id, inUse } };
  }

  async #run(
    passage: Passage,
    permission: Permission,
    requested: Envelope,
    saysError: SaysError,
  ): Promise<Relayed> {
    const { subject, waiter, caller } = passage;
    passage.stage = 'forward';
    const ended = permission.grant?.inUse.ended;
    const mask = maskOf(subject.call, permission);
    const forwarded = await this.#forward(subject, permission);
    // Nothing may come between these looks and the call: who took it back was told that it does not run.
    if (ended?.aborted === true) throw grantEnded('forward', 'no');
    if (caller.withdrawn.aborted) throw cancelled('forward', caller, subject.call.joins);
    passage.stage = 'upstream';
    const asksPeople = permission.decided.data.verdict.asksPeople === true;
    const facts = { mask, asksPeople, ...(ended === undefined ? {} : { ended }) };
    const parts = passage.upstream.forward(this.#forwarding(passage, requested, facts));
    const forwardedMs = performance.now();
    const relay = new AnswerRelay(
      this.parts,
      this.limits,
      { callId: subject.call.callId, mask, cause: forwarded, waiter },
      caller,
      saysError,
    );
    const relayed = await relay.relay(ended === undefined ? parts : untilEnded(parts, ended));
    this.#complete(passage, relayed, forwarded, forwardedMs);
    return relayed;
  }

  /** The last look before the upstream: durable first, then still in time. */
  async #forward(
    { call, digest }: Waiting['subject'],
    permission: Permission,
  ): Promise<EventOf<typeof callForwarded>> {
    const { bus, instance } = this.parts;
    const { callId } = call;
    const { approvalId, decided, grant } = permission;
    const forwarded = await recorded('forward', async () =>
      bus.publish(
        callForwarded,
        {
          callId,
          ingress: instance,
          digest,
          verdictEventId: decided.id,
          approvalId,
          ...(grant === undefined ? {} : { grantId: grant.id }),
        },
        decided,
      ),
    );
    if (Date.now() < permission.endsMs) return forwarded;
    throw new Refusal(
      'APPROVAL_EXPIRED',
      'forward',
      'The permission ended before the call was made.',
    );
  }

  #forwarding(
    passage: Passage,
    cause: Envelope,
    facts: Pick<Forwarding, 'mask' | 'asksPeople' | 'ended'>,
  ): Forwarding {
    let part = 0;
    const visible: Forwarding['visible'] = async (method, resources, described) => {
      const listed = { part: part++, method, resources, described };
      return this.#listings.visible(passage.subject.call, listed, passage.waiter, cause);
    };
    const { caller, subject } = passage;
    const lets: Forwarding['lets'] = async (question) =>
      this.#questions.lets(question, subject.call, caller);
    return { ...facts, lets, visible };
  }

  /** The answer is on record with its parts; this closes the story and does not hold the client up. */
  #complete(passage: Passage, relayed: Relayed, cause: Envelope, forwardedMs: number): void {
    const now = performance.now();
    const data = {
      callId: passage.subject.call.callId,
      ingress: this.parts.instance,
      outcome: relayed.isError ? ('error' as const) : ('ok' as const),
      parts: relayed.parts,
      bytes: relayed.bytes,
      upstreamMs: now - forwardedMs,
      totalMs: now - passage.startedMs,
    };
    const travel = { patienceMs: completionPatienceMs };
    this.refusals.later(async () => this.parts.bus.publish(callCompleted, data, cause, travel));
  }

  /** Without a log that can be written and read nothing can be known of a verdict; so nothing is asked. */
  #refuseWhenClosed(): void {
    if (!this.parts.bus.isReady()) {
      const message = 'The record cannot be written or read now, so the call was not made.';
      throw new Refusal('RECORD_UNAVAILABLE', 'intake', message, { retryAfterMs: 2000 });
    }
    if (this.waiters.size <= this.limits.maxConcurrentCalls) return;
    throw new Refusal('OVERLOADED', 'intake', 'Too many calls are in flight.', {
      retryAfterMs: 1000,
    });
  }
}

/** What policy orders, and no less than the answer was masked with before. */
function maskOf({ leastMask }: AskedCall, { decided }: Permission): MaskObligation {
  const { mask } = decided.data.verdict;
  if (leastMask === undefined) return mask;
  return mergeProfiles([mask, leastMask].map((each) => maskProfileSchema.parse(each)));
}

/** Whatever went wrong on the way is a refusal; nothing unknown is ever let through. */
function asRefusal(error: unknown, stage: Stage): Refusal {
  if (error instanceof Refusal) return error;
  const message = 'The call failed in a way that was not foreseen.';
  const cause = { cause: error };
  return stage === 'upstream'
    ? new Refusal('UPSTREAM_UNREADABLE', stage, message, { executed: 'unknown' }, cause)
    : new Refusal('RECORD_UNAVAILABLE', stage, message, {}, cause);
}
