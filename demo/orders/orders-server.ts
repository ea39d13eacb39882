import { randomUUID } from 'node:crypto';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express, { type Request, type Response } from 'express';
import { z } from 'zod';
import { listeningPort } from '../listening-port.js';
import { customers } from './orders-data.js';

/** One execution as the server saw it. */
export interface Execution {
  readonly tool: string;
  readonly arguments: unknown;
  readonly authorization: string | undefined;
}

/** A running sample server. */
export interface OrdersServer {
  readonly url: string;
  /** Everything that was really executed, in order: what the gate let through. */
  readonly executions: readonly Execution[];
  close(): Promise<void>;
}

/** Settings of the sample server. */
export interface OrdersSettings {
  readonly host: string;
  readonly port: number;
  /** The credential that it demands; only the gateway knows it. */
  readonly token: string;
}

/** A small MCP server of an order department, that answers only to whoever holds its token. */
export async function startOrdersServer(settings: OrdersSettings): Promise<OrdersServer> {
  const executions: Execution[] = [];
  const app = express();
  app.use(express.json({ limit: '4mb' }));
  app.get('/livez', (_request, response) => void response.json({ status: 'live' }));
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  app.all('/mcp', (request, response) => {
    void answer(settings.token, sessions, executions, request, response);
  });
  const server = app.listen(settings.port, settings.host);
  const port = await listeningPort(server);
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    executions,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  token: string,
  sessions: Map<string, StreamableHTTPServerTransport>,
  executions: Execution[],
  request: Request,
  response: Response,
): Promise<void> {
  if (request.headers.authorization !== `Bearer ${token}`) {
    response.status(401).json({ error: 'the orders server wants its own token' });
    return;
  }
  const known = sessions.get(String(request.headers['mcp-session-id'] ?? ''));
  const transport =
    known ??
    (isInitialize(request.body) ? await open(sessions, executions) : await openOnce(executions));
  await transport.handleRequest(request, response, request.body);
}

/** For a request by itself, as somebody with curl makes it. */
async function openOnce(executions: Execution[]): Promise<StreamableHTTPServerTransport> {
  const transport = new StreamableHTTPServerTransport({});
  await ordersTools(executions).connect(transport);
  return transport;
}

function isInitialize(body: unknown): boolean {
  return (
    typeof body === 'object' && body !== null && 'method' in body && body.method === 'initialize'
  );
}

async function open(
  sessions: Map<string, StreamableHTTPServerTransport>,
  executions: Execution[],
): Promise<StreamableHTTPServerTransport> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => void sessions.set(id, transport),
    onsessionclosed: (id) => void sessions.delete(id),
  });
  await ordersTools(executions).connect(transport);
  return transport;
}

type Headers = Readonly<Record<string, unknown>> | undefined;
type Recorder = (tool: string, input: unknown, headers: Headers) => void;

function ordersTools(executions: Execution[]): McpServer {
  const server = new McpServer({ name: 'orders', version: '1.0.0' });
  const record: Recorder = (tool, input, headers) => {
    const authorization = headers?.['authorization'];
    executions.push({
      tool,
      arguments: input,
      authorization: typeof authorization === 'string' ? authorization : undefined,
    });
  };
  readingTools(server, record);
  changingTools(server, record);
  return server;
}

function readingTools(server: McpServer, record: Recorder): void {
  server.registerTool(
    'find_customer',
    {
      description: 'Finds customers by a part of their name.',
      inputSchema: { name: z.string() },
      annotations: { readOnlyHint: true },
    },
    ({ name }, extra) => {
      record('find_customer', { name }, extra.requestInfo?.headers);
      const found = customers.filter((each) =>
        each.name.toLowerCase().includes(name.toLowerCase()),
      );
      const text = JSON.stringify({ customers: found });
      return { content: [{ type: 'text', text }], structuredContent: { customers: found } };
    },
  );
  server.registerTool(
    'echo',
    { description: 'Gives back what it is given.', inputSchema: { text: z.string() } },
    ({ text }, extra) => {
      record('echo', { text }, extra.requestInfo?.headers);
      return { content: [{ type: 'text', text }] };
    },
  );
}

function changingTools(server: McpServer, record: Recorder): void {
  server.registerTool(
    'refund_order',
    { description: 'Pays an order back.', inputSchema: { order: z.string(), amount: z.number() } },
    ({ order, amount }, extra) => {
      record('refund_order', { order, amount }, extra.requestInfo?.headers);
      return { content: [{ type: 'text', text: `Order ${order}: ${amount} EUR paid back.` }] };
    },
  );
  server.registerTool(
    'delete_customer',
    {
      description: 'Deletes a customer for good.',
      inputSchema: { id: z.string() },
      annotations: { destructiveHint: true },
    },
    ({ id }, extra) => {
      record('delete_customer', { id }, extra.requestInfo?.headers);
      return { content: [{ type: 'text', text: `Customer ${id} deleted.` }] };
    },
  );
}
