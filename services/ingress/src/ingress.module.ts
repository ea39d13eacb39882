import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Logger,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Bus } from '#bus';
import { WatchedServers } from '#runtime';
import { assemble, type IngressSettings } from './assembly.js';
import type { RefusalRecord } from './gate/refusal-record.js';
import { AggregateEndpoint } from './mcp/aggregate/aggregate-endpoint.js';
import { McpEndpoint } from './mcp/mcp-endpoint.js';
import { McpController } from './mcp/mcp.controller.js';
import { MetadataController } from './mcp/metadata.controller.js';
import { ResourceMetadata } from './mcp/resource-metadata.js';
import type { Upstreams } from './mcp/upstreams.js';
import type { Servers } from './servers.js';

/** How long calls that run may take at shutdown, milliseconds. */
const drainMs = 5000;

/**
 * At the start says which servers cannot be called. At the end lets calls that run finish, gives up those
 * that wait, then ends connections and child processes.
 */
class IngressLife
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  readonly #logger = new Logger('ingress');

  constructor(
    private readonly watched: WatchedServers,
    private readonly servers: Servers,
    private readonly endpoint: McpEndpoint,
    private readonly upstreams: Upstreams,
    private readonly refusals: RefusalRecord,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.#tellFaults();
    await this.watched.watch({
      changed: (configured) => {
        this.servers.replace(configured);
        this.upstreams.renew();
        this.#logger.log(`the servers are now ${Object.keys(configured).join(', ')}`);
        void this.#tellFaults();
      },
      refused: ({ message }) =>
        this.#logger.error(`the changed configuration is refused, the servers stay: ${message}`),
      later: () => this.#logger.warn('what is not about servers takes effect at the next start'),
    });
  }

  async #tellFaults(): Promise<void> {
    for (const fault of await this.servers.faults()) this.#logger.warn(`server ${fault}`);
  }

  beforeApplicationShutdown(): void {
    this.watched.close();
    this.endpoint.stop();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.endpoint.settled(drainMs);
    await this.upstreams.close();
    await this.refusals.settled();
  }
}

/** The PEP: MCP in, calls held at the gate, upstreams out. */
@Module({})
export class IngressModule {
  static register(settings: IngressSettings): DynamicModule {
    const { aggregate, bus, endpoint, metadata, refusals, servers, upstreams } = assemble(settings);
    const watched = new WatchedServers(settings.config);
    const life = new IngressLife(watched, servers, endpoint, upstreams, refusals);
    return {
      module: IngressModule,
      controllers: [McpController, MetadataController],
      providers: [
        { provide: Bus, useValue: bus },
        { provide: McpEndpoint, useValue: endpoint },
        { provide: AggregateEndpoint, useValue: aggregate },
        { provide: ResourceMetadata, useValue: metadata },
        { provide: IngressLife, useValue: life },
      ],
    };
  }
}
