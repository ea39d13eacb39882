import { z } from 'zod';
import { createTopics } from '#bus';
import { commonEnvironment, readEnvironment } from '#runtime';

const environment = readEnvironment(
  z.object({
    KAFKA_BROKERS: commonEnvironment.KAFKA_BROKERS,
    /** Copies of each record; not more than there are brokers. */
    COUNTERSIGN_REPLICATION_FACTOR: z.coerce.number().int().min(1).default(1),
  }),
  process.env,
);

await createTopics(
  { brokers: environment.KAFKA_BROKERS, clientId: 'countersign-topics' },
  { replicationFactor: environment.COUNTERSIGN_REPLICATION_FACTOR },
);
process.stdout.write('ready: all topics exist\n');
