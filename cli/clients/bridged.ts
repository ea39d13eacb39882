import {
  bridgeRedirect,
  type ClientConfig,
  eachServer,
  isExposed,
  standardVariable,
  told,
  type ToldAccess,
  type Wish,
} from './client.js';

/** A program of others between a client and the gateway. This release was read: flags, redirects, scopes. */
const bridge = 'mcp-remote@0.15.1';
const standardPort = 3334;

/** Its file knows programs alone, so a bridge speaks to the gateway. */
export function claudeDesktop(wish: Wish): ClientConfig {
  const access = told(wish.access, 'Claude Desktop');
  return {
    json: { mcpServers: bridges(wish, access) },
    notes: [
      'macOS: ~/Library/Application Support/Claude/claude_desktop_config.json',
      String.raw`Windows: %APPDATA%\Claude\claude_desktop_config.json`,
      hint(access),
    ],
  };
}

/** Its own sign-in wants to register itself, which Entra does not offer: a header, or a bridge. */
export function cursor(wish: Wish): ClientConfig {
  const { access } = wish;
  const place = '.cursor/mcp.json of a project, or ~/.cursor/mcp.json.';
  if (access.kind === 'signIn') {
    return { json: { mcpServers: bridges(wish, access) }, notes: [place, hint(access)] };
  }
  const variable = access.kind === 'token' ? access.variable : standardVariable;
  const headers = { Authorization: `Bearer \${env:${variable}}` };
  return {
    json: { mcpServers: eachServer(wish, (url) => ({ url, headers })) },
    notes: [place, `Cursor reads the token from ${variable} when it starts.`],
  };
}

/** One bridge for each server, on a port of its own where it waits for a sign-in to end. */
function bridges(wish: Wish, access: ToldAccess): Record<string, object> {
  const insecure = isExposed(wish.origin) ? ['--allow-http'] : [];
  let port = access.kind === 'signIn' ? (access.callbackPort ?? standardPort) : 0;
  return eachServer(wish, (url) => {
    const start = ['-y', bridge, url];
    if (access.kind === 'token') {
      // Some clients tear arguments apart at spaces, so the space stands in the variable.
      const header = ['--header', `Authorization:\${${access.variable}}`];
      const env = { [access.variable]: 'Bearer <token>' };
      return { command: 'npx', args: [...start, ...header, ...insecure], env };
    }
    const client = ['--static-oauth-client-info', JSON.stringify({ client_id: access.clientId })];
    return { command: 'npx', args: [...start, String(port++), ...client, ...insecure] };
  });
}

function hint(access: ToldAccess): string {
  return access.kind === 'token'
    ? 'Put a token in place of <token>. It then stands in the file in clear, and soon ends.'
    : bridgeRedirect;
}
