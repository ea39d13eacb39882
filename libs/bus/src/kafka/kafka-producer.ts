import { setTimeout as pause } from 'node:timers/promises';
import { PublishError, type OutgoingRecord } from '../event-log.js';
import { AppendQueue, sizeOf, type Waiting } from './append-queue.js';
import type { ConnectSender, Sender, Sent } from './kafka-sender.js';
import { withoutReceipt } from './receipts.js';

/** Limits of publishing; see KafkaLogOptions. */
export interface ProducerLimits {
  readonly deadlineMs: number;
  readonly maxQueuedRecords: number;
  readonly maxRecordBytes: number;
}

/** What a producer works with; a test that must see a defect puts a defective one here. */
export interface ProducerParts {
  readonly connect: ConnectSender;
  readonly withoutReceipt: typeof withoutReceipt;
}

const firstPauseMs = 100;
const longestPauseMs = 1000;

/**
 * Publishes through one connected sender at a time, one batch in flight.
 *
 * Guarantees: `append` resolves only when the broker has acknowledged the record's own partition, and
 * settles within its deadline, counted from the call. After a batch of unknown outcome everything that
 * waits is refused and the sender is **replaced**: kafkajs would use its sequence numbers a second time,
 * and the broker would acknowledge the next record as a repeat without storing it.
 */
export class KafkaProducer {
  #sender: Sender | undefined;
  readonly #queue = new AppendQueue();
  #inFlight: readonly Waiting[] = [];
  #flushIsDue = false;
  #patience: NodeJS.Timeout | undefined;
  #deadlineTimer: NodeJS.Timeout | undefined;
  #replacing: Promise<void> | undefined;
  #mendsHole = false;
  readonly #closing = new AbortController();
  #connecting: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #whenIdle: (() => void) | undefined;

  constructor(
    private readonly limits: ProducerLimits,
    private readonly parts: ProducerParts,
  ) {}

  /** @throws PublishError `BROKER_UNAVAILABLE` when no broker answers now. */
  async connect(): Promise<void> {
    if (this.#isClosing()) throw new PublishError('LOG_CLOSED', 'the log is closed');
    if (this.#sender !== undefined || this.#replacing !== undefined) return;
    this.#connecting ??= this.#connectOnce().finally(() => {
      this.#connecting = undefined;
    });
    await this.#connecting;
  }

  /** True while an append can be expected to succeed. */
  canAppend(): boolean {
    const hasRoom = this.#queue.length < this.limits.maxQueuedRecords;
    return this.#sender !== undefined && !this.#isClosing() && hasRoom;
  }

  /** @throws PublishError */
  async append(record: OutgoingRecord): Promise<void> {
    const bytes = sizeOf(record);
    this.#refuse(bytes);
    return new Promise((resolve, reject) => {
      const dueAt = performance.now() + this.limits.deadlineMs;
      this.#queue.add({ record, bytes, dueAt, wasLeftOut: false, resolve, reject });
      this.#armDeadline();
      this.#flushWithin(record.patienceMs ?? 0);
    });
  }

  /** Finishes what waits, within its deadlines, then disconnects. May be called twice. */
  async close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #connectOnce(): Promise<void> {
    try {
      this.#sender = await this.parts.connect();
    } catch (cause) {
      throw new PublishError('BROKER_UNAVAILABLE', 'no broker answers', { cause });
    }
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    this.#endPatience();
    if (this.#queue.length + this.#inFlight.length > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
    clearTimeout(this.#deadlineTimer);
    await this.#connecting?.catch(() => undefined);
    await this.#replacing;
    const sender = this.#sender;
    this.#sender = undefined;
    await sender?.close().catch(() => undefined);
  }

  #refuse(bytes: number): void {
    const { maxRecordBytes, maxQueuedRecords } = this.limits;
    if (this.#isClosing()) throw new PublishError('LOG_CLOSED', 'the log is closed');
    if (bytes > maxRecordBytes) {
      throw new PublishError('RECORD_TOO_LARGE', `${bytes} bytes, at most ${maxRecordBytes}`);
    }
    if (this.#sender === undefined && !this.#mendsHole) {
      throw new PublishError('BROKER_UNAVAILABLE', 'the broker is being looked for');
    }
    if (this.#queue.length >= maxQueuedRecords || !this.#queue.hasRoomFor(bytes)) {
      throw new PublishError('QUEUE_FULL', 'too many appends wait');
    }
  }

  /** What may wait travels with the next record that may not, or alone when its time has come. */
  #flushWithin(milliseconds: number): void {
    if (milliseconds === 0) this.#flushSoon();
    else this.#patience ??= setTimeout(() => this.#endPatience(), milliseconds);
  }

  #endPatience(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#flushIsDue || this.#inFlight.length > 0) return;
    this.#flushIsDue = true;
    // What is appended in this turn of the event loop travels together.
    setImmediate(() => {
      this.#flushIsDue = false;
      void this.#flush();
    });
  }

  /** Sends one batch. Never rejects: the outcome goes to those who wait. */
  async #flush(): Promise<void> {
    const sender = this.#sender;
    if (sender === undefined || this.#inFlight.length > 0) return;
    const batch = this.#queue.takeBatch();
    if (batch.length === 0) return;
    this.#inFlight = batch;
    try {
      const sent = await sender.send(batch.map((each) => each.record));
      if (this.#sender === sender) this.#acknowledge(batch, sender, sent);
    } catch (cause) {
      if (this.#sender === sender) this.#fail(cause);
    }
  }

  #acknowledge(batch: readonly Waiting[], sender: Sender, { receipts, homeless }: Sent): void {
    const sent = batch.filter((each) => !homeless.includes(each.record));
    const leftOut = new Set(
      this.parts.withoutReceipt(
        sent.map((each) => each.record),
        (record) => sender.placeOf(record),
        receipts,
      ),
    );
    this.#inFlight = [];
    for (const each of batch) {
      if (homeless.includes(each.record)) {
        each.reject(
          new PublishError('BROKER_UNAVAILABLE', `there is no topic ${each.record.topic}`),
        );
      } else if (!leftOut.has(each.record)) each.resolve();
    }
    if (leftOut.size > 0) this.#mend(batch.filter((each) => leftOut.has(each.record)));
    this.#settled();
  }

  /** Sends what was never sent once more, before what waits, so that the order of each key stays. */
  #mend(leftOut: readonly Waiting[]): void {
    for (const each of leftOut.filter((each) => each.wasLeftOut)) {
      each.reject(new PublishError('OUTCOME_UNKNOWN', 'left out by two sends'));
    }
    const again = leftOut.filter((each) => !each.wasLeftOut);
    for (const each of again) each.wasLeftOut = true;
    this.#queue.putBack(again);
    this.#mendsHole = true;
    this.#replaceSender();
  }

  /** Nobody knows what became of the batch in flight; what waits was not sent. */
  #fail(cause: unknown): void {
    for (const each of this.#inFlight) {
      each.reject(new PublishError('OUTCOME_UNKNOWN', 'not acknowledged', { cause }));
    }
    this.#refuseQueue(cause);
    this.#inFlight = [];
    this.#mendsHole = false;
    this.#replaceSender();
    this.#settled();
  }

  #refuseQueue(cause: unknown): void {
    for (const each of this.#queue.takeAll()) {
      each.reject(new PublishError('BROKER_UNAVAILABLE', 'not sent', { cause }));
    }
  }

  #replaceSender(): void {
    const old = this.#sender;
    this.#sender = undefined;
    old?.close().catch(() => undefined);
    this.#replacing ??= this.#reconnect().finally(() => {
      this.#replacing = undefined;
    });
  }

  /** Tries for as long as it takes. Never rejects. */
  async #reconnect(): Promise<void> {
    for (
      let pauseMs = firstPauseMs;
      !this.#isDone();
      pauseMs = Math.min(2 * pauseMs, longestPauseMs)
    ) {
      try {
        this.#sender = await this.parts.connect();
        this.#mendsHole = false;
        this.#flushSoon();
        return;
      } catch (cause) {
        this.#mendsHole = false;
        this.#refuseQueue(cause);
        this.#settled();
        await pause(pauseMs * (0.75 + Math.random() / 2), undefined, {
          signal: this.#closing.signal,
        }).catch(() => undefined);
      }
    }
  }

  /** One timer for all: deadlines are equal, so the oldest record's is the next. */
  #armDeadline(): void {
    if (this.#deadlineTimer !== undefined) return;
    const oldest = this.#inFlight[0] ?? this.#queue.oldest;
    if (oldest === undefined) return;
    this.#deadlineTimer = setTimeout(() => this.#checkDeadline(), oldest.dueAt - performance.now());
  }

  #checkDeadline(): void {
    this.#deadlineTimer = undefined;
    const oldest = this.#inFlight[0] ?? this.#queue.oldest;
    if (oldest !== undefined && oldest.dueAt <= performance.now() + 1) {
      this.#fail(new Error('the deadline has passed'));
    }
    this.#armDeadline();
  }

  #settled(): void {
    if (this.#queue.length > 0) {
      this.#flushSoon();
      return;
    }
    if (this.#inFlight.length === 0) this.#whenIdle?.();
  }

  #isClosing(): boolean {
    return this.#closing.signal.aborted;
  }

  #isDone(): boolean {
    return this.#isClosing() && this.#queue.length === 0;
  }
}
