import { type Access, type ClientConfig, eachServer, type Wish } from './client.js';

const firstParty = 'aebc6443-996d-45c2-90f0-388ff96faa56';

/** It signs in under an id of Microsoft's. In headers it reads no variables, but what it has asked for. */
export function vscode(wish: Wish): ClientConfig {
  const { access } = wish;
  const servers = eachServer(wish, (url) => ({ type: 'http', url, ...accessMembers(access) }));
  const notes = ['.vscode/mcp.json of a project, or "MCP: Open User Configuration".', hint(access)];
  if (access.kind !== 'token') return { json: { servers }, notes };
  const description = 'Token for Countersign';
  const input = { type: 'promptString', id: access.variable, description, password: true };
  return { json: { inputs: [input], servers }, notes };
}

function accessMembers(access: Access): object {
  if (access.kind === 'builtIn') return {};
  if (access.kind === 'signIn') return { oauth: { clientId: access.clientId } };
  return { headers: { Authorization: `Bearer \${input:${access.variable}}` } };
}

function hint(access: Access): string {
  if (access.kind === 'builtIn') {
    return `VS Code signs in as ${firstParty}: pre-authorise that id for the scope.`;
  }
  if (access.kind === 'token') {
    return `VS Code asks for the token once and keeps it: paste what ${access.variable} holds.`;
  }
  return 'Redirect addresses of the registration: https://vscode.dev/redirect and http://127.0.0.1.';
}
