import { randomUUID } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { createEvent, type Envelope, grantIssued } from '#contracts';
import type { Approval } from './approval.js';
import { askedGroups } from './eligibility.js';
import {
  covers,
  endEvent,
  type Grant,
  grantColumns,
  grantSchema,
  holderOf,
  scopeOf,
} from './grant.js';
import { Outbox, updatedRows } from './outbox.js';
import { approversOf, grantedSeconds } from './transitions.js';

/** What approvals make of grants, in the transaction that changes them. */
export class GrantSettlement {
  readonly #outbox = new Outbox();

  /** Marks a wish as one that people are asked about. False where it waits for nothing. */
  async toPending(work: EntityManager, approval: Approval): Promise<boolean> {
    const rows: unknown[] = await work
      .query(
        `update access_grant set status = 'pending', approval_id = $2, asked_groups = $3
         where id = $1 and status = 'asked' returning id`,
        [approval.grantId, approval.id, askedGroups(approval.requirement)],
      )
      .then(updatedRows);
    return rows.length === 1;
  }

  /** A wish that nobody will grant. */
  async refuse(work: EntityManager, id: string, message: string): Promise<void> {
    await work.query(
      `update access_grant set status = 'refused', ended_at = clock_timestamp(), message = $2
       where id = $1 and status in ('asked', 'pending')`,
      [id, message],
    );
  }

  /** Issues what the signatures of an approval give; the approval with its grant, or unchanged. */
  async issue(
    work: EntityManager,
    approval: Approval,
    cause: Envelope,
    now: Date,
  ): Promise<Approval> {
    const seconds = grantedSeconds(approval);
    if (seconds === undefined) return approval;
    const until = new Date(now.getTime() + seconds * 1000);
    // By chance, so that nobody can take the id beforehand.
    const id = approval.grantId ?? randomUUID();
    const scope = approval.scope ?? scopeOf(approval);
    await this.#store(work, { ...approval, grantId: id, scope, grantUntil: until }, seconds, now);
    const data = {
      grantId: id,
      approvalId: approval.id,
      principal: approval.requester,
      scope,
      approvers: [...approversOf(approval)],
      issuedAt: now.toISOString(),
      grantedUntil: until.toISOString(),
    };
    await this.#outbox.add(work, createEvent(grantIssued, data, { time: now, cause }));
    return { ...approval, grantId: id, grantUntil: until };
  }

  /**
   * Covers a call with one of the proposed grants, if one lives, names this call, has calls left, and was signed
   * by people who satisfy what is demanded now. Takes one call off its count. The approval, signed; or undefined.
   */
  async cover(
    work: EntityManager,
    approval: Approval,
    grantIds: readonly string[],
    now: Date,
  ): Promise<Approval | undefined> {
    if (grantIds.length === 0 || approval.requirement.grant === undefined) return undefined;
    const rows: unknown = await work.query(
      `select ${grantColumns} from access_grant
       where id = any($1::uuid[]) and status = 'live' and granted_until > $2 and holder = $3
         and (calls_left is null or calls_left > 0)
       order by granted_until desc for update`,
      [grantIds, now, holderOf(approval.requester)],
    );
    const grant = z
      .array(grantSchema)
      .parse(rows)
      .find((each) => covers(each, approval));
    if (grant?.grantedUntil == null) return undefined;
    await this.#take(work, grant, now);
    const expiresAt = new Date(
      Math.min(approval.expiresAt.getTime(), grant.grantedUntil.getTime()),
    );
    const { grantedUntil: grantUntil, id: grantId, scope, votes } = grant;
    const signed = { ...approval, votes, grantId, grantUntil, scope, expiresAt };
    return { ...signed, status: 'approved', decidedAt: now };
  }

  async #take(work: EntityManager, { callsLeft, id }: Grant, now: Date): Promise<void> {
    if (callsLeft === null) return;
    const isLast = callsLeft === 1;
    await work.query(
      `update access_grant set calls_left = calls_left - 1,
         status = case when calls_left = 1 then 'ended' else status end,
         ended_at = case when calls_left = 1 then $2 else ended_at end
       where id = $1`,
      [id, now],
    );
    if (isLast) await this.#outbox.add(work, endEvent(id, 'calls', now));
  }

  async #store(work: EntityManager, approval: Approval, seconds: number, now: Date): Promise<void> {
    const { grantId, grantUntil, justification, requester, scope, votes } = approval;
    const rows: unknown[] = await work.query(
      `insert into access_grant
         (id, status, principal, principal_kind, client_app, holder, scope, seconds, justification, approval_id, asked_groups,
          votes, requested_at, issued_at, granted_until, calls_left)
       values ($1, 'live', $2, $14, $15, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
       on conflict (id) do update set status = 'live', votes = excluded.votes,
         issued_at = excluded.issued_at, granted_until = excluded.granted_until,
         calls_left = excluded.calls_left, asked_groups = excluded.asked_groups
       where access_grant.status = 'pending' and access_grant.approval_id = excluded.approval_id
       returning id`,
      [
        grantId,
        requester,
        holderOf(requester),
        scope,
        seconds,
        justification ?? '',
        approval.id,
        askedGroups(approval.requirement),
        JSON.stringify(votes.filter(({ decision }) => decision === 'approve')),
        approval.requestedAt,
        now,
        grantUntil,
        scope?.calls ?? null,
        approval.requesterKind,
        approval.clientApp,
      ],
    );
    if (rows.length === 0) throw new Error(`grant ${grantId} is not the one that was asked for`);
  }
}
