import type { HttpServerConfig } from '#runtime';
import { HttpUpstream, type UpstreamLimits } from './http-upstream.js';
import type { Server, Servers } from '../servers.js';
import { StdioUpstream } from './stdio-upstream.js';
import { UpstreamSender } from './upstream-sender.js';
import type { McpUpstream } from './upstream.js';

type Made = McpUpstream & {
  /** Ends all that is open, at once. */
  close(): Promise<void>;
  /** Lets what is open come to its end, then ends. */
  retire(): Promise<void>;
};

/** The connections to upstream servers, made when first needed. */
export class Upstreams {
  readonly #made = new Map<string, { readonly server: Server; readonly upstream: Made }>();
  readonly #retiring = new Set<Made>();

  constructor(
    private readonly servers: Servers,
    private readonly limits: UpstreamLimits,
  ) {}

  /** The upstream of a configured server. */
  of(server: Server): McpUpstream {
    const known = this.#made.get(server.name);
    if (known?.server === server) return known.upstream;
    this.#retire(server.name);
    const { config } = server;
    const made =
      'url' in config ? this.#http(config) : new StdioUpstream(config, this.servers, this.limits);
    this.#made.set(server.name, { server, upstream: made });
    return made;
  }

  /** Lets go of servers that are configured otherwise now, or not any more; calls that run go on. */
  renew(): void {
    for (const [name, { server }] of this.#made) {
      if (this.servers.find(name) !== server) this.#retire(name);
    }
  }

  #retire(name: string): void {
    const known = this.#made.get(name)?.upstream;
    if (known === undefined) return;
    this.#made.delete(name);
    this.#retiring.add(known);
    void known.retire().finally(() => this.#retiring.delete(known));
  }

  #http(config: HttpServerConfig): HttpUpstream {
    const { servers } = this;
    const timeoutMs = config.timeoutMs ?? this.limits.timeoutMs;
    const sender = new UpstreamSender({ config, servers, timeoutMs });
    return new HttpUpstream(sender, { ...this.limits, timeoutMs });
  }

  /** Ends connections and child processes. */
  async close(): Promise<void> {
    const all = [...this.#made.values()].map(({ upstream }) => upstream);
    await Promise.all([...all, ...this.#retiring].map(async (each) => each.close()));
  }
}
