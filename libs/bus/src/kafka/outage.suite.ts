import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { vi } from 'vitest';
import { PublishError, type EventLog, type LogRecord } from '../event-log.js';
import { createAndWait } from './create-topics.js';
import { endsOf, withAdmin } from './kafka-admin.js';
import { deliberateClient } from './kafka-client.js';
import { KafkaLog } from './kafka-log.js';
import type { KafkaLogOptions } from './kafka-options.js';
import type { ProducerParts } from './kafka-producer.js';
import type { ConnectSender } from './kafka-sender.js';

export const patience = { timeout: 60_000, interval: 20 };

/** Settings of tests: the client's own log is silent, for outages are what it complains about. */
export function quiet(brokers: readonly string[]): KafkaLogOptions {
  return { brokers, maxWaitMs: 100, logger: () => undefined };
}

export async function newTopic(
  brokers: readonly string[],
  replicationFactor: number,
): Promise<string> {
  const topic = `outage.${randomUUID()}`;
  await withAdmin(deliberateClient(quiet(brokers)), async (admin) => {
    await createAndWait(admin, [{ topic, numPartitions: 6, replicationFactor }]);
  });
  return topic;
}

export async function openLog(
  options: KafkaLogOptions,
  parts?: Partial<ProducerParts>,
): Promise<KafkaLog> {
  const log = new KafkaLog(options, parts);
  await vi.waitFor(() => log.connect(), patience);
  return log;
}

/** A defect: the producer object lives on after a publish of unknown outcome. */
export function reusing(connect: ConnectSender): ConnectSender {
  let only: ReturnType<ConnectSender> | undefined;
  return async () => {
    only ??= connect();
    const sender = await only;
    return { ...sender, close: async () => undefined };
  };
}

/** Appends numbered records of one size until it is stopped. */
export class Load {
  readonly acknowledged = new Set<number>();
  readonly refusals: { readonly code: string; readonly tookMs: number }[] = [];
  readonly #stopping = new AbortController();
  readonly #writers: Promise<void>[];
  #next = 0;

  constructor(
    private readonly log: EventLog,
    private readonly topic: string,
    writers: number,
  ) {
    this.#writers = Array.from({ length: writers }, () => this.#write());
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#writers);
  }

  /** Resolves when so many more appends were acknowledged. */
  async acknowledges(more: number): Promise<void> {
    const enough = this.acknowledged.size + more;
    await vi.waitUntil(() => this.acknowledged.size >= enough, patience);
  }

  async #write(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#append(this.#next++);
      await pause(10);
    }
  }

  async #append(n: number): Promise<void> {
    const begunAt = performance.now();
    try {
      await this.log.append(numbered(this.topic, n));
      this.acknowledged.add(n);
    } catch (error) {
      const code = error instanceof PublishError ? error.code : String(error);
      this.refusals.push({ code, tookMs: performance.now() - begunAt });
    }
  }
}

export function numbered(topic: string, n: number) {
  const value = Buffer.from(String(n).padStart(200, '0'));
  return { topic, key: `key-${n % 40}`, value, headers: { n: 'x' } };
}

export function numberOf(record: LogRecord): number {
  return Number(record.value.toString());
}

/** All numbers in a topic, read from its beginning to its present end. */
export async function storedIn(options: KafkaLogOptions, topic: string): Promise<Set<number>> {
  const log = new KafkaLog(options);
  const stored = new Set<number>();
  const nextOf = new Map<number, bigint>();
  const ends = await vi.waitFor(() => endsOf(options, [topic]), patience);
  await log.subscribe(
    { group: randomUUID(), topics: [topic], startAt: 'committed' },
    {
      mode: 'batch',
      maxRecords: 1000,
      handle: async (records) => {
        for (const record of records) {
          stored.add(numberOf(record));
          nextOf.set(record.partition, record.offset + 1n);
        }
      },
    },
  );
  const isAtEnd = () => ends.every((end) => (nextOf.get(end.partition) ?? 0n) >= end.next);
  await vi.waitUntil(isAtEnd, patience);
  await log.close();
  return stored;
}

/** What was acknowledged and is not there: must be nothing. */
export function lost(load: Load, stored: ReadonlySet<number>): number[] {
  return [...load.acknowledged].filter((n) => !stored.has(n));
}
