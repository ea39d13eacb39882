import type { Admin, Kafka } from 'kafkajs';
import type { Position } from '../event-log.js';
import { deliberateClient, failFastClient } from './kafka-client.js';
import type { KafkaLogOptions } from './kafka-options.js';

/** Works with an administrator that is connected for this one piece of work. */
export async function withAdmin<T>(client: Kafka, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = client.admin();
  try {
    await admin.connect();
    return await work(admin);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

/** Where the next record of each partition of these topics will be. */
export async function endsOf(
  options: KafkaLogOptions,
  topics: readonly string[],
): Promise<readonly Position[]> {
  return withAdmin(deliberateClient(options), async (admin) => {
    const ends = topics.map(async (topic) => {
      const partitions = await admin.fetchTopicOffsets(topic);
      return partitions.map(({ partition, high }) => ({ topic, partition, next: BigInt(high) }));
    });
    return (await Promise.all(ends)).flat();
  });
}

/** Where the next record of each partition will be, of those in which there is any record. */
export async function readableEndsOf(
  options: KafkaLogOptions,
  topic: string,
): Promise<readonly Position[]> {
  return withAdmin(failFastClient(options), async (admin) => {
    const partitions = await admin.fetchTopicOffsets(topic);
    return partitions
      .filter(({ high, low }) => BigInt(high) > BigInt(low))
      .map(({ partition, high }) => ({ topic, partition, next: BigInt(high) }));
  });
}

/** The positions that a group has committed; a partition of which it has finished nothing is left out. */
export async function committedOf(
  options: KafkaLogOptions,
  group: string,
  topic: string,
): Promise<readonly Position[]> {
  return withAdmin(failFastClient(options), async (admin) => {
    const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
    return (found?.partitions ?? [])
      .map(({ offset, partition }) => ({ topic, partition, next: BigInt(offset) }))
      .filter(({ next }) => next >= 0n);
  });
}

/** True when some broker answers a new client now. */
export async function isAnswering(options: KafkaLogOptions): Promise<boolean> {
  const quiet = { ...options, logger: () => undefined };
  return withAdmin(failFastClient(quiet), async () => true).catch(() => false);
}
