import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe } from 'vitest';
import { canBreakBrokers, startBroker, type Broker } from '../../../../test/broker/broker.js';
import { isWithoutBroker } from '../../../../test/broker/global-setup.js';
import { busSuite } from '../bus.suite.js';
import { eventLogSuite, type LogStorage } from '../event-log.suite.js';
import { createAndWait, createTopics } from './create-topics.js';
import { deliberateClient } from './kafka-client.js';
import { KafkaLog } from './kafka-log.js';

let broker: Broker;

describe.skipIf(isWithoutBroker())('on a real broker', () => {
  beforeAll(async () => {
    broker = await startBroker();
  }, 120_000);
  afterAll(async () => broker.clean());

  eventLogSuite('Kafka', kafkaStorage);
  busSuite('Kafka', kafkaStorage);
});

const logger = () => undefined;

async function kafkaStorage(): Promise<LogStorage> {
  const { brokers, replicationFactor } = broker;
  const admin = deliberateClient({ brokers, logger }).admin();
  await admin.connect();
  await createTopics({ brokers, logger }, { replicationFactor });
  return {
    description: { kind: 'kafka', brokers, sessionMs: canBreakBrokers() ? 2000 : 6000 },
    open: async (limits = {}) => {
      const log = new KafkaLog({ brokers, logger, maxWaitMs: 50, ...limits });
      await log.connect();
      return log;
    },
    topic: async () => {
      const topic = `test.${randomUUID()}`;
      await createAndWait(admin, [{ topic, numPartitions: 6, replicationFactor }]);
      return topic;
    },
    remove: async () => {
      await admin.disconnect();
    },
  };
}
