import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createTopics } from '#bus';
import { newKeys } from '../../bench/world.js';
import { startEmbeddedPostgres } from '../../services/standalone/src/embedded-postgres/embedded-postgres.js';
import { startBroker } from '../broker/broker.js';
import { isReady, Program, type ProgramName } from '../faults/programs.js';
import type { Stack } from '../stack/stack.js';
import type { World } from '../stack/world.js';
import type { CleanUp } from './clean-up.js';

/** How a gateway can be run. */
export const stackNames = ['standalone', 'kafka'] as const;
export type StackName = (typeof stackNames)[number];

type Urls = Omit<Stack, 'close'>;

/** Starts the built programs of a gateway, with the configuration of a world. */
export async function startGateway(
  name: StackName,
  world: World,
  cleanUp: CleanUp,
): Promise<Stack> {
  const start = name === 'standalone' ? startStandalone : startSplit;
  const urls = await start(world, cleanUp);
  return { ...urls, close: async () => cleanUp.close() };
}

async function startStandalone(world: World, cleanUp: CleanUp): Promise<Urls> {
  const dataDir = join(world.folder, 'data');
  const environment = { ...environmentOf(world), COUNTERSIGN_DATA_DIR: dataDir };
  const url = await startProgram('standalone', environment, cleanUp);
  return { gateway: url, approvals: url, audit: url };
}

/** The five services, each in a process of its own. */
async function startSplit(world: World, cleanUp: CleanUp): Promise<Urls> {
  const broker = await startBroker();
  cleanUp.add(async () => broker.clean());
  const { brokers, replicationFactor } = broker;
  await createTopics({ brokers, logger: () => undefined }, { replicationFactor });
  const dataDir = join(world.folder, 'postgres');
  await mkdir(dataDir);
  const postgres = await startEmbeddedPostgres({ dataDir, parameters: { fsync: 'off' } });
  cleanUp.add(async () => postgres.stop());
  const environment = {
    ...environmentOf(world),
    ...newKeys(),
    KAFKA_BROKERS: brokers.join(','),
    DATABASE_URL: postgres.url,
  };
  const others = { ...environment, COUNTERSIGN_PORT: '0' };
  const [gateway, approvals, audit] = await Promise.all([
    startProgram('ingress', environment, cleanUp),
    startProgram('approval', others, cleanUp),
    startProgram('audit', others, cleanUp),
    startProgram('policy', others, cleanUp),
    startProgram('masking', others, cleanUp),
  ]);
  return { gateway, approvals, audit };
}

async function startProgram(
  name: ProgramName,
  environment: Readonly<Record<string, string>>,
  cleanUp: CleanUp,
): Promise<string> {
  const program = new Program(name, environment);
  cleanUp.add(async () => program.stop());
  const url = await program.start();
  await isReady(url);
  return url;
}

function environmentOf(world: World): Record<string, string> {
  return {
    ...world.environment,
    COUNTERSIGN_CONFIG: world.configFile,
    COUNTERSIGN_LOG_LEVEL: 'error',
    COUNTERSIGN_PORT: String(world.port),
  };
}
