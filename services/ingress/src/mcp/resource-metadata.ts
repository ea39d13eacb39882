import type { ChallengeFacts } from '#identity';
import type { CountersignConfig } from '#runtime';
import type { Servers } from '../servers.js';

/** OAuth 2.0 protected resource metadata (RFC 9728): how a client learns where to get a token. */
export class ResourceMetadata {
  constructor(
    private readonly config: Pick<CountersignConfig, 'publicUrl' | 'entra' | 'aggregate'>,
    private readonly servers: Pick<Servers, 'find' | 'all'>,
  ) {}

  /** The document of one server, or of all together; undefined when there is none of that name. */
  document(server?: string): Readonly<Record<string, unknown>> | undefined {
    const isThere =
      server === undefined ? this.config.aggregate : this.servers.find(server) !== undefined;
    if (!isThere) return undefined;
    const { authority, tenants } = this.config.entra;
    return {
      resource: this.#resource(server),
      authorization_servers: tenants.map((tenant) => `${authority}/${tenant}/v2.0`),
      scopes_supported: [this.#scope(server)],
      bearer_methods_supported: ['header'],
    };
  }

  /** The document of the one server there is; undefined when there are several. */
  onlyDocument(): Readonly<Record<string, unknown>> | undefined {
    const [first, ...others] = this.servers.all();
    return first === undefined || others.length > 0 ? undefined : this.document(first.name);
  }

  /** What a bearer challenge names for this server, or for all together. */
  challenge(server?: string): ChallengeFacts {
    const { origin } = new URL(this.config.publicUrl);
    const path = `/.well-known/oauth-protected-resource${pathOf(server)}`;
    return { resourceMetadata: `${origin}${path}`, scope: this.#scope(server) };
  }

  #resource(server: string | undefined): string {
    return `${this.config.publicUrl.replace(/\/$/, '')}${pathOf(server)}`;
  }

  /** Qualified by the App ID URI, where the configuration names one. */
  #scope(server: string | undefined): string {
    const { audience, scope } = this.config.entra;
    const audiences = Array.isArray(audience) ? audience : [audience];
    const appIdUri = audiences.find((each) => each.includes('://')) ?? this.#resource(server);
    return `${appIdUri}/${scope}`;
  }
}

function pathOf(server: string | undefined): string {
  return server === undefined ? '/mcp' : `/mcp/${encodeURIComponent(server)}`;
}
