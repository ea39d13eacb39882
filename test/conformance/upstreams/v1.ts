import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { EventLog } from './event-log.js';
import { serve, type Upstream } from './upstream.js';
import { newServerV1 } from './v1-server.js';

/** How soon a client whose stream was closed shall come back, milliseconds. */
const retryInterval = 200;

/** Starts the server on the v1 SDK: the older era, with sessions. Port 0 takes a free one. */
export async function startUpstreamV1(port = 0): Promise<Upstream> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  return serve(port, (request, response) => {
    void answer(request, response, sessions);
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  sessions: Map<string, StreamableHTTPServerTransport>,
): Promise<void> {
  const id = request.headers['mcp-session-id'];
  if (typeof id !== 'string') {
    const transport = await newSession(sessions, request.socket.localPort ?? 0);
    await transport.handleRequest(request, response);
    if (transport.sessionId === undefined) await transport.close();
    return;
  }
  const transport = sessions.get(id);
  if (transport === undefined) return notFound(response);
  await transport.handleRequest(request, response);
}

async function newSession(
  sessions: Map<string, StreamableHTTPServerTransport>,
  port: number,
): Promise<StreamableHTTPServerTransport> {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void sessions.set(id, transport),
    onsessionclosed: (id) => void sessions.delete(id),
    eventStore: new EventLog<JSONRPCMessage>(),
    retryInterval,
    enableDnsRebindingProtection: true,
    allowedHosts: hosts,
    allowedOrigins: hosts.map((host) => `http://${host}`),
  });
  await newServerV1().connect(transport);
  return transport;
}

function notFound(response: ServerResponse): void {
  const error = { code: -32_001, message: 'Session not found' };
  response
    .writeHead(404, { 'content-type': 'application/json' })
    .end(JSON.stringify({ jsonrpc: '2.0', id: null, error }));
}
