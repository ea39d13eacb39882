import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { createTopics } from '#bus';
import { commonEnvironment, readEnvironment } from '#runtime';

/** How long brokers may take to come up. */
const patienceMs = 120_000;
const pauseMs = 1000;

const environment = readEnvironment(
  z.object({
    KAFKA_BROKERS: commonEnvironment.KAFKA_BROKERS,
    /** Copies of each record; not more than there are brokers. */
    COUNTERSIGN_REPLICATION_FACTOR: z.coerce.number().int().min(1).default(1),
  }),
  process.env,
);

await createPatiently(Date.now() + patienceMs);
process.stdout.write('ready: all topics exist\n');

async function createPatiently(untilMs: number): Promise<void> {
  try {
    await createTopics(
      { brokers: environment.KAFKA_BROKERS, clientId: 'countersign-topics' },
      { replicationFactor: environment.COUNTERSIGN_REPLICATION_FACTOR },
    );
  } catch (error) {
    if (Date.now() > untilMs) throw error;
    await pause(pauseMs);
    await createPatiently(untilMs);
  }
}
