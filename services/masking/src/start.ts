import { z } from 'zod';
import { Bus, KafkaLog } from '#bus';
import {
  commonEnvironment,
  portVariable,
  readEnvironment,
  type RunningService,
  sealKeyVariable,
  startService,
  withLog,
} from '#runtime';
import { MaskingModule } from './masking.module.js';

const environmentSchema = z.object({
  ...commonEnvironment,
  COUNTERSIGN_PORT: portVariable(8083),
  COUNTERSIGN_ANSWERS_KEY: sealKeyVariable,
});

/** Starts masking on Kafka. @throws ConfigError */
export async function startMasking(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<RunningService> {
  const env = readEnvironment(environmentSchema, environment);
  const log = new KafkaLog({ brokers: env.KAFKA_BROKERS, clientId: 'countersign-masking' });
  const bus = new Bus(log, { group: 'masking', startAt: 'committed' });
  const service = await startService({
    name: 'masking',
    host: env.COUNTERSIGN_HOST,
    port: env.COUNTERSIGN_PORT,
    logLevel: env.COUNTERSIGN_LOG_LEVEL,
    modules: [MaskingModule.register({ bus, answersKey: env.COUNTERSIGN_ANSWERS_KEY })],
    buses: [bus],
  });
  return withLog(service, log);
}
