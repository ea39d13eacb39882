import { Injectable, Logger } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { z } from 'zod';
import {
  type Actor,
  definitionKey,
  type definitionKindSchema,
  type DefinitionPlace,
  type definitionSeen,
  type EventOf,
  maxDefinitionsPerServer,
} from '#contracts';
import { canonicalJson, sha256 } from '#trust';
import { ApprovalError } from './approval-error.js';
import { clock } from './clock.js';
import {
  accept,
  type Definition,
  type DefinitionChange,
  definitionSchema,
  type DefinitionState,
  recordedEvent,
  seen,
} from './definition.js';
import { claim, Outbox } from './outbox.js';
import type { OutboxRelay } from './outbox-relay.js';
import { readCursor, writeCursor } from './place-cursor.js';

/** What a reader asks for. */
export interface DefinitionQuery {
  readonly state?: 'accepted' | 'held' | undefined;
  readonly server?: string | undefined;
  readonly kind?: z.infer<typeof definitionKindSchema> | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** One page, in the order in which they were seen first. `next` is null on the last. */
export interface DefinitionPage {
  readonly definitions: readonly Definition[];
  readonly next: string | null;
}

const columns = `seq, server, kind, name, accepted, accepted_copy as "acceptedCopy",
  accepted_at as "acceptedAt", accepted_by as "acceptedBy", latest, latest_copy as "latestCopy", revision,
  first_seen_at as "firstSeenAt", changed_at as "changedAt", seen_at as "seenAt"`;

/** What servers say of their tools, their prompts and themselves, and what of it people have accepted. */
@Injectable()
export class Definitions {
  readonly #logger = new Logger('definitions');
  readonly #outbox = new Outbox();

  constructor(
    private readonly database: DataSource,
    private readonly relay: Pick<OutboxRelay, 'wake'>,
  ) {}

  /** Takes notice of a description. The same event again changes nothing. */
  async see(event: EventOf<typeof definitionSeen>): Promise<void> {
    await this.database.transaction(async (work) => {
      if (!(await claim(work, event.id))) return;
      const before = await this.#locked(work, event.data);
      const now = await clock(work);
      if (before === undefined && (await this.#isFull(work, event.data.server))) return;
      await this.#keep(work, seen(before, event.data, now), now, event);
    });
    this.relay.wake();
  }

  /** @throws ApprovalError `DEFINITION_NOT_FOUND`, `DEFINITION_SUPERSEDED` */
  async accept(place: DefinitionPlace, digest: string, by: Actor): Promise<Definition> {
    await this.database.transaction(async (work) => {
      const before = await this.#locked(work, place);
      const now = await clock(work);
      if (before === undefined) throw new ApprovalError('DEFINITION_NOT_FOUND');
      await this.#keep(work, accept(before, digest, by, now), now);
    });
    this.relay.wake();
    return this.one(place);
  }

  /** @throws ApprovalError `DEFINITION_NOT_FOUND` */
  async one({ kind, name, server }: DefinitionPlace): Promise<Definition> {
    const rows: unknown[] = await this.database.query(
      `select ${columns} from definition where server = $1 and kind = $2 and name = $3`,
      [server, kind, name],
    );
    if (rows.length === 0) throw new ApprovalError('DEFINITION_NOT_FOUND');
    return definitionSchema.parse(rows[0]);
  }

  /** @throws ApprovalError `CURSOR_INVALID` for a cursor of other filters */
  async page({ cursor, kind, limit, server, state }: DefinitionQuery): Promise<DefinitionPage> {
    const of = sha256(canonicalJson([state ?? null, server ?? null, kind ?? null]));
    const after = cursor === undefined ? '0' : readCursor(cursor, of);
    const isHeld = state === undefined ? null : state === 'held';
    const found: unknown = await this.database.query(
      `select ${columns} from definition
       where seq > $1 and ($2::boolean is null or is_held = $2)
         and ($3::text is null or server = $3) and ($4::text is null or kind = $4)
       order by seq limit $5`,
      [after, isHeld, server ?? null, kind ?? null, limit + 1],
    );
    const rows = z.array(definitionSchema).parse(found);
    const definitions = rows.slice(0, limit);
    const last = definitions.at(-1);
    const hasMore = rows.length > limit && last !== undefined;
    return { definitions, next: hasMore ? writeCursor(last.seq, of) : null };
  }

  /** The row, which nobody else changes until the end of the transaction; also where there is none yet. */
  async #locked(work: EntityManager, place: DefinitionPlace): Promise<Definition | undefined> {
    await work.query('select pg_advisory_xact_lock(hashtextextended($1, 2))', [
      definitionKey(place),
    ]);
    const rows: unknown[] = await work.query(
      `select ${columns} from definition where server = $1 and kind = $2 and name = $3`,
      [place.server, place.kind, place.name],
    );
    return rows.length === 0 ? undefined : definitionSchema.parse(rows[0]);
  }

  /** Policy holds what a server describes beyond that. */
  async #isFull(work: EntityManager, server: string): Promise<boolean> {
    const rows: unknown[] = await work.query(
      'select 1 from definition where server = $1 limit $2',
      [server, maxDefinitionsPerServer],
    );
    if (rows.length < maxDefinitionsPerServer) return false;
    this.#logger.warn(`${server} has ${rows.length} definitions: no more of it are kept`);
    return true;
  }

  async #keep(
    work: EntityManager,
    { cause, definition }: DefinitionChange,
    now: Date,
    origin?: EventOf<typeof definitionSeen>,
  ): Promise<void> {
    await work.query(
      `insert into definition (server, kind, name, accepted, accepted_copy, accepted_at, accepted_by,
         latest, latest_copy, first_seen_at, changed_at, seen_at, revision)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
       on conflict (server, kind, name) do update set accepted = excluded.accepted,
         accepted_copy = excluded.accepted_copy, accepted_at = excluded.accepted_at,
         accepted_by = excluded.accepted_by, latest = excluded.latest,
         latest_copy = excluded.latest_copy, changed_at = excluded.changed_at,
         seen_at = excluded.seen_at, revision = excluded.revision`,
      rowOf(definition),
    );
    if (cause !== undefined) {
      await this.#outbox.add(work, recordedEvent(definition, cause, now, origin));
    }
  }
}

function rowOf(definition: DefinitionState): unknown[] {
  return [
    definition.server,
    definition.kind,
    definition.name,
    definition.accepted,
    definition.acceptedCopy,
    definition.acceptedAt,
    definition.acceptedBy,
    definition.latest,
    definition.latestCopy,
    definition.firstSeenAt,
    definition.changedAt,
    definition.seenAt,
    definition.revision,
  ];
}
