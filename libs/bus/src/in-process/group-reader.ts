import type { Delivery, Subscription, SubscriptionOptions } from '../event-log.js';
import { PartitionReader } from './partition-reader.js';
import type { RecentRecords } from './recent-records.js';
import type { RecordStore } from './record-store.js';

interface Member {
  readonly delivery: Delivery;
}

/** Reads topics for one group: its members share the partitions, and progress is kept for the group. */
export class GroupReader {
  readonly #partitions: PartitionReader[];
  #members: Member[] = [];

  constructor(
    private readonly options: SubscriptionOptions,
    partitionsPerTopic: number,
    store: RecordStore,
    recent: RecentRecords,
  ) {
    this.#partitions = options.topics.flatMap((topic) =>
      Array.from({ length: partitionsPerTopic }, (_, partition) => {
        const start =
          options.startAt === 'end'
            ? store.end(topic, partition)
            : store.progress(options.group, topic, partition);
        const deliveryNow = () => this.#members[partition % this.#members.length]?.delivery;
        return new PartitionReader({ topic, partition, start }, recent, deliveryNow);
      }),
    );
  }

  /** Adds a member; `whenEmpty` is called when the last one has left. */
  join(delivery: Delivery, whenEmpty: () => void): Subscription {
    const member: Member = { delivery };
    this.#members = [...this.#members, member];
    this.wake();
    return {
      isLive: () => this.#members.includes(member),
      close: async () => {
        if (!this.#members.includes(member)) return;
        this.#members = this.#members.filter((each) => each !== member);
        await Promise.all(this.#partitions.map((each) => each.settle(delivery)));
        if (this.#members.length === 0) whenEmpty();
        else this.wake();
      },
    };
  }

  /** New records may be there. */
  wake(): void {
    for (const partition of this.#partitions) partition.wake();
  }

  async close(): Promise<void> {
    const deliveries = this.#members.map((member) => member.delivery);
    this.#members = [];
    for (const delivery of deliveries) {
      await Promise.all(this.#partitions.map((each) => each.settle(delivery)));
    }
  }

  /** Positions that moved since the last call; none for a group that remembers nothing. */
  takeProgress(): { reader: string; topic: string; partition: number; next: bigint }[] {
    if (this.options.startAt === 'end') return [];
    return this.#partitions.flatMap((each) => {
      const next = each.takeMoved();
      const { topic, partition } = each.place;
      return next === undefined ? [] : [{ reader: this.options.group, topic, partition, next }];
    });
  }
}
