import { contractOf, readEnvelope, redactFields, type Envelope } from '#contracts';
import { canonicalJson, sha256 } from '#trust';
import type { Link } from './chain.js';
import { type Facets, facetsOf, noFacets, searchable } from './facets.js';

/** A record as the bus gives it. */
export interface RawRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly timestampMs: number;
  readonly key: string;
  readonly value: Uint8Array;
}

/** What is stored of one record, before it has its place in the chain. */
export interface Kept extends Omit<Link, 'generation'>, Facets {
  readonly rawBytes: number;
  readonly eventId: string | null;
  readonly type: string | null;
  /** UTC, RFC 3339; null where the event names no time that a database can hold. */
  readonly time: string | null;
}

/**
 * What is kept of a record: the event with its secret fields redacted, as canonical JSON. What has no
 * contract, or breaks it, is kept by hash and length alone, since nobody has said what of it is secret.
 */
export function keep(record: RawRecord): Kept {
  try {
    const envelope = readEnvelope(record.value);
    const contract = contractOf(envelope.type);
    if (contract === undefined) return bare(record, 'unknown');
    const parsed = contract.data.safeParse(envelope.data);
    if (!parsed.success) return bare(record, 'unreadable');
    const data = redactFields(contract.data, parsed.data, ['public', 'sensitive']);
    return {
      ...bare(record, 'kept'),
      ...facetsOf(data),
      event: storableJson({ ...attributesOf(envelope), data }),
      eventId: searchable(envelope.id),
      type: envelope.type,
      time: storableTime(envelope.time),
    };
  } catch {
    return bare(record, 'unreadable');
  }
}

/** Keeps hash and length alone. */
export function bare(record: RawRecord, state: Link['state']): Kept {
  const { topic, partition, value } = record;
  return {
    ...noFacets,
    topic,
    partition,
    state,
    offset: String(record.offset),
    timestampMs: String(record.timestampMs),
    key: searchable(record.key),
    rawHash: sha256(value),
    rawBytes: value.byteLength,
    event: null,
    eventId: null,
    type: null,
    time: null,
  };
}

/** The attributes that the envelope declares; extensions that nobody declared are not kept. */
function attributesOf(envelope: Envelope): Envelope {
  const { specversion, id, source, subject, type, time } = envelope;
  const { datacontenttype, correlationid, causationid } = envelope;
  return {
    specversion,
    id,
    source,
    subject,
    type,
    time,
    datacontenttype,
    correlationid,
    ...(causationid === undefined ? {} : { causationid }),
  };
}

/** Broken characters have no canonical form; they must not be a way to keep an event out of the record. */
function storableJson(event: unknown): string {
  try {
    return canonicalJson(event);
  } catch {
    const mended: unknown = JSON.parse(JSON.stringify(event), (_name, value: unknown) =>
      typeof value === 'string' ? value.toWellFormed() : value,
    );
    return canonicalJson(mended);
  }
}

function storableTime(time: string): string | null {
  const at = new Date(time);
  return at.getTime() >= 0 ? at.toISOString() : null;
}
