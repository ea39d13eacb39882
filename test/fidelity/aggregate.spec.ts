import { resolve } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type ModernUpstream, startModernUpstream } from '../clients/modern-upstream.js';
import { eventually, rest } from '../stack/http.js';
import { type Stack, stackNames, stacks } from '../stack/stack.js';
import { startWorld, type World } from '../stack/world.js';
import { type Caller, end, listen, post, postModern } from './mcp-http.js';
import {
  beginStream,
  type Heard,
  sayEvent,
  sayJson,
  type ScriptedUpstream,
  startScriptedUpstream,
} from './scripted-upstream.js';

const toolsSchema = z.object({
  result: z.object({ tools: z.array(z.looseObject({ name: z.string() })) }),
});

describe.each(stackNames)('on %s', (kind) => {
  let asking: ScriptedUpstream;
  let dead: ScriptedUpstream;
  let modern: ModernUpstream;
  let world: World;
  let stack: Stack;
  let url: string;
  let ada: Caller;
  let eng: Caller;
  const heardAnswers: Heard[] = [];

  beforeAll(async () => {
    asking = await startScriptedUpstream();
    dead = await startScriptedUpstream();
    await dead.close();
    modern = await startModernUpstream();
    asking.answerWith(async (heard, response) => {
      const { id, method, result } = heard.body;
      if (method === 'initialize') {
        const opened = { protocolVersion: '2025-06-18', capabilities: {}, serverInfo: {} };
        sayJson(response, { jsonrpc: '2.0', id, result: opened }, { 'mcp-session-id': 'raw-1' });
      } else if (method === 'tools/list') {
        const tool = (name: string) => ({ name, inputSchema: { type: 'object' }, 'x-odd': 1 });
        const { cursor } = z
          .looseObject({ cursor: z.string().optional() })
          .parse(heard.body['params'] ?? {});
        const page =
          cursor === undefined
            ? { tools: [tool('ask')], nextCursor: 'two' }
            : { tools: [tool('secret_tool')] };
        sayJson(response, { jsonrpc: '2.0', id, result: page });
      } else if (method === 'tools/call') {
        beginStream(response);
        const question = { message: 'Sure?', requestedSchema: { type: 'object', properties: {} } };
        sayEvent(response, {
          message: { jsonrpc: '2.0', id: 5, method: 'elicitation/create', params: question },
        });
        const said = await eventually(() => {
          const found = heardAnswers.at(-1);
          expect(found).toBeDefined();
          return found;
        });
        const text = JSON.stringify(said?.body['result']);
        sayEvent(response, {
          message: { jsonrpc: '2.0', id, result: { content: [{ type: 'text', text }] } },
        });
        response.end();
      } else {
        if (result !== undefined) heardAnswers.push(heard);
        response.writeHead(202).end();
      }
    });
    world = await startWorld({
      servers: {
        asking: { url: asking.url },
        dead: { url: dead.url },
        modern: { url: modern.url },
      },
      sections: { aggregate: true },
      policies: resolve('test/fidelity/policies'),
    });
    stack = await stacks[kind](world);
    url = `${stack.gateway}/mcp`;
    ada = { url, token: await world.token('analyst') };
    eng = { url, token: await world.token('engineer') };
  }, 90_000);

  afterAll(async () => {
    await stack?.close();
    await world?.close();
    await modern?.close();
    await asking?.close();
  }, 30_000);

  const bearer = (caller: Caller) => ({
    requestInit: { headers: { authorization: `Bearer ${caller.token}` } },
  });

  test('when an SDK client connects, then it finds the tools of all servers that answer, and its call finds its server', async () => {
    const client = new ClientV1(
      { name: 'all', version: '1' },
      { capabilities: { elicitation: {} } },
    );
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: {} }));
    await client.connect(new HttpV1(new URL(url), bearer(ada)));

    const { tools } = await client.listTools();
    const names = tools.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['asking__ask', 'asking__secret_tool', 'orders__echo']),
    );
    expect(names.filter((name) => name.startsWith('dead__'))).toEqual([]);
    const echoed = await client.callTool({ name: 'orders__echo', arguments: { text: 'hello' } });
    expect(JSON.stringify(echoed)).toContain('hello');
    const answered = await client.callTool({ name: 'asking__ask', arguments: {} });
    expect(JSON.stringify(answered)).toContain('accept');
    // The question came under a name of the gateway; its server reads the id that it gave, in its own session.
    expect(heardAnswers.at(-1)?.body).toMatchObject({ id: 5 });
    expect(heardAnswers.at(-1)?.headers).toMatchObject({
      'mcp-session-id': 'raw-1',
      'mcp-protocol-version': '2025-06-18',
    });
    await client.close();
  });

  test('when a client of the stateless era connects, then it finds the tools of servers that speak it', async () => {
    const client = new Client(
      { name: 'all', version: '1' },
      { versionNegotiation: { mode: 'auto' } },
    );
    await client.connect(new StreamableHTTPClientTransport(new URL(url), bearer(ada)));

    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(['modern__pay']));
    const paid = await client.callTool({ name: 'modern__pay', arguments: { order: 'o-1' } });
    expect(JSON.stringify(paid)).toContain('o-1 is paid');
    await client.close();
  });

  test('when a tool is hidden from a caller, then it is neither listed nor told from one that is not there', async () => {
    const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
    const { result } = toolsSchema.parse(await (await post(eng, list)).json());
    expect(result.tools.map(({ name }) => name)).not.toContain('asking__secret_tool');
    expect(result.tools.find(({ name }) => name === 'asking__ask')).toMatchObject({ 'x-odd': 1 });

    const call = async (name: string): Promise<unknown> => {
      const message = {
        jsonrpc: '2.0',
        id: 2,
        method: 'tools/call',
        params: { name, arguments: {} },
      };
      return (await post(eng, message)).json();
    };
    for (const name of ['asking__secret_tool', 'nowhere__tool', 'plain', '__x']) {
      expect(await call(name)).toEqual({
        jsonrpc: '2.0',
        id: 2,
        error: { code: -32_602, message: `Unknown tool: ${name}` },
      });
    }
  });

  test('when anything but tools is asked of all, then the method is unknown, in the words of each era', async () => {
    const older = await post(ada, { jsonrpc: '2.0', id: 1, method: 'resources/list' });
    const newer = await postModern(ada, { id: 2, method: 'resources/list', params: {} });

    expect([older.status, newer.status]).toEqual([200, 404]);
    expect(await older.json()).toMatchObject({ id: 1, error: { code: -32_601 } });
    expect(await newer.json()).toMatchObject({ id: 2, error: { code: -32_601 } });
    expect((await listen(ada)).status).toBe(405);
  });

  test('when a session with all is ended or stolen, then each server hears of the end, and the thief of nothing', async () => {
    const initialize = {
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25' },
    };
    const opened = await post(ada, initialize);
    expect(await opened.json()).toMatchObject({ result: { protocolVersion: '2025-11-25' } });
    const session = opened.headers.get('mcp-session-id') ?? '';

    expect((await end({ ...eng, session })).status).toBe(404);
    expect(
      (
        await post(
          { ...ada, url: `${url}/asking`, session },
          { jsonrpc: '2.0', id: 1, method: 'ping' },
        )
      ).status,
    ).toBe(404);
    expect((await end({ ...ada, session })).status).toBe(200);
    await eventually(() =>
      expect(
        asking.heard.findLast(({ verb }) => verb === 'DELETE')?.headers['mcp-session-id'],
      ).toBe('raw-1'),
    );
  });

  test('when nobody asked, then an answer to a question is refused', async () => {
    for (const id of ['asking~', 'nowhere~1', 7, '~1', 'asking~{}']) {
      expect((await post(ada, { jsonrpc: '2.0', id, result: {} })).status).toBe(400);
    }
  });

  test('when a client asks how to get a token for all, then it is told', async () => {
    const { headers, status } = await rest(url, undefined, { method: 'POST', body: {} });
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toContain('/.well-known/oauth-protected-resource/mcp"');
    const { body } = await rest(
      `${stack.gateway}/.well-known/oauth-protected-resource/mcp`,
      undefined,
    );
    expect(body).toMatchObject({ resource: expect.stringMatching(/\/mcp$/) });
  });
});
