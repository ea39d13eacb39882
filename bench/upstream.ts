import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listeningPort } from '../demo/listening-port.js';

interface EchoCall {
  readonly id: unknown;
  readonly method?: string;
  readonly params: { readonly arguments: { readonly text: string } };
}

const serverInfo = { name: 'echo', version: '1.0.0' };

/** The smallest MCP server: stateless, one echo tool, one JSON answer. */
const server = createServer((request, response) => {
  void answer(request, response);
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1');
const port = await listeningPort(server);
process.once('disconnect', () => process.exit(0));
process.send?.({ ready: `http://127.0.0.1:${port}/mcp` });

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST') {
    response.writeHead(405).end();
    return;
  }
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  const call: EchoCall = JSON.parse(Buffer.concat(pieces).toString('utf8'));
  if (call.id === undefined) {
    response.writeHead(202).end();
    return;
  }
  const result =
    call.method === 'initialize'
      ? { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo }
      : { content: [{ type: 'text', text: call.params.arguments.text }] };
  const body = JSON.stringify({ jsonrpc: '2.0', id: call.id, result });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  response.writeHead(200, headers).end(body);
}
