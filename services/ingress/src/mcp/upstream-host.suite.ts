import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { afterEach } from 'vitest';
import type { HttpServerConfig } from '#runtime';
import { listeningPort } from '../../../../demo/listening-port.js';
import { Servers } from '../servers.js';
import type { Resolve } from './upstream-connector.js';
import { type Outgoing, UpstreamSender } from './upstream-sender.js';

/** A request as a host on this machine got it. */
export interface Heard {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** A real HTTP server on the loopback address, and what it heard. */
export interface Host {
  readonly origin: string;
  readonly port: number;
  readonly heard: Heard[];
  /** Connections that were made to it. */
  readonly connections: () => number;
}

/** What a host does with a request. */
export type Answering = (response: ServerResponse, heard: Heard) => void;

const open: (() => Promise<void> | void)[] = [];

/** Hosts and senders of a spec file, ended after each test. */
export function closeAfterEach(): void {
  afterEach(async () => {
    for (const close of open.splice(0)) await close();
  });
}

/** Starts a host; with `tls` one that speaks https. */
export async function hostOf(
  answering: Answering,
  tls?: { readonly key: string; readonly cert: string },
): Promise<Host> {
  const heard: Heard[] = [];
  let connections = 0;
  const listener = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = '';
    for await (const piece of request) body += String(piece);
    const { headers, method = '', url = '' } = request;
    heard.push({ method, path: url, headers, body });
    answering(response, { method, path: url, headers, body });
  };
  const handle = (request: IncomingMessage, response: ServerResponse): void =>
    void listener(request, response).catch(() => undefined);
  const server = tls === undefined ? createServer(handle) : createSecureServer(tls, handle);
  server.on('connection', () => (connections += 1)).listen(0, '127.0.0.1');
  const port = await listeningPort(server);
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  return { origin, port, heard, connections: () => connections };
}

/** The origin of a host that takes connections and never says anything. */
export async function silentOrigin(): Promise<string> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  open.push(() => void server.close());
  return `https://127.0.0.1:${await listeningPort(server)}`;
}

/** An origin where nobody listens. */
export async function deadOrigin(): Promise<string> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  const port = await listeningPort(server);
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return `http://127.0.0.1:${port}`;
}

/** What a sender is made with in tests. */
export interface SenderWishes extends Partial<HttpServerConfig> {
  readonly environment?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly resolve?: Resolve;
}

/** A sender to a URL. */
export function senderTo(url: string, wishes: SenderWishes = {}): UpstreamSender {
  const { environment = {}, resolve, timeoutMs = 5000, ...more } = wishes;
  const config: HttpServerConfig = {
    url,
    headers: {},
    network: 'any',
    connectTimeoutMs: 2000,
    labels: {},
    ...more,
  };
  const servers = new Servers({}, environment);
  const sender = new UpstreamSender({ config, servers, timeoutMs, resolve });
  open.push(async () => sender.close());
  return sender;
}

/** A message on its way, and what came back: status and text. */
export async function sent(sender: UpstreamSender, outgoing: Partial<Outgoing> = {}) {
  const { body, statusCode } = await sender.send({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"n":1}',
    signal: new AbortController().signal,
    ...outgoing,
  });
  return { status: statusCode, text: await body.text() };
}

/** How a refusal looks that is surely before any execution. */
export const notExecuted = { code: 'UPSTREAM_UNAVAILABLE', executed: 'no' };
