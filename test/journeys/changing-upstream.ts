import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { listeningPort } from '../../demo/listening-port.js';

/** A tool or a prompt. */
export interface Item {
  readonly name: string;
  readonly description?: string;
  readonly inputSchema?: object;
}

/** A server whose words a test changes while it runs. */
export interface ChangingUpstream {
  readonly url: string;
  tools: Item[];
  prompts: Item[];
  instructions: string | undefined;
  /** Names of tools and prompts that were used, in order. */
  readonly used: string[];
  close(): Promise<void>;
}

const messageSchema = z.object({
  id: z.union([z.string(), z.number()]).optional(),
  method: z.string(),
  params: z.object({ name: z.string().optional() }).optional(),
});

/** A tool without parameters. */
export function tool(name: string, description = `Does ${name}.`): Item {
  return { name, description, inputSchema: { type: 'object' } };
}

/** Starts a server of the session era that keeps no sessions. */
export async function startChangingUpstream(): Promise<ChangingUpstream> {
  const server = createServer((request, response) => void answer(upstream, request, response));
  const upstream: ChangingUpstream & { url: string } = {
    url: '',
    tools: [tool('pay'), tool('ask')],
    prompts: [{ name: 'greet', description: 'Greets.' }],
    instructions: 'Ask first.',
    used: [],
    close: async () => new Promise((done) => void server.close(() => done())),
  };
  server.listen(0, '127.0.0.1');
  upstream.url = `http://127.0.0.1:${await listeningPort(server)}/mcp`;
  return upstream;
}

async function answer(
  upstream: ChangingUpstream,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'POST') {
    response.writeHead(405).end();
    return;
  }
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(Buffer.from(piece));
  const { id, method, params } = messageSchema.parse(JSON.parse(Buffer.concat(pieces).toString()));
  if (id === undefined) {
    response.writeHead(202).end();
    return;
  }
  const result = resultOf(upstream, method, params?.name ?? '');
  response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ jsonrpc: '2.0', id, result }));
}

function resultOf(upstream: ChangingUpstream, method: string, name: string): object {
  switch (method) {
    case 'initialize':
      return {
        protocolVersion: '2025-11-25',
        capabilities: { tools: {}, prompts: {} },
        serverInfo: { name: 'changing', version: '1' },
        ...(upstream.instructions === undefined ? {} : { instructions: upstream.instructions }),
      };
    case 'tools/list':
      return { tools: upstream.tools };
    case 'prompts/list':
      return { prompts: upstream.prompts };
    case 'tools/call':
      upstream.used.push(name);
      return { content: [{ type: 'text', text: `${name} is done` }] };
    case 'prompts/get':
      upstream.used.push(name);
      return { messages: [{ role: 'user', content: { type: 'text', text: 'Hello' } }] };
    default:
      return {};
  }
}
