import { randomUUID } from 'node:crypto';
import {
  localhostHostValidation,
  localhostOriginValidation,
  toNodeHandler,
} from '@modelcontextprotocol/node';
import {
  createMcpHandler,
  isLegacyRequest,
  type JSONRPCMessage,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import { EventLog } from './event-log.js';
import { Tasks, tasksExtension } from './tasks.js';
import { serve, type Upstream } from './upstream.js';
import { type Changes, newServerV2 } from './v2-server.js';

/** How soon a client whose stream was closed shall come back, milliseconds. */
const retryInterval = 200;

/** Starts the server on the v2 SDK: both eras at one address. Port 0 takes a free one. */
export async function startUpstreamV2(port = 0): Promise<Upstream> {
  const changes: Changes = {
    tools: () => modern.notify.toolsChanged(),
    prompts: () => modern.notify.promptsChanged(),
  };
  const modern = createMcpHandler(() => newServerV2(changes, { [tasksExtension]: {} }), {
    legacy: 'reject',
  });
  const tasks = new Tasks();
  const legacy = sessionsOfOlderEra();
  const handler = toNodeHandler({
    fetch: async (request, options) => {
      if (await isLegacyRequest(request)) return legacy(request);
      return (await tasks.answer(request)) ?? modern.fetch(request, options);
    },
  });
  const hasLocalHost = localhostHostValidation();
  const hasLocalOrigin = localhostOriginValidation();
  const upstream = await serve(port, (request, response) => {
    // Whoever is not local has been answered by these.
    if (!hasLocalHost(request, response) || !hasLocalOrigin(request, response)) return;
    const { method = 'GET', url = '/' } = request;
    void handler(Object.assign(request, { method, url }), response);
  });
  return {
    url: upstream.url,
    close: async () => {
      await modern.close();
      await upstream.close();
    },
  };
}

function sessionsOfOlderEra(): (request: Request) => Promise<Response> {
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();
  return async (request) => {
    const id = request.headers.get('mcp-session-id');
    const transport = id === null ? await newSession(sessions) : sessions.get(id);
    if (transport !== undefined) return transport.handleRequest(request);
    const error = { code: -32_001, message: 'Session not found' };
    return Response.json({ jsonrpc: '2.0', id: null, error }, { status: 404 });
  };
}

async function newSession(
  sessions: Map<string, WebStandardStreamableHTTPServerTransport>,
): Promise<WebStandardStreamableHTTPServerTransport> {
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void sessions.set(id, transport),
    onsessionclosed: (id) => void sessions.delete(id),
    eventStore: new EventLog<JSONRPCMessage>(),
    retryInterval,
  });
  const server = newServerV2({
    tools: () => server.sendToolListChanged(),
    prompts: () => server.sendPromptListChanged(),
  });
  await server.connect(transport);
  return transport;
}
