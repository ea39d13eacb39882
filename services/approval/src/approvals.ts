import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { EventContract, EventOf } from '#contracts';
import type { Signer } from '#trust';
import { envelopeText, outcomeEvent, requestedEvent } from './announcements.js';
import { type Approval, approvalSchema, openStatuses } from './approval.js';
import { ApprovalError } from './approval-error.js';
import { approvalTable, type WaitingCallRow, waitingCallTable } from './approvals.table.js';
import { claim, Outbox } from './outbox.js';
import type { OutboxRelay } from './outbox-relay.js';
import type { Request } from './request.js';
import type { Settlement } from './settlement.js';
import { expire, settle } from './transitions.js';

/** What a change makes of an approval, and what is to be said of it besides its calls' outcomes. */
export interface Change {
  readonly approval: Approval;
  readonly said?: EventOf<EventContract>;
}

/** What a change may know. */
export interface Circumstances {
  /** The database's clock: the one that judges expiry. */
  readonly now: Date;
  /** The first approval.requested event, as text: the cause of votes. */
  readonly origin: string;
}

const noFields = {
  decidedAt: null,
  decidedBy: null,
  reason: null,
  leaseCallId: null,
  leaseNotAfter: null,
  usedAt: null,
};

/** An approval that closes just when a call would join it makes another round; more than a few are a mistake. */
const maxRounds = 5;

/** All approvals. Every change locks its row, and is one transaction with the events that tell of it. */
@Injectable()
export class Approvals {
  readonly #outbox = new Outbox();

  constructor(
    private readonly database: DataSource,
    private readonly relay: OutboxRelay,
    private readonly signer: Signer,
    private readonly settlement: Settlement,
  ) {}

  /** Opens an approval for a call under review, or joins the one that is open. A repeated event changes nothing. */
  async open(request: Request): Promise<void> {
    await this.database.transaction(async (work) => {
      if (!(await claim(work, request.decided.id))) return;
      const { approval, isNew, now } = await this.#openOrLock(work, request);
      const { callId, ingress } = request;
      const decided = envelopeText(request.decided);
      const call = { callId, ingress, decided, approvalId: approval.id, isWaiting: true };
      await work.getRepository(waitingCallTable).insert(call);
      const context = { joined: !isNew, cause: request.decided, time: now };
      const requested = requestedEvent(approval, call, context);
      if (isNew) await this.#keepOrigin(work, approval.id, envelopeText(requested));
      await this.#outbox.add(work, requested);
      await this.#finish(work, approval, now);
    });
    this.relay.wake();
  }

  /**
   * Changes an approval under its row lock and tells the calls what follows.
   * @throws ApprovalError `APPROVAL_NOT_FOUND`, and whatever the change throws: then nothing has changed.
   */
  async change(
    id: string,
    change: (approval: Approval, circumstances: Circumstances) => Change,
  ): Promise<Approval> {
    const changed = await this.database.transaction(async (work) => {
      const found = { where: { id }, lock: { mode: 'pessimistic_write' } } as const;
      const row = await work.getRepository(approvalTable).findOne(found);
      if (row === null) throw new ApprovalError('APPROVAL_NOT_FOUND');
      const now = await clock(work);
      const before = approvalSchema.parse(row);
      const { approval, said } = change(before, { now, origin: row.origin });
      if (said !== undefined && approval !== before) await this.#outbox.add(work, said);
      return this.#finish(work, approval, now);
    });
    this.relay.wake();
    return changed;
  }

  /** The approval a call hangs on, if it does. */
  async approvalOf(callId: string): Promise<string | undefined> {
    const row = await this.database.getRepository(waitingCallTable).findOneBy({ callId });
    return row?.approvalId;
  }

  /** The call no longer waits: it will be told nothing more. */
  async detach(callId: string): Promise<void> {
    await this.database.getRepository(waitingCallTable).update({ callId }, { isWaiting: false });
  }

  /** Ids of approvals whose time, or whose lease's time, has passed. */
  async due(limit: number): Promise<string[]> {
    const rows: { id: string }[] = await this.database.query(
      `select id from approval
       where (status in ('pending', 'approved') and expires_at <= now())
          or (status = 'leased' and lease_not_after <= now() - make_interval(secs => $1))
       order by expires_at limit $2`,
      [this.settlement.graceSeconds, limit],
    );
    return rows.map((row) => row.id);
  }

  async #openOrLock(
    work: EntityManager,
    request: Request,
  ): Promise<{ approval: Approval; isNew: boolean; now: Date }> {
    for (let round = 0; round < maxRounds; round += 1) {
      const now = await clock(work);
      const created = request.approvalAt(now);
      if (await this.#insert(work, created)) return { approval: created, isNew: true, now };
      const open = await this.#lockOpen(work, created.requestKey);
      if (open === undefined) continue;
      const current = await this.#finish(work, expire(open, now), now);
      if (openStatuses.some((each) => each === current.status)) {
        return { approval: current, isNew: false, now: await clock(work) };
      }
    }
    throw new Error(`call ${request.callId}: its approval can be neither opened nor joined`);
  }

  /** False where the same request is open already: the database's unique index says so. */
  async #insert(work: EntityManager, approval: Approval): Promise<boolean> {
    const approverGroups = [...new Set(approval.requirement.sets.flatMap((set) => set.groups))];
    const inserted = await work
      .createQueryBuilder()
      .insert()
      .into(approvalTable)
      .values({ ...noFields, ...approval, approverGroups, origin: '' })
      .orIgnore()
      .returning('id')
      .execute();
    return Array.isArray(inserted.raw) && inserted.raw.length === 1;
  }

  async #lockOpen(work: EntityManager, requestKey: string): Promise<Approval | undefined> {
    const row = await work
      .getRepository(approvalTable)
      .createQueryBuilder('approval')
      .setLock('pessimistic_write')
      .where('approval.requestKey = :requestKey', { requestKey })
      .andWhere('approval.status in (:...statuses)', { statuses: openStatuses })
      .getOne();
    return row === null ? undefined : approvalSchema.parse(row);
  }

  /** Tells waiting calls what the state means for them, and stores state and words. */
  async #finish(work: EntityManager, changed: Approval, now: Date): Promise<Approval> {
    const calls = await this.#waiting(work, changed.id);
    const ids = calls.map((call) => call.callId);
    const { approval, outcomes } = settle(changed, ids, now, this.settlement.rules());
    for (const outcome of outcomes) {
      const call = calls.find((each) => each.callId === outcome.callId);
      if (call === undefined) continue;
      const said = { signer: this.signer, time: now };
      await this.#outbox.add(work, outcomeEvent(approval, outcome, call, said));
      await work
        .getRepository(waitingCallTable)
        .update({ callId: outcome.callId }, { isWaiting: false });
    }
    await work
      .getRepository(approvalTable)
      .update({ id: approval.id }, { ...noFields, ...approval });
    return approval;
  }

  async #waiting(work: EntityManager, approvalId: string): Promise<WaitingCallRow[]> {
    const where = { approvalId, isWaiting: true };
    return work.getRepository(waitingCallTable).find({ where, order: { seq: 'ASC' } });
  }

  async #keepOrigin(work: EntityManager, id: string, origin: string): Promise<void> {
    await work.getRepository(approvalTable).update({ id }, { origin });
  }
}

async function clock(work: EntityManager): Promise<Date> {
  const rows: { now: Date }[] = await work.query('select clock_timestamp() as now');
  return rows[0]?.now ?? new Date(Number.NaN);
}
