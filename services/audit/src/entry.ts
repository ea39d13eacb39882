import { z } from 'zod';
import { contractOf, redactFields, type Classification } from '#contracts';

const dateText = z.date().transform((date) => date.toISOString());

/** A row as queries read it. */
export const entrySchema = z.object({
  xid: z.string(),
  seq: z.string(),
  topic: z.string(),
  partition: z.int(),
  generation: z.int(),
  offset: z.string(),
  position: z.string(),
  state: z.enum(['kept', 'unknown', 'unreadable', 'unstorable']),
  storedAt: dateText,
  rawHash: z.string(),
  rawBytes: z.int(),
  hash: z.string(),
  event: z.string().nullable(),
  callId: z.string().nullable(),
});
export type Entry = z.infer<typeof entrySchema>;

/** The columns of an {@link Entry}, in SQL. */
export const entryColumns = `e.xid::text as xid, e.seq, e.topic, e.partition, e.generation, e."offset",
  e.position, e.state, e.stored_at as "storedAt", e.raw_hash as "rawHash",
  e.raw_bytes as "rawBytes", e.hash, e.event, e.call_id as "callId"`;

const storedEventSchema = z.object({
  id: z.string(),
  source: z.string(),
  subject: z.string(),
  type: z.string(),
  time: z.string(),
  correlationid: z.string(),
  causationid: z.string().optional(),
  data: z.record(z.string(), z.unknown()),
});
export type StoredEvent = z.infer<typeof storedEventSchema>;

/** The event of a row as a reader may see it; null where the row keeps none. */
export function eventOf(entry: Entry, visible: readonly Classification[]): StoredEvent | null {
  if (entry.event === null) return null;
  const event = storedEventSchema.parse(JSON.parse(entry.event));
  const contract = contractOf(event.type);
  const data = contract === undefined ? {} : redactFields(contract.data, event.data, visible);
  return { ...event, data };
}

/** A row as the API shows it. */
export function shownEntry(entry: Entry, visible: readonly Classification[]): object {
  const {
    topic,
    partition,
    generation,
    offset,
    position,
    state,
    storedAt,
    rawHash,
    rawBytes,
    hash,
  } = entry;
  const kept = {
    topic,
    partition,
    generation,
    offset,
    position,
    state,
    storedAt,
    rawHash,
    rawBytes,
    hash,
  };
  return { ...kept, event: eventOf(entry, visible) };
}
