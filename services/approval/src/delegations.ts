import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import {
  type Actor,
  actorSchema,
  createEvent,
  delegationEnded,
  delegationGiven,
  type Principal,
} from '#contracts';
import { ApprovalError } from './approval-error.js';
import { clock } from './clock.js';
import { Outbox, updatedRows } from './outbox.js';
import type { OutboxRelay } from './outbox-relay.js';
import { actorOf } from './transitions.js';

const delegationSchema = z.object({
  id: z.uuid(),
  from: actorSchema,
  toId: z.uuid(),
  endsAt: z.date(),
});
/** One person may sign in another's place until a time. */
export type Delegation = z.infer<typeof delegationSchema>;

const columns = `id, to_id as "toId", ends_at as "endsAt",
  jsonb_build_object('tenantId', tenant_id, 'objectId', from_id, 'displayName', from_name) as "from"`;

/** Who signs for whom. A delegate signs with the groups that the absent person is in now, and fills that person's seat. */
@Injectable()
export class Delegations {
  readonly #outbox = new Outbox();

  constructor(
    private readonly database: DataSource,
    private readonly relay: Pick<OutboxRelay, 'wake'>,
  ) {}

  /** Lets somebody of the same tenant sign in one's place. @throws ApprovalError for programs and for oneself */
  async add(from: Principal, toId: string, endsAt: Date): Promise<Delegation> {
    if (from.kind !== 'person') throw new ApprovalError('APPROVER_NOT_A_PERSON');
    if (from.objectId === toId) throw new ApprovalError('DELEGATE_IS_ONESELF');
    const given = await this.database.transaction(async (work) => {
      const now = await clock(work);
      const rows: unknown[] = await work.query(
        `insert into delegation (id, tenant_id, from_id, from_name, to_id, ends_at)
         values ($1, $2, $3, $4, $5, $6) returning ${columns}`,
        [randomUUID(), from.tenantId, from.objectId, from.displayName, toId, endsAt],
      );
      const delegation = delegationSchema.parse(rows[0]);
      const data = {
        delegationId: delegation.id,
        from: actorOf(from),
        toId,
        givenAt: now.toISOString(),
        endsAt: endsAt.toISOString(),
      };
      await this.#outbox.add(work, createEvent(delegationGiven, data, { time: now }));
      return delegation;
    });
    this.relay.wake();
    return given;
  }

  /** Those that one gave and those that one got, as long as they last; for administrators all of the tenant. */
  async of(person: Principal, isAdmin: boolean): Promise<Delegation[]> {
    const rows: unknown = await this.database.query(
      `select ${columns} from delegation
       where tenant_id = $1 and (from_id = $2 or to_id = $2 or $3) and ends_at > clock_timestamp()
       order by ends_at limit 500`,
      [person.tenantId, person.objectId, isAdmin],
    );
    return z.array(delegationSchema).parse(rows);
  }

  /** Ends one that one gave; administrators end any of the tenant. @throws ApprovalError `DELEGATION_NOT_FOUND` */
  async end(id: string, by: Principal, isAdmin: boolean): Promise<void> {
    await this.database.transaction(async (work) => {
      const now = await clock(work);
      const rows = await work
        .query(
          `update delegation set ends_at = $4
           where id = $1 and tenant_id = $2 and (from_id = $3 or $5) and ends_at > $4 returning id`,
          [id, by.tenantId, by.objectId, now, isAdmin],
        )
        .then(updatedRows);
      if (rows.length === 0) throw new ApprovalError('DELEGATION_NOT_FOUND');
      const data = { delegationId: id, by: actorOf(by), endedAt: now.toISOString() };
      await this.#outbox.add(work, createEvent(delegationEnded, data, { time: now }));
    });
    this.relay.wake();
  }

  /** In whose places somebody may sign now. */
  async placesOf(delegate: Pick<Actor, 'tenantId' | 'objectId'>): Promise<Actor[]> {
    const rows: unknown = await this.database.query(
      `select ${columns} from delegation
       where tenant_id = $1 and to_id = $2 and ends_at > clock_timestamp() order by created_at`,
      [delegate.tenantId, delegate.objectId],
    );
    return z
      .array(delegationSchema)
      .parse(rows)
      .map(({ from }) => from);
  }
}
