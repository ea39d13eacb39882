import {
  AccessMissing,
  type ClientConfig,
  eachServer,
  standardVariable,
  type Wish,
} from './client.js';

/** A program on the MCP SDK, for CI: it is given a token. */
export function sdk(wish: Wish): ClientConfig {
  const { access } = wish;
  if (access.kind === 'signIn') {
    throw new AccessMissing('A program takes a token: --token-env NAME in place of --client-id.');
  }
  const tokenEnv = access.kind === 'token' ? access.variable : standardVariable;
  const urls = eachServer(wish, (url) => url);
  return {
    json: { servers: eachServer(wish, (url) => ({ url, tokenEnv })) },
    text: programText(urls, tokenEnv),
    notes: ['How a CI job gets a token: docs/entra.md.'],
  };
}

function programText(urls: Readonly<Record<string, string>>, variable: string): string {
  const entries = Object.entries(urls).map(
    ([name, url]) => `  ${/^\w+$/.test(name) ? name : `'${name}'`}: '${url}',`,
  );
  return `// countersign.mjs: npm install @modelcontextprotocol/client@2, then node countersign.mjs
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const servers = {
${entries.join('\n')}
};
const token = process.env['${variable}'];
if (!token) throw new Error('${variable} holds no token');

for (const [name, url] of Object.entries(servers)) {
  const client = new Client({ name: 'countersign-program', version: '1.0.0' });
  const requestInit = { headers: { Authorization: \`Bearer \${token}\` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
  const { tools } = await client.listTools();
  console.log(name, tools.map((tool) => tool.name).join(' '));
  await client.close();
}
`;
}
