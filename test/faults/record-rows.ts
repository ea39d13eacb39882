import { z } from 'zod';
import { type ChainRow, verify } from '../../services/audit/src/chain.js';
import { execute } from '../postgres/test-database.js';
import type { Row } from './history.js';

const rowSchema = z.object({
  topic: z.string(),
  partition: z.int(),
  generation: z.int(),
  offset: z.string(),
  timestampMs: z.string(),
  key: z.string(),
  state: z.enum(['kept', 'unknown', 'unreadable', 'unstorable']),
  rawHash: z.string(),
  event: z.string().nullable(),
  position: z.string(),
  hash: z.string(),
  eventId: z.string().nullable(),
  isDuplicate: z.boolean(),
});
const headSchema = z.object({
  topic: z.string(),
  partition: z.int(),
  rows: z.string(),
  hash: z.string(),
});

/** Numbers that JSON might round travel as text. */
const columns = `topic, partition, generation, "offset"::text, timestamp_ms::text as "timestampMs", key,
  state, raw_hash as "rawHash", event, position::text, hash, event_id as "eventId",
  is_duplicate as "isDuplicate"`;

/** The record as the database has it. */
export interface StoredRecord {
  readonly rows: readonly Row[];
  readonly brokenChains: readonly string[];
  /** The stored texts, to be searched. */
  readonly texts: readonly string[];
}

/** Reads the record at one moment, past the product's queries. */
export async function readRecord(databaseUrl: string): Promise<StoredRecord> {
  const [both] = await execute(
    databaseUrl,
    `select (select coalesce(jsonb_agg(to_jsonb(e)), '[]')
               from (select ${columns} from audit.event order by event.position) e) as rows,
            (select coalesce(jsonb_agg(to_jsonb(c)), '[]')
               from (select topic, partition, rows::text, hash from audit.chain) c) as heads`,
  );
  const rows = z.array(rowSchema).parse(both?.['rows']);
  const heads = z.array(headSchema).parse(both?.['heads']);
  const chains = Map.groupBy<string, ChainRow>(rows, (row) => `${row.topic}/${row.partition}`);
  const brokenChains = heads.flatMap(({ topic, partition, ...head }) => {
    const finding = verify(chains.get(`${topic}/${partition}`) ?? [], head);
    return finding.kind === 'intact' && finding.head.rows === head.rows
      ? []
      : [`${topic}/${partition}: ${finding.kind}`];
  });
  return {
    rows: rows.map((row) => ({ ...row, offset: Number(row.offset) })),
    brokenChains,
    texts: rows.flatMap(({ event }) => (event === null ? [] : [event])),
  };
}
