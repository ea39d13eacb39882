import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { listeningPort } from '../../demo/listening-port.js';

/** An upstream that misbehaves as the tool's name says. */
export interface OddUpstream {
  readonly url: string;
  /** Tools that were asked for, in order. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

const callSchema = z.object({
  id: z.union([z.string(), z.number()]),
  params: z.object({ name: z.string() }),
});

interface Reply {
  readonly id: string | number;
  readonly response: ServerResponse;
}
type Behaviour = (reply: Reply) => void;

const json = { 'content-type': 'application/json' };
const stream = { 'content-type': 'text/event-stream' };
const resultOf = (id: string | number, text: string): string =>
  JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text }] } });
const endless = 'a'.repeat(65_536);

/** Every way to misbehave, by the name of the tool that asks for it. */
const behaviours: Readonly<Record<string, Behaviour>> = {
  fine: ({ id, response }) => response.writeHead(200, json).end(resultOf(id, 'fine')),
  silent: () => undefined,
  stalls: ({ id, response }) => response.writeHead(200, json).write(resultOf(id, 'x').slice(0, 30)),
  breaks: ({ response }) => response.destroy(),
  html: ({ response }) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Sign in</h1>');
  },
  'bad-gateway': ({ response }) => {
    response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>502</h1>');
  },
  'half-json': ({ id, response }) => {
    response.writeHead(200, json).end(resultOf(id, 'x').slice(0, 30));
  },
  'cut-json': ({ id, response }) => {
    response.writeHead(200, { ...json, 'content-length': 5000 });
    response.write(resultOf(id, 'x'), () => response.destroy());
  },
  'plain-text': ({ id, response }) => {
    response.writeHead(200, { 'content-type': 'text/plain' }).end(resultOf(id, 'x'));
  },
  'not-utf8': ({ id, response }) => {
    response.writeHead(200, json).end(Buffer.from(resultOf(id, 'caf\xe9'), 'latin1'));
  },
  'duplicate-key': ({ id, response }) => {
    response.writeHead(200, json).end(`{"result":{},${resultOf(id, 'x').slice(1)}`);
  },
  'not-an-object': ({ response }) => response.writeHead(200, json).end('["fine"]'),
  'empty-body': ({ response }) => response.writeHead(200, json).end(),
  endless: ({ response }) => {
    response.writeHead(200, json).write('{"jsonrpc":"2.0","result":"');
    const more = (): void => {
      while (!response.destroyed && response.write(endless));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  },
  'endless-event': ({ response }) => {
    response.writeHead(200, stream).write('data: ');
    const more = (): void => {
      while (!response.destroyed && response.write(endless));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  },
  'cut-event': ({ id, response }) => {
    response.writeHead(200, stream).end(`data: ${resultOf(id, 'x').slice(0, 30)}`);
  },
  'torn-event': ({ id, response }) => {
    response.writeHead(200, stream);
    response.write(`data: ${resultOf(id, 'x').slice(0, 30)}`, () => response.destroy());
  },
  'no-event': ({ response }) => response.writeHead(200, stream).end(': nothing to say\n\n'),
  'rubbish-event': ({ response }) => response.writeHead(200, stream).end('data: {oops\n\n'),
};

/** Starts a server that answers as it is asked to. */
export async function startOddUpstream(): Promise<OddUpstream> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    response.on('error', () => undefined);
    void answer(request, response, asked);
  });
  server.listen(0, '127.0.0.1');
  const port = await listeningPort(server);
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    asked,
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
  asked: string[],
): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  const { id, params } = callSchema.parse(JSON.parse(Buffer.concat(pieces).toString('utf8')));
  asked.push(params.name);
  behaviours[params.name]?.({ id, response });
}
