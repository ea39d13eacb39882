import { setTimeout as pause } from 'node:timers/promises';
import type { Delivery, LogRecord } from '../event-log.js';
import type { RecentRecords } from './recent-records.js';

/** Records of one partition that may be in handlers at once. */
const maxInHand = 256;
/** Wait before a record whose handler rejected is handed over again. */
const retryPauseMs = 100;

/** What a partition needs of the group that reads it. */
export interface PartitionGroup {
  /** Who gets its records now, if anybody. */
  deliveryNow(): Delivery | undefined;
  /** Wakes it when the group may go on with it. */
  goOn(): void;
}

/** Hands over one partition of one group, and knows up to where everything is finished. */
export class PartitionReader {
  /** Position of the next record to hand over. */
  #next: bigint;
  /** Everything before this position is finished. */
  #finished: bigint;
  #saved: bigint;
  /** What was handed over and not passed by {@link #finished} yet, in order, and whether it is done. */
  readonly #handed = new Map<bigint, boolean>();
  /** The last piece of work of each key; the next record of that key follows it. */
  readonly #tails = new Map<string, Promise<void>>();
  readonly #work = new Map<Promise<void>, Delivery>();
  #inHand = 0;
  #batchIsRunning = false;
  #wasGivenBack = false;

  constructor(
    readonly place: { readonly topic: string; readonly partition: number; readonly start: bigint },
    private readonly recent: RecentRecords,
    private readonly group: PartitionGroup,
  ) {
    this.#next = this.#finished = this.#saved = place.start;
  }

  /** Looks for records and hands over what may be handed over now. */
  wake(): void {
    const delivery = this.group.deliveryNow();
    if (delivery === undefined || this.#wasGivenBack) return;
    if (delivery.mode === 'batch') this.#handOverBatch(delivery);
    else this.#handOverEach(delivery);
  }

  /** Resolves when everything that was handed to this delivery is finished or was given back. */
  async settle(delivery: Delivery): Promise<void> {
    await Promise.all(
      [...this.#work].filter(([, owner]) => owner === delivery).map(([work]) => work),
    );
  }

  /** The finished position, if it moved since the last call. */
  takeMoved(): bigint | undefined {
    if (this.#finished === this.#saved) return undefined;
    this.#saved = this.#finished;
    return this.#saved;
  }

  #handOverEach(delivery: Extract<Delivery, { mode: 'each' }>): void {
    const records = this.#read(maxInHand - this.#inHand);
    for (const record of records) {
      this.#next = record.offset + 1n;
      this.#handed.set(record.offset, false);
      this.#inHand += 1;
      const before = this.#tails.get(record.key);
      const handle = async () => delivery.handle(record);
      const work = this.#until(handle, delivery, before).then((isDone) => {
        if (isDone) this.#finish(record.offset);
        if (this.#tails.get(record.key) === work) this.#tails.delete(record.key);
        this.#putDown(work, isDone);
      });
      this.#tails.set(record.key, work);
      this.#work.set(work, delivery);
    }
  }

  #handOverBatch(delivery: Extract<Delivery, { mode: 'batch' }>): void {
    if (this.#batchIsRunning) return;
    const records = this.#read(delivery.maxRecords);
    const last = records.at(-1);
    if (last === undefined) return;
    this.#batchIsRunning = true;
    this.#inHand += 1;
    const handle = async () => delivery.handle(records);
    const work = this.#until(handle, delivery).then((isDone) => {
      this.#batchIsRunning = false;
      if (isDone) this.#next = this.#finished = last.offset + 1n;
      this.#putDown(work, isDone);
    });
    this.#work.set(work, delivery);
  }

  /** Runs the handler until it settles well: true; or until its member has left: false. */
  async #until(
    handle: () => Promise<void>,
    delivery: Delivery,
    before?: Promise<void>,
  ): Promise<boolean> {
    await before;
    for (;;) {
      if (this.group.deliveryNow() !== delivery) return false;
      try {
        await handle();
        return true;
      } catch {
        await pause(retryPauseMs);
      }
    }
  }

  /** Work has ended. What its member gave back is read again once nothing else is in hand. */
  #putDown(work: Promise<void>, isDone: boolean): void {
    this.#work.delete(work);
    this.#inHand -= 1;
    this.#wasGivenBack ||= !isDone;
    if (this.#wasGivenBack && this.#inHand === 0) {
      this.#wasGivenBack = false;
      this.#next = this.#finished;
      this.#handed.clear();
    }
    this.group.goOn();
  }

  #read(limit: number): readonly LogRecord[] {
    if (limit <= 0) return [];
    return this.recent.read(this.place.topic, this.place.partition, this.#next, limit);
  }

  /** Positions may have gaps, where records have expired. */
  #finish(offset: bigint): void {
    this.#handed.set(offset, true);
    for (const [next, isDone] of this.#handed) {
      if (!isDone) return;
      this.#handed.delete(next);
      this.#finished = next + 1n;
    }
  }
}
