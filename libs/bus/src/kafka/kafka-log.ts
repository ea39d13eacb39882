import { maxRecordBytes } from '#contracts';
import {
  PublishError,
  type Delivery,
  type EventLog,
  type OutgoingRecord,
  type Position,
  type Subscription,
  type SubscriptionOptions,
} from '../event-log.js';
import { committedOf, readableEndsOf } from './kafka-admin.js';
import { KafkaConsumer } from './kafka-consumer.js';
import type { KafkaLogOptions } from './kafka-options.js';
import { KafkaProducer, type ProducerParts } from './kafka-producer.js';
import { connectSender, KnownTopics } from './kafka-sender.js';
import { withoutReceipt } from './receipts.js';

/**
 * The event log on Kafka. Its producer and its consumers hold everything that kafkajs needs to keep the
 * promises of {@link EventLog}; nothing else in the product knows the client.
 */
export class KafkaLog implements EventLog {
  readonly #producer: KafkaProducer;
  readonly #consumers = new Set<KafkaConsumer>();
  #isClosed = false;

  constructor(
    private readonly options: KafkaLogOptions,
    parts: Partial<ProducerParts> = {},
  ) {
    const known = new KnownTopics(options);
    this.#producer = new KafkaProducer(
      {
        deadlineMs: options.publishDeadlineMs ?? 3000,
        maxQueuedRecords: options.maxQueuedRecords ?? 10_000,
        maxRecordBytes: options.maxRecordBytes ?? maxRecordBytes,
      },
      { connect: async () => connectSender(options, known), withoutReceipt, ...parts },
    );
  }

  async connect(): Promise<void> {
    await this.#producer.connect();
  }

  async append(record: OutgoingRecord): Promise<void> {
    await this.#producer.append(record);
  }

  canAppend(): boolean {
    return this.#producer.canAppend();
  }

  async subscribe(reading: SubscriptionOptions, delivery: Delivery): Promise<Subscription> {
    if (this.#isClosed) throw new PublishError('LOG_CLOSED', 'the log is closed');
    const consumer = new KafkaConsumer(this.options, reading, delivery);
    this.#consumers.add(consumer);
    const close = async () => {
      await consumer.close();
      this.#consumers.delete(consumer);
    };
    try {
      await consumer.start();
    } catch (error) {
      await close();
      throw error;
    }
    return { isLive: () => consumer.isLive(), close };
  }

  async ends(topic: string): Promise<readonly Position[]> {
    return readableEndsOf(this.options, topic);
  }

  async finished(group: string, topic: string): Promise<readonly Position[]> {
    return committedOf(this.options, group, topic);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    // Consumers first: their handlers may still publish.
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    await this.#producer.close();
  }
}
