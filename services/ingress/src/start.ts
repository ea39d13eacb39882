import { randomUUID } from 'node:crypto';
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
  tokenVerifier,
  withLog,
} from '#runtime';
import { IngressModule } from './ingress.module.js';

const environmentSchema = z.object({
  ...commonEnvironment,
  COUNTERSIGN_PORT: portVariable(8080),
  COUNTERSIGN_ARGUMENTS_KEY: sealKeyVariable,
  COUNTERSIGN_ANSWERS_KEY: sealKeyVariable,
  COUNTERSIGN_SESSION_KEY: sealKeyVariable,
  COUNTERSIGN_POLICY_PUBLIC_KEY: pemVariable,
  COUNTERSIGN_APPROVAL_PUBLIC_KEY: pemVariable,
});

/** Starts one ingress replica on Kafka, reading in a group of its own. @throws ConfigError */
export async function startIngress(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<RunningService> {
  const env = readEnvironment(environmentSchema, environment);
  const config = readConfigFile(env.COUNTERSIGN_CONFIG);
  const instance = randomUUID();
  const log = new KafkaLog({ brokers: env.KAFKA_BROKERS, clientId: 'countersign-ingress' });
  const group = `ingress-${instance}`;
  const bus = new Bus(log, { group, startAt: 'end', addressee: instance });
  const service = await startService({
    name: 'ingress',
    host: env.COUNTERSIGN_HOST,
    port: env.COUNTERSIGN_PORT,
    logLevel: env.COUNTERSIGN_LOG_LEVEL,
    modules: [
      IngressModule.register({
        config,
        bus,
        verifier: tokenVerifier(config.entra),
        instance,
        environment,
        keys: {
          arguments: env.COUNTERSIGN_ARGUMENTS_KEY,
          answers: env.COUNTERSIGN_ANSWERS_KEY,
          session: env.COUNTERSIGN_SESSION_KEY,
          policyPublicKey: env.COUNTERSIGN_POLICY_PUBLIC_KEY,
          approvalPublicKey: env.COUNTERSIGN_APPROVAL_PUBLIC_KEY,
        },
      }),
    ],
    buses: [bus],
  });
  return withLog(service, log);
}
