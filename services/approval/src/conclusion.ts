import type { EntityManager } from 'typeorm';
import type { Signer } from '#trust';
import { closedEvent, outcomeEvent } from './announcements.js';
import type { Approval } from './approval.js';
import { ApprovalRows, type Found } from './approval-rows.js';
import type { Copies } from './copies.js';
import { GrantSettlement } from './grant-settlement.js';
import { Outbox } from './outbox.js';
import type { Settlement } from './settlement.js';
import { expire, settle } from './transitions.js';

/** Brings what a change means to all whom it concerns, in the transaction of the change. */
export class Conclusion {
  readonly #outbox = new Outbox();
  readonly #grants = new GrantSettlement();

  constructor(
    private readonly signer: Signer,
    private readonly settlement: Settlement,
    private readonly copies: Copies,
  ) {}

  /** Tells waiting calls what the state means for them, and stores state and words. */
  async of(work: EntityManager, before: Found, changed: Approval, now: Date): Promise<Approval> {
    const rows = new ApprovalRows(work);
    const issued = await this.#ended(work, before, expire(changed, now), now);
    const calls = await rows.waiting(changed.id);
    const ids = calls.map((call) => call.callId);
    const { approval, outcomes } = settle(issued, ids, now, this.settlement.rules());
    for (const outcome of outcomes) {
      const call = calls.find((each) => each.callId === outcome.callId);
      if (call === undefined) continue;
      const said = { signer: this.signer, time: now };
      await this.#outbox.add(work, outcomeEvent(approval, outcome, call, said));
      await rows.told(outcome.callId);
    }
    if (approval.status !== issued.status) {
      await this.#ended(work, { ...before, approval: issued }, approval, now);
    }
    const stored = await rows.store(before.approval, approval);
    if (stored.escalatedAt !== before.approval.escalatedAt)
      await this.copies.place(work, stored.id);
    return stored;
  }

  /** What the end of an approval brings besides: a grant, an event of its own. */
  async #ended(
    work: EntityManager,
    before: Found,
    changed: Approval,
    now: Date,
  ): Promise<Approval> {
    const said = { time: now, origin: before.origin };
    const closed = closedEvent(before.approval.status, changed, said);
    if (closed === undefined) return changed;
    await this.#outbox.add(work, closed);
    if (changed.kind === 'grant' && changed.status !== 'granted' && changed.grantId !== null) {
      await this.#grants.refuse(work, changed.grantId, changed.status);
      return changed;
    }
    const isSigned = changed.status === 'approved' || changed.status === 'granted';
    const isNew = before.approval.status === 'pending' && changed.grantUntil === null;
    return isSigned && isNew ? this.#grants.issue(work, changed, closed, now) : changed;
  }
}
