import { Kafka, logLevel } from 'kafkajs';

/** Topics of the bare floor, beside the product's own. */
export const floorTopics = {
  calls: 'bench.calls',
  verdicts: 'bench.verdicts',
  answers: 'bench.answers',
  results: 'bench.results',
} as const;

/** Creates them as the product's topics are: this many partitions each. */
export async function createFloorTopics(
  brokers: readonly string[],
  numPartitions: number,
): Promise<void> {
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.ERROR }).admin();
  await admin.connect();
  const topics = Object.values(floorTopics).map((topic) => ({ topic, numPartitions }));
  await admin.createTopics({ topics, waitForLeaders: true });
  await admin.disconnect();
}
