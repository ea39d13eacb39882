import {
  createServer,
  type IncomingMessage,
  request as send,
  type ServerResponse,
} from 'node:http';
import { listeningPort } from '../../demo/listening-port.js';

/** Stands before a gateway and adds a bearer token to every request, which the suites cannot. */
export interface Injector {
  /** As requests name it in `Host`. */
  readonly host: string;
  /** Where requests go from now on, and the token that they get. */
  aim(gatewayUrl: string, token: string): void;
  close(): Promise<void>;
}

interface Target {
  readonly url: URL;
  readonly token: string;
}

/** Concern one connection only; each side's Node writes its own. */
const ofConnection: ReadonlySet<string> = new Set(['connection', 'keep-alive']);

/** Starts an injector on a free port of the loopback interface. */
export async function startInjector(): Promise<Injector> {
  let target: Target | undefined;
  const server = createServer((request, response) => {
    if (target === undefined) response.writeHead(503).end();
    else pass(request, response, target);
  });
  server.listen(0, '127.0.0.1');
  const port = await listeningPort(server);
  return {
    host: `localhost:${port}`,
    aim: (gatewayUrl, token) => {
      target = { url: new URL(gatewayUrl), token };
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => {
        server.close(done);
      });
    },
  };
}

/** Passes method, path, headers and body on as they are, and the answer back as it comes. */
function pass(request: IncomingMessage, response: ServerResponse, { token, url }: Target): void {
  const onward = send({
    host: url.hostname,
    port: url.port,
    method: request.method,
    path: request.url,
    headers: [...endToEnd(request.rawHeaders), 'authorization', `Bearer ${token}`],
    agent: false,
  });
  onward.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, endToEnd(answer.rawHeaders));
    response.flushHeaders();
    answer.on('error', () => response.destroy()).pipe(response);
  });
  onward.on('error', () => response.destroy());
  // To hang up is to say something: in the stateless era it cancels.
  response.on('close', () => onward.destroy());
  request.pipe(onward);
}

/** Names and values by turns, without those of the connection. */
function endToEnd(rawHeaders: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = rawHeaders.slice(at, at + 2);
    if (!ofConnection.has(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}
