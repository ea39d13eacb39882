import type { ApprovalStatement } from '#contracts';
import type { Pending } from './call.js';
import { cancelled } from './cancelled.js';
import type { GateLimits, GateParts } from './gate-settings.js';
import type { Waiting } from './judging.js';
import { Refusal } from './refusal.js';
import { faultOfApproval, type Subject } from './statements.js';
import { type GateEvent, type GateEvents, WaitEnded } from './waiters.js';

type Decided = GateEvents['decided'];

const kinds: readonly GateEvent['kind'][] = ['asked', 'approved', 'refused', 'expired'];

/** Holds a call until people have signed it, refused it, or the caller can wait no longer. */
export class Countersigning {
  constructor(
    private readonly gate: GateParts,
    private readonly limits: Pick<GateLimits, 'verdictTimeoutMs'>,
  ) {}

  /** @throws Refusal unless a signed approval for this very call came in time. */
  async await(waiting: Waiting, decided: Decided): Promise<GateEvents['approved']> {
    const endsMs = Date.now() + waiting.caller.holdMs;
    let pending: Pending | undefined;
    for (;;) {
      const patience = pending === undefined ? this.limits.verdictTimeoutMs : endsMs - Date.now();
      const next = await this.#next(waiting, patience, pending);
      switch (next.kind) {
        case 'asked':
          if (pending === undefined) waiting.caller.onPending(pendingOf(next.event, decided));
          pending = pendingOf(next.event, decided);
          break;
        case 'approved':
          return this.#checked(next.event, waiting.subject);
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
    { waiter, caller, subject }: Waiting,
    patienceMs: number,
    pending: Pending | undefined,
  ): Promise<GateEvent> {
    try {
      return await waiter.next(
        (each) => kinds.includes(each.kind),
        Math.max(patienceMs, 0),
        caller.withdrawn,
      );
    } catch (cause) {
      if (!(cause instanceof WaitEnded)) throw cause;
      if (cause.reason === 'aborted') {
        throw cancelled('approval', caller, subject.call.joins, cause);
      }
      throw pending === undefined
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
            `The call waits for an approval (${pending.approvalId}).`,
            { pending, retryAfterMs: 60_000 },
            { cause },
          );
    }
  }

  async #checked(event: GateEvents['approved'], subject: Subject): Promise<GateEvents['approved']> {
    const fault = await faultOfApproval(event, subject, new Date(), this.gate.approvalVerifier);
    if (fault === undefined) return event;
    const { approvalId } = event.data.statement;
    throw new Refusal('APPROVAL_INVALID', 'approval', `The approval does not hold (${fault}).`, {
      approvalId,
    });
  }
}

/** When what people signed is over: a lease, and a grant before it has been used. */
export function endOf({ grant, notAfter }: ApprovalStatement): string {
  return grant !== undefined && Date.parse(grant.until) < Date.parse(notAfter)
    ? grant.until
    : notAfter;
}

function pendingOf({ data }: GateEvents['asked'], decided: Decided): Pending {
  const names = decided.data.review?.groupNames ?? {};
  const groups = data.requirement.sets.flatMap((set) => set.groups);
  const approvers = [...new Set(groups)].map((group) => names[group] ?? group);
  return { approvalId: data.approvalId, approvers, expiresAt: data.expiresAt };
}

function refused(event: GateEvents['refused']): Refusal {
  const { approvalId } = event.data;
  return new Refusal('APPROVAL_REFUSED', 'approval', wordsOf(event), { approvalId });
}

function wordsOf({ data }: GateEvents['refused']): string {
  const { by, code, reason } = data;
  if (code === 'SUPERSEDED') {
    return 'Another call of the same request used the approval; the result was given there.';
  }
  const told = reason === '' ? '.' : `: ${reason}`;
  if (code === 'WITHDRAWN') return `The request is withdrawn${told}`;
  return `Refused by ${by?.displayName ?? 'an approver'}${told}`;
}
