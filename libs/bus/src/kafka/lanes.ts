import { setTimeout as pause } from 'node:timers/promises';
import type { Delivery, LogRecord } from '../event-log.js';
import type { PartitionProgress } from './partition-progress.js';

interface Item {
  readonly record: LogRecord;
  readonly progress: PartitionProgress;
}

interface Lane {
  readonly items: Item[];
  readonly work: Promise<void>;
}

/** Wait before records whose handler rejected are handed over again. */
const retryPauseMs = 100;

/**
 * Hands records to the handler: one lane for each key, or for each partition in batch mode. Lanes run
 * side by side; within a lane everything waits for what is before it, also while that is tried again.
 */
export class Lanes {
  readonly #lanes = new Map<string, Lane>();
  readonly #stopping = new AbortController();

  constructor(private readonly delivery: Delivery) {}

  push(record: LogRecord, progress: PartitionProgress): void {
    const name = this.#nameOf(record);
    const lane = this.#lanes.get(name);
    if (lane !== undefined) {
      lane.items.push({ record, progress });
      return;
    }
    const items = [{ record, progress }];
    this.#lanes.set(name, { items, work: this.#drain(name, items) });
  }

  /** Lets the handlers in hand finish; what no handler has yet is given up. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([...this.#lanes.values()].map((lane) => lane.work));
  }

  /** Never rejects. */
  async #drain(name: string, items: Item[]): Promise<void> {
    // All records of one fetch are in their lanes before the first is handed over.
    await Promise.resolve();
    for (;;) {
      const run = this.#nextRun(items);
      if (run.length === 0) break;
      if (await this.#hasHandled(run)) {
        items.splice(0, run.length);
        for (const { record, progress } of run) progress.finish(record.offset);
      } else {
        await pause(retryPauseMs, undefined, { signal: this.#stopping.signal }).catch(
          () => undefined,
        );
      }
    }
    this.#lanes.delete(name);
  }

  #nextRun(items: Item[]): Item[] {
    while (items[0]?.progress.isRevoked === true) items.shift();
    const first = items[0];
    if (first === undefined || this.#stopping.signal.aborted) return [];
    if (this.delivery.mode === 'each') return [first];
    const run = items.slice(0, this.delivery.maxRecords);
    return run.filter((each) => each.progress === first.progress);
  }

  async #hasHandled(run: readonly Item[]): Promise<boolean> {
    try {
      if (this.delivery.mode === 'batch')
        await this.delivery.handle(run.map((each) => each.record));
      else for (const { record } of run) await this.delivery.handle(record);
      return true;
    } catch {
      return false;
    }
  }

  #nameOf({ topic, partition, key }: LogRecord): string {
    const place = `${topic}/${partition}`;
    return this.delivery.mode === 'batch' ? place : `${place}/${key}`;
  }
}
