import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { z } from 'zod';
import { listeningPort } from '../../demo/listening-port.js';

/** One request as the server got it. */
export interface Heard {
  readonly verb: string;
  readonly headers: IncomingHttpHeaders;
  /** As it came, byte for byte. */
  readonly text: string;
  /** Empty where the body was no object. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Whether the connection was closed before the answer was complete. */
  readonly isBrokenOff: () => boolean;
}

/** How a test wants a request answered. */
export type Script = (heard: Heard, response: ServerResponse) => void | Promise<void>;

/** A server that says what the test tells it to. It shares no code with the product. */
export interface ScriptedUpstream {
  readonly url: string;
  readonly heard: readonly Heard[];
  /** From now on requests are answered like this. */
  answerWith(script: Script): void;
  close(): Promise<void>;
}

const bodySchema = z.record(z.string(), z.unknown());

/** Starts it on a free port of the loopback. */
export async function startScriptedUpstream(): Promise<ScriptedUpstream> {
  const heard: Heard[] = [];
  let script: Script = (_, response) => void response.writeHead(500).end();
  const server = createServer((request, response) => {
    void hear(request, response).then(async (each) => {
      heard.push(each);
      await script(each, response);
    });
  });
  server.listen(0, '127.0.0.1');
  const port = await listeningPort(server);
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    heard,
    answerWith: (next) => {
      script = next;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => {
        server.close(done);
      });
    },
  };
}

async function hear(request: IncomingMessage, response: ServerResponse): Promise<Heard> {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  const text = Buffer.concat(pieces).toString('utf8');
  const parsed = bodySchema.safeParse(text === '' ? {} : JSON.parse(text));
  let isBrokenOff = false;
  response.on('close', () => {
    isBrokenOff = !response.writableFinished;
  });
  return {
    verb: request.method ?? '',
    headers: request.headers,
    text,
    body: parsed.success ? parsed.data : {},
    isBrokenOff: () => isBrokenOff,
  };
}

/** Answers with one JSON message. */
export function sayJson(
  response: ServerResponse,
  message: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(message));
}

/** Begins a stream of events. */
export function beginStream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
}

/** One event; without a message it only marks a place. */
export function sayEvent(
  response: ServerResponse,
  {
    id,
    message,
    retry,
  }: { readonly id?: string; readonly message?: object; readonly retry?: number },
): void {
  const lines = [
    ...(id === undefined ? [] : [`id: ${id}`]),
    ...(retry === undefined ? [] : [`retry: ${retry}`]),
    `data: ${message === undefined ? '' : JSON.stringify(message)}`,
  ];
  response.write(`${lines.join('\n')}\n\n`);
}
