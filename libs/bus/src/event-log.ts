/** A record as it is written. */
export interface OutgoingRecord {
  readonly topic: string;
  /** What stays in order: records of one key reach one partition in the order of their appends. */
  readonly key: string;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Milliseconds, far fewer than an append may take, that it may wait for others to travel with: for what
   * nobody waits for. Default 0: it goes at once.
   */
  readonly patienceMs?: number;
}

/** A record as it was read. */
export interface LogRecord {
  readonly topic: string;
  readonly partition: number;
  /** Position in its partition. Grows, not necessarily by one. */
  readonly offset: bigint;
  /** When it was appended, milliseconds since 1970. */
  readonly timestampMs: number;
  readonly key: string;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** Where a subscription begins and whether it remembers how far it came. */
export type StartAt =
  /** Where the group stopped; a new group at the beginning. What is finished is remembered. */
  | 'committed'
  /** What is appended from now on. Nothing is remembered. */
  | 'end';

/** Who reads what. */
export interface SubscriptionOptions {
  /** Members of one group share the partitions; each group reads everything. */
  readonly group: string;
  readonly topics: readonly string[];
  readonly startAt: StartAt;
  /**
   * Milliseconds that records may gather before they are handed over: for a reader that nobody waits for.
   * Default 0, every record at once.
   */
  readonly gatherMs?: number;
}

/** A place in a partition. */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  /** Offset of the next record. */
  readonly next: bigint;
}

/** Handles one record; the record is finished when the promise settles well. */
export type RecordHandler = (record: LogRecord) => Promise<void>;

/** Handles consecutive records of one partition; they are finished together. */
export type BatchHandler = (records: readonly LogRecord[]) => Promise<void>;

/**
 * How records are handed over:
 * `each`: one by one, records of one key in order, different keys side by side;
 * `batch`: in runs of one partition, in order, for a reader that stores many at once.
 */
export type Delivery =
  | { readonly mode: 'each'; readonly handle: RecordHandler }
  | { readonly mode: 'batch'; readonly handle: BatchHandler; readonly maxRecords: number };

/** A running reader. */
export interface Subscription {
  /** False while its partitions are not being read: before the first assignment, after a crash, when stalled. */
  isLive(): boolean;
  /** Lets the handlers in hand finish, remembers what is finished, stops. May be called twice. */
  close(): Promise<void>;
}

/** Why a publish was refused. After `OUTCOME_UNKNOWN` the record may still appear, so readers drop repeats by event id. */
export type PublishErrorCode =
  'BROKER_UNAVAILABLE' | 'OUTCOME_UNKNOWN' | 'QUEUE_FULL' | 'RECORD_TOO_LARGE' | 'LOG_CLOSED';

/** A record was not acknowledged. Nothing may be done that needs it. */
export class PublishError extends Error {
  override readonly name = 'PublishError';
  constructor(
    readonly code: PublishErrorCode,
    detail: string,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${detail}`, options);
  }
}

/**
 * A durable, partitioned log: the one thing that a back end provides. Both back ends pass one suite.
 *
 * Promises: `append` resolves only when the record is durable and every group will get it; rejects
 * within its deadline otherwise. Delivery is at least once; in order per key; a record whose handler
 * rejects is handed over again after a pause, in place, and later records of that key wait.
 */
export interface EventLog {
  /** Opens the log. @throws PublishError `BROKER_UNAVAILABLE` when it cannot be reached now. */
  connect(): Promise<void>;
  /** @throws PublishError */
  append(record: OutgoingRecord): Promise<void>;
  subscribe(options: SubscriptionOptions, delivery: Delivery): Promise<Subscription>;
  /** Where the partitions of a topic end now; those in which there is nothing to read are left out. */
  ends(topic: string): Promise<readonly Position[]>;
  /** How far a group has finished a topic, as far as it remembers: never further than it has. */
  finished(group: string, topic: string): Promise<readonly Position[]>;
  /** True while an append can be expected to succeed. */
  canAppend(): boolean;
  /** Finishes appends in hand, closes subscriptions. May be called twice. */
  close(): Promise<void>;
}
