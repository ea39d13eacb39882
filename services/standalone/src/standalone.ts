import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Level } from 'pino';
import { Bus, InProcessLog } from '#bus';
import type { TokenVerifier } from '#identity';
import {
  readerTenants,
  type CountersignConfig,
  type RunningService,
  startService,
  tokenVerifier,
  WatchedServers,
} from '#runtime';
import { Signer, Verifier } from '#trust';
import {
  ApprovalModule,
  approvalReading,
  ApprovalReadiness,
} from '../../approval/src/approval.module.js';
import { peopleSettings } from '../../approval/src/people.js';
import { AuditModule, auditReading, AuditReadiness } from '../../audit/src/audit.module.js';
import { IngressModule } from '../../ingress/src/ingress.module.js';
import { MaskingModule } from '../../masking/src/masking.module.js';
import { LiveDefinitions } from '../../policy/src/live-definitions.js';
import { definitionsReading, grantsReading, PolicyModule } from '../../policy/src/policy.module.js';
import { startEmbeddedPostgres } from './embedded-postgres/embedded-postgres.js';
import { type Keys, keysIn } from './keys.js';

/** What standalone is started with. */
export interface StandaloneSettings {
  readonly config: CountersignConfig;
  /** Holds keys, the event log, and the database if it is the embedded one. */
  readonly dataDir: string;
  readonly host: string;
  readonly port: number;
  readonly logLevel: Level;
  /** A Postgres of your own; without it the embedded one is started. */
  readonly databaseUrl?: string | undefined;
  /** Where credentials of upstream servers come from. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Starts the five services in this process, on the in-process log and a real Postgres. Everything that
 * was acknowledged survives the end of the process, however it ends.
 */
export async function startStandalone(settings: StandaloneSettings): Promise<RunningService> {
  // Postgres may run as another user and must be able to enter the data folder, but not what is private.
  const own = join(settings.dataDir, 'private');
  mkdirSync(settings.dataDir, { recursive: true });
  mkdirSync(own, { recursive: true, mode: 0o700 });
  const keys = keysIn(own);
  const database = await openDatabase(settings);
  const log = new InProcessLog(join(own, 'events.sqlite'));
  try {
    const service = await start(settings, keys, database.url, log);
    await service.listening;
    return { ...service, close: closing(service, log, database) };
  } catch (error) {
    await log.close();
    await database.stop();
    throw error;
  }
}

async function start(
  settings: StandaloneSettings,
  keys: Keys,
  databaseUrl: string,
  log: InProcessLog,
): Promise<RunningService> {
  const instance = randomUUID();
  const buses = {
    ingress: new Bus(log, { group: `ingress-${instance}`, startAt: 'end', addressee: instance }),
    policy: new Bus(log, { group: 'policy', startAt: 'committed' }),
    grants: new Bus(log, grantsReading()),
    definitions: new Bus(log, definitionsReading()),
    approval: new Bus(log, approvalReading),
    masking: new Bus(log, { group: 'masking', startAt: 'committed' }),
    audit: new Bus(log, auditReading),
  };
  return startService({
    name: 'countersign',
    host: settings.host,
    port: settings.port,
    logLevel: settings.logLevel,
    modules: await modules(settings, keys, databaseUrl, buses, instance),
    buses: Object.values(buses),
    checks: (app: NestExpressApplication) => [
      app.get(ApprovalReadiness),
      app.get(AuditReadiness),
      app.get(LiveDefinitions),
    ],
  });
}

type Buses = Record<
  'ingress' | 'policy' | 'grants' | 'definitions' | 'approval' | 'masking' | 'audit',
  Bus
>;

async function modules(
  settings: StandaloneSettings,
  keys: Keys,
  databaseUrl: string,
  buses: Buses,
  instance: string,
) {
  const { config, environment } = settings;
  const verifier = tokenVerifier(config.entra);
  return [
    ingress(settings, keys, buses.ingress, verifier, instance),
    await PolicyModule.register({
      bus: buses.policy,
      folder: config.policies,
      grantsBus: buses.grants,
      definitionsBus: buses.definitions,
      servers: new WatchedServers(config),
      groups: config.groups,
      signingKey: keys.policy.privateKey,
      argumentsKey: keys.arguments,
    }),
    ApprovalModule.register({
      databaseUrl,
      bus: buses.approval,
      verifier: tokenVerifier(config.entra, 'approvals'),
      people: peopleSettings(config, environment, keys.page),
      signer: new Signer(keys.approval.privateKey),
      policyKey: new Verifier(keys.policy.publicKey),
      leaseSeconds: config.approval.leaseSeconds,
    }),
    MaskingModule.register({ bus: buses.masking, answersKey: keys.answers }),
    AuditModule.register({
      databaseUrl,
      bus: buses.audit,
      verifier,
      readerTenants: readerTenants(config),
      signer: new Signer(keys.audit.privateKey),
    }),
  ];
}

function ingress(
  { config, environment }: StandaloneSettings,
  keys: Keys,
  bus: Bus,
  verifier: TokenVerifier,
  instance: string,
) {
  return IngressModule.register({
    config,
    bus,
    verifier,
    instance,
    environment,
    keys: {
      arguments: keys.arguments,
      answers: keys.answers,
      session: keys.session,
      policyPublicKey: keys.policy.publicKey,
      approvalPublicKey: keys.approval.publicKey,
    },
  });
}

async function openDatabase(settings: StandaloneSettings) {
  const { databaseUrl, dataDir } = settings;
  if (databaseUrl !== undefined) return { url: databaseUrl, stop: async () => undefined };
  return startEmbeddedPostgres({ dataDir: join(dataDir, 'postgres') });
}

function closing(
  service: RunningService,
  log: InProcessLog,
  database: { stop(): Promise<void> },
): () => Promise<void> {
  return async () => {
    await service.close();
    await log.close();
    await database.stop();
  };
}
