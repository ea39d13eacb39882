import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { z } from 'zod';
import { type ChainRow, extend, genesis } from './chain.js';
import { insertRows, type StoredRow } from './event-rows.js';
import type { Kept } from './keeping.js';

const headSchema = z.object({
  topic: z.string(),
  partition: z.int(),
  generation: z.int(),
  nextOffset: z.string(),
  rows: z.string(),
  hash: z.string(),
});
type ChainHead = z.infer<typeof headSchema>;

const headColumns = `c.topic, c.partition, c.generation, c.next_offset as "nextOffset", c.rows, c.hash`;

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
      const repeated = await storedHashes(work, heads, byPartition);
      const rows: (Kept & ChainRow)[] = [];
      const moved: ChainHead[] = [];
      for (const head of heads) {
        const { fresh, generation } = sift(head, byPartition.get(placeOf(head)) ?? [], repeated);
        const last = fresh.at(-1);
        if (last === undefined) continue;
        const extended = extend(
          head,
          fresh.map((each) => ({ ...each, generation })),
        );
        rows.push(...extended.rows);
        const nextOffset = String(BigInt(last.offset) + 1n);
        moved.push({ ...head, ...extended.head, generation, nextOffset });
      }
      if (rows.length === 0) return;
      await insertRows(work, await this.#mark(work, rows));
      await moveHeads(work, moved);
    });
  }

  /** The heads of all chains, at one moment. */
  async heads(): Promise<Omit<ChainHead, 'generation'>[]> {
    return z
      .array(headSchema.omit({ generation: true }))
      .parse(await this.database.query(`select ${headColumns} from chain c order by 1, 2`));
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
  async #mark(work: EntityManager, rows: readonly (Kept & ChainRow)[]): Promise<StoredRow[]> {
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

/**
 * What of a run is new. A repeat was stored before, byte for byte; anything else at a place that was
 * passed already comes from another log: the bus was replaced, and a new generation begins with it.
 */
function sift(
  head: ChainHead,
  run: readonly Kept[],
  repeated: ReadonlyMap<string, string>,
): { readonly fresh: readonly Kept[]; readonly generation: number } {
  const isPassed = (each: Kept): boolean => BigInt(each.offset) < BigInt(head.nextOffset);
  const isOtherLog = run.some(
    (each) => isPassed(each) && repeated.get(`${placeOf(each)}/${each.offset}`) !== each.rawHash,
  );
  if (isOtherLog) return { fresh: run, generation: head.generation + 1 };
  return { fresh: run.filter((each) => !isPassed(each)), generation: head.generation };
}

/** The raw hashes of what these runs repeat, by place and offset. */
async function storedHashes(
  work: EntityManager,
  heads: readonly ChainHead[],
  byPartition: ReadonlyMap<string, readonly Kept[]>,
): Promise<Map<string, string>> {
  const passed = heads.flatMap((head) =>
    (byPartition.get(placeOf(head)) ?? [])
      .filter((each) => BigInt(each.offset) < BigInt(head.nextOffset))
      .map(({ topic, partition, offset }) => ({ ...head, topic, partition, offset })),
  );
  if (passed.length === 0) return new Map();
  const found: { topic: string; partition: number; offset: string; hash: string }[] =
    await work.query(
      `select e.topic, e.partition, e."offset", e.raw_hash as hash from event e
       join unnest($1::text[], $2::int[], $3::int[], $4::bigint[])
         as p(topic, partition, generation, "offset") using (topic, partition, generation, "offset")`,
      [
        passed.map((each) => each.topic),
        passed.map((each) => each.partition),
        passed.map((each) => each.generation),
        passed.map((each) => each.offset),
      ],
    );
  return new Map(found.map((each) => [`${placeOf(each)}/${each.offset}`, each.hash]));
}

/** Locks the heads of these runs, always in the same order; a new chain begins at the genesis. */
async function lockHeads(
  work: EntityManager,
  runs: readonly (readonly Kept[])[],
): Promise<ChainHead[]> {
  const firsts = runs.flatMap((run) => run.slice(0, 1));
  const places = [firsts.map((each) => each.topic), firsts.map((each) => each.partition)];
  const lock = `select ${headColumns}
    from chain c join unnest($1::text[], $2::int[]) as p(topic, partition)
    on c.topic = p.topic and c.partition = p.partition order by 1, 2 for update of c`;
  const found = z.array(headSchema).parse(await work.query(lock, places));
  if (found.length === firsts.length) return found;
  await work.query(
    `insert into chain (topic, partition, generation, next_offset, rows, hash)
     select topic, partition, 0, 0, 0, $3 from unnest($1::text[], $2::int[]) as p(topic, partition)
     order by 1, 2 on conflict do nothing`,
    [...places, genesis],
  );
  return z.array(headSchema).parse(await work.query(lock, places));
}

async function moveHeads(work: EntityManager, heads: readonly ChainHead[]): Promise<void> {
  await work.query(
    `update chain c set next_offset = h.next_offset, rows = h.rows, hash = h.hash,
       generation = h.generation
     from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::text[], $6::int[])
       as h(topic, partition, next_offset, rows, hash, generation)
     where c.topic = h.topic and c.partition = h.partition`,
    [
      heads.map((head) => head.topic),
      heads.map((head) => head.partition),
      heads.map((head) => head.nextOffset),
      heads.map((head) => head.rows),
      heads.map((head) => head.hash),
      heads.map((head) => head.generation),
    ],
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
