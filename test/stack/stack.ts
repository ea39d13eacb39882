import { join } from 'node:path';
import { createTopics } from '#bus';
import { readConfigFile } from '#runtime';
import { newSealKey, newSigningKey } from '#trust';
import { startApproval } from '../../services/approval/src/start.js';
import { startAudit } from '../../services/audit/src/start.js';
import { startIngress } from '../../services/ingress/src/start.js';
import { startMasking } from '../../services/masking/src/start.js';
import { startPolicy } from '../../services/policy/src/start.js';
import { startStandalone } from '../../services/standalone/src/standalone.js';
import { startBroker } from '../broker/broker.js';
import { isWithoutBroker } from '../broker/global-setup.js';
import { testDatabase } from '../postgres/test-database.js';
import type { World } from './world.js';

/** A gateway that runs, and where its APIs are. */
export interface Stack {
  readonly gateway: string;
  readonly approvals: string;
  readonly audit: string;
  /** Starts a second gateway beside the first on a port that is one of its hosts: its address. */
  readonly anotherGateway?: (port: number) => Promise<string>;
  /** Starts a second policy service beside the first: its address. */
  readonly anotherPolicy?: () => Promise<string>;
  close(): Promise<void>;
}

/** The ways to run a gateway that can be had here. */
type StackName = 'standalone' | 'kafka';
export const stackNames: readonly StackName[] = isWithoutBroker()
  ? ['standalone']
  : ['standalone', 'kafka'];

/** How a gateway can be run; every journey runs on both. */
export const stacks: Readonly<Record<StackName, (world: World) => Promise<Stack>>> = {
  standalone: standaloneStack,
  kafka: kafkaStack,
};

async function standaloneStack(world: World): Promise<Stack> {
  const database = await testDatabase();
  const service = await startStandalone({
    config: readConfigFile(world.configFile),
    dataDir: join(world.folder, 'data'),
    host: '127.0.0.1',
    port: world.port,
    logLevel: 'warn',
    databaseUrl: database.url,
    environment: world.environment,
  });
  const close = async (): Promise<void> => {
    await service.close();
    await database.drop();
  };
  return { gateway: service.url, approvals: service.url, audit: service.url, close };
}

/** The five services side by side, each with its own client of a real broker. */
async function kafkaStack(world: World): Promise<Stack> {
  const broker = await startBroker();
  await createTopics({ brokers: broker.brokers }, { replicationFactor: broker.replicationFactor });
  const database = await testDatabase();
  const environment = {
    ...world.environment,
    ...newKeys(),
    COUNTERSIGN_CONFIG: world.configFile,
    COUNTERSIGN_LOG_LEVEL: 'error',
    KAFKA_BROKERS: broker.brokers.join(','),
    DATABASE_URL: database.url,
    COUNTERSIGN_PORT: '0',
  };
  const services = await Promise.all([
    startIngress({ ...environment, COUNTERSIGN_PORT: String(world.port) }),
    startPolicy(environment),
    startApproval(environment),
    startMasking(environment),
    startAudit(environment),
  ]);
  await Promise.all(services.map(async (service) => service.listening));
  const [ingress, , approval, , audit] = services;
  return {
    gateway: ingress.url,
    approvals: approval.url,
    audit: audit.url,
    anotherPolicy: async () => {
      const another = await startPolicy(environment);
      services.push(another);
      return another.url;
    },
    anotherGateway: async (port) => {
      const another = await startIngress({ ...environment, COUNTERSIGN_PORT: String(port) });
      await another.listening;
      services.push(another);
      return another.url;
    },
    close: async () => {
      await Promise.all(services.map(async (service) => service.close()));
      await broker.clean();
      await database.drop();
    },
  };
}

/** Keys of one installation, as the environment carries them. */
export function newKeys(): Record<string, string> {
  const [policy, approval, audit] = [newSigningKey(), newSigningKey(), newSigningKey()];
  const line = (pem: string): string => Buffer.from(pem).toString('base64');
  return {
    COUNTERSIGN_POLICY_KEY: line(policy.privateKey),
    COUNTERSIGN_POLICY_PUBLIC_KEY: line(policy.publicKey),
    COUNTERSIGN_APPROVAL_KEY: line(approval.privateKey),
    COUNTERSIGN_APPROVAL_PUBLIC_KEY: line(approval.publicKey),
    COUNTERSIGN_AUDIT_KEY: line(audit.privateKey),
    COUNTERSIGN_ARGUMENTS_KEY: newSealKey(),
    COUNTERSIGN_ANSWERS_KEY: newSealKey(),
    COUNTERSIGN_SESSION_KEY: newSealKey(),
  };
}
