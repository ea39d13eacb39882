import {
  demoDescriptions,
  demoIdentities,
  type DemoIdentity,
  isDemoIdentity,
} from './entra/identities.js';

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

const refund = JSON.stringify({
  jsonrpc: '2.0',
  id: 2,
  method: 'tools/call',
  params: { name: 'refund_order', arguments: { order: 'A-1001', amount: 20 } },
});

/** Where things are. */
export interface Places {
  readonly url: string;
  /** Page of the stand-in for Teams. */
  readonly teams: string | undefined;
}

/** What a person needs to go on by hand. */
export async function byHand(
  { teams, url }: Places,
  token: (identity: DemoIdentity) => Promise<string>,
): Promise<string> {
  const names = Object.keys(demoIdentities).filter(isDemoIdentity);
  const tokens = await Promise.all(
    names.map(async (name) => {
      const variable = `${name.toUpperCase()}_TOKEN`;
      return `# ${name}: ${demoDescriptions[name]}\nexport ${variable}=${await token(demoIdentities[name])}`;
    }),
  );
  return [
    places(url, teams),
    `Tokens, good for an hour (paste into a shell):\n${tokens.join('\n')}`,
    commands(url),
    clients(url),
  ].join('\n\n');
}

function places(url: string, teams: string | undefined): string {
  return `
Go on by hand
─────────────
Approvals          ${url}/approvals   sign in as Petra Approver: no password
Teams, as a page   ${teams ?? 'not started'}
MCP endpoint       ${url}/mcp/orders
REST               ${url}/v1/approvals   ${url}/v1/grants
Record             ${url}/v1/calls   ${url}/v1/events
A new token        npm run -s demo:token -- analyst`;
}

function commands(url: string): string {
  return `A first call:
curl -sS ${url}/mcp/orders -H "authorization: Bearer $ANALYST_TOKEN" -H 'content-type: application/json' \\
  -H 'accept: application/json, text/event-stream' -d '${initialize}'

Ask for a refund, which waits for a signature: sign it on one of the two pages above.
curl -sS ${url}/mcp/orders -H "authorization: Bearer $ANALYST_TOKEN" -H 'content-type: application/json' \\
  -H 'accept: application/json, text/event-stream' -d '${refund}'

Or sign by command:
COUNTERSIGN_URL=${url} COUNTERSIGN_TOKEN=$APPROVER_TOKEN npx countersign approvals list
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
