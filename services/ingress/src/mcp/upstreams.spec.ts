import { afterEach, expect, test, vi } from 'vitest';
import type { HttpServerConfig } from '#runtime';
import { Servers } from '../servers.js';
import { type JsonObject, readMessage } from './message.js';
import { closeAfterEach, hostOf, notExecuted } from './upstream-host.suite.js';
import { openForwarding, unheard } from './upstream.suite.js';
import { Upstreams } from './upstreams.js';

closeAfterEach();
let upstreams: Upstreams | undefined;
afterEach(async () => upstreams?.close());

const limits = {
  maxAnswerBytes: 1_000_000,
  maxStreamBytes: 1_000_000,
  maxDepth: 32,
  maxArrayLength: 1000,
  timeoutMs: 60_000,
};

const requestOf = (body: JsonObject) =>
  ({
    verb: 'POST',
    caller: 'tenant/ada',
    message: readMessage(body),
    session: undefined,
    headers: {},
    signal: new AbortController().signal,
    ...unheard,
  }) as const;

/** Asks one configured server for its tools. */
async function ask(url: string, change: Partial<HttpServerConfig> = {}) {
  const config: HttpServerConfig = {
    url,
    headers: {},
    network: 'any',
    connectTimeoutMs: 2000,
    labels: {},
    ...change,
  };
  const servers = new Servers({ orders: config }, { SECRET: 'hunter2' });
  const server = servers.find('orders');
  if (server === undefined) throw new TypeError('it was configured');
  upstreams = new Upstreams(servers, limits);
  const request = requestOf({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} });
  const parts: unknown[] = [];
  for await (const part of upstreams.of(server).prepare(request).forward(openForwarding)) {
    parts.push(part.content);
  }
  return parts;
}

test('when a server has a time limit of its own, then it counts in place of that of all', async () => {
  const { origin } = await hostOf(() => undefined);

  await expect(ask(origin, { timeoutMs: 300 })).rejects.toMatchObject({
    code: 'UPSTREAM_TIMEOUT',
    executed: 'unknown',
  });
});

test('when a server takes no token of its authority, then the call is refused and was not executed', async () => {
  const login = await hostOf((response) => {
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end('{"access_token":"t1","token_type":"Bearer"}');
  });
  const { heard, origin } = await hostOf((response) => void response.writeHead(401).end());
  const oauth = {
    tokenUrl: `${login.origin}/token`,
    clientId: 'gateway',
    clientSecret: '${SECRET}',
    clientAuthentication: 'post',
    parameters: {},
    network: 'any',
  } as const;

  await expect(ask(origin, { credential: { oauth } })).rejects.toMatchObject({
    ...notExecuted,
    message: 'The server does not accept the credential of the gateway.',
  });
  expect(heard).toHaveLength(2);
});

test('when a server is outside of its network, then the call is refused and was not executed', async () => {
  const { connections, origin } = await hostOf(() => undefined);

  await expect(ask(origin, { network: 'public' })).rejects.toMatchObject(notExecuted);
  expect(connections()).toBe(0);
});

test('when a server is configured anew, then no call goes to what it was, and the new one is left in peace', async () => {
  const config = { headers: {}, network: 'any', connectTimeoutMs: 2000, labels: {} } as const;
  const at = (url: string) => ({ orders: { ...config, url } });
  const servers = new Servers(at('http://127.0.0.1:9/old'), {});
  const before = servers.find('orders');
  servers.replace(at('http://127.0.0.1:9/new'));
  const after = servers.find('orders');
  if (before === undefined || after === undefined) throw new TypeError('it was configured');
  upstreams = new Upstreams(servers, limits);
  const made = upstreams.of(after);

  const reached = upstreams;
  expect(() => reached.of(before)).toThrow(expect.objectContaining(notExecuted));
  expect([reached.has(before), reached.has(after)]).toEqual([false, true]);
  expect(reached.of(after)).toBe(made);
});

test('when the gateway stops while a server retires, then both come to an end', async () => {
  let isAsked = false;
  const { origin } = await hostOf((response, { method }) => {
    response.writeHead(method === 'GET' ? 200 : 202, { 'content-type': 'text/event-stream' });
    if (method === 'GET') response.write('event: endpoint\ndata: /messages\n\n');
    else response.end(() => (isAsked = true));
  });
  const config = { headers: {}, network: 'any', connectTimeoutMs: 2000, labels: {} } as const;
  const servers = new Servers({ orders: { ...config, url: origin, transport: 'sse' } }, {});
  const server = servers.find('orders');
  if (server === undefined) throw new TypeError('it was configured');
  const reached = new Upstreams(servers, limits);
  const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} };
  const request = requestOf(initialize);
  const asked = reached.of(server).prepare(request).forward(openForwarding);
  const heard = asked[Symbol.asyncIterator]().next();
  heard.catch(() => undefined);
  await vi.waitFor(() => expect(isAsked).toBe(true));

  servers.replace({});
  reached.renew();
  await reached.close();
  await expect(heard).rejects.toMatchObject({ code: 'UPSTREAM_UNREADABLE' });
});
