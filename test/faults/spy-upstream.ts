import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { listeningPort } from '../../demo/listening-port.js';
import type { Execution } from './history.js';

/** Values that no client may ever see. */
export const canaries = ['canary.oconnor@lighthouse-hotel.example', '4111 1111 1111 1111'] as const;

/** A server that writes down what it does before it says so. */
export interface SpyUpstream {
  readonly url: string;
  /** Everything that was executed, read from the file. */
  executions(): Execution[];
  /** Every request as it came, headers and body in one text. */
  readonly heard: readonly string[];
  close(): Promise<void>;
}

const callSchema = z.object({
  id: z.union([z.string(), z.number()]),
  method: z.literal('tools/call'),
  params: z.object({ name: z.string(), arguments: z.looseObject({ nonce: z.string() }) }),
});
type Call = z.infer<typeof callSchema>;

const lineSchema = z.object({
  nonce: z.string(),
  tool: z.string(),
  arguments: z.record(z.string(), z.unknown()),
  atMs: z.number(),
});

/**
 * A stateless MCP server of two tools that echo a nonce beside personal data. Each execution is
 * appended to a file and on disk before the answer begins. It shares no code with the product.
 */
export async function startSpyUpstream(): Promise<SpyUpstream> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-spy-'));
  const file = join(folder, 'executions.jsonl');
  const log = openSync(file, 'a');
  const heard: string[] = [];
  const execute = (call: Call): void => {
    const { name, arguments: asked } = call.params;
    const line = { nonce: asked.nonce, tool: name, arguments: asked, atMs: Date.now() };
    writeSync(log, `${JSON.stringify(line)}\n`);
    fsyncSync(log);
  };
  const server = createServer((request, response) => {
    void answer(request, response, { execute, heard });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  const port = await listeningPort(server);
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    executions: () =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => lineSchema.parse(JSON.parse(line))),
    heard,
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => {
        server.close(done);
      });
      closeSync(log);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { execute, heard }: { readonly execute: (call: Call) => void; readonly heard: string[] },
): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  const body = Buffer.concat(pieces).toString('utf8');
  heard.push(`${request.rawHeaders.join('\n')}\n\n${body}`);
  const call = callSchema.safeParse(JSON.parse(body));
  if (!call.success) {
    response.writeHead(400).end();
    return;
  }
  execute(call.data);
  const { nonce } = call.data.params.arguments;
  const [email, card] = canaries;
  const guest = { nonce, email, card };
  const result = {
    content: [
      { type: 'text', text: `${nonce}: write to ${email}, charged to ${card}.` },
      { type: 'text', text: JSON.stringify(guest) },
    ],
    structuredContent: guest,
  };
  const text = JSON.stringify({ jsonrpc: '2.0', id: call.data.id, result });
  response.writeHead(200, { 'content-type': 'application/json' }).end(text);
}
