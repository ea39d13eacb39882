import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import express from 'express';
import { listeningPort } from '../demo/listening-port.js';

/** A relay as the SDK suggests one: a server and a client of its classes for each session. */
const [, , , , upstream = ''] = process.argv;
const info = { name: 'sdk-relay', version: '1.0.0' };
const sessions = new Map<string, StreamableHTTPServerTransport>();

const app = express();
app.use(express.json());
app.post('/mcp', async (request, response) => {
  const id = request.headers['mcp-session-id'];
  const known = typeof id === 'string' ? sessions.get(id) : undefined;
  const transport = known ?? (await newSession());
  await transport.handleRequest(request, response, request.body);
});
const server = createServer(app);
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1');
const port = await listeningPort(server);
process.once('disconnect', () => process.exit(0));
process.send?.({ ready: `http://127.0.0.1:${port}/mcp` });

async function newSession(): Promise<StreamableHTTPServerTransport> {
  const client = new Client(info);
  await client.connect(new StreamableHTTPClientTransport(new URL(upstream)));
  const relay = new Server(info, { capabilities: { tools: {} } });
  relay.setRequestHandler(CallToolRequestSchema, async ({ params }) => client.callTool(params));
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    enableJsonResponse: true,
    onsessioninitialized: (id) => void sessions.set(id, transport),
  });
  await relay.connect(transport);
  return transport;
}
