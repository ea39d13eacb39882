import type { HttpServerConfig, StdioServerConfig } from '#runtime';
import { HttpUpstream, type UpstreamLimits } from './http-upstream.js';
import type { Server, Servers } from '../servers.js';
import { programChannels } from './programs.js';
import { SessionUpstream } from './session-upstream.js';
import { sseChannels } from './sse-channel.js';
import { UpstreamSender } from './upstream-sender.js';
import { configuredAnew, type McpUpstream, upstreamRefusal } from './upstream.js';

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
    /** Hears what programs write for whoever runs them. */
    private readonly tell: (server: string, line: string) => void = () => undefined,
  ) {}

  /** Whether a server is configured still as it was when it was found. */
  has(server: Server): boolean {
    return this.servers.find(server.name) === server;
  }

  /** The upstream of a configured server. @throws Refusal for one that is configured otherwise by now */
  of(server: Server): McpUpstream {
    if (!this.has(server)) throw upstreamRefusal('UPSTREAM_UNAVAILABLE', configuredAnew, 'no');
    const known = this.#made.get(server.name);
    if (known?.server === server) return known.upstream;
    this.#retire(server.name);
    const { config } = server;
    const made = 'url' in config ? this.#http(config) : this.#program(server.name, config);
    this.#made.set(server.name, { server, upstream: made });
    return made;
  }

  /** Lets go of servers that are configured otherwise now, or not any more; calls that run go on. */
  renew(): void {
    for (const [name, { server }] of this.#made) {
      if (!this.has(server)) this.#retire(name);
    }
  }

  #retire(name: string): void {
    const known = this.#made.get(name)?.upstream;
    if (known === undefined) return;
    this.#made.delete(name);
    this.#retiring.add(known);
    void known.retire().finally(() => this.#retiring.delete(known));
  }

  #http(config: HttpServerConfig): Made {
    const { servers } = this;
    const timeoutMs = config.timeoutMs ?? this.limits.timeoutMs;
    const limits = { ...this.limits, timeoutMs };
    const transport = new UpstreamSender({ config, servers, timeoutMs });
    if (config.transport !== 'sse') return new HttpUpstream(transport, limits);
    const open = sseChannels(config.url, transport, limits);
    return new SessionUpstream({ open, per: 'session', timeoutMs, transport });
  }

  #program(name: string, config: StdioServerConfig): Made {
    const { limits, servers } = this;
    const tell = (line: string): void => this.tell(name, line);
    const open = programChannels(config, servers, { limits, tell });
    const { processes = 'session' } = config;
    const per = processes === 'shared' ? 'all' : processes;
    return new SessionUpstream({ open, per, timeoutMs: limits.timeoutMs });
  }

  /** Ends connections and child processes. */
  async close(): Promise<void> {
    const all = [...this.#made.values()].map(({ upstream }) => upstream);
    await Promise.all([...all, ...this.#retiring].map(async (each) => each.close()));
  }
}
