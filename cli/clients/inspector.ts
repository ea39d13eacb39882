import { bridgeRedirect, type ClientConfig, eachServer, told, urlOf, type Wish } from './client.js';

const program = 'npx @modelcontextprotocol/inspector@2';

/** It signs in under an id that is registered for it; a token is given to it by command alone. */
export function inspector(wish: Wish): ClientConfig {
  const access = told(wish.access, 'The Inspector');
  if (access.kind === 'signIn') {
    const oauth = { clientId: access.clientId };
    return {
      json: { mcpServers: eachServer(wish, (url) => ({ type: 'http', url, oauth })) },
      notes: [bridgeRedirect, 'Save it as inspector.json, then run:'],
      commands: [`${program} --config inspector.json --server ${wish.servers[0]}`],
    };
  }
  const header = `--header "Authorization: Bearer $${access.variable}"`;
  const commands = wish.servers.map(
    (name) => `${program} --transport http --server-url ${urlOf(wish, name)} ${header}`,
  );
  return {
    json: { mcpServers: eachServer(wish, (url) => ({ type: 'http', url })) },
    text: `${commands.join('\n')}\n`,
    notes: ['For a shell. Without a browser, write --cli --method tools/list before --header.'],
  };
}
