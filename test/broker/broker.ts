import { dockerBroker, hasDocker } from './docker-broker.js';
import { javaBroker } from './java-broker.js';
import { missingForJava } from './java-programs.js';
import type { Broker, BrokerOptions } from './running-broker.js';

export type { Broker, BrokerOptions };

/**
 * A real broker for tests and benches: the one named by `KAFKA_BROKERS`, else one of our own from Maven's
 * jars, else one in Docker. Ends with this process at the latest.
 * @throws Error that says what is missing and how to get it.
 */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const named = process.env['KAFKA_BROKERS'];
  if (named) return givenBroker(named.split(','));
  if ((await missingForJava()) === undefined) return javaBroker(options);
  if (await hasDocker()) return dockerBroker(options);
  throw new Error(await missingBroker());
}

/** Why no broker can be had here and how to get one, as a sentence; undefined when one can. */
export async function missingBroker(): Promise<string | undefined> {
  if (process.env['KAFKA_BROKERS']) return undefined;
  const missing = await missingForJava();
  if (missing === undefined || (await hasDocker())) return undefined;
  return `No Kafka for the tests: ${missing} Or start Docker. Or name a running broker in KAFKA_BROKERS.`;
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
