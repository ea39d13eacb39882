import type { Envelope } from '#contracts';
import type { LogRecord } from './event-log.js';

const typeHeader = 'ce_type';
const idHeader = 'ce_id';
const addresseeHeader = 'ingress';

/** What readers route by, so that they can skip an event without parsing it. Few on purpose: each costs. */
export function headersOf(event: Envelope, addressee: string | undefined): Record<string, string> {
  const headers: Record<string, string> = { [typeHeader]: event.type, [idHeader]: event.id };
  if (addressee !== undefined) headers[addresseeHeader] = addressee;
  return headers;
}

/** The event type a record claims; empty when it claims none. */
export function typeOf(record: LogRecord): string {
  return record.headers[typeHeader] ?? '';
}

/** The ingress replica a record is meant for, if one is named. */
export function addresseeOf(record: LogRecord): string | undefined {
  return record.headers[addresseeHeader];
}
