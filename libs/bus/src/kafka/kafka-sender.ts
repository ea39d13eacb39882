import { Partitioners, type Message, type RecordMetadata } from 'kafkajs';
import type { OutgoingRecord } from '../event-log.js';
import { failFastClient } from './kafka-client.js';
import type { KafkaLogOptions } from './kafka-options.js';
import type { Place } from './receipts.js';

/** One connected producer object: used until the first send of unknown outcome, then replaced. */
export interface Sender {
  /** Resolves with the partitions that the brokers acknowledged, which may be fewer than were given. */
  send(records: readonly OutgoingRecord[]): Promise<readonly Place[]>;
  /** The partition that the last send of this record chose. */
  placeOf(record: OutgoingRecord): Place | undefined;
  close(): Promise<void>;
}

/** Makes a new, connected sender, or rejects when the brokers cannot be reached now. */
export type ConnectSender = () => Promise<Sender>;

/** How long brokers wait for their replicas before they refuse a batch, in milliseconds. */
const replicationTimeoutMs = 1000;

/**
 * Connects an idempotent kafkajs producer: what kafkajs itself sends twice is stored once. Its sequence
 * numbers begin at 0 under a new id, so it must be a new object each time.
 */
export async function connectSender(options: KafkaLogOptions): Promise<Sender> {
  const places = new WeakMap<Message, Place>();
  const records = new WeakMap<OutgoingRecord, Message>();
  const producer = failFastClient(options).producer({
    idempotent: true,
    allowAutoTopicCreation: false,
    createPartitioner: () => notingPartitioner(places),
  });
  try {
    await producer.connect();
  } catch (error) {
    await producer.disconnect().catch(() => undefined);
    throw error;
  }
  return {
    send: async (batch) => {
      const topicMessages = byTopic(batch, records);
      const answers = await producer.sendBatch({
        acks: -1,
        timeout: replicationTimeoutMs,
        topicMessages,
      });
      return answers.map(receiptOf);
    },
    placeOf: (record) => {
      const message = records.get(record);
      return message && places.get(message);
    },
    close: async () => producer.disconnect(),
  };
}

/** The usual choice by key, noted for each record, because a receipt names partitions only. */
function notingPartitioner(
  places: WeakMap<Message, Place>,
): ReturnType<typeof Partitioners.DefaultPartitioner> {
  const choose = Partitioners.DefaultPartitioner();
  return (question) => {
    const partition = choose(question);
    places.set(question.message, { topic: question.topic, partition });
    return partition;
  };
}

function byTopic(
  batch: readonly OutgoingRecord[],
  records: WeakMap<OutgoingRecord, Message>,
): { topic: string; messages: Message[] }[] {
  const topics = new Map<string, Message[]>();
  for (const record of batch) {
    const message: Message = { key: record.key, value: record.value, headers: record.headers };
    records.set(record, message);
    const messages = topics.get(record.topic);
    if (messages === undefined) topics.set(record.topic, [message]);
    else messages.push(message);
  }
  return [...topics].map(([topic, messages]) => ({ topic, messages }));
}

function receiptOf({ topicName, partition }: RecordMetadata): Place {
  return { topic: topicName, partition };
}
