import { randomUUID } from 'node:crypto';
import { callCompleted, callForwarded, type Envelope } from '#contracts';
import { callDigest } from '#trust';
import type { AskedCall, Caller, Question } from './call.js';
import type { GateParts } from './gate-settings.js';
import type { Judging } from './judging.js';
import { recorded } from './record.js';
import { Refusal } from './refusal.js';
import type { RefusalRecord } from './refusal-record.js';
import type { Waiters } from './waiters.js';

/**
 * What servers ask of their callers (for MCP: sampling, elicitation, roots). Each question is a call of its
 * own under the one it was asked in: judged, and on record with what became of it.
 */
export class Questions {
  constructor(
    private readonly parts: GateParts,
    private readonly judging: Judging,
    private readonly waiters: Waiters,
    private readonly refusals: RefusalRecord,
  ) {}

  /** Whether the caller may be asked. Never rejects: what could not be judged is not let through. */
  async lets(question: Question, within: AskedCall, caller: Caller): Promise<boolean> {
    const callId = randomUUID();
    const { definition: _definition, justification: _words, breakGlass: _flag, ...same } = within;
    const { joins: _joins, leastMask: _mask, pin: _pin, ...context } = same;
    const call: AskedCall = { ...context, ...question, callId, parentCallId: within.callId };
    try {
      await this.#judge(call, caller);
      return true;
    } catch (error) {
      if (!(error instanceof Refusal)) this.refusals.unforeseen(error);
      await this.refusals.of(call, error instanceof Refusal ? error : unjudged(error));
      return false;
    } finally {
      this.waiters.close(callId);
    }
  }

  async #judge(call: AskedCall, caller: Caller): Promise<void> {
    const waiter = this.waiters.open(call.callId);
    const subject = { call, digest: callDigest(call) };
    await recorded('verdict', async () => this.judging.request(subject));
    const decided = await this.judging.verdict({ subject, waiter, caller });
    const { effect, message } = decided.data.verdict;
    if (effect === 'deny') throw new Refusal('DENIED', 'verdict', message);
    if (effect === 'review') {
      throw new Refusal('DENIED', 'verdict', 'Nobody can sign what a server asks of its caller.');
    }
    await recorded('forward', async () => this.#passed(subject, decided));
  }

  async #passed(
    { call, digest }: { readonly call: AskedCall; readonly digest: string },
    decided: Envelope,
  ): Promise<void> {
    const { bus, instance } = this.parts;
    const { callId } = call;
    const forwarding = { digest, verdictEventId: decided.id, approvalId: null };
    const forwarded = await bus.publish(
      callForwarded,
      { callId, ingress: instance, ...forwarding },
      decided,
    );
    // The question itself is a part of the answer that it was asked in.
    const nothing = { parts: 0, bytes: 0, upstreamMs: 0, totalMs: 0 };
    const data = { callId, ingress: instance, outcome: 'ok' as const, ...nothing };
    this.refusals.later(async () => bus.publish(callCompleted, data, forwarded));
  }
}

function unjudged(cause: unknown): Refusal {
  const message = 'What the server asks of its caller could not be judged.';
  return new Refusal('RECORD_UNAVAILABLE', 'verdict', message, {}, { cause });
}
