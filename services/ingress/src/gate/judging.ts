import {
  type callApproved,
  callRequested,
  callResumed,
  type DataOf,
  type Envelope,
  type EventOf,
} from '#contracts';
import { maskedWords } from '#masking';
import type { AskedCall, Caller } from './call.js';
import { cancelled } from './cancelled.js';
import type { GateLimits, GateParts } from './gate-settings.js';
import { maskedCopy } from './masked-copy.js';
import { recorded } from './record.js';
import { Refusal } from './refusal.js';
import { faultOfVerdict, isRedefined, stalenessOf, type Subject } from './statements.js';
import { type GateEvent, type GateEvents, WaitEnded, type Waiter } from './waiters.js';

type Decided = GateEvents['decided'];
type Approved = EventOf<typeof callApproved>;

/** A call that waits here for what others say of it. */
export interface Waiting {
  readonly subject: Subject;
  readonly waiter: Waiter;
  readonly caller: Caller;
}

/** Asks policy about a call: when it comes in, and once more when people have signed it. */
export class Judging {
  constructor(
    private readonly gate: GateParts,
    private readonly limits: Pick<GateLimits, 'verdictTimeoutMs'>,
  ) {}

  /** States what is asked. @throws PublishError when that is not durable. */
  async request({ call, digest }: Subject): Promise<EventOf<typeof callRequested>> {
    return this.gate.bus.publish(callRequested, this.#asked(call, digest));
  }

  /** Policy's word on the request. @throws Refusal unless a signed one came in time. */
  async verdict(waiting: Waiting): Promise<Decided> {
    return this.#decision(waiting, 'verdict');
  }

  /**
   * Policy's word on letting go what people signed, about the caller as it is now. What the signatures
   * were given on must still hold.
   * @throws Refusal of stage `forward` unless the call may go on.
   */
  async release(waiting: Waiting, asked: Decided, approved: Approved): Promise<Decided> {
    const { subject, caller } = waiting;
    const { statement } = approved.data;
    const now = await caller.renewed();
    this.#checkCaller(subject, now);
    if (isRedefined(statement, now)) {
      throw stale("The tool's definition changed while people were asked", statement.approvalId);
    }
    await recorded('forward', async () => this.#resume(subject, now, approved));
    const { approvalId } = statement;
    const decided = await this.#decision(
      { ...waiting, subject: { ...subject, releases: approvalId } },
      'forward',
    );
    const { verdict } = decided.data;
    if (verdict.effect === 'deny') {
      throw new Refusal('DENIED', 'forward', verdict.message, {
        hidden: verdict.hidden,
        approvalId,
      });
    }
    const staleness = stalenessOf(statement, asked.data.verdict, verdict);
    if (staleness !== undefined) throw stale(staleness, approvalId);
    return decided;
  }

  /** The token is another one by now, or was read anew: never another's. */
  #checkCaller({ call }: Subject, now: Pick<AskedCall, 'principal'>): void {
    const { objectId, tenantId } = call.principal;
    if (now.principal.tenantId === tenantId && now.principal.objectId === objectId) return;
    throw new Refusal('IDENTITY_REFUSED', 'forward', 'The caller is not the one who asked.');
  }

  async #resume(
    { call, digest }: Subject,
    now: Pick<AskedCall, 'principal' | 'definition'>,
    approved: Approved,
  ): Promise<Envelope> {
    const { approvalId } = approved.data.statement;
    const data = { ...this.#asked({ ...call, ...now }, digest), approvalId };
    return this.gate.bus.publish(callResumed, data, approved);
  }

  #asked(call: AskedCall, digest: string): DataOf<typeof callRequested> {
    const { arguments: asked, extras, labels, justification, ...others } = call;
    const { leastMask: _mask, pinning: _pinning, ...rest } = others;
    return {
      ...rest,
      labels: { ...labels },
      ingress: this.gate.instance,
      digest,
      maskedArguments: maskedCopy(asked),
      sealedArguments: this.gate.argumentsSealer.seal(
        JSON.stringify({ arguments: asked, extras }),
        call.callId,
      ),
      deadline: new Date(Date.now() + this.limits.verdictTimeoutMs).toISOString(),
      ...(justification === undefined ? {} : { justification: maskedWords(justification) }),
    };
  }

  async #decision(
    { subject, waiter, caller }: Waiting,
    stage: 'verdict' | 'forward',
  ): Promise<Decided> {
    try {
      const { verdictTimeoutMs } = this.limits;
      const found = await waiter.next(answers(subject), verdictTimeoutMs, caller.withdrawn);
      if (found.kind !== 'decided') throw new TypeError('another kind of event was handed over');
      const { policyVerifier } = this.gate;
      const fault = await faultOfVerdict(found.event, subject, new Date(), policyVerifier);
      if (fault === undefined) return found.event;
      throw new Refusal('VERDICT_INVALID', stage, `The verdict does not hold (${fault}).`);
    } catch (cause) {
      if (!(cause instanceof WaitEnded)) throw cause;
      const { joins } = subject.call;
      if (cause.reason === 'aborted') throw cancelled(stage, caller, joins, cause);
      const message = 'Policy gave no verdict in time, so the call was not made.';
      throw new Refusal('VERDICT_TIMEOUT', stage, message, { retryAfterMs: 2000 }, { cause });
    }
  }
}

/** A verdict on the request never answers the question after its release, nor the other way round. */
function answers({ releases }: Subject): (event: GateEvent) => boolean {
  return (event) =>
    event.kind === 'decided' &&
    (event.event.data.verdict.releases === undefined) === (releases === undefined);
}

function stale(why: string, approvalId: string): Refusal {
  const message = `${why}; make the same call again, people will be asked anew.`;
  return new Refusal('APPROVAL_STALE', 'forward', message, { approvalId });
}
