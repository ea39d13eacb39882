import type { Envelope } from '#contracts';
import type { Caller } from './call.js';
import { cancelled } from './cancelled.js';
import type { GateLimits, GateParts } from './gate-settings.js';
import { Refusal } from './refusal.js';
import { faultOfApproval, type Subject } from './statements.js';
import { type GateEvent, type GateEvents, WaitEnded, type Waiter } from './waiters.js';

/** What lets a call go on: the event that says so, and until when. */
export interface Permission {
  readonly cause: Envelope;
  readonly approvalId: string | null;
  readonly notAfter: string;
}

const kinds: readonly GateEvent['kind'][] = ['asked', 'approved', 'refused', 'expired'];

/** Holds a call until people have signed it, refused it, or the caller can wait no longer. */
export class Countersigning {
  constructor(
    private readonly gate: GateParts,
    private readonly limits: Pick<GateLimits, 'verdictTimeoutMs'>,
  ) {}

  /** @throws Refusal unless a signed approval for this very call came in time. */
  async await(subject: Subject, waiter: Waiter, caller: Caller): Promise<Permission> {
    const endsMs = Date.now() + caller.holdMs;
    let approvalId: string | undefined;
    for (;;) {
      const patience =
        approvalId === undefined ? this.limits.verdictTimeoutMs : endsMs - Date.now();
      const next = await this.#next(waiter, patience, caller, approvalId);
      switch (next.kind) {
        case 'asked':
          if (approvalId === undefined) caller.onPending(next.event.data.approvalId);
          ({ approvalId } = next.event.data);
          break;
        case 'approved':
          return this.#permission(next.event, subject);
        case 'refused':
          throw refused(next.event);
        case 'expired':
          throw new Refusal('APPROVAL_EXPIRED', 'approval', 'Nobody signed the call in time.', {
            approvalId: next.event.data.approvalId,
          });
        default:
          throw new TypeError(`an event of kind ${next.kind} was not asked for`);
      }
    }
  }

  async #next(
    waiter: Waiter,
    patienceMs: number,
    caller: Pick<Caller, 'withdrawn'>,
    approvalId: string | undefined,
  ): Promise<GateEvent> {
    try {
      return await waiter.next(
        (each) => kinds.includes(each.kind),
        Math.max(patienceMs, 0),
        caller.withdrawn,
      );
    } catch (cause) {
      if (!(cause instanceof WaitEnded)) throw cause;
      if (cause.reason === 'aborted') throw cancelled('approval', caller, cause);
      throw approvalId === undefined
        ? new Refusal(
            'APPROVAL_TIMEOUT',
            'approval',
            'The call needs an approval, but the approval service does not answer.',
            { retryAfterMs: 5000 },
            { cause },
          )
        : new Refusal(
            'APPROVAL_PENDING',
            'approval',
            `The call waits for an approval (${approvalId}). Make the same call again to join it.`,
            { approvalId, retryAfterMs: 60_000 },
            { cause },
          );
    }
  }

  async #permission(event: GateEvents['approved'], subject: Subject): Promise<Permission> {
    const fault = await faultOfApproval(event, subject, new Date(), this.gate.approvalVerifier);
    const { approvalId, notAfter } = event.data.statement;
    if (fault === undefined) return { cause: event, approvalId, notAfter };
    throw new Refusal('APPROVAL_INVALID', 'approval', `The approval does not hold (${fault}).`, {
      approvalId,
    });
  }
}

function refused(event: GateEvents['refused']): Refusal {
  const { approvalId, by, code, reason } = event.data;
  const who = by?.displayName ?? 'an approver';
  const message =
    code === 'SUPERSEDED'
      ? 'Another call of the same request used the approval.'
      : `Refused by ${who}${reason === '' ? '.' : `: ${reason}`}`;
  return new Refusal('APPROVAL_REFUSED', 'approval', message, { approvalId });
}
