import { HttpUpstream, type UpstreamLimits } from './http-upstream.js';
import type { Server, Servers } from '../servers.js';
import { StdioUpstream } from './stdio-upstream.js';
import type { McpUpstream } from './upstream.js';

/** The connections to upstream servers, made when first needed. */
export class Upstreams {
  readonly #made = new Map<string, McpUpstream & { close(): Promise<void> }>();

  constructor(
    private readonly servers: Servers,
    private readonly limits: UpstreamLimits,
  ) {}

  /** The upstream of a configured server. */
  of(server: Server): McpUpstream {
    const known = this.#made.get(server.name);
    if (known !== undefined) return known;
    const { config } = server;
    const made =
      'url' in config
        ? new HttpUpstream(config, this.servers, this.limits)
        : new StdioUpstream(config, this.servers, this.limits);
    this.#made.set(server.name, made);
    return made;
  }

  /** Ends connections and child processes. */
  async close(): Promise<void> {
    await Promise.all([...this.#made.values()].map(async (each) => each.close()));
  }
}
