import type { ServerResponse } from 'node:http';
import { afterEach } from 'vitest';
import type { HttpServerConfig } from '#runtime';
import { Servers } from '../servers.js';
import { hostOf, type Host } from './upstream-host.suite.js';
import { Upstreams } from './upstreams.js';
import type { McpUpstream } from './upstream.js';

/** How a host over HTTP+SSE differs from one that answers everything. */
export interface SseWishes {
  /** What the stream begins with, in place of where messages go. */
  readonly first?: string;
  /** What answers the second message, in place of 202. */
  readonly second?: (response: ServerResponse) => void;
  /** What is said on the stream for a message, in place of an answer. */
  readonly say?: (stream: ServerResponse, id: unknown) => void;
  /** What answers the request for a stream. */
  readonly get?: (response: ServerResponse) => void;
}

/** A server over HTTP+SSE (MCP 2024-11-05), with the streams that are open. */
export async function sseHost(
  wishes: SseWishes = {},
): Promise<Host & { readonly url: string; readonly streams: ReadonlySet<ServerResponse> }> {
  const streams = new Set<ServerResponse>();
  const { first = 'event: endpoint\ndata: /messages?session=1\n\n', get, second, say } = wishes;
  let messages = 0;
  const host = await hostOf((response, { body, method }) => {
    if (method === 'GET') {
      if (get !== undefined) {
        get(response);
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(first);
      streams.add(response);
      response.on('close', () => streams.delete(response));
      return;
    }
    messages += 1;
    if (messages === 2 && second !== undefined) {
      second(response);
      return;
    }
    response.writeHead(202).end('Accepted');
    const { id }: { id?: unknown } = JSON.parse(body);
    for (const stream of streams) {
      if (say !== undefined && messages > 1) say(stream, id);
      else if (id !== undefined) tell(stream, { jsonrpc: '2.0', id, result: { ok: true } });
    }
  });
  return { ...host, url: `${host.origin}/sse`, streams };
}

/** Says a message on a stream. */
export function tell(stream: ServerResponse, message: object): void {
  stream.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
}

const made: Upstreams[] = [];

/** Ends the upstreams of each test after it. */
export function endUpstreamsAfterEach(): void {
  afterEach(async () => {
    await Promise.all(made.splice(0).map(async (each) => each.close()));
  });
}

const limits = {
  maxAnswerBytes: 10_000,
  maxStreamBytes: 100_000,
  maxDepth: 32,
  maxArrayLength: 1000,
  timeoutMs: 1000,
};

/** The upstream of a server that is configured as one over HTTP+SSE. */
export function sseUpstream(
  url: string,
  change: Partial<HttpServerConfig> = {},
  environment: Readonly<Record<string, string>> = {},
): McpUpstream {
  const config: HttpServerConfig = {
    url,
    transport: 'sse',
    headers: {},
    network: 'any',
    connectTimeoutMs: 2000,
    labels: {},
    ...change,
  };
  const servers = new Servers({ old: config }, environment);
  const upstreams = new Upstreams(servers, limits);
  made.push(upstreams);
  const server = servers.find('old');
  if (server === undefined) throw new TypeError('it is configured');
  return upstreams.of(server);
}
