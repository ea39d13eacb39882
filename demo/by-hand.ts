import { demoIdentities, isDemoIdentity } from './entra/identities.js';
import type { DemoIdentity, DemoIdentityName } from './entra/identities.js';

const descriptions: Record<DemoIdentityName, string> = {
  analyst: 'may look up customers; refunds are held for a signature',
  engineer: 'the same, and may delete test customers (T-…)',
  approver: 'signs refunds',
  approver2: 'signs refunds too',
  auditor: 'reads the record',
  admin: 'reads the record without bodies',
  ci: 'a pipeline: looks up customers',
};

const initialize = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'curl', version: '1' },
  },
});

/** What a person needs to go on by hand. */
export async function byHand(
  url: string,
  token: (identity: DemoIdentity) => Promise<string>,
): Promise<string> {
  const names = Object.keys(demoIdentities).filter(isDemoIdentity);
  const tokens = await Promise.all(
    names.map(async (name) => {
      const variable = `${name.toUpperCase()}_TOKEN`;
      return `# ${name}: ${descriptions[name]}\nexport ${variable}=${await token(demoIdentities[name])}`;
    }),
  );
  return [
    places(url),
    `Tokens, good for an hour (paste into a shell):\n${tokens.join('\n')}`,
    commands(url),
    clients(url),
  ].join('\n\n');
}

function places(url: string): string {
  return `
Go on by hand
─────────────
MCP endpoint       ${url}/mcp/orders
Approvals          ${url}/v1/approvals
Record             ${url}/v1/calls   ${url}/v1/events
A new token        npm run -s demo:token -- analyst`;
}

function commands(url: string): string {
  return `A first call:
curl -sS ${url}/mcp/orders -H "authorization: Bearer $ANALYST_TOKEN" -H 'content-type: application/json' \\
  -H 'accept: application/json, text/event-stream' -d '${initialize}'

Sign what waits:
curl -sS "${url}/v1/approvals?status=pending" -H "authorization: Bearer $APPROVER_TOKEN"
curl -sS ${url}/v1/approvals/<id>/decision -H "authorization: Bearer $APPROVER_TOKEN" \\
  -H 'content-type: application/json' -d '{"decision":"approve","reason":"checked"}'

Read the record:
curl -sS ${url}/v1/calls -H "authorization: Bearer $AUDITOR_TOKEN"`;
}

function clients(url: string): string {
  const headers = { Authorization: 'Bearer <token>' };
  const vscode = JSON.stringify({
    servers: { orders: { type: 'http', url: `${url}/mcp/orders`, headers } },
  });
  return `Clients, unchanged:
VS Code (.vscode/mcp.json)   ${vscode}
Claude Code                  claude mcp add --transport http orders ${url}/mcp/orders --header "Authorization: Bearer $ANALYST_TOKEN"
MCP Inspector                npx @modelcontextprotocol/inspector, Streamable HTTP, ${url}/mcp/orders, the same header
`;
}
