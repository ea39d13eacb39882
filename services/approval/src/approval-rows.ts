import type { EntityManager } from 'typeorm';
import type { Actor, EventContract, EventOf } from '#contracts';
import { envelopeText } from './announcements.js';
import { type Approval, approvalSchema, openStatuses } from './approval.js';
import { approvalTable, type WaitingCallRow, waitingCallTable } from './approvals.table.js';
import { askedGroups, groupsAt } from './eligibility.js';

const noFields = {
  decidedAt: null,
  decidedBy: null,
  reason: null,
  leaseCallId: null,
  leaseNotAfter: null,
  usedAt: null,
};

/** An approval with the event that announced it: the cause of all that is said of it later. */
export interface Found {
  readonly approval: Approval;
  /** The first approval.requested event, as text. */
  readonly origin: string;
}

/** Approvals and the calls that wait for them, as rows of one transaction. */
export class ApprovalRows {
  constructor(private readonly work: EntityManager) {}

  /** False where the same request is open already: the database's unique index says so. */
  async insert(approval: Approval): Promise<boolean> {
    const approverGroups = [...groupsAt(approval, approval.requestedAt)];
    const inserted = await this.work
      .createQueryBuilder()
      .insert()
      .into(approvalTable)
      .values({ ...noFields, ...approval, approverGroups, origin: '' })
      .orIgnore()
      .returning('id')
      .execute();
    return Array.isArray(inserted.raw) && inserted.raw.length === 1;
  }

  /** The approval under its row lock. */
  async lock(id: string): Promise<Found | undefined> {
    const found = { where: { id }, lock: { mode: 'pessimistic_write' } } as const;
    const row = await this.work.getRepository(approvalTable).findOne(found);
    return row === null ? undefined : { approval: approvalSchema.parse(row), origin: row.origin };
  }

  /** The open approval of a request under its row lock. */
  async lockOpen(requestKey: string): Promise<Found | undefined> {
    const row = await this.work
      .getRepository(approvalTable)
      .createQueryBuilder('approval')
      .setLock('pessimistic_write')
      .where('approval.requestKey = :requestKey', { requestKey })
      .andWhere('approval.status in (:...statuses)', { statuses: openStatuses })
      .getOne();
    return row === null ? undefined : { approval: approvalSchema.parse(row), origin: row.origin };
  }

  /**
   * Whether so many requests of somebody are pending, or ten times as many were made within the hour. Requests at the
   * same moment may pass it by a few.
   */
  async hasPending({ objectId, tenantId }: Actor, limit: number): Promise<boolean> {
    const isMine = `requester ->> 'objectId' = $1 and requester ->> 'tenantId' = $2 and kind = 'call'`;
    const rows: { pending: number; recent: number }[] = await this.work.query(
      `select
         (select count(*)::int from (select 1 from approval
            where ${isMine} and status = 'pending' limit $3) as mine) as pending,
         (select count(*)::int from (select 1 from approval
            where ${isMine} and grant_id is null
              and requested_at > clock_timestamp() - interval '1 hour' limit $3 * 10) as mine) as recent`,
      [objectId, tenantId, limit],
    );
    const { pending = 0, recent = 0 } = rows[0] ?? {};
    return pending >= limit || recent >= limit * 10;
  }

  /** Keeps the event that announced an approval. */
  async announcedBy(id: string, requested: EventOf<EventContract>): Promise<void> {
    await this.work
      .getRepository(approvalTable)
      .update({ id }, { origin: envelopeText(requested) });
  }

  /** Stores a changed approval under its next version; an unchanged one costs nothing. */
  async store(before: Approval, after: Approval): Promise<Approval> {
    if (before === after) return after;
    const isSeen = !(isSigned(before) && isSigned(after));
    const approval = { ...after, version: before.version + (isSeen ? 1 : 0) };
    const { escalatedAt, id, requirement } = approval;
    const wider = escalatedAt === null ? {} : { approverGroups: askedGroups(requirement) };
    await this.work
      .getRepository(approvalTable)
      .update({ id }, { ...noFields, ...approval, ...wider, changedAt: now });
    return approval;
  }

  /** Lets a call wait. */
  async await(call: Omit<WaitingCallRow, 'seq'>): Promise<void> {
    await this.work.getRepository(waitingCallTable).insert(call);
  }

  /** The call was told its outcome. */
  async told(callId: string): Promise<void> {
    await this.work.getRepository(waitingCallTable).update({ callId }, { isWaiting: false });
  }

  /** The calls that wait for an approval, oldest first. */
  async waiting(approvalId: string): Promise<WaitingCallRow[]> {
    const where = { approvalId, isWaiting: true };
    return this.work.getRepository(waitingCallTable).find({ where, order: { seq: 'ASC' } });
  }
}

/** The database's clock, in SQL. */
const now = (): string => 'clock_timestamp()';

/** Signed, whatever has become of the signature since: copies show no difference. */
function isSigned({ status }: Approval): boolean {
  return status === 'approved' || status === 'leased' || status === 'used';
}
