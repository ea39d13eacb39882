import type { LogRecord } from '../event-log.js';
import { placeName } from './place-name.js';
import type { RecordStore } from './record-store.js';

const keptPerPartition = 256;

/** The newest records of each partition in memory, so that a reader that keeps up never asks the file. */
export class RecentRecords {
  readonly #byPartition = new Map<string, LogRecord[]>();

  constructor(private readonly store: RecordStore) {}

  add(records: readonly LogRecord[]): void {
    for (const record of records) {
      const name = placeName(record.topic, record.partition);
      const kept = this.#byPartition.get(name) ?? [];
      kept.push(record);
      if (kept.length > 2 * keptPerPartition) kept.splice(0, kept.length - keptPerPartition);
      this.#byPartition.set(name, kept);
    }
  }

  /** Records from `from` on, in order, from memory where they all are there, else from the file. */
  read(topic: string, partition: number, from: bigint, limit: number): readonly LogRecord[] {
    if (from >= this.store.end(topic, partition)) return [];
    const kept = this.#byPartition.get(placeName(topic, partition));
    const oldest = kept?.[0]?.offset;
    if (kept === undefined || oldest === undefined || from < oldest) {
      return this.store.read(topic, partition, from, limit);
    }
    const skip = Number(from - oldest);
    if (kept[skip]?.offset !== from) return this.store.read(topic, partition, from, limit);
    return kept.slice(skip, skip + limit);
  }
}
