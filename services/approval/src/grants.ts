import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { z } from 'zod';
import { createEvent, grantRevoked, type Principal } from '#contracts';
import { maskedWords } from '#masking';
import { ApprovalError } from './approval-error.js';
import { clock } from './clock.js';
import {
  endEvent,
  type Grant,
  grantColumns,
  grantSchema,
  holderOf,
  type Wish,
  wishEvent,
} from './grant.js';
import { Outbox, updatedRows } from './outbox.js';
import type { OutboxRelay } from './outbox-relay.js';
import { actorOf } from './transitions.js';

/** Wishes of one person or program that may wait at once: approvers are people. */
const maxWaiting = 20;
/** Wishes of one person or program in an hour, whatever became of them. */
const maxPerHour = 60;

/** All grants. Whether one lives and how many calls it has left is settled by its row, under a lock. */
@Injectable()
export class Grants {
  readonly #outbox = new Outbox();

  constructor(
    private readonly database: DataSource,
    private readonly relay: OutboxRelay,
  ) {}

  /**
   * Keeps a wish and asks policy whether people may be asked. The same wish again changes nothing.
   * @throws ApprovalError `TOO_MANY_REQUESTS` where many wishes of the same person or program wait already
   */
  async ask(principal: Principal, asking: Wish): Promise<Grant> {
    const wish = { ...asking, justification: maskedWords(asking.justification) };
    const asked = await this.database.transaction(async (work) => {
      const now = await clock(work);
      await this.#refuseMany(work, principal);
      const rows: unknown[] = await work.query(
        `insert into access_grant
           (id, status, principal, principal_kind, client_app, holder, scope, seconds, justification,
            extends, requested_at)
         values ($1, 'asked', $2, $9, $10, $3, $4, $5, $6, $7, $8)
         on conflict (id) do nothing returning ${grantColumns}`,
        [
          wish.id,
          actorOf(principal),
          holderOf(principal),
          wish.scope,
          wish.seconds,
          wish.justification,
          wish.extends ?? null,
          now,
          principal.kind,
          principal.clientApp,
        ],
      );
      if (rows.length === 0) return undefined;
      await this.#outbox.add(work, wishEvent(principal, wish, now));
      return grantSchema.parse(rows[0]);
    });
    this.relay.wake();
    return asked ?? this.one(wish.id);
  }

  async #refuseMany(work: EntityManager, principal: Principal): Promise<void> {
    // One after the other, so that wishes at the same moment do not pass it together.
    await work.query('select pg_advisory_xact_lock(hashtextextended($1, 1))', [
      holderOf(principal),
    ]);
    const rows: { waiting: number; recent: number }[] = await work.query(
      `select count(*) filter (where status in ('asked', 'pending'))::int as waiting,
         count(*)::int as recent
       from access_grant
       where holder = $1 and (status in ('asked', 'pending')
         or requested_at > clock_timestamp() - interval '1 hour')`,
      [holderOf(principal)],
    );
    const { recent = 0, waiting = 0 } = rows[0] ?? {};
    if (waiting >= maxWaiting || recent >= maxPerHour) throw new ApprovalError('TOO_MANY_REQUESTS');
  }

  /** @throws ApprovalError `GRANT_NOT_FOUND` */
  async one(id: string): Promise<Grant> {
    const rows: unknown[] = await this.database.query(
      `select ${grantColumns} from access_grant where id = $1`,
      [id],
    );
    if (rows.length === 0) throw new ApprovalError('GRANT_NOT_FOUND');
    return grantSchema.parse(rows[0]);
  }

  /** Newest first: those of the reader, those whose approvers the reader is among, or all. */
  async list(reader: Principal, isAdmin: boolean, limit: number): Promise<Grant[]> {
    const rows: unknown = await this.database.query(
      `select ${grantColumns} from access_grant
       where $4 or (principal ->> 'tenantId' = $1 and (holder = $2 or asked_groups && $3::text[]))
       order by seq desc limit $5`,
      [reader.tenantId, holderOf(reader), reader.groups, isAdmin, limit],
    );
    return z.array(grantSchema).parse(rows);
  }

  /** Ends a live grant at once; what was signed under it and not used is void. @throws ApprovalError */
  async revoke(id: string, by: Principal, reason: string): Promise<Grant> {
    await this.database.transaction(async (work) => {
      const now = await clock(work);
      const rows: unknown[] = await work
        .query(
          `update access_grant set status = 'revoked', ended_at = $2, ended_by = $3, message = $4
         where id = $1 and status = 'live' and granted_until > $2 returning id`,
          [id, now, actorOf(by), reason],
        )
        .then(updatedRows);
      if (rows.length === 0) throw new ApprovalError('GRANT_NOT_LIVE');
      await work.query(
        `update approval set status = 'withdrawn', decided_at = $2, decided_by = $3,
           reason = 'The grant was revoked.', version = version + 1, changed_at = clock_timestamp()
         where grant_id = $1 and kind = 'call' and status = 'approved'`,
        [id, now, actorOf(by)],
      );
      // What is leased ends by itself; unused, it is over like the grant.
      await work.query(
        `update approval set expires_at = least(expires_at, $2), changed_at = clock_timestamp()
         where grant_id = $1 and kind = 'call' and status = 'leased'`,
        [id, now],
      );
      const data = { grantId: id, by: actorOf(by), reason, revokedAt: now.toISOString() };
      await this.#outbox.add(work, createEvent(grantRevoked, data, { time: now }));
    });
    this.relay.wake();
    return this.one(id);
  }

  /** Ends grants whose time is over. Returns how many. */
  async endDue(limit: number): Promise<number> {
    const ended = await this.database.transaction(async (work) => {
      const rows: unknown = await work
        .query(
          `update access_grant set status = 'ended', ended_at = granted_until
           where id in (select id from access_grant
             where status = 'live' and granted_until <= clock_timestamp()
             order by granted_until limit $1 for update skip locked)
           returning id, granted_until as "endedAt"`,
          [limit],
        )
        .then(updatedRows);
      const all = z.array(z.object({ id: z.uuid(), endedAt: z.date() })).parse(rows);
      for (const { endedAt, id } of all)
        await this.#outbox.add(work, endEvent(id, 'time', endedAt));
      return all.length;
    });
    if (ended > 0) this.relay.wake();
    return ended;
  }
}
