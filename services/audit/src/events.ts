import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { z } from 'zod';
import { type ChainRow, extend, genesis } from './chain.js';
import type { Kept } from './keeping.js';

const headSchema = z.object({
  topic: z.string(),
  partition: z.int(),
  nextOffset: z.string(),
  rows: z.string(),
  hash: z.string(),
});
/** Where one partition's chain ends, and which offset it waits for. */
export type ChainHead = z.infer<typeof headSchema>;

interface Stored extends Kept, ChainRow {
  readonly isDuplicate: boolean;
  readonly opensCall: boolean;
}

/** Columns, their types, and where a row's value comes from: written once, for the insert. */
const columns: readonly (readonly [string, string, (row: Stored) => unknown])[] = [
  ['day', 'date', (row) => new Date(Number(row.timestampMs)).toISOString().slice(0, 10)],
  ['topic', 'text', (row) => row.topic],
  ['partition', 'int', (row) => row.partition],
  ['"offset"', 'bigint', (row) => row.offset],
  ['position', 'bigint', (row) => row.position],
  ['timestamp_ms', 'bigint', (row) => row.timestampMs],
  ['key', 'text', (row) => row.key],
  ['state', 'text', (row) => row.state],
  ['raw_hash', 'text', (row) => row.rawHash],
  ['raw_bytes', 'int', (row) => row.rawBytes],
  ['event', 'text', (row) => row.event],
  ['hash', 'text', (row) => row.hash],
  ['is_duplicate', 'boolean', (row) => row.isDuplicate],
  ['opens_call', 'boolean', (row) => row.opensCall],
  ['event_id', 'text', (row) => row.eventId],
  ['type', 'text', (row) => row.type],
  ['time', 'timestamptz', (row) => row.time],
  ['call_id', 'text', (row) => row.callId],
  ['session_id', 'text', (row) => row.sessionId],
  ['tenant_id', 'text', (row) => row.tenantId],
  ['principal_id', 'text', (row) => row.principalId],
  ['server', 'text', (row) => row.server],
  ['method', 'text', (row) => row.method],
  ['resource', 'text', (row) => row.resource],
  ['effect', 'text', (row) => row.effect],
  ['rule_ids', 'text', (row) => JSON.stringify(row.ruleIds)],
  ['approval_id', 'text', (row) => row.approvalId],
  ['approver_ids', 'text', (row) => JSON.stringify(row.approverIds)],
  ['code', 'text', (row) => row.code],
  ['outcome', 'text', (row) => row.outcome],
];

const listed = new Set(['rule_ids', 'approver_ids']);
const names = columns.map(([name]) => name);
const values = names.map((name) =>
  listed.has(name) ? `array(select jsonb_array_elements_text(r.${name}::jsonb))` : `r.${name}`,
);
const parameters = columns.map(([, type], index) => `$${index + 1}::${type}[]`);
const insertSql = `insert into event (${names.join(', ')}) select ${values.join(', ')}
  from unnest(${parameters.join(', ')}) as r(${names.join(', ')}) on conflict do nothing`;

const headsSql =
  'select topic, partition, next_offset as "nextOffset", rows, hash from chain order by 1, 2';

/** The record in Postgres. It only grows. */
@Injectable()
export class Events {
  constructor(
    private readonly database: DataSource,
    private readonly callsTopic: string,
  ) {}

  /**
   * Stores runs of records, each run consecutive in its partition, as one transaction with the heads
   * of their chains. What a chain has already is left out, so a repeat stores nothing.
   */
  async append(kept: readonly Kept[]): Promise<void> {
    const byPartition = Map.groupBy(kept, placeOf);
    await this.database.transaction(async (work) => {
      const heads = await lockHeads(work, [...byPartition.values()]);
      const rows: (Kept & ChainRow)[] = [];
      const moved: ChainHead[] = [];
      for (const head of heads) {
        const fresh = (byPartition.get(placeOf(head)) ?? []).filter(
          (each) => BigInt(each.offset) >= BigInt(head.nextOffset),
        );
        const last = fresh.at(-1);
        if (last === undefined) continue;
        const extended = extend(head, fresh);
        rows.push(...extended.rows);
        moved.push({ ...head, ...extended.head, nextOffset: String(BigInt(last.offset) + 1n) });
      }
      if (rows.length === 0) return;
      await insert(work, await this.#mark(work, rows));
      await moveHeads(work, moved);
    });
  }

  /** The heads of all chains, at one moment. */
  async heads(): Promise<ChainHead[]> {
    return z.array(headSchema).parse(await this.database.query(headsSql));
  }

  /** Makes the partitions of the days to come. */
  async makeDays(days: number): Promise<void> {
    await this.database.query('select make_event_days(current_date, $1)', [days]);
  }

  /** Keeps a checkpoint beside the rows; the bus carries it outside. */
  async addCheckpoint(statement: string, signature: string): Promise<void> {
    const sql = 'insert into checkpoint (statement, signature) values ($1, $2)';
    await this.database.query(sql, [statement, signature]);
  }

  /** Marks repeats of an event, and the first event of each call. One key has one partition, whose head is locked. */
  async #mark(work: EntityManager, rows: readonly (Kept & ChainRow)[]): Promise<Stored[]> {
    const seen = new Set(
      await known(
        work,
        'event_id',
        rows.map((row) => row.eventId),
        '',
      ),
    );
    const ofCalls = rows.filter((row) => row.topic === this.callsTopic);
    const isCall = `and topic = '${this.callsTopic}'`;
    const calls = new Set(
      await known(
        work,
        'call_id',
        ofCalls.map((row) => row.callId),
        isCall,
      ),
    );
    return rows.map((row) => {
      const { eventId, callId } = row;
      const isDuplicate = eventId !== null && seen.has(eventId);
      const opensCall = row.topic === this.callsTopic && callId !== null && !calls.has(callId);
      if (eventId !== null) seen.add(eventId);
      if (opensCall) calls.add(callId);
      return { ...row, isDuplicate, opensCall };
    });
  }
}

function placeOf(row: { readonly topic: string; readonly partition: number }): string {
  return `${row.topic}/${row.partition}`;
}

/** Locks the heads of these runs, always in the same order; a new chain begins at the genesis. */
async function lockHeads(
  work: EntityManager,
  runs: readonly (readonly Kept[])[],
): Promise<ChainHead[]> {
  const firsts = runs.flatMap((run) => run.slice(0, 1));
  const places = [firsts.map((each) => each.topic), firsts.map((each) => each.partition)];
  const lock = `select c.topic, c.partition, next_offset as "nextOffset", rows, hash
    from chain c join unnest($1::text[], $2::int[]) as p(topic, partition)
    on c.topic = p.topic and c.partition = p.partition order by 1, 2 for update of c`;
  const found = z.array(headSchema).parse(await work.query(lock, places));
  if (found.length === firsts.length) return found;
  await work.query(
    `insert into chain (topic, partition, next_offset, rows, hash)
     select topic, partition, 0, 0, $3 from unnest($1::text[], $2::int[]) as p(topic, partition)
     order by 1, 2 on conflict do nothing`,
    [...places, genesis],
  );
  return z.array(headSchema).parse(await work.query(lock, places));
}

async function moveHeads(work: EntityManager, heads: readonly ChainHead[]): Promise<void> {
  await work.query(
    `update chain c set next_offset = h.next_offset, rows = h.rows, hash = h.hash
     from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::text[])
       as h(topic, partition, next_offset, rows, hash)
     where c.topic = h.topic and c.partition = h.partition`,
    [
      heads.map((head) => head.topic),
      heads.map((head) => head.partition),
      heads.map((head) => head.nextOffset),
      heads.map((head) => head.rows),
      heads.map((head) => head.hash),
    ],
  );
}

async function insert(work: EntityManager, rows: readonly Stored[]): Promise<void> {
  await work.query(
    insertSql,
    columns.map(([, , valueOf]) => rows.map((row) => valueOf(row))),
  );
}

async function known(
  work: EntityManager,
  column: 'event_id' | 'call_id',
  wanted: readonly (string | null)[],
  also: string,
): Promise<string[]> {
  const ids = [...new Set(wanted.filter((each) => each !== null))];
  if (ids.length === 0) return [];
  const sql = `select distinct ${column} as id from event where ${column} = any($1::text[]) ${also}`;
  const rows: { id: string }[] = await work.query(sql, [ids]);
  return rows.map((row) => row.id);
}
