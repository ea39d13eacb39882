import { dockerBroker, hasDocker } from './docker-broker.js';
import { javaBroker } from './java-broker.js';
import { missingForJava } from './java-programs.js';

/** What to start. */
export interface BrokerOptions {
  /** Brokers in the cluster; from three on, records have three copies and two must be written. Default 1. */
  readonly nodes?: number;
  /** Client port of the first node, the others two above each other. Default: free ones. */
  readonly port?: number;
  /** Broker properties to add or replace. */
  readonly properties?: Readonly<Record<string, string>>;
}

/** A running cluster of Apache Kafka. Nodes count from 1; without a number an action means all of them. */
export interface Broker {
  /** Bootstrap addresses. */
  readonly brokers: readonly string[];
  /** Copies that a topic can have. */
  readonly replicationFactor: number;
  /** Ends it at once, as a crash does. */
  kill(node?: number): Promise<void>;
  /** Ends it in good order. */
  stop(node?: number): Promise<void>;
  /** Starts again what was killed or stopped, on its old data; resolves when it is up. */
  resume(node?: number): Promise<void>;
  /** Lets it hang: connections stay, nothing is answered. */
  freeze(node?: number): Promise<void>;
  thaw(node?: number): Promise<void>;
  /** Ends it and removes its data. May be called twice. */
  clean(): Promise<void>;
}

/**
 * A real broker for tests and benches: the one named by `KAFKA_BROKERS`, else one of our own from Maven's
 * jars, else one in Docker. Ends with this process at the latest.
 * @throws Error that says what is missing and how to get it.
 */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const named = process.env['KAFKA_BROKERS'];
  if (named) return givenBroker(named.split(','));
  const missing = await missingForJava();
  if (missing === undefined) return javaBroker(options);
  if (await hasDocker()) return dockerBroker(options);
  throw new Error(
    `No broker for this test: ${missing} Or start Docker. Or name a running broker in KAFKA_BROKERS.`,
  );
}

/** True when brokers can be killed and frozen here; tests of outages are skipped where they cannot. */
export function canBreakBrokers(): boolean {
  return !process.env['KAFKA_BROKERS'];
}

async function refuse(): Promise<never> {
  throw new Error('The broker named in KAFKA_BROKERS is not ours to stop. Unset it for this test.');
}

function givenBroker(brokers: readonly string[]): Broker {
  return {
    brokers,
    replicationFactor: Math.min(3, brokers.length),
    kill: refuse,
    stop: refuse,
    resume: refuse,
    freeze: refuse,
    thaw: refuse,
    clean: async () => undefined,
  };
}
