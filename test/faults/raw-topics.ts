import { createHash, randomUUID } from 'node:crypto';
import { type Admin, type Consumer, Kafka, logLevel } from 'kafkajs';
import { z } from 'zod';
import type { LoggedEvent } from './history.js';

const eventSchema = z.looseObject({
  id: z.string(),
  type: z.string(),
  data: z.record(z.string(), z.unknown()),
});

/** Everything on the broker, read by a plain client from the first record on. */
export class RawTopics {
  readonly #events: LoggedEvent[] = [];
  readonly #next = new Map<string, number>();

  private constructor(
    private readonly admin: Admin,
    private readonly consumer: Consumer,
    private readonly topics: readonly string[],
  ) {}

  static async open(brokers: readonly string[]): Promise<RawTopics> {
    const kafka = new Kafka({
      brokers: [...brokers],
      clientId: 'recorder',
      logLevel: logLevel.NOTHING,
      retry: { retries: 100, maxRetryTime: 1000 },
    });
    const admin = kafka.admin();
    await admin.connect();
    const topics = (await admin.listTopics()).filter((name) => name.startsWith('countersign.'));
    const consumer = kafka.consumer({ groupId: `recorder-${randomUUID()}` });
    const reader = new RawTopics(admin, consumer, topics);
    await reader.#run();
    return reader;
  }

  /** All events so far; dead letters apart. */
  get events(): readonly LoggedEvent[] {
    return this.#events.filter((each) => !each.topic.endsWith('.dead'));
  }

  get deadLetters(): readonly LoggedEvent[] {
    return this.#events.filter((each) => each.topic.endsWith('.dead'));
  }

  /** @throws Error unless everything that is on the broker now was read. */
  async isCaughtUp(): Promise<void> {
    for (const topic of this.topics) {
      for (const { partition, high, low } of await this.admin.fetchTopicOffsets(topic)) {
        const read = this.#next.get(`${topic}/${partition}`) ?? Number(low);
        if (read < Number(high)) throw new Error(`${topic}/${partition} is at ${read} of ${high}`);
      }
    }
  }

  async close(): Promise<void> {
    await this.consumer.disconnect();
    await this.admin.disconnect();
  }

  async #run(): Promise<void> {
    await this.consumer.connect();
    await this.consumer.subscribe({ topics: [...this.topics], fromBeginning: true });
    await this.consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        for (const { offset, timestamp, value } of batch.messages) {
          const bytes = value ?? Buffer.alloc(0);
          const { id, type, data } = eventSchema.parse(JSON.parse(bytes.toString('utf8')));
          this.#events.push({
            topic: batch.topic,
            partition: batch.partition,
            offset: Number(offset),
            timestampMs: Number(timestamp),
            rawHash: createHash('sha256').update(bytes).digest('hex'),
            id,
            type,
            data,
          });
          this.#next.set(`${batch.topic}/${batch.partition}`, Number(offset) + 1);
        }
      },
    });
  }
}
