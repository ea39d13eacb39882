import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createTopics } from '#bus';
import { partitionsPerTopic } from '#contracts';
import { startEmbeddedPostgres } from '../services/standalone/src/embedded-postgres/embedded-postgres.js';
import { type Broker, startBroker } from '../test/broker/broker.js';
import { createFloorTopics } from './floor-topics.js';
import { nginxProgram, startNginx } from './nginx.js';
import { type Program, startBuilt, startRole } from './programs.js';
import type { ProcessGroup } from './usage.js';
import { gatewayEnvironment, newKeys, type World } from './world.js';

export const rowNames = [
  'direct',
  'nginx',
  'relay',
  'sdk-relay',
  'standalone',
  'floor',
  'kafka',
] as const;
export type RowName = (typeof rowNames)[number];

/** Whose CPU time it is: the gateway's (or the floor's) own, or that of what it works with. */
export type Part = 'gateway' | 'database' | 'broker' | 'around';

/** One thing to measure, up and running. */
export interface Row {
  readonly name: RowName;
  /** Makes the calls. */
  readonly client: Program;
  readonly programs: readonly Program[];
  readonly groups: readonly (ProcessGroup & { readonly part: Part })[];
  /** Calls that warm it up: some 20,000 records for a cold broker. */
  readonly warmUpCalls: number;
}

/** Starts rows, and ends in reverse order whatever it has started. */
export class Rows {
  readonly #cleanUp: (() => Promise<void>)[] = [];
  readonly #own = new Set<number>();
  #broker: Promise<Broker> | undefined;

  /** `flagsOf` gives more flags of Node for a service. */
  constructor(
    private readonly world: World,
    private readonly flagsOf: (service: string) => readonly string[] = () => [],
  ) {}

  /** @throws Error where what the row needs is not installed. */
  async start(name: RowName): Promise<Row> {
    const starts: Readonly<Record<RowName, () => Promise<Row>>> = {
      direct: async () => this.#direct(),
      nginx: async () => this.#nginx(),
      relay: async () => this.#relay('relay'),
      'sdk-relay': async () => this.#relay('sdk-relay'),
      standalone: async () => this.#standalone(),
      floor: async () => this.#floor(),
      kafka: async () => this.#kafka(),
    };
    return starts[name]();
  }

  async close(): Promise<void> {
    for (const step of this.#cleanUp.splice(0).toReversed()) await step();
  }

  async #direct(): Promise<Row> {
    const client = await this.#client('direct', this.world.upstream.url);
    return {
      name: 'direct',
      client,
      programs: [],
      groups: this.#around(client),
      warmUpCalls: 3000,
    };
  }

  /** What stands between the client and the upstream in a process of its own, and does nothing else. */
  async #relay(name: 'relay' | 'sdk-relay'): Promise<Row> {
    const { url } = this.world.upstream;
    const relay = this.#keep(
      name === 'relay'
        ? await startBuilt('bench/relay', { BENCH_UPSTREAM: url })
        : await startRole(name, name, [url]),
    );
    const client = await this.#client(name, relay.url);
    const groups = [...ownGroups([relay]), ...this.#around(client)];
    return { name, client, programs: [relay], groups, warmUpCalls: 5000 };
  }

  async #nginx(): Promise<Row> {
    const program = nginxProgram();
    if (program === undefined) throw new Error('nginx is not installed');
    const upstream = new URL(this.world.upstream.url);
    const proxy = await startNginx(program, this.world.folder, upstream);
    this.#cleanUp.push(async () => proxy.stop());
    const client = await this.#client('nginx', proxy.url);
    const own = { name: 'nginx', part: 'gateway' as const, root: proxy.pid };
    const groups = [own, ...this.#around(client)];
    return { name: 'nginx', client, programs: [], groups, warmUpCalls: 3000 };
  }

  async #standalone(): Promise<Row> {
    const environment = await gatewayEnvironment(this.world, 'standalone');
    const gateway = await this.#service('standalone', {
      ...environment,
      COUNTERSIGN_DATA_DIR: join(this.world.folder, 'standalone'),
    });
    const client = await this.#client('standalone', `${gateway.url}/mcp/bench`);
    const name = 'standalone';
    const database = { name: 'postgres', part: 'database' as const, root: gateway.pid };
    const groups = [
      ...ownGroups([gateway]),
      { ...database, below: 'postgres' },
      ...this.#around(client),
    ];
    return { name, client, programs: [gateway], groups, warmUpCalls: 3000 };
  }

  async #floor(): Promise<Row> {
    const { brokers } = await this.#brokers();
    await createFloorTopics(brokers, partitionsPerTopic);
    const member = async (name: string): Promise<Program> => {
      return this.#keep(await startRole(`floor-${name}`, 'floor', [name, brokers.join(',')]));
    };
    const others = [await member('policy'), await member('masking')];
    const client = await member('ingress');
    const programs = [client, ...others];
    const groups = [...ownGroups(programs), this.#brokerGroup()];
    return { name: 'floor', client, programs, groups, warmUpCalls: 5000 };
  }

  async #kafka(): Promise<Row> {
    const broker = await this.#brokers();
    const { brokers, replicationFactor } = broker;
    await createTopics({ brokers, logger: () => undefined }, { replicationFactor });
    const dataDir = join(this.world.folder, 'kafka');
    await mkdir(dataDir);
    const postgres = await startEmbeddedPostgres({ dataDir });
    this.#cleanUp.push(async () => postgres.stop());
    const environment = {
      ...(await gatewayEnvironment(this.world, 'kafka')),
      ...newKeys(),
      KAFKA_BROKERS: brokers.join(','),
      DATABASE_URL: postgres.url,
    };
    const ingress = await this.#service('ingress', environment);
    const others = ['policy', 'approval', 'masking', 'audit'].map(async (name) => {
      return this.#service(name, { ...environment, COUNTERSIGN_PORT: '0' });
    });
    const programs = [ingress, ...(await Promise.all(others))];
    await Promise.all(programs.map(async ({ url }) => isReady(url)));
    const client = await this.#client('kafka', `${ingress.url}/mcp/bench`);
    const database = { name: 'postgres', part: 'database' as const, ...this.#belowUs('postgres') };
    const around = [database, this.#brokerGroup(), ...this.#around(client)];
    const groups = [...ownGroups(programs), ...around];
    return { name: 'kafka', client, programs, groups, warmUpCalls: 4000 };
  }

  async #service(name: string, environment: Readonly<Record<string, string>>): Promise<Program> {
    return this.#keep(await startBuilt(`services/${name}`, environment, this.flagsOf(name)));
  }

  async #client(row: RowName, url: string): Promise<Program> {
    const isOpen = row === 'direct' || row === 'nginx';
    const token = isOpen ? {} : { BENCH_TOKEN: this.world.token };
    return this.#keep(await startRole('client', 'client', [url], token));
  }

  #keep(program: Program): Program {
    this.#own.add(program.pid);
    this.#cleanUp.push(async () => program.stop());
    return program;
  }

  async #brokers(): Promise<Broker> {
    this.#broker ??= startBroker().then((broker) => {
      this.#cleanUp.push(async () => broker.clean());
      return broker;
    });
    return this.#broker;
  }

  #brokerGroup(): Row['groups'][number] {
    return { name: 'broker', part: 'broker', ...this.#belowUs('java') };
  }

  /** Of the processes that we started ourselves, those of this name; our programs have their own. */
  #belowUs(name: string) {
    return { root: process.pid, below: name, except: [...this.#own] };
  }

  #around(client: Program): Row['groups'] {
    return [
      { name: 'client', root: client.pid, part: 'around' },
      { name: 'upstream', root: this.world.upstream.pid, part: 'around' },
    ];
  }
}

function ownGroups(programs: readonly Program[]): Row['groups'] {
  return programs.map(({ name, pid }) => ({ name, root: pid, part: 'gateway' }));
}

async function isReady(url: string): Promise<void> {
  for (const limit = Date.now() + 60_000; Date.now() < limit; await pause(100)) {
    const response = await fetch(`${url}/readyz`);
    await response.arrayBuffer();
    if (response.status === 200) return;
  }
  throw new Error(`${url} did not become ready`);
}
