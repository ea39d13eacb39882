import {
  Client as ClientV2,
  StreamableHTTPClientTransport as HttpV2,
} from '@modelcontextprotocol/client';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { createMcpHandler } from '@modelcontextprotocol/server';
import { resolve } from 'node:path';
import { request as send } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { serve, type Upstream } from '../conformance/upstreams/upstream.js';
import { startUpstreamV1 } from '../conformance/upstreams/v1.js';
import { startUpstreamV2 } from '../conformance/upstreams/v2.js';
import { newServerV2 } from '../conformance/upstreams/v2-server.js';
import { type Stack, stacks } from '../stack/stack.js';
import { startWorld, type World } from '../stack/world.js';

/** A server of the stateless era that refuses the older one. */
async function startStateless(): Promise<Upstream> {
  const silent = { tools: () => undefined, prompts: () => undefined };
  const handler = createMcpHandler(() => newServerV2(silent, {}), { legacy: 'reject' });
  const node = toNodeHandler(handler);
  const upstream = await serve(0, (request, response) => {
    const { method = 'GET', url = '/' } = request;
    void node(Object.assign(request, { method, url }), response);
  });
  return {
    url: upstream.url,
    close: async () => {
      await handler.close();
      await upstream.close();
    },
  };
}

const starts = {
  older: startUpstreamV1,
  both: startUpstreamV2,
  stateless: startStateless,
} as const;
type ServerName = keyof typeof starts;
const serverNames: readonly ServerName[] = ['older', 'both', 'stateless'];

let world: World;
let stack: Stack;
let token: string;
const upstreams = new Map<ServerName, Upstream>();

beforeAll(async () => {
  for (const name of serverNames) upstreams.set(name, await starts[name]());
  const servers = Object.fromEntries([...upstreams].map(([name, { url }]) => [name, { url }]));
  world = await startWorld({ servers, policies: resolve('test/fidelity/policies') });
  stack = await stacks.standalone(world);
  token = await world.token('analyst');
}, 90_000);

afterAll(async () => {
  await stack?.close();
  await world?.close();
  for (const upstream of upstreams.values()) await upstream.close();
}, 30_000);

/** Where a server is, by itself or behind the gateway. */
const ways = (name: ServerName): readonly [string, string] => [
  upstreams.get(name)?.url ?? '',
  `${stack.gateway}/mcp/${name}`,
];

const info = { name: 'eras', version: '1' };
const tool = { name: 'test_simple_text', arguments: {} };
const requestInit = () => ({ headers: { authorization: `Bearer ${token}` } });

/** What a client makes of a server: the version that it speaks in the end, what it finds, and what a call gives. */
const clients: Readonly<Record<string, (url: URL) => Promise<object>>> = {
  'SDK v1': async (url) => {
    const client = new ClientV1(info);
    const transport = new HttpV1(url, { requestInit: requestInit() });
    await client.connect(transport);
    const { tools } = await client.listTools();
    const result = await client.callTool(tool);
    const { protocolVersion } = transport;
    await client.close();
    return { protocolVersion, tools, result, server: client.getServerVersion() };
  },
  ...Object.fromEntries(
    (['auto', 'legacy'] as const).map((mode) => [
      `client v2, ${mode}`,
      async (url: URL) => {
        const client = new ClientV2(info, { versionNegotiation: { mode } });
        await client.connect(new HttpV2(url, { requestInit: requestInit() }));
        const { tools } = await client.listTools();
        const result = await client.callTool(tool);
        const protocolVersion = client.getNegotiatedProtocolVersion();
        await client.close();
        return { protocolVersion, tools, result, server: client.getServerVersion() };
      },
    ]),
  ),
  'client v2, stateless alone': async (url) => {
    const client = new ClientV2(info, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
    await client.connect(new HttpV2(url, { requestInit: requestInit() }));
    const result = await client.callTool(tool);
    await client.close();
    return { result };
  },
};

const expected: Readonly<Record<string, Readonly<Record<ServerName, string>>>> = {
  'SDK v1': { older: '2025-11-25', both: '2025-11-25', stateless: 'fails' },
  'client v2, auto': { older: '2025-11-25', both: '2026-07-28', stateless: '2026-07-28' },
  'client v2, legacy': { older: '2025-11-25', both: '2025-11-25', stateless: 'fails' },
  'client v2, stateless alone': { older: 'fails', both: 'works', stateless: 'works' },
};

describe.each(Object.keys(clients))('%s', (name) => {
  test.each(serverNames)(
    'when its server speaks %s, then it comes to the same with the gateway as without',
    async (server) => {
      const outcomes = await Promise.all(
        ways(server).map(async (url) =>
          clients[name]?.(new URL(url)).catch((error: unknown) => ({
            fails: error instanceof Error,
          })),
        ),
      );
      const [direct, relayed] = outcomes;

      expect(relayed).toEqual(direct);
      const how = expected[name]?.[server];
      if (how === 'fails') expect(relayed).toEqual({ fails: true });
      else if (how !== 'works') expect(relayed).toMatchObject({ protocolVersion: how });
      else expect(JSON.stringify(relayed)).toContain('"text"');
    },
  );
});

/** A request as it goes on the wire. */
interface Asked {
  readonly verb?: 'POST' | 'GET' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object | string;
}

const modern = (
  method: string,
  params: object = {},
  headers: Readonly<Record<string, string | undefined>> = {},
  version = '2026-07-28',
): Asked => {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': version,
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': info,
  };
  const all = { 'mcp-protocol-version': version, 'mcp-method': method, ...headers };
  return {
    headers: Object.fromEntries(
      Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
    body: { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } },
  };
};
const older = (method: string, params: object = {}, headers = {}): Asked => ({
  headers,
  body: { jsonrpc: '2.0', id: 1, method, params },
});
const initialize = older('initialize', {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: info,
});
const unknownSession = { 'mcp-session-id': 'never-issued' };

/** What the eras say otherwise (facts of the protocol), each with the status and code of the stateless server. */
const stateless: readonly (readonly [string, Asked, number, number | null | undefined])[] = [
  ['an unknown method', modern('vendor/unknown'), 404, -32_601],
  ['a method of the older era', modern('ping'), 404, -32_601],
  ['its initialize', modern('initialize'), 404, -32_601],
  ['a version of the future', modern('tools/list', {}, {}, '2099-01-01'), 400, -32_022],
  ['GET', { verb: 'GET', headers: { 'mcp-protocol-version': '2026-07-28' } }, 405, null],
  ['DELETE', { verb: 'DELETE', headers: { 'mcp-protocol-version': '2026-07-28' } }, 405, null],
  ['no Mcp-Method', modern('tools/list', {}, { 'mcp-method': undefined }), 400, -32_020],
  ['another Mcp-Method', modern('tools/list', {}, { 'mcp-method': 'tools/call' }), 400, -32_020],
  ['no Mcp-Name', modern('tools/call', tool), 400, -32_020],
  ['another Mcp-Name', modern('tools/call', tool, { 'mcp-name': 'x' }), 400, -32_020],
  [
    'another version in the header',
    modern('tools/list', {}, { 'mcp-protocol-version': '2025-11-25' }),
    400,
    -32_020,
  ],
  [
    'an unknown tool',
    modern('tools/call', { name: 'nowhere', arguments: {} }, { 'mcp-name': 'nowhere' }),
    200,
    -32_602,
  ],
  [
    'an unknown resource',
    modern('resources/read', { uri: 'test://nowhere' }, { 'mcp-name': 'test://nowhere' }),
    200,
    -32_602,
  ],
  ['a session that never was', modern('tools/list', {}, unknownSession), 200, undefined],
  ['no JSON', { body: '{' }, 400, -32_700],
  ['a batch', { body: [] }, 400, -32_600],
];

const legacy: readonly (readonly [string, Asked, number, number | null | undefined])[] = [
  ['a session that never was', older('tools/list', {}, unknownSession), 404, -32_001],
  ['GET of a session that never was', { verb: 'GET', headers: unknownSession }, 404, -32_001],
  ['DELETE of a session that never was', { verb: 'DELETE', headers: unknownSession }, 404, -32_001],
  ['no session', older('tools/list'), 400, -32_000],
  ['GET without a session', { verb: 'GET' }, 400, null],
  ['initialize', initialize, 200, undefined],
  ['the stateless era', modern('server/discover'), 400, -32_000],
  ['no JSON', { body: '{' }, 400, -32_700],
  ['another media type', { ...initialize, headers: { 'content-type': 'text/plain' } }, 415, null],
];

function headersFor({ body, headers, verb }: Asked): Record<string, string> {
  return {
    authorization: `Bearer ${token}`,
    accept: verb === 'GET' ? 'text/event-stream' : 'application/json, text/event-stream',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...headers,
  };
}

/** Status and code of an answer, JSON or the first event of a stream. */
async function answerTo(url: string, asked: Asked) {
  const { body = '', verb = 'POST' } = asked;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await send(url, { method: verb, headers: headersFor(asked), body: text });
  const told = await answer.body.text();
  const { error } =
    errorSchema.safeParse(parsed(/^data: (\{.*\})$/m.exec(told)?.[1] ?? told)).data ?? {};
  return {
    status: answer.statusCode,
    code: error?.code,
    session: 'mcp-session-id' in answer.headers,
    allow: answer.headers['allow'],
    data: versionsSchema.safeParse(error?.data).data,
  };
}
const versionsSchema = z.object({ supported: z.array(z.string()), requested: z.string() });
const errorSchema = z.looseObject({
  error: z.looseObject({ code: z.number(), data: z.unknown().optional() }).optional(),
});
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

type Row = readonly [string, Asked, number, number | null | undefined];

/** What is compared: SDKs put codes of their own into the bodies of what their transport refuses. */
async function bothWays(server: ServerName, [, asked, , code]: Row) {
  const told = await Promise.all(ways(server).map(async (url) => answerTo(url, asked)));
  return code === null ? told.map((each) => ({ ...each, code })) : told;
}

describe.each<[string, readonly Row[], ServerName, ServerName]>([
  ['the stateless era', stateless, 'stateless', 'both'],
  ['the older era', legacy, 'older', 'both'],
])('a server of %s', (_, rows, alone, both) => {
  test.each(rows.map((row) => [row[0], row] as const))(
    'when it is sent %s, then status and code are the same with the gateway as without',
    async (_name, row) => {
      const [direct, relayed] = await bothWays(alone, row);
      const [, , status, code] = row;

      expect(direct).toMatchObject({ status, code });
      expect(relayed).toEqual(direct);
    },
  );

  // A verb has no body that would name its era, and servers of both take it for the older one.
  test.each(rows.filter(([, { verb }]) => verb === undefined).map((row) => [row[0], row] as const))(
    'when one that speaks the other too is sent %s, then the same holds',
    async (_name, row) => {
      const [direct, relayed] = await bothWays(both, row);

      expect(relayed).toEqual(direct);
    },
  );
});
