import type { EventOf } from '#contracts';
import { callCompleted, callForwarded, callRequested, catalogListed } from '#contracts';
import type { Envelope } from '#contracts';
import type { Json } from '#masking';
import { callDigest } from '#trust';
import { AnswerRelay, type Relayed } from './answer-relay.js';
import type { AskedCall, Caller, Forwarding, Upstream } from './call.js';
import { cancelled } from './cancelled.js';
import { countCall } from './call-metrics.js';
import { Countersigning, type Permission } from './countersigning.js';
import type { GateLimits, GateParts } from './gate-settings.js';
import { maskedCopy } from './masked-copy.js';
import { recorded } from './record.js';
import { Refusal, type Stage } from './refusal.js';
import type { RefusalRecord } from './refusal-record.js';
import { faultOfVerdict, type Subject } from './statements.js';
import {
  type GateEvent,
  type GateEvents,
  WaitEnded,
  type Waiter,
  type Waiters,
} from './waiters.js';

/** How long the end of an answered call waits for other events to travel with, in milliseconds. */
const completionPatienceMs = 25;

/** One call on its way through the gate. */
interface Passage {
  readonly subject: Subject;
  readonly waiter: Waiter;
  readonly upstream: Upstream;
  readonly caller: Caller;
  readonly startedMs: number;
  /** How far the call has come; from `upstream` on the server may have acted. */
  stage: Stage;
}

/** Tells whether an answering part reports a failure of the upstream. */
export type SaysError = (content: Json) => boolean;

/**
 * The gate: record, await the verdict, check it, record the forwarding, forward, mask, release, record
 * the end. It knows no protocol; an adapter gives it a call, an upstream and a caller.
 */
export class Gate {
  readonly #countersigning: Countersigning;

  constructor(
    private readonly parts: GateParts,
    private readonly limits: GateLimits,
    private readonly waiters: Waiters,
    private readonly refusals: RefusalRecord,
  ) {
    this.#countersigning = new Countersigning(parts, limits);
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
    const { subject, waiter, caller } = passage;
    const requested = await recorded('verdict', async () => this.#request(subject));
    const decided = await this.#verdict(passage);
    const { verdict } = decided.data;
    if (verdict.effect === 'deny') {
      throw new Refusal('DENIED', 'verdict', verdict.message, { hidden: verdict.hidden });
    }
    passage.stage = 'approval';
    const permission =
      verdict.effect === 'allow'
        ? { cause: decided, approvalId: null, notAfter: verdict.notAfter }
        : await this.#countersigning.await(subject, waiter, caller);
    passage.stage = 'forward';
    const forwarded = await this.#forward(subject, decided, permission);
    // Nothing may come between this look and the call: who took it back was told that it does not run.
    if (caller.withdrawn.aborted) throw cancelled('forward', caller);
    passage.stage = 'upstream';
    const parts = passage.upstream.forward(this.#forwarding(passage, requested));
    const forwardedMs = performance.now();
    const relay = new AnswerRelay(
      this.parts,
      this.limits,
      { callId: subject.call.callId, mask: verdict.mask, cause: forwarded, waiter },
      caller,
      saysError,
    );
    const relayed = await relay.relay(parts);
    this.#complete(passage, relayed, forwarded, forwardedMs);
    return relayed;
  }

  async #request(subject: Subject): Promise<EventOf<typeof callRequested>> {
    const { call, digest } = subject;
    const { arguments: asked, extras, labels, facts, ...rest } = call;
    return this.parts.bus.publish(callRequested, {
      ...rest,
      labels: { ...labels },
      facts,
      ingress: this.parts.instance,
      digest,
      maskedArguments: maskedCopy(asked),
      sealedArguments: this.parts.argumentsSealer.seal(
        JSON.stringify({ arguments: asked, extras }),
        call.callId,
      ),
      deadline: new Date(Date.now() + this.limits.verdictTimeoutMs).toISOString(),
    });
  }

  async #verdict(passage: Passage): Promise<GateEvents['decided']> {
    const { waiter, subject, caller } = passage;
    try {
      const { verdictTimeoutMs } = this.limits;
      const found = await waiter.next(isDecision, verdictTimeoutMs, caller.withdrawn);
      if (found.kind !== 'decided') throw new TypeError('another kind of event was handed over');
      const { policyVerifier } = this.parts;
      const fault = await faultOfVerdict(found.event, subject, new Date(), policyVerifier);
      if (fault === undefined) return found.event;
      throw new Refusal('VERDICT_INVALID', 'verdict', `The verdict does not hold (${fault}).`);
    } catch (cause) {
      if (!(cause instanceof WaitEnded)) throw cause;
      if (cause.reason === 'aborted') throw cancelled('verdict', caller, cause);
      throw new Refusal(
        'VERDICT_TIMEOUT',
        'verdict',
        'Policy gave no verdict in time, so the call was not made.',
        { retryAfterMs: 2000 },
        { cause },
      );
    }
  }

  /** The last look before the upstream: durable first, then still in time. */
  async #forward(
    subject: Subject,
    decided: GateEvents['decided'],
    permission: Permission,
  ): Promise<EventOf<typeof callForwarded>> {
    const { bus, instance } = this.parts;
    const { callId } = subject.call;
    const { approvalId, cause } = permission;
    const forwarded = await recorded('forward', async () =>
      bus.publish(
        callForwarded,
        {
          callId,
          ingress: instance,
          digest: subject.digest,
          verdictEventId: decided.id,
          approvalId,
        },
        cause,
      ),
    );
    if (Date.now() < Date.parse(permission.notAfter)) return forwarded;
    throw new Refusal(
      'APPROVAL_EXPIRED',
      'forward',
      'The permission ended before the call was made.',
    );
  }

  #forwarding(passage: Passage, cause: Envelope): Forwarding {
    let part = 0;
    const visible: Forwarding['visible'] = async (method, resources) => {
      const number = part++;
      const { call } = passage.subject;
      const { callId, protocol, server, labels, principal } = call;
      const ingress = this.parts.instance;
      const data = { callId, ingress, part: number, protocol, server, method, principal };
      await recorded(
        'upstream',
        async () =>
          this.parts.bus.publish(
            catalogListed,
            { ...data, labels: { ...labels }, resources: [...resources] },
            cause,
          ),
        'yes',
      );
      return this.#visible(passage.waiter, number);
    };
    return { visible };
  }

  async #visible(waiter: Waiter, part: number): Promise<ReadonlySet<string>> {
    try {
      const found = await waiter.next(
        (each) => each.kind === 'listed' && each.event.data.part === part,
        this.limits.verdictTimeoutMs,
      );
      return new Set(found.kind === 'listed' ? found.event.data.visible : []);
    } catch (cause) {
      if (!(cause instanceof WaitEnded)) throw cause;
      throw new Refusal(
        'VERDICT_TIMEOUT',
        'upstream',
        'Policy did not say in time what may be listed.',
        { executed: 'yes', retryAfterMs: 2000 },
        { cause },
      );
    }
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

function isDecision(event: GateEvent): boolean {
  return event.kind === 'decided';
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
