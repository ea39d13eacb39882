import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Principal } from '#contracts';
import { canonicalJson, sha256 } from '#trust';
import { type Approval, approvalSchema, type ApprovalStatus } from './approval.js';
import { ApprovalError } from './approval-error.js';
import { approvalTable } from './approvals.table.js';
import type { ApprovalView } from './approval-view.js';
import { groupsAt, maySee } from './eligibility.js';
import { readCursor, writeCursor } from './place-cursor.js';
import { noPrecedents, precedentsOf } from './precedents.js';
import { viewOf } from './view.js';

/** What a reader asks for. */
export interface ListQuery {
  readonly states?: readonly ApprovalStatus[] | undefined;
  readonly server?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** One page, newest first. */
export interface Page {
  readonly approvals: readonly Approval[];
  /** Null on the last page. */
  readonly next: string | null;
}

/** What a reader may see of the approvals: those they asked for, and those they may sign. */
@Injectable()
export class ApprovalList {
  constructor(
    private readonly database: DataSource,
    /** Where the page of approvals is: an origin. */
    private readonly pageUrl: string,
  ) {}

  /** @throws ApprovalError `CURSOR_INVALID` for a cursor of another reader or other filters. */
  async page(viewer: Principal, query: ListQuery): Promise<Page> {
    const of = sha256(
      canonicalJson([viewer.tenantId, viewer.objectId, query.states ?? null, query.server ?? null]),
    );
    const visible = this.#visibleTo(viewer);
    if (query.states !== undefined) {
      visible.andWhere('approval.status = any(:states)', { states: query.states });
    }
    if (query.server !== undefined) {
      visible.andWhere('approval.server = :server', { server: query.server });
    }
    if (query.cursor !== undefined) {
      visible.andWhere('approval.seq < :before', { before: readCursor(query.cursor, of) });
    }
    const rows = await visible
      .orderBy('approval.seq', 'DESC')
      .take(query.limit + 1)
      .getMany();
    const page = rows.slice(0, query.limit);
    const last = page.at(-1);
    const hasMore = rows.length > query.limit && last !== undefined;
    return {
      approvals: page.map((row) => approvalSchema.parse(row)),
      next: hasMore ? writeCursor(last.seq, of) : null,
    };
  }

  /** @throws ApprovalError `APPROVAL_NOT_FOUND`, also for one that the reader may not see. */
  async one(viewer: Principal, id: string): Promise<Approval> {
    const row = await this.database.getRepository(approvalTable).findOneBy({ id });
    const approval = row === null ? undefined : approvalSchema.parse(row);
    if (approval === undefined || !maySee(approval, viewer, new Date())) {
      throw new ApprovalError('APPROVAL_NOT_FOUND');
    }
    return approval;
  }

  /** One, for whoever checks by themselves who may see it. @throws ApprovalError `APPROVAL_NOT_FOUND` */
  async any(id: string): Promise<Approval> {
    const row = await this.database.getRepository(approvalTable).findOneBy({ id });
    if (row === null) throw new ApprovalError('APPROVAL_NOT_FOUND');
    return approvalSchema.parse(row);
  }

  /** All that is shown of an approval to one reader, with what was decided before on its tool. */
  async view(
    approval: Approval,
    { groups: readerGroups, objectId }: Pick<Principal, 'groups' | 'objectId'>,
  ): Promise<ApprovalView> {
    const precedents = await precedentsOf(this.database, approval, {
      groups: readerGroups,
      objectId,
    });
    return viewOf(approval, { pageUrl: this.pageUrl, precedents, readerGroups, at: new Date() });
  }

  /** What a copy shows that all who are asked may read, or its requester. */
  async copy(approval: Approval, audience: 'approvers' | 'requester'): Promise<ApprovalView> {
    const asked = groupsAt(approval, new Date());
    const eyes =
      audience === 'approvers'
        ? { groups: asked, objectId: null }
        : { groups: [], objectId: approval.requester.objectId };
    const precedents = await precedentsOf(this.database, approval, eyes);
    return viewOf(approval, {
      pageUrl: this.pageUrl,
      precedents,
      readerGroups: [],
      at: new Date(),
    });
  }

  /** What is shown of an approval in a list: without what was decided before. */
  brief(approval: Approval, { groups }: Pick<Principal, 'groups'>): ApprovalView {
    const context = { pageUrl: this.pageUrl, readerGroups: groups, at: new Date() };
    return viewOf(approval, { ...context, precedents: noPrecedents });
  }

  /** Every group that something not yet forgotten asks: what a reader's memberships are looked up for. */
  async askedGroups(): Promise<string[]> {
    const rows: { id: string }[] = await this.database.query(
      `select distinct unnest(approver_groups) as id from approval
       where status in ('pending', 'approved', 'leased', 'unreviewed')
         or requested_at > clock_timestamp() - interval '30 days' limit 500`,
    );
    return rows.map(({ id }) => id);
  }

  #visibleTo(viewer: Principal) {
    const { tenantId, objectId, groups } = viewer;
    return this.database
      .getRepository(approvalTable)
      .createQueryBuilder('approval')
      .where(`approval.requester ->> 'tenantId' = :tenantId`, { tenantId })
      .andWhere(
        `(approval.requester ->> 'objectId' = :objectId or approval.approverGroups && :groups::text[])`,
        { objectId, groups },
      );
  }
}
