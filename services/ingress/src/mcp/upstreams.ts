import type { HttpServerConfig } from '#runtime';
import { HttpUpstream, type UpstreamLimits } from './http-upstream.js';
import type { Server, Servers } from '../servers.js';
import { StdioUpstream } from './stdio-upstream.js';
import { UpstreamSender } from './upstream-sender.js';
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
      'url' in config ? this.#http(config) : new StdioUpstream(config, this.servers, this.limits);
    this.#made.set(server.name, made);
    return made;
  }

  #http(config: HttpServerConfig): HttpUpstream {
    const { servers } = this;
    const timeoutMs = config.timeoutMs ?? this.limits.timeoutMs;
    const sender = new UpstreamSender({ config, servers, timeoutMs });
    return new HttpUpstream(sender, { ...this.limits, timeoutMs });
  }

  /** Ends connections and child processes. */
  async close(): Promise<void> {
    await Promise.all([...this.#made.values()].map(async (each) => each.close()));
  }
}
