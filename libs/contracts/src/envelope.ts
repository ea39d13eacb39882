import { z } from 'zod';
import type { DataOf, EventContract } from './define-event.js';
import { derivedId } from './ids.js';

const envelopeSchema = z.looseObject({
  specversion: z.literal('1.0'),
  id: z.string().min(1),
  source: z.string().min(1),
  subject: z.string().min(1),
  type: z.string().min(1),
  time: z.iso.datetime(),
  datacontenttype: z.literal('application/json'),
  correlationid: z.string().min(1),
  causationid: z.string().min(1).optional(),
  data: z.unknown(),
});

/** CloudEvents 1.0 attributes of an event, without its data. */
export interface Envelope {
  readonly specversion: '1.0';
  readonly id: string;
  /** `/countersign/<service>`. */
  readonly source: string;
  /** Equals the record key. */
  readonly subject: string;
  readonly type: string;
  /** UTC, RFC 3339. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  /** Id of the first event of the call that this event belongs to. */
  readonly correlationid: string;
  /** Id of the event that caused this one; absent on the first. */
  readonly causationid?: string | undefined;
}

/** An event of one contract. */
export interface EventOf<C> extends Envelope {
  readonly data: DataOf<C>;
}

/** Why bytes are not the event that a contract promises. */
export class ContractError extends Error {
  override readonly name = 'ContractError';
  constructor(
    readonly code: 'EVENT_NOT_JSON' | 'EVENT_ENVELOPE_INVALID' | 'EVENT_DATA_INVALID',
    detail: string,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${detail}`, options);
  }
}

/**
 * Makes the event that states `data`, caused by `cause`. Its id is derived from the cause (or, for a
 * first event, from its key), the type and the contract's discriminator.
 * @throws ContractError when the data breaks the schema: a publisher's bug, found before it is said.
 */
export function createEvent<C extends EventContract>(
  contract: C,
  data: DataOf<C>,
  context: { readonly time: Date; readonly cause?: Envelope | undefined },
): EventOf<C> {
  const parsed = parseData(contract, data);
  const subject = contract.key(parsed);
  const { cause } = context;
  const id = derivedId(cause?.id ?? subject, contract.type, contract.discriminator?.(parsed) ?? '');
  return {
    specversion: '1.0',
    id,
    source: `/countersign/${contract.publishedBy}`,
    subject,
    type: contract.type,
    time: context.time.toISOString(),
    datacontenttype: 'application/json',
    correlationid: cause?.correlationid ?? id,
    ...(cause === undefined ? {} : { causationid: cause.id }),
    data: parsed,
  };
}

/**
 * Reads an event from a record's bytes.
 * @throws ContractError when the bytes are not JSON, not an envelope, or break the contract's schema.
 */
export function readEvent<C extends EventContract>(contract: C, bytes: Uint8Array): EventOf<C> {
  const envelope = readEnvelope(bytes);
  return { ...envelope, data: parseData(contract, envelope.data) };
}

/**
 * Reads the attributes of any event, its data unread.
 * @throws ContractError when the bytes are not a CloudEvents envelope.
 */
export function readEnvelope(bytes: Uint8Array): Envelope & { readonly data: unknown } {
  let json: unknown;
  try {
    json = JSON.parse(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'),
    );
  } catch (cause) {
    throw new ContractError('EVENT_NOT_JSON', 'the record is not JSON', { cause });
  }
  const parsed = envelopeSchema.safeParse(json);
  if (!parsed.success) throw new ContractError('EVENT_ENVELOPE_INVALID', firstIssue(parsed.error));
  return { ...parsed.data, data: parsed.data.data };
}

function parseData<C extends EventContract>(contract: C, data: unknown): DataOf<C> {
  const parsed = contract.data.safeParse(data);
  if (!parsed.success) {
    throw new ContractError('EVENT_DATA_INVALID', `${contract.type}: ${firstIssue(parsed.error)}`);
  }
  // The schema that belongs to this very contract has just read the value.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return parsed.data as DataOf<C>;
}

/** Names the place of the first mistake and what is wrong there, never the value. */
function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue === undefined ? 'unknown' : `${issue.path.join('.') || '(root)'}: ${issue.message}`;
}
