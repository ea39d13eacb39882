import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { allEvents, type Caller, end, listen, post, postModern } from './mcp-http.js';
import { type Relayed, startRelayed } from './relayed.js';
import { beginStream, type Heard, sayEvent, sayJson } from './scripted-upstream.js';

let house: Relayed;
let ada: Caller;

beforeAll(async () => {
  house = await startRelayed('standalone', { server: { headers: { 'X-Team': 'orders' } } });
  ({ ada } = house);
}, 90_000);

afterAll(async () => house?.close(), 30_000);

/** What a client may try to have carried to a server, or to have taken for the gateway's own word. */
const forged = {
  cookie: 'session=stolen',
  'proxy-authorization': 'Basic YTpi',
  'x-forwarded-for': '10.0.0.1',
  'x-forwarded-host': 'attacker.example',
  'x-forwarded-proto': 'https',
  forwarded: 'for=10.0.0.1;host=attacker.example',
  'x-real-ip': '10.0.0.1',
  via: '1.1 attacker',
  'mcp-init-host': 'attacker.example',
  'mcp-internal-route': 'admin',
  'countersign-call': 'c0000000-0000-4000-8000-000000000001',
  'countersign-principal': 'admin',
  'x-countersign-call': 'c0000000-0000-4000-8000-000000000001',
  'x-team': 'attackers',
  'x-api-key': 'default-secret-api-key',
  'x-ms-client-principal': 'admin',
  'x-http-method-override': 'DELETE',
  'last-event-id': 'raw-1',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  'accept-language': 'de',
  'user-agent': 'attacker/1',
  referer: 'https://attacker.example/',
  prefer: 'respond-async',
  'if-none-match': '"x"',
  range: 'bytes=0-1',
  te: 'trailers',
};

const call = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'echo', arguments: {} },
};
const both = 'application/json, text/event-stream';

/** All that a server got besides what HTTP itself needs. */
function toldIn({ headers }: Heard): Record<string, unknown> {
  const { connection, host, 'content-length': length, ...told } = headers;
  expect(['keep-alive', undefined]).toContain(connection);
  expect(host).toBe(new URL(house.upstream.url).host);
  expect(length === undefined || Number(length) > 0).toBe(true);
  return told;
}
const answers: Readonly<Record<string, number>> = { GET: 405, DELETE: 200 };
const last = (): Record<string, unknown> => {
  const heard = house.upstream.heard.at(-1);
  if (heard === undefined) throw new Error('the server was sent nothing');
  return toldIn(heard);
};
const answerPlainly = (headers: Record<string, string> = {}): void =>
  house.upstream.answerWith(({ body: { id, method }, verb }, response) => {
    const isRequest = id !== undefined && method !== undefined;
    if (isRequest) sayJson(response, { jsonrpc: '2.0', id, result: {} }, headers);
    else response.writeHead(answers[verb] ?? 202, headers).end();
  });
const opened = async (): Promise<string> => {
  answerPlainly({ 'mcp-session-id': 'raw-session' });
  const answer = await post(ada, { jsonrpc: '2.0', id: 0, method: 'initialize', params: {} });
  await answer.text();
  return answer.headers.get('mcp-session-id') ?? '';
};

/** The id under which a client may answer what its server asks in a session. */
const askedIn = async (session: string): Promise<string> => {
  house.upstream.answerWith(({ body: { id } }, response) => {
    beginStream(response);
    sayEvent(response, { message: { jsonrpc: '2.0', id: 's-1', method: 'roots/list' } });
    sayEvent(response, { message: { jsonrpc: '2.0', id, result: {} } });
    response.end();
  });
  const [question] = await allEvents(await post({ ...ada, session }, call));
  answerPlainly();
  return z.object({ id: z.string() }).parse(JSON.parse(question?.data ?? '')).id;
};

const always = { accept: both, 'accept-encoding': 'identity', 'x-team': 'orders' };
const json = { 'content-type': 'application/json' };

test('when a client of the older era sends headers of every kind, then its server gets the protocol’s and the configured ones alone', async () => {
  const session = await opened();
  const mirrored = { 'mcp-method': 'x', 'mcp-name': 'x', 'mcp-param-region': 'x' };
  const headers = { ...forged, ...mirrored, 'mcp-protocol-version': '2025-11-25' };
  const caller = { ...ada, session, headers };
  const own = { 'mcp-session-id': 'raw-session', 'mcp-protocol-version': '2025-11-25' };

  expect((await post(caller, call)).status).toBe(200);
  expect(last()).toEqual({ ...always, ...json, ...own });

  await (await post(caller, { jsonrpc: '2.0', method: 'notifications/initialized' })).text();
  expect(last()).toEqual({ ...always, ...json, ...own });

  await (await post(caller, { jsonrpc: '2.0', id: await askedIn(session), result: {} })).text();
  expect(last()).toEqual({ ...always, ...json, ...own });

  const { 'last-event-id': _, ...withoutEvent } = headers;
  await (await listen({ ...caller, headers: withoutEvent })).text();
  expect(last()).toEqual({ ...always, ...own, accept: 'text/event-stream' });

  await (await end(caller)).text();
  expect(last()).toEqual({ ...always, ...own });
});

test('when no version is named, then mirrored headers go no further, and none is made up', async () => {
  answerPlainly();
  const headers = { ...forged, 'mcp-method': 'tools/call', 'mcp-param-region': 'eu' };
  await (await post({ ...ada, headers }, call)).text();

  expect(last()).toEqual({ ...always, ...json });
});

test('when a client of the stateless era does, then the mirrored ones go along as well, and no session', async () => {
  const session = await opened();
  answerPlainly();
  const caller = { ...ada, session, headers: { ...forged, 'mcp-param-region': 'eu' } };
  const { id, method, params } = call;
  const answer = await postModern(caller, { id, method, params }, { 'mcp-name': 'echo' });

  expect(answer.status).toBe(200);
  expect(last()).toEqual({
    ...always,
    ...json,
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': 'echo',
    'mcp-param-region': 'eu',
  });
});

test('when a stream is taken up again, then the server gets its own id of the event and nothing more', async () => {
  const session = await opened();
  house.upstream.answerWith((_, response) => {
    beginStream(response);
    sayEvent(response, { id: 'raw-1' });
    response.end();
  });
  const [event] = await allEvents(await post({ ...ada, session }, call));
  const { 'last-event-id': _, ...others } = forged;
  await allEvents(await listen({ ...ada, session, headers: others }, event?.id));

  expect(last()).toEqual({
    ...always,
    accept: 'text/event-stream',
    'last-event-id': 'raw-1',
    'mcp-session-id': 'raw-session',
  });
});

test('when a server answers with headers of every kind, then its client gets none of them', async () => {
  const own = {
    'set-cookie': 'a=b',
    'www-authenticate': 'Bearer resource_metadata="https://attacker.example/"',
    location: 'https://attacker.example/',
    'access-control-allow-origin': '*',
    'x-powered-by': 'secret-stack/1',
    'x-countersign-call': 'forged',
    'mcp-session-id': 'raw-unasked',
    link: '<https://attacker.example/>; rel=preload',
    'clear-site-data': '"*"',
    'cache-control': 'public, max-age=31536000',
  };
  answerPlainly(own);
  const answer = await post(ada, call);
  const told = Object.fromEntries(answer.headers);

  expect(told).toEqual({
    'cache-control': 'no-store',
    connection: 'keep-alive',
    'content-length': expect.stringMatching(/^\d+$/),
    'content-type': 'application/json',
    date: expect.any(String),
    'keep-alive': expect.any(String),
    'x-countersign-call': expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
});

test('when a server makes a stream of it, then the same holds', async () => {
  house.upstream.answerWith(({ body }, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; x=y', 'set-cookie': 'a=b' });
    sayEvent(response, { message: { jsonrpc: '2.0', id: body['id'], result: {} } });
    response.end();
  });
  const answer = await post(ada, call);
  await answer.text();

  expect(Object.fromEntries(answer.headers)).toEqual({
    'cache-control': 'no-cache, no-transform',
    connection: 'keep-alive',
    'content-type': 'text/event-stream',
    date: expect.any(String),
    'keep-alive': expect.any(String),
    'transfer-encoding': 'chunked',
    'x-accel-buffering': 'no',
    'x-countersign-call': expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
});
