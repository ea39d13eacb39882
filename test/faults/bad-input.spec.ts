import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { demoGroups, demoIdentities } from '../../demo/entra/identities.js';
import { eventually, rest } from '../stack/http.js';
import { type Stack, stacks } from '../stack/stack.js';
import { startWorld, type World } from '../stack/world.js';
import { altered, signedWithPublicKey, unsigned } from './forged-tokens.js';
import { type RawAnswer, type RawRequest, sendRaw } from './raw-http.js';

const failed = 'countersign.call.failed.v1';
const storySchema = z.object({
  events: z.array(
    z.object({
      event: z.object({ type: z.string(), data: z.record(z.string(), z.unknown()) }),
    }),
  ),
});
const errorSchema = z.object({
  error: z.object({
    code: z.int(),
    message: z.string(),
    data: z.object({ code: z.string(), callId: z.string(), executed: z.string() }).optional(),
  }),
});

/** What a request is made from; a case replaces what it is about. */
interface Parts {
  readonly token: string;
  readonly host: string;
  readonly world: World;
}

interface Expected {
  readonly status: number;
  readonly rpc: number;
  readonly code: string;
}

type Case = readonly [string, (parts: Parts) => Promise<RawRequest> | RawRequest, Expected];

const echo = { name: 'echo', arguments: { text: 'hello' } };
const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: echo };
const callWith = (text: string): string =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":${text}}}`;
const nested = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

function headersOf(
  parts: Pick<Parts, 'host'> & { readonly token?: string },
  replaced: Readonly<Record<string, string>> = {},
): [string, string][] {
  const all: Record<string, string> = {
    Host: parts.host,
    ...(parts.token === undefined ? {} : { Authorization: `Bearer ${parts.token}` }),
    'Content-Type': 'application/json',
    Accept: 'application/json, text/event-stream',
    ...replaced,
  };
  return Object.entries(all);
}

function bodied(body: string | Buffer, replaced: Readonly<Record<string, string>> = {}) {
  return (parts: Parts): RawRequest => ({
    target: '/mcp/orders',
    headers: headersOf(parts, replaced),
    body,
  });
}

function identified(token: (parts: Parts) => Promise<string> | string) {
  return async (parts: Parts): Promise<RawRequest> => ({
    target: '/mcp/orders',
    headers: headersOf({ ...parts, token: await token(parts) }),
    body: JSON.stringify(call),
  });
}

const claimed = (claims: Readonly<Record<string, unknown>>) =>
  identified(async ({ world }) => world.entra.token(demoIdentities.analyst, claims));

const unreadable = { status: 400, rpc: -32_700, code: 'REQUEST_UNREADABLE' };
const notOne = { status: 400, rpc: -32_600, code: 'REQUEST_NOT_ONE_MESSAGE' };
const tooLarge = { status: 413, rpc: -32_600, code: 'REQUEST_TOO_LARGE' };
const headersRefused = { status: 400, rpc: -32_020, code: 'REQUEST_HEADERS_REFUSED' };
const placeRefused = { status: 403, rpc: -32_600, code: 'ORIGIN_REFUSED' };
const mediaRefused = { status: 415, rpc: -32_600, code: 'MEDIA_TYPE_REFUSED' };
const noSession = { status: 404, rpc: -32_001, code: 'SESSION_UNKNOWN' };
const stranger = { status: 401, rpc: 4010, code: 'IDENTITY_REFUSED' };
const past = Math.floor(Date.now() / 1000) - 3600;
const otherTenant = '99999999-2222-4333-8444-555555555555';

const messages: readonly Case[] = [
  ['JSON that breaks off', bodied('{"jsonrpc":"2.0","id":1,'), unreadable],
  ['no body at all', bodied(''), unreadable],
  [
    'bytes that are not UTF-8',
    bodied(Buffer.from(callWith('{"text":"\xff"}'), 'latin1')),
    unreadable,
  ],
  ['a lone surrogate', bodied(callWith('{"text":"\\ud800"}')), unreadable],
  ['a key twice', bodied(callWith('{"text":"a","text":"b"}')), unreadable],
  ['the method twice', bodied(`{"method":"ping",${JSON.stringify(call).slice(1)}`), unreadable],
  ['a key twice, once escaped', bodied(callWith('{"text":"a","t\\u0065xt":"b"}')), unreadable],
  ['an unsafe integer', bodied(callWith('{"text":9007199254740993}')), unreadable],
  ['a number that is no number', bodied(callWith('{"text":1e999}')), unreadable],
  ['the key __proto__', bodied(callWith('{"__proto__":{"text":"a"}}')), unreadable],
  ['more depth than allowed', bodied(callWith(nested(70))), unreadable],
  ['far more depth than allowed', bodied(callWith(nested(900))), unreadable],
  ['a batch', bodied(JSON.stringify([call])), notOne],
  ['a batch of none', bodied('[]'), notOne],
  ['another JSON-RPC version', bodied(JSON.stringify({ ...call, jsonrpc: '1.0' })), notOne],
  ['an id of null', bodied(JSON.stringify({ ...call, id: null })), notOne],
  ['a fractional id', bodied(JSON.stringify({ ...call, id: 1.5 })), notOne],
  ['params in an array', bodied(JSON.stringify({ ...call, params: [echo] })), notOne],
  ['a request that is a response', bodied(JSON.stringify({ ...call, result: {} })), notOne],
  ['tools/call as a notification', bodied(JSON.stringify({ ...call, id: undefined })), notOne],
  ['a body above the limit', bodied(callWith(`{"text":"${'a'.repeat(9000)}"}`)), tooLarge],
  ['a body far above the limit', bodied(callWith(`{"text":"${'a'.repeat(3_000_000)}"}`)), tooLarge],
];

const transports: readonly Case[] = [
  [
    'an unknown server',
    (parts) => ({ target: '/mcp/nowhere', headers: headersOf(parts), body: JSON.stringify(call) }),
    { status: 404, rpc: 4040, code: 'SERVER_UNKNOWN' },
  ],
  ['another Host', bodied(JSON.stringify(call), { Host: 'attacker.example' }), placeRefused],
  [
    'the right Host with a dot',
    ({ host, ...parts }) =>
      bodied(JSON.stringify(call), { Host: host.replace(':', '.:') })({ host, ...parts }),
    placeRefused,
  ],
  [
    'another Origin',
    bodied(JSON.stringify(call), { Origin: 'https://attacker.example' }),
    placeRefused,
  ],
  ['an Origin of null', bodied(JSON.stringify(call), { Origin: 'null' }), placeRefused],
  ['plain text', bodied(JSON.stringify(call), { 'Content-Type': 'text/plain' }), mediaRefused],
  ['no media type', bodied(JSON.stringify(call), { 'Content-Type': '' }), mediaRefused],
  [
    'another character set',
    bodied(JSON.stringify(call), { 'Content-Type': 'application/json; charset=utf-16' }),
    mediaRefused,
  ],
  [
    'a packed body',
    bodied(gzipSync(JSON.stringify(call)), { 'Content-Encoding': 'gzip' }),
    mediaRefused,
  ],
  [
    'two Host headers',
    (parts) => ({
      target: '/mcp/orders',
      headers: [...headersOf(parts), ['Host', 'attacker.example']],
      body: JSON.stringify(call),
    }),
    headersRefused,
  ],
  [
    'a target in absolute form',
    (parts) => ({
      target: `http://${parts.host}/mcp/orders`,
      headers: headersOf(parts),
      body: JSON.stringify(call),
    }),
    headersRefused,
  ],
  [
    'two session ids',
    (parts) => ({
      target: '/mcp/orders',
      headers: [...headersOf(parts), ['Mcp-Session-Id', 'a'], ['Mcp-Session-Id', 'b']],
      body: JSON.stringify(call),
    }),
    headersRefused,
  ],
  [
    'a header of the stateless era without its body',
    bodied(JSON.stringify(call), { 'MCP-Protocol-Version': '2026-07-28' }),
    headersRefused,
  ],
  [
    'an invented session id',
    bodied(JSON.stringify(call), { 'Mcp-Session-Id': 'invented' }),
    noSession,
  ],
  ['an empty session id', bodied(JSON.stringify(call), { 'Mcp-Session-Id': '' }), noSession],
  [
    'the session id of somebody else',
    async (parts) =>
      bodied(JSON.stringify(call), { 'Mcp-Session-Id': await sessionOf(parts, 'engineer') })(parts),
    noSession,
  ],
];

const identities: readonly Case[] = [
  [
    'no token',
    ({ host }) => ({
      target: '/mcp/orders',
      headers: headersOf({ host }),
      body: JSON.stringify(call),
    }),
    stranger,
  ],
  ['a token that is none', identified(() => 'not-a-token'), stranger],
  ['another scheme', bodied(JSON.stringify(call), { Authorization: 'Basic YTpi' }), stranger],
  ['an expired token', claimed({ exp: past, nbf: past - 60, iat: past - 60 }), stranger],
  ['a token of the future', claimed({ nbf: past + 7200 }), stranger],
  ['a token without an end', claimed({ exp: undefined }), stranger],
  ['a token for another audience', claimed({ aud: 'api://another' }), stranger],
  ['a token of another issuer', claimed({ iss: 'https://attacker.example/v2.0' }), stranger],
  ['a token of another tenant', claimed({ tid: otherTenant }), { ...stranger, status: 403 }],
  ['a token without a signature', identified(({ token }) => unsigned(token, 'none')), stranger],
  [
    'a token without a signature, in capitals',
    identified(({ token }) => unsigned(token, 'NONE')),
    stranger,
  ],
  [
    'a token signed with the public key',
    identified(async ({ token, world }) => signedWithPublicKey(token, world.entra)),
    stranger,
  ],
  [
    'a token with a group written in',
    identified(({ token }) => altered(token, { groups: [demoGroups.engineers] })),
    stranger,
  ],
  ['an ID token', claimed({ scp: undefined, nonce: 'n' }), stranger],
  ['a version 1 token', claimed({ ver: '1.0' }), stranger],
  ['a token without the scope', claimed({ scp: 'profile' }), { ...stranger, status: 403 }],
  [
    'a token whose groups are elsewhere',
    claimed({ groups: undefined, _claim_names: { groups: 'src1' } }),
    { status: 503, rpc: 5030, code: 'IDENTITY_UNAVAILABLE' },
  ],
  [
    'a token in the query',
    ({ host, token }) => ({
      target: `/mcp/orders?access_token=${token}`,
      headers: headersOf({ host }),
      body: JSON.stringify(call),
    }),
    { ...stranger, status: 400 },
  ],
  [
    'two Authorization headers',
    (parts) => ({
      target: '/mcp/orders',
      headers: [...headersOf(parts), ['Authorization', `Bearer ${parts.token}`]],
      body: JSON.stringify(call),
    }),
    headersRefused,
  ],
];

/** The session id that somebody was really given. */
async function sessionOf(parts: Parts, who: 'analyst' | 'engineer'): Promise<string> {
  const clientInfo = { name: 'raw', version: '1' };
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
  const token = await parts.world.token(who);
  const answer = await sendRaw(parts.world.port, {
    target: '/mcp/orders',
    headers: headersOf({ ...parts, token }),
    body,
  });
  expect(answer.status).toBe(200);
  return answer.headers.get('mcp-session-id') ?? '';
}

describe('when a request is no call that can be judged', () => {
  let world: World;
  let stack: Stack;
  let parts: Parts;
  const refusedCalls: string[] = [];

  beforeAll(async () => {
    world = await startWorld({ sections: { ingress: { maxBodyBytes: 8192 } } });
    stack = await stacks.standalone(world);
    parts = { world, token: await world.token('analyst'), host: `localhost:${world.port}` };
  }, 90_000);

  afterAll(async () => {
    await stack?.close();
    await world?.close();
  }, 30_000);

  const story = async (callId: string): Promise<z.infer<typeof storySchema>['events']> => {
    const { body, status } = await rest(
      `${stack.audit}/v1/calls/${callId}`,
      await world.token('auditor'),
    );
    if (status !== 200) throw new Error(`call ${callId} is not on record yet`);
    return storySchema.parse(body).events;
  };

  const errorOf = (answer: RawAnswer) => errorSchema.parse(JSON.parse(answer.body)).error;

  test('then the same request without its fault is answered', async () => {
    const session = { 'Mcp-Session-Id': await sessionOf(parts, 'analyst') };

    const answer = await sendRaw(world.port, bodied(JSON.stringify(call), session)(parts));

    expect(answer.status).toBe(200);
    expect(answer.body).toContain('hello');
  });

  test.each<Case>([...messages, ...transports, ...identities])(
    '%s: then it is refused by name, on record, and nothing is forwarded',
    async (_, requestOf, expected) => {
      const before = world.orders.executions.length;

      const answer = await sendRaw(world.port, await requestOf(parts));

      const error = errorOf(answer);
      expect({ status: answer.status, rpc: error.code, code: error.data?.code }).toEqual(expected);
      expect(error.data?.executed).toBe('no');
      expect(answer.headers.get('content-type')).toBe('application/json');
      expect(world.orders.executions.length).toBe(before);
      const callId = answer.headers.get('x-countersign-call') ?? '';
      expect(error.data?.callId).toBe(callId);
      const events = await eventually(async () => story(callId));
      expect(events.map(({ event }) => event.type)).toEqual([failed]);
      expect(events[0]?.event.data).toMatchObject({
        code: expected.code,
        stage: 'intake',
        executed: 'no',
        remoteAddress: expect.stringMatching(/127\.0\.0\.1/),
      });
      refusedCalls.push(callId);
    },
  );

  test('then a caller without a valid token is told where to get one', async () => {
    const answer = await sendRaw(world.port, {
      target: '/mcp/orders',
      headers: headersOf({ host: parts.host }),
      body: JSON.stringify(call),
    });

    expect(answer.headers.get('www-authenticate')).toMatch(
      /^Bearer resource_metadata="http:.+oauth-protected-resource\/mcp\/orders", scope=".+"$/,
    );
  });

  test('then an unknown method is denied, and told as one that the server does not know', async () => {
    const asked = { jsonrpc: '2.0', id: 7, method: 'tools/destroy', params: { name: 'echo' } };

    const answer = await sendRaw(world.port, bodied(JSON.stringify(asked))(parts));

    expect(answer.status).toBe(200);
    const callId = answer.headers.get('x-countersign-call') ?? '';
    expect(JSON.parse(answer.body).error).toEqual({
      code: -32_601,
      message: 'Method not found: tools/destroy',
    });
    const events = await eventually(async () => {
      const found = await story(callId);
      expect(found).toHaveLength(3);
      return found;
    });
    expect(events.map(({ event }) => event.type.split('.')[2])).toEqual([
      'requested',
      'decided',
      'failed',
    ]);
    expect(events.at(-1)?.event.data).toMatchObject({ code: 'DENIED', executed: 'no' });
  });

  test('then the list of failed calls names every one of them', async () => {
    const auditor = await world.token('auditor');

    const { body } = await rest(`${stack.audit}/v1/events?type=${failed}&limit=500`, auditor);

    const listed = storySchema.parse(body).events.map(({ event }) => event.data['callId']);
    expect(refusedCalls).toHaveLength(messages.length + transports.length + identities.length);
    expect(listed).toEqual(expect.arrayContaining(refusedCalls));
  });

  test('then the token of a refused caller is nowhere in the record', async () => {
    const { body } = await rest(`${stack.audit}/v1/events?limit=500`, await world.token('auditor'));

    expect(JSON.stringify(body)).not.toContain(parts.token.split('.')[2]);
  });
});
