import { Partitioners, type Message, type RecordMetadata } from 'kafkajs';
import type { OutgoingRecord } from '../event-log.js';
import { withAdmin } from './kafka-admin.js';
import { failFastClient } from './kafka-client.js';
import type { KafkaLogOptions } from './kafka-options.js';
import type { Place } from './receipts.js';

/** What became of a batch that was sent. */
export interface Sent {
  /** The partitions that the brokers acknowledged, which may be fewer than were given. */
  readonly receipts: readonly Place[];
  /** Records of topics that do not exist; they were not sent. */
  readonly homeless: readonly OutgoingRecord[];
}

/** One connected producer object: used until the first send of unknown outcome, then replaced. */
export interface Sender {
  /** Rejects when the outcome is unknown. */
  send(records: readonly OutgoingRecord[]): Promise<Sent>;
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
export async function connectSender(options: KafkaLogOptions, known: KnownTopics): Promise<Sender> {
  const places = new WeakMap<Message, Place>();
  const messages = new WeakMap<OutgoingRecord, Message>();
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
      const homeless = await known.missing(batch);
      const records =
        homeless.length === 0 ? batch : batch.filter((each) => !homeless.includes(each));
      if (records.length === 0) return { receipts: [], homeless };
      const topicMessages = byTopic(records, messages);
      try {
        const answers = await producer.sendBatch({
          acks: -1,
          timeout: replicationTimeoutMs,
          topicMessages,
        });
        return { receipts: answers.map(receiptOf), homeless };
      } catch (error) {
        known.forget();
        throw error;
      }
    },
    placeOf: (record) => {
      const message = messages.get(record);
      return message && places.get(message);
    },
    close: async () => producer.disconnect(),
  };
}

/**
 * The topics that exist. One batch holds records of many topics, and one topic that does not exist would
 * fail them all: a forgotten dead-letter topic must not stop the others.
 */
export class KnownTopics {
  readonly #names = new Set<string>();

  constructor(private readonly options: KafkaLogOptions) {}

  /** The records whose topic does not exist. */
  async missing(records: readonly OutgoingRecord[]): Promise<readonly OutgoingRecord[]> {
    if (records.every(({ topic }) => this.#names.has(topic))) return [];
    const names = await withAdmin(failFastClient(this.options), async (admin) =>
      admin.listTopics(),
    );
    for (const name of names) this.#names.add(name);
    return records.filter(({ topic }) => !this.#names.has(topic));
  }

  /** Asks anew next time. */
  forget(): void {
    this.#names.clear();
  }
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
  records: readonly OutgoingRecord[],
  made: WeakMap<OutgoingRecord, Message>,
): { topic: string; messages: Message[] }[] {
  const topics = new Map<string, Message[]>();
  for (const record of records) {
    const message: Message = { key: record.key, value: record.value, headers: record.headers };
    made.set(record, message);
    const messages = topics.get(record.topic);
    if (messages === undefined) topics.set(record.topic, [message]);
    else messages.push(message);
  }
  return [...topics].map(([topic, messages]) => ({ topic, messages }));
}

function receiptOf({ topicName, partition }: RecordMetadata): Place {
  return { topic: topicName, partition };
}
