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
import { Signer, Verifier } from '#trust';
import { ApprovalModule, approvalReading, ApprovalReadiness } from './approval.module.js';
import { peopleSettings } from './people.js';

const environmentSchema = z.object({
  ...commonEnvironment,
  COUNTERSIGN_PORT: portVariable(8082),
  COUNTERSIGN_APPROVAL_KEY: pemVariable,
  COUNTERSIGN_POLICY_PUBLIC_KEY: pemVariable,
  COUNTERSIGN_PAGE_KEY: sealKeyVariable.optional(),
  DATABASE_URL: z.string().min(1),
});

/** Starts approval on Kafka and Postgres. @throws ConfigError */
export async function startApproval(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<RunningService> {
  const env = readEnvironment(environmentSchema, environment);
  const config = readConfigFile(env.COUNTERSIGN_CONFIG);
  const log = new KafkaLog({ brokers: env.KAFKA_BROKERS, clientId: 'countersign-approval' });
  const bus = new Bus(log, approvalReading);
  const service = await startService({
    name: 'approval',
    host: env.COUNTERSIGN_HOST,
    port: env.COUNTERSIGN_PORT,
    logLevel: env.COUNTERSIGN_LOG_LEVEL,
    modules: [
      ApprovalModule.register({
        databaseUrl: env.DATABASE_URL,
        bus,
        verifier: tokenVerifier(config.entra, 'approvals'),
        people: peopleSettings(config, environment, env.COUNTERSIGN_PAGE_KEY),
        signer: new Signer(env.COUNTERSIGN_APPROVAL_KEY),
        policyKey: new Verifier(env.COUNTERSIGN_POLICY_PUBLIC_KEY),
        leaseSeconds: config.approval.leaseSeconds,
      }),
    ],
    buses: [bus],
    checks: (app) => [app.get(ApprovalReadiness)],
  });
  return withLog(service, log);
}
