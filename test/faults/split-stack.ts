import { createTopics } from '#bus';
import { freePort } from '../../demo/free-port.js';
import { type Broker, startBroker } from '../broker/broker.js';
import { testDatabase } from '../postgres/test-database.js';
import { newKeys } from '../stack/stack.js';
import type { World } from '../stack/world.js';
import { isReady, Program, type ProgramName } from './programs.js';

/** The services that make up a gateway on Kafka. */
export const serviceNames = ['ingress', 'policy', 'approval', 'masking', 'audit'] as const;
export type ServiceName = (typeof serviceNames)[number];

/** Five processes on a real broker and a real Postgres. */
export interface SplitStack {
  readonly urls: Readonly<Record<ServiceName, string>>;
  readonly programs: Readonly<Record<ServiceName, Program>>;
  readonly broker: Broker;
  readonly databaseUrl: string;
  /** PEM. */
  readonly policyKey: string;
  readonly approvalKey: string;
  /** A further replica of a service, with the same keys, on a port of its own; it ends with the stack. */
  another(name: ServiceName): Promise<Replica>;
  close(): Promise<void>;
}

/** A process of a service, and where it listens in all its lives. */
export interface Replica {
  readonly program: Program;
  readonly url: string;
}

const variables: Readonly<Record<ServiceName, readonly string[]>> = {
  ingress: [
    'ARGUMENTS_KEY',
    'ANSWERS_KEY',
    'SESSION_KEY',
    'POLICY_PUBLIC_KEY',
    'APPROVAL_PUBLIC_KEY',
  ],
  policy: ['POLICY_KEY', 'ARGUMENTS_KEY'],
  approval: ['APPROVAL_KEY', 'POLICY_PUBLIC_KEY'],
  masking: ['ANSWERS_KEY'],
  audit: ['AUDIT_KEY'],
};

/** Starts the built programs, each with the keys that are its own and no others. */
export async function startSplitStack(world: World): Promise<SplitStack> {
  const cleanUp: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const step of cleanUp.splice(0).toReversed()) await step();
  };
  try {
    const broker = await startBroker();
    cleanUp.push(async () => broker.clean());
    await createTopics(
      { brokers: broker.brokers },
      { replicationFactor: broker.replicationFactor },
    );
    const database = await testDatabase();
    cleanUp.push(async () => database.drop());
    const keys = newKeys();
    const ports = await portsOf(world);
    const common = {
      ...world.environment,
      COUNTERSIGN_CONFIG: world.configFile,
      COUNTERSIGN_LOG_LEVEL: 'warn',
      KAFKA_BROKERS: broker.brokers.join(','),
      DATABASE_URL: database.url,
    };
    const programs = each((name) => new Program(name, environmentOf(name, common, keys, ports)));
    cleanUp.push(async () => Promise.all(serviceNames.map(async (name) => programs[name].stop())));
    await Promise.all(serviceNames.map(async (name) => programs[name].start()));
    const urls = each((name) => `http://127.0.0.1:${ports[name]}`);
    await Promise.all(serviceNames.map(async (name) => isReady(urls[name])));
    return {
      urls,
      programs,
      broker,
      databaseUrl: database.url,
      policyKey: pemOf(keys, 'POLICY'),
      approvalKey: pemOf(keys, 'APPROVAL'),
      another: async (name) => {
        const own = { ...ports, [name]: await freePort() };
        const program = new Program(name, environmentOf(name, common, keys, own));
        cleanUp.push(async () => program.stop());
        const url = `http://127.0.0.1:${own[name]}`;
        await program.start();
        await isReady(url);
        return { program, url };
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function environmentOf(
  name: ServiceName,
  common: Readonly<Record<string, string>>,
  keys: Readonly<Record<string, string>>,
  ports: Readonly<Record<ServiceName, number>>,
): Record<string, string> {
  const own = variables[name].map((each) => `COUNTERSIGN_${each}`);
  return {
    ...common,
    ...Object.fromEntries(own.map((variable) => [variable, keys[variable] ?? ''])),
    COUNTERSIGN_PORT: String(ports[name]),
  };
}

async function portsOf(world: World): Promise<Record<ServiceName, number>> {
  const [policy, approval, masking, audit] = await Promise.all(
    [1, 2, 3, 4].map(async () => freePort()),
  );
  return {
    ingress: world.port,
    policy: policy!,
    approval: approval!,
    masking: masking!,
    audit: audit!,
  };
}

function each<T>(make: (name: ServiceName & ProgramName) => T): Record<ServiceName, T> {
  return {
    ingress: make('ingress'),
    policy: make('policy'),
    approval: make('approval'),
    masking: make('masking'),
    audit: make('audit'),
  };
}

function pemOf(keys: Readonly<Record<string, string>>, owner: string): string {
  return Buffer.from(keys[`COUNTERSIGN_${owner}_PUBLIC_KEY`] ?? '', 'base64').toString('utf8');
}
