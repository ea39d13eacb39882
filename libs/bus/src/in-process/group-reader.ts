import type { Delivery, Subscription, SubscriptionOptions } from '../event-log.js';
import { PartitionReader } from './partition-reader.js';
import { placeName } from './place-name.js';
import type { RecentRecords } from './recent-records.js';
import type { RecordStore } from './record-store.js';

interface Member {
  readonly delivery: Delivery;
}

/** Reads topics for one group: its members share the partitions, and progress is kept for the group. */
export class GroupReader {
  readonly #partitions = new Map<string, PartitionReader>();
  #members: Member[] = [];
  #gathering: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: SubscriptionOptions,
    partitionsPerTopic: number,
    store: RecordStore,
    recent: RecentRecords,
  ) {
    for (const topic of options.topics) {
      for (let partition = 0; partition < partitionsPerTopic; partition += 1) {
        const start =
          options.startAt === 'end'
            ? store.end(topic, partition)
            : store.progress(options.group, topic, partition);
        const name = placeName(topic, partition);
        const reader = new PartitionReader({ topic, partition, start }, recent, {
          deliveryNow: () => this.#members[partition % this.#members.length]?.delivery,
          goOn: () => this.wake([name]),
        });
        this.#partitions.set(name, reader);
      }
    }
  }

  /** Adds a member; `whenEmpty` is called when the last one has left. */
  join(delivery: Delivery, whenEmpty: () => void): Subscription {
    const member: Member = { delivery };
    this.#members = [...this.#members, member];
    this.#wakeAll();
    return {
      isLive: () => this.#members.includes(member),
      close: async () => {
        if (!this.#members.includes(member)) return;
        this.#members = this.#members.filter((each) => each !== member);
        await this.#settle(delivery);
        if (this.#members.length === 0) whenEmpty();
        else this.#wakeAll();
      },
    };
  }

  /** New records may be in these partitions, by {@link placeName}. */
  wake(places: Iterable<string>): void {
    const { gatherMs = 0 } = this.options;
    if (gatherMs > 0) this.#gathering ??= setTimeout(() => this.#wakeAll(), gatherMs);
    else for (const place of places) this.#partitions.get(place)?.wake();
  }

  async close(): Promise<void> {
    const deliveries = this.#members.map((member) => member.delivery);
    this.#members = [];
    clearTimeout(this.#gathering);
    for (const delivery of deliveries) await this.#settle(delivery);
  }

  /** Positions that moved since the last call; none for a group that remembers nothing. */
  takeProgress(): { reader: string; topic: string; partition: number; next: bigint }[] {
    if (this.options.startAt === 'end') return [];
    return [...this.#partitions.values()].flatMap((each) => {
      const next = each.takeMoved();
      const { topic, partition } = each.place;
      return next === undefined ? [] : [{ reader: this.options.group, topic, partition, next }];
    });
  }

  #wakeAll(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    for (const partition of this.#partitions.values()) partition.wake();
  }

  async #settle(delivery: Delivery): Promise<void> {
    const partitions = [...this.#partitions.values()];
    await Promise.all(partitions.map((each) => each.settle(delivery)));
  }
}
