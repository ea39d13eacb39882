import { z } from 'zod';
import { Bus, KafkaLog } from '#bus';
import {
  commonEnvironment,
  pemVariable,
  portVariable,
  readConfigFile,
  readEnvironment,
  type RunningService,
  sealKeyVariable,
  startService,
  withLog,
  WatchedServers,
} from '#runtime';
import { LiveDefinitions } from './live-definitions.js';
import { definitionsReading, grantsReading, PolicyModule } from './policy.module.js';

const environmentSchema = z.object({
  ...commonEnvironment,
  COUNTERSIGN_PORT: portVariable(8081),
  COUNTERSIGN_POLICY_KEY: pemVariable,
  COUNTERSIGN_ARGUMENTS_KEY: sealKeyVariable,
});

/** Starts policy on Kafka. @throws ConfigError, BundleError */
export async function startPolicy(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<RunningService> {
  const env = readEnvironment(environmentSchema, environment);
  const config = readConfigFile(env.COUNTERSIGN_CONFIG);
  const log = new KafkaLog({ brokers: env.KAFKA_BROKERS, clientId: 'countersign-policy' });
  const bus = new Bus(log, { group: 'policy', startAt: 'committed' });
  const grantsBus = new Bus(log, grantsReading());
  const definitionsBus = new Bus(log, definitionsReading());
  const service = await startService({
    name: 'policy',
    host: env.COUNTERSIGN_HOST,
    port: env.COUNTERSIGN_PORT,
    logLevel: env.COUNTERSIGN_LOG_LEVEL,
    modules: [
      await PolicyModule.register({
        bus,
        folder: config.policies,
        grantsBus,
        definitionsBus,
        servers: new WatchedServers(config),
        groups: config.groups,
        signingKey: env.COUNTERSIGN_POLICY_KEY,
        argumentsKey: env.COUNTERSIGN_ARGUMENTS_KEY,
      }),
    ],
    buses: [bus, grantsBus, definitionsBus],
    checks: (app) => [app.get(LiveDefinitions)],
  });
  return withLog(service, log);
}
