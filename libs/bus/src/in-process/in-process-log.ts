import {
  deadLetterRetentionMs,
  deadLetterTopic,
  maxRecordBytes,
  partitionsPerTopic,
  topics,
} from '#contracts';
import {
  type Delivery,
  type EventLog,
  type LogRecord,
  type OutgoingRecord,
  type Position,
  PublishError,
  type Subscription,
  type SubscriptionOptions,
} from '../event-log.js';
import { GroupReader } from './group-reader.js';
import { placeName } from './place-name.js';
import { RecentRecords } from './recent-records.js';
import { RecordStore } from './record-store.js';

interface Waiting {
  readonly record: OutgoingRecord;
  readonly resolve: () => void;
  readonly reject: (error: PublishError) => void;
}

/** Settings of an in-process log; all have defaults. */
export interface InProcessLogOptions {
  readonly partitions?: number;
  /** Appends that may wait at once before `QUEUE_FULL`. Default 10 000. */
  readonly maxQueuedRecords?: number;
  /** Largest record value in bytes. Default: as on Kafka. */
  readonly maxRecordBytes?: number;
  /** Largest size of the file, its write-ahead log aside; appends that need more are refused. Default: the disk's. */
  readonly maxFileBytes?: number;
  readonly now?: () => number;
}

const housekeepingMs = 60_000;
const progressMs = 200;

/**
 * The event log inside one process, in one SQLite file: partitions, groups, redelivery, dead letters
 * and retention as with a broker, and durable, so that `kill -9` loses nothing that was acknowledged.
 */
export class InProcessLog implements EventLog {
  readonly #store: RecordStore;
  readonly #recent: RecentRecords;
  readonly #readers = new Map<string, GroupReader>();
  readonly #timers: NodeJS.Timeout[];
  #queue: Waiting[] = [];
  #flushIsDue = false;
  #patience: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @throws Error when the file is held by another process. */
  constructor(
    file: string,
    private readonly options: InProcessLogOptions = {},
  ) {
    const { partitions = partitionsPerTopic, maxFileBytes } = options;
    this.#store = new RecordStore(file, partitions, maxFileBytes);
    this.#recent = new RecentRecords(this.#store);
    this.#timers = [
      setInterval(() => this.#saveProgress(), progressMs).unref(),
      setInterval(() => this.#tidy(), housekeepingMs).unref(),
    ];
  }

  async connect(): Promise<void> {
    this.#refuseWhenClosed();
  }

  async append(record: OutgoingRecord): Promise<void> {
    this.#refuseWhenClosed();
    const maxBytes = this.options.maxRecordBytes ?? maxRecordBytes;
    if (record.value.length > maxBytes) {
      throw new PublishError(
        'RECORD_TOO_LARGE',
        `${record.value.length} bytes, at most ${maxBytes}`,
      );
    }
    if (this.#queue.length >= (this.options.maxQueuedRecords ?? 10_000)) {
      throw new PublishError('QUEUE_FULL', 'too many appends wait');
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ record, resolve, reject });
      this.#flushWithin(record.patienceMs ?? 0);
    });
  }

  async subscribe(options: SubscriptionOptions, delivery: Delivery): Promise<Subscription> {
    this.#refuseWhenClosed();
    const partitions = this.options.partitions ?? partitionsPerTopic;
    const known = this.#readers.get(options.group);
    const reader = known ?? new GroupReader(options, partitions, this.#store, this.#recent);
    this.#readers.set(options.group, reader);
    return reader.join(delivery, () => {
      this.#saveProgress();
      this.#readers.delete(options.group);
    });
  }

  async ends(topic: string): Promise<readonly Position[]> {
    return this.#positions(topic, (partition) => this.#store.end(topic, partition));
  }

  async finished(group: string, topic: string): Promise<readonly Position[]> {
    this.#saveProgress();
    return this.#positions(topic, (partition) => this.#store.progress(group, topic, partition));
  }

  canAppend(): boolean {
    return !this.#isClosed;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all([...this.#readers.values()].map((reader) => reader.close()));
    this.#flush();
    this.#saveProgress();
    this.#isClosed = true;
    this.#store.close();
  }

  #positions(topic: string, nextOf: (partition: number) => bigint): readonly Position[] {
    const { partitions = partitionsPerTopic } = this.options;
    return Array.from({ length: partitions }, (_, partition) => partition)
      .map((partition) => ({ topic, partition, next: nextOf(partition) }))
      .filter(({ next }) => next > 0n);
  }

  /** What may wait travels with the next record that may not, or alone when its time has come. */
  #flushWithin(milliseconds: number): void {
    if (milliseconds > 0) {
      this.#patience ??= setTimeout(() => this.#flush(), milliseconds);
    } else if (!this.#flushIsDue) {
      this.#flushIsDue = true;
      setImmediate(() => this.#flush());
    }
  }

  #flush(): void {
    this.#flushIsDue = false;
    clearTimeout(this.#patience);
    this.#patience = undefined;
    const batch = this.#queue;
    if (batch.length === 0) return;
    this.#queue = [];
    let written: readonly LogRecord[];
    try {
      const now = this.options.now?.() ?? Date.now();
      written = this.#store.append(
        batch.map((each) => each.record),
        now,
      );
      this.#recent.add(written);
    } catch (cause) {
      const refusal = new PublishError('BROKER_UNAVAILABLE', 'the log cannot be written', {
        cause,
      });
      for (const each of batch) each.reject(refusal);
      return;
    }
    for (const each of batch) each.resolve();
    this.#wakeReaders(written);
  }

  #wakeReaders(written: readonly LogRecord[]): void {
    const places = new Set(written.map(({ topic, partition }) => placeName(topic, partition)));
    for (const reader of this.#readers.values()) reader.wake(places);
  }

  #saveProgress(): void {
    if (this.#isClosed) return;
    const moved = [...this.#readers.values()].flatMap((reader) => reader.takeProgress());
    if (moved.length === 0) return;
    try {
      this.#store.saveProgress(moved);
    } catch {
      // The disk is full, or away. What is not remembered is handed over again after the next start.
    }
  }

  /** Tried again at the next turn when the file cannot be written. */
  #tidy(): void {
    try {
      this.#forgetTheOld(this.options.now?.() ?? Date.now());
    } catch {
      // As above; nothing was deleted.
    }
  }

  #forgetTheOld(now: number): void {
    for (const [topic, retention] of Object.entries(topics)) {
      if (retention.kind === 'delete') this.#store.expire(topic, now - retention.milliseconds);
      else this.#store.compact(topic);
      this.#store.expire(deadLetterTopic(topic), now - deadLetterRetentionMs);
    }
  }

  #refuseWhenClosed(): void {
    if (this.#isClosed) throw new PublishError('LOG_CLOSED', 'the log is closed');
  }
}
