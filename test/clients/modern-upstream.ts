import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { listeningPort } from '../../demo/listening-port.js';

/** One request as the server got it. */
export interface HeardRequest {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** An MCP server of the stateless era (2026-07-28) with tools that pay: at once, slowly, and in two rounds. */
export interface ModernUpstream {
  readonly url: string;
  /** Orders that were paid, in order. */
  readonly paid: readonly string[];
  readonly heard: readonly HeardRequest[];
  /** Requests that were broken off before they were answered, as text. */
  readonly brokenOff: readonly string[];
  /** What the tools are described as from now on. */
  describe(description: string): void;
  /** Lets the slow tool answer. */
  finish(): void;
  close(): Promise<void>;
}

const requestSchema = z.object({
  id: z.union([z.string(), z.number()]),
  method: z.string(),
  params: z.looseObject({
    name: z.string().optional(),
    arguments: z.looseObject({ order: z.string() }).optional(),
    requestState: z.string().optional(),
  }),
});
type Request = z.infer<typeof requestSchema>;

const meta = { 'io.modelcontextprotocol/serverInfo': { name: 'payments', version: '1.0.0' } };
const cacheable = { resultType: 'complete', ttlMs: 0, cacheScope: 'private', _meta: meta };
const inputSchema = { type: 'object', properties: { order: { type: 'string' } } };
const annotations = { destructiveHint: true, title: 'Pay' };

/** Starts the server on a free port of the loopback. It shares no code with the product. */
export async function startModernUpstream(): Promise<ModernUpstream> {
  const paid: string[] = [];
  const heard: HeardRequest[] = [];
  const brokenOff: string[] = [];
  const waiting: (() => void)[] = [];
  let description = 'Pays an order.';
  const resultOf = async ({ method, params }: Request): Promise<object> => {
    if (method === 'server/discover') {
      return { ...cacheable, supportedVersions: ['2026-07-28'], capabilities: { tools: {} } };
    }
    if (method === 'tools/list') {
      const tool = { description, inputSchema, annotations };
      return {
        ...cacheable,
        tools: [
          { ...tool, name: 'pay' },
          { ...tool, name: 'pay_slowly' },
          { ...tool, name: 'pay_in_rounds' },
        ],
      };
    }
    if (params.name === 'pay_in_rounds' && params.requestState === undefined) {
      return { resultType: 'input_required', requestState: 'of-the-server' };
    }
    const order = params.arguments?.order ?? '';
    paid.push(order);
    if (params.name === 'pay_slowly') await new Promise<void>((done) => waiting.push(done));
    const text = `${order} is paid; tell ada@payments.example.`;
    return { resultType: 'complete', content: [{ type: 'text', text }] };
  };
  const server = createServer((request, response) => {
    void answer(request, response, { heard, brokenOff, resultOf });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  const port = await listeningPort(server);
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    paid,
    heard,
    brokenOff,
    describe: (words) => {
      description = words;
    },
    finish: () => {
      for (const done of waiting.splice(0)) done();
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => {
        server.close(done);
      });
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  given: {
    readonly heard: HeardRequest[];
    readonly brokenOff: string[];
    readonly resultOf: (request: Request) => Promise<object>;
  },
): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  const body = Buffer.concat(pieces).toString('utf8');
  given.heard.push({ headers: request.headers, body });
  response.on('close', () => {
    if (!response.writableEnded) given.brokenOff.push(body);
  });
  const asked = requestSchema.safeParse(body === '' ? undefined : JSON.parse(body));
  if (!asked.success) {
    response.writeHead(body === '' ? 405 : 400).end();
    return;
  }
  const result = await given.resultOf(asked.data);
  const text = JSON.stringify({ jsonrpc: '2.0', id: asked.data.id, result });
  response.writeHead(200, { 'content-type': 'application/json' }).end(text);
}
