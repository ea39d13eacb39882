import { z } from 'zod';
import { Bus, KafkaLog } from '#bus';
import {
  commonEnvironment,
  pemVariable,
  portVariable,
  readConfigFile,
  readEnvironment,
  readerTenants,
  type RunningService,
  startService,
  tokenVerifier,
  withLog,
} from '#runtime';
import { Signer } from '#trust';
import { AuditModule, auditReading, AuditReadiness } from './audit.module.js';

const environmentSchema = z.object({
  ...commonEnvironment,
  COUNTERSIGN_PORT: portVariable(8084),
  COUNTERSIGN_AUDIT_KEY: pemVariable,
  DATABASE_URL: z.string().min(1),
});

/** Starts audit on Kafka and Postgres. @throws ConfigError */
export async function startAudit(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<RunningService> {
  const env = readEnvironment(environmentSchema, environment);
  const config = readConfigFile(env.COUNTERSIGN_CONFIG);
  const log = new KafkaLog({ brokers: env.KAFKA_BROKERS, clientId: 'countersign-audit' });
  const bus = new Bus(log, auditReading);
  const service = await startService({
    name: 'audit',
    host: env.COUNTERSIGN_HOST,
    port: env.COUNTERSIGN_PORT,
    logLevel: env.COUNTERSIGN_LOG_LEVEL,
    modules: [
      AuditModule.register({
        databaseUrl: env.DATABASE_URL,
        bus,
        verifier: tokenVerifier(config.entra),
        readerTenants: readerTenants(config),
        signer: new Signer(env.COUNTERSIGN_AUDIT_KEY),
      }),
    ],
    buses: [bus],
    checks: (app) => [app.get(AuditReadiness)],
  });
  return withLog(service, log);
}
