import type { Position, SubscriptionOptions } from '../event-log.js';
import type { Consumer, ConsumerConfig, EachBatchPayload } from 'kafkajs';
import { consumerRetry, patientClient } from './kafka-client.js';
import type { KafkaLogOptions } from './kafka-options.js';

/** What a member tells its owner. */
export interface MemberListener {
  /** These partitions, and no others, are ours from now on. Called before anything of them is fetched. */
  assigned(partitions: Readonly<Record<string, readonly number[]>>): void;
  /** Must settle soon: the next fetch from that broker waits for it. */
  fetched(payload: EachBatchPayload): Promise<void>;
  /** The group is about to share its partitions anew: the last moment to save. */
  rebalancing(): void;
  /** This member has stopped for good. */
  crashed(error: Error): void;
}

const concurrentPartitions = 64;
const heartbeatMs = 1000;
/** What has gathered to this size is handed over before its time. */
const gatheredBytes = 1_048_576;

/**
 * One kafkajs consumer in a group, from joining to leaving; after a crash or a stall its owner makes a
 * new one. It tells what it fetched and where it is, and decides nothing.
 */
export class GroupMember {
  readonly #consumer: Consumer;
  private readonly group: string;
  /** When a fetch was begun at a broker and not answered. */
  readonly #unanswered = new Map<number, number>();
  #heardAt = performance.now();
  #isReading = false;
  #hasLeft = false;
  #commitNow: EachBatchPayload['commitOffsetsIfNecessary'] | undefined;

  constructor(
    options: KafkaLogOptions,
    reading: Pick<SubscriptionOptions, 'group' | 'gatherMs'>,
    private readonly listener: MemberListener,
  ) {
    const { group, gatherMs = 0 } = reading;
    this.group = group;
    const sessionTimeout = options.sessionMs ?? 10_000;
    const config: ConsumerConfig = {
      groupId: group,
      sessionTimeout,
      rebalanceTimeout: sessionTimeout,
      heartbeatInterval: Math.min(heartbeatMs, sessionTimeout / 4),
      maxWaitTimeInMs: gatherMs || (options.maxWaitMs ?? 250),
      minBytes: gatherMs > 0 ? gatheredBytes : 1,
      allowAutoTopicCreation: false,
      retry: consumerRetry,
    };
    this.#consumer = patientClient(options).consumer(config);
    this.#listen();
  }

  /** Joins the group and begins to read. Resolves with the first fetch; rejects when that cannot be. */
  async join(topics: readonly string[]): Promise<void> {
    await this.#consumer.connect();
    if (this.#hasLeft) throw new Error('left before it had connected');
    // Also for a reader that begins at the end: it seeks, and must lose nothing where its place is gone.
    await this.#consumer.subscribe({ topics: [...topics], fromBeginning: true });
    const { FETCH_START, CRASH } = this.#consumer.events;
    const reading = new Promise<void>((resolve, reject) => {
      this.#consumer.on(FETCH_START, () => resolve());
      this.#consumer.on(CRASH, ({ payload }) => reject(payload.error));
    });
    reading.catch(() => undefined);
    if (this.#hasLeft) throw new Error('left before it had joined');
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: concurrentPartitions,
      eachBatch: async (payload) => this.#hand(payload),
    });
    await reading;
  }

  /** How long no fetch has come back, in milliseconds; infinite before the first. */
  silentForMs(): number {
    if (!this.#isReading) return Number.POSITIVE_INFINITY;
    return performance.now() - Math.min(this.#heardAt, ...this.#unanswered.values());
  }

  /** Reads a partition from here. Only inside `assigned`. */
  seek({ topic, partition, next }: Position): void {
    this.#consumer.seek({ topic, partition, offset: next.toString() });
  }

  /** Makes the group remember positions. */
  async commit(positions: readonly Position[]): Promise<void> {
    const places = positions.map((each) => ({ ...each, offset: each.next.toString() }));
    if (this.#commitNow === undefined) {
      await this.#consumer.commitOffsets(places);
      return;
    }
    // One attempt, under the present generation: a retry after a rebalance would speak for others.
    const topics = [...Map.groupBy(places, ({ topic }) => topic)].map(([topic, partitions]) => ({
      topic,
      partitions: partitions.map(({ partition, offset }) => ({ partition, offset })),
    }));
    await this.#commitNow({ topics });
  }

  async leave(): Promise<void> {
    this.#hasLeft = true;
    this.#isReading = false;
    await this.#consumer.disconnect();
  }

  #listen(): void {
    const { GROUP_JOIN, REBALANCING, CRASH, FETCH_START, FETCH } = this.#consumer.events;
    this.#consumer.on(GROUP_JOIN, ({ payload }) => {
      // kafkajs forgets to stop a consumer that is still joining; it would hold partitions and not read.
      // An error thrown here ends it.
      if (this.#hasLeft) throw new Error('left before it had joined');
      this.#unanswered.clear();
      this.#heardAt = performance.now();
      this.listener.assigned(payload.memberAssignment);
    });
    this.#consumer.on(REBALANCING, () => this.listener.rebalancing());
    this.#consumer.on(FETCH_START, ({ payload }) => {
      this.#isReading = true;
      this.#unanswered.set(nodeOf(payload), performance.now());
    });
    this.#consumer.on(FETCH, ({ payload }) => {
      this.#unanswered.delete(nodeOf(payload));
      this.#heardAt = performance.now();
    });
    this.#consumer.on(CRASH, ({ payload }) => {
      this.#isReading = false;
      this.listener.crashed(payload.error);
    });
  }

  /** An error that leaves here could stop kafkajs for good, depending on its name. None does. */
  async #hand(payload: EachBatchPayload): Promise<void> {
    this.#commitNow = async (offsets) => payload.commitOffsetsIfNecessary(offsets);
    if (!payload.isRunning() || payload.isStale()) return;
    try {
      await this.listener.fetched(payload);
    } catch (error) {
      // Not resolved, so it is fetched again.
      this.#consumer.logger().error(`group ${this.group}: ${String(error)}`);
    }
  }
}

function nodeOf(payload: object): number {
  return Number(Reflect.get(payload, 'nodeId'));
}
