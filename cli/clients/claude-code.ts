import { type ClientConfig, eachServer, told, urlOf, type Wish } from './client.js';

const standardPort = 8080;
const place = '.mcp.json of a project. Or by command:';

/** It signs in under an id that is registered for it, and reads variables in headers. */
export function claudeCode(wish: Wish): ClientConfig {
  const access = told(wish.access, 'Claude Code');
  if (access.kind === 'token') {
    const authorization = `Bearer \${${access.variable}}`;
    const headers = { Authorization: authorization };
    return {
      json: { mcpServers: eachServer(wish, (url) => ({ type: 'http', url, headers })) },
      notes: [place],
      // `--header` takes every word that follows it.
      commands: added(wish, (target) => `${target} --header 'Authorization: ${authorization}'`),
    };
  }
  const { callbackPort = standardPort, clientId } = access;
  const oauth = { clientId, callbackPort };
  return {
    json: { mcpServers: eachServer(wish, (url) => ({ type: 'http', url, oauth })) },
    notes: [
      `Redirect address of the registration: http://localhost:${callbackPort}/callback`,
      place,
    ],
    commands: added(
      wish,
      (target) => `--client-id ${clientId} --callback-port ${callbackPort} ${target}`,
    ),
  };
}

function added(wish: Wish, words: (target: string) => string): string[] {
  return wish.servers.map(
    (name) =>
      `claude mcp add --scope project --transport http ${words(`${name} ${urlOf(wish, name)}`)}`,
  );
}
