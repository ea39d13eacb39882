import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { approvalVoted, type Classification } from '#contracts';
import { AuditError } from './audit-error.js';
import { queryDigest, readCursor, writeCursor } from './cursor.js';
import { type Entry, entryColumns, entrySchema, eventOf, shownEntry } from './entry.js';
import { type Filters, rowConditions, storyConditions } from './filters.js';
import { type CallSummary, inOrder, summaryOf } from './story.js';

/** A page in the order of persistence. */
export interface Page<T> {
  readonly items: readonly T[];
  /** The next page; null where there is none now. */
  readonly next: string | null;
  /** Goes on behind this page whenever there is more: for a reader that polls. */
  readonly resume: string | null;
}

/** Rows whose writers have all finished: none can appear before them any more. */
const settled = 'e.xid < pg_snapshot_xmin(pg_current_snapshot())';

/** Questions to the record. */
@Injectable()
export class RecordQuery {
  constructor(private readonly database: DataSource) {}

  /** @throws AuditError `CURSOR_INVALID` */
  async events(filters: Filters, visible: readonly Classification[]): Promise<Page<object>> {
    const conditions = [...rowConditions(filters), ...storyConditions(filters)];
    const base = { route: 'events', only: 'not e.is_duplicate' };
    const page = await this.#page(base, filters, conditions);
    return { ...page, items: page.items.map((entry) => shownEntry(entry, visible)) };
  }

  /** One line for each call. @throws AuditError `CURSOR_INVALID` */
  async calls(filters: Filters, visible: readonly Classification[]): Promise<Page<CallSummary>> {
    const said = storyConditions(filters).map(({ sql, value }) => ({
      sql: `exists (select from event s where s.call_id = e.call_id and ${sql.replace('e.', 's.')})`,
      value,
    }));
    const base = { route: 'calls', only: 'e.opens_call' };
    const page = await this.#page(base, filters, [...rowConditions(filters), ...said]);
    const ids = page.items.flatMap((entry) => entry.callId ?? []);
    const entries = await this.#read(`e.call_id = any($1)`, [ids]);
    const byCall = Map.groupBy(entries, (entry) => entry.callId);
    const items = ids.map((callId) => {
      const events = (byCall.get(callId) ?? []).map((entry) => eventOf(entry, visible));
      return summaryOf(
        callId,
        events.filter((event) => event !== null),
      );
    });
    return { ...page, items };
  }

  /** The whole story of one call, causes before effects. @throws AuditError `CALL_NOT_FOUND` */
  async call(callId: string, visible: readonly Classification[]): Promise<object> {
    const entries = await this.#read(
      `(e.call_id = $1 or (e.type = $2 and e.approval_id in
        (select s.approval_id from event s where s.call_id = $1 and s.approval_id is not null)))`,
      [callId, approvalVoted.type],
    );
    if (entries.length === 0) throw new AuditError('CALL_NOT_FOUND');
    const told = inOrder(entries.map((entry) => ({ entry, event: eventOf(entry, visible) })));
    const events = told.map(({ event }) => event).filter((event) => event !== null);
    return {
      call: summaryOf(callId, events),
      events: told.map(({ entry }) => shownEntry(entry, visible)),
    };
  }

  async #page(
    base: { readonly route: string; readonly only: string },
    filters: Filters,
    conditions: readonly { readonly sql: string; readonly value: string }[],
  ): Promise<Page<Entry>> {
    const of = queryDigest(base.route, filters);
    const after = readCursor(filters.cursor, of);
    const where = conditions.map(({ sql }, index) => `and ${sql.replace('?', `$${index + 4}`)}`);
    const found: unknown = await this.database.query(
      `select ${entryColumns} from event e
       where ${base.only} and ${settled} and (e.xid, e.seq) > ($1::text::xid8, $2::bigint)
       ${where.join(' ')} order by e.xid, e.seq limit $3`,
      [after.xid, after.seq, filters.limit + 1, ...conditions.map(({ value }) => value)],
    );
    const entries = z.array(entrySchema).parse(found);
    const items = entries.slice(0, filters.limit);
    const last = items.at(-1);
    const resume = last === undefined ? (filters.cursor ?? null) : writeCursor(last, of);
    return { items, next: entries.length > filters.limit ? resume : null, resume };
  }

  async #read(where: string, values: unknown[]): Promise<Entry[]> {
    const found: unknown = await this.database.query(
      `select ${entryColumns} from event e where not e.is_duplicate and ${where}
       order by e.xid, e.seq limit 5000`,
      values,
    );
    return z.array(entrySchema).parse(found);
  }
}
