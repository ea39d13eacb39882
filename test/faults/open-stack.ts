import { createTopics } from '#bus';
import { readConfigFile, type RunningService } from '#runtime';
import { freePort } from '../../demo/free-port.js';
import { startApproval } from '../../services/approval/src/start.js';
import { startAudit } from '../../services/audit/src/start.js';
import { startIngress } from '../../services/ingress/src/start.js';
import { startMasking } from '../../services/masking/src/start.js';
import { startPolicy } from '../../services/policy/src/start.js';
import { startStandalone } from '../../services/standalone/src/standalone.js';
import { join } from 'node:path';
import { type Broker, startBroker } from '../broker/broker.js';
import { type TestServer, testServer } from '../postgres/test-database.js';
import { newKeys } from '../stack/stack.js';
import type { World } from '../stack/world.js';
import { isReady } from './programs.js';
import type { ServiceName } from './split-stack.js';

/** A gateway whose parts a test can take away and give back. */
export interface OpenStack {
  readonly gateway: string;
  readonly approvals: string;
  readonly audit: string;
  readonly postgres: TestServer;
  close(): Promise<void>;
}

/** The gateway on Kafka, service by service. */
export interface OpenKafkaStack extends OpenStack {
  readonly broker: Broker;
  stop(name: ServiceName): Promise<void>;
  /** Starts it again where it was; the others are left alone. */
  start(name: ServiceName): Promise<void>;
}

const starts = {
  ingress: startIngress,
  policy: startPolicy,
  approval: startApproval,
  masking: startMasking,
  audit: startAudit,
} as const;
const names: readonly ServiceName[] = ['ingress', 'policy', 'approval', 'masking', 'audit'];

/** Starts the five services beside each other in this process, each with a port that it keeps. */
export async function openKafkaStack(world: World): Promise<OpenKafkaStack> {
  const broker = await startBroker();
  await createTopics({ brokers: broker.brokers }, { replicationFactor: broker.replicationFactor });
  const postgres = await testServer();
  const common = {
    ...world.environment,
    ...newKeys(),
    COUNTERSIGN_CONFIG: world.configFile,
    COUNTERSIGN_LOG_LEVEL: 'error',
    KAFKA_BROKERS: broker.brokers.join(','),
    DATABASE_URL: postgres.url,
  };
  const ports = new Map<ServiceName, number>([['ingress', world.port]]);
  for (const name of names.slice(1)) ports.set(name, await freePort());
  const urlOf = (name: ServiceName): string => `http://127.0.0.1:${ports.get(name)}`;
  const running = new Map<ServiceName, RunningService>();
  const start = async (name: ServiceName): Promise<void> => {
    running.set(name, await starts[name]({ ...common, COUNTERSIGN_PORT: String(ports.get(name)) }));
    await isReady(urlOf(name));
  };
  const stop = async (name: ServiceName): Promise<void> => {
    await running.get(name)?.close();
    running.delete(name);
  };
  await Promise.all(names.map(start));
  return {
    gateway: urlOf('ingress'),
    approvals: urlOf('approval'),
    audit: urlOf('audit'),
    broker,
    postgres,
    start,
    stop,
    close: async () => {
      await Promise.all(names.map(stop));
      await broker.clean();
      await postgres.drop();
    },
  };
}

/** The five in one process; only its database can be taken away. */
export async function openStandalone(world: World): Promise<OpenStack> {
  const postgres = await testServer();
  const service = await startStandalone({
    config: readConfigFile(world.configFile),
    dataDir: join(world.folder, 'data'),
    host: '127.0.0.1',
    port: world.port,
    logLevel: 'error',
    databaseUrl: postgres.url,
    environment: world.environment,
  });
  await isReady(service.url);
  return {
    gateway: service.url,
    approvals: service.url,
    audit: service.url,
    postgres,
    close: async () => {
      await service.close();
      await postgres.drop();
    },
  };
}
