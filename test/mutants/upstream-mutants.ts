import type { Mutant } from './mutant.js';

const folder = 'services/ingress/src/mcp';
const spec = `${folder}/upstream-sender.spec.ts`;
const connector = { file: `${folder}/upstream-connector.ts`, spec, law: 7 };

/** The guards around what goes to a server over HTTP, and where. */
export const upstreamMutants: readonly Mutant[] = [
  {
    ...connector,
    name: 'an address that stands in a URL is called unjudged',
    snippet: 'isIP(hostname) === 0 ? undefined : faultOf(hostname, [hostname], network)',
    replacement: 'undefined as Error | undefined',
    test: 'and the network is public, then nothing is sent',
  },
  {
    ...connector,
    name: 'the addresses of a name are called unjudged',
    snippet: 'faultOf(host, addresses, network)',
    replacement: 'undefined as Error | undefined',
    test: 'and the name has the addresses',
  },
  {
    file: `${folder}/redirects.ts`,
    spec,
    law: 7,
    name: 'a credential follows a redirect to a foreign origin',
    snippet: 'target.origin !== from.origin',
    replacement: 'false',
    test: 'then that origin gets no request',
  },
  {
    file: `${folder}/upstream-token.ts`,
    spec: `${folder}/upstream-token.spec.ts`,
    law: 7,
    name: "an authority's words are told as they are",
    snippet: `/^\\w{1,60}$/.test(error.error) ? error.error : 'an error'`,
    replacement: 'error.error',
    test: 'says the secret in place of a code',
  },
  {
    file: `${folder}/sse-channel.ts`,
    spec: `${folder}/sse-channel.spec.ts`,
    law: 7,
    name: 'messages go to an endpoint of another origin, credential included',
    snippet: 'endpoint.origin !== url.origin',
    replacement: 'false',
    test: 'when the server names an endpoint of another origin',
  },
  {
    file: `${folder}/hearing.ts`,
    spec: `${folder}/shared-process.spec.ts`,
    law: 8,
    name: 'what a shared program says reaches another caller',
    snippet: 'room.isShared ? inPublic(message, room) : inPrivate(message, room)',
    replacement: 'inPrivate(message, room)',
    test: 'when a shared program says something by itself, then no other caller hears of it',
  },
  {
    file: `${folder}/session-upstream.ts`,
    spec: `${folder}/shared-process.spec.ts`,
    law: 8,
    name: 'a caller answers what a shared program asked',
    snippet: `message.kind === 'response' && conversation.owner === undefined`,
    replacement: 'false',
    test: 'when a client answers a shared program that asked nobody',
  },
];
