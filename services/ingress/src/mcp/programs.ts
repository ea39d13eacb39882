import type { StdioServerConfig } from '#runtime';
import { CredentialError, type Servers } from '../servers.js';
import type { OpenChannel } from './channel.js';
import { childChannels, type ChildParts } from './child-channel.js';
import { upstreamRefusal } from './upstream.js';

/** How the program of a configured server is started, with what its configuration says and no other secret. */
export function programChannels(
  config: StdioServerConfig,
  servers: Servers,
  parts: Pick<ChildParts, 'limits' | 'tell'>,
): OpenChannel {
  const environment = (): Record<string, string> => {
    try {
      return servers.childEnvironment(config);
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      const message = 'The credential for this server is not available.';
      throw upstreamRefusal('UPSTREAM_UNAVAILABLE', message, 'no', error);
    }
  };
  return childChannels({ command: config.command, environment, ...parts });
}
