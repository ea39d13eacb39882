import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { methodEntry } from '../../services/ingress/src/mcp/methods.js';
import { eventually, rest } from '../stack/http.js';
import { type Stack, stacks } from '../stack/stack.js';
import { startWorld, type World } from '../stack/world.js';
import { allEvents, type Caller, post, postModern } from './mcp-http.js';
import { publishedMethods } from './published-methods.js';
import {
  beginStream,
  sayEvent,
  sayJson,
  type ScriptedUpstream,
  startScriptedUpstream,
} from './scripted-upstream.js';

const secret = 'ada@orders.example';
const published = publishedMethods();
const fromClient = published.filter((method) => methodEntry(method)?.from !== 'server');
const fromServer = published.filter((method) => methodEntry(method)?.from !== 'client');
const isNotification = (method: string): boolean => method.startsWith('notifications/');

let upstream: ScriptedUpstream;
let world: World;
let stack: Stack;
let ada: Caller;

beforeAll(async () => {
  upstream = await startScriptedUpstream();
  world = await startWorld({
    servers: { masked: { url: upstream.url } },
    policies: resolve('test/fidelity/policies'),
  });
  stack = await stacks.standalone(world);
  ada = { url: `${stack.gateway}/mcp/masked`, token: await world.token('analyst') };
}, 90_000);

afterAll(async () => {
  await stack?.close();
  await world?.close();
  await upstream?.close();
}, 30_000);

test('when the published schemas are read, then each method of theirs is known, and from whom it comes', () => {
  expect(published.length).toBeGreaterThanOrEqual(34);
  expect(published.filter((method) => methodEntry(method) === undefined)).toEqual([]);
  expect(new Set([...fromClient, ...fromServer]).size).toBe(published.length);
});

test.each(fromServer)(
  'when a server says %s, then policy and record know of it and its client reads it masked',
  async (method) => {
    upstream.answerWith(({ body }, response) => {
      beginStream(response);
      const id = isNotification(method) ? {} : { id: 's-1' };
      const params = { note: secret, deep: { list: [secret] }, _meta: { note: secret } };
      sayEvent(response, { message: { jsonrpc: '2.0', ...id, method, params, odd: secret } });
      sayEvent(response, { message: { jsonrpc: '2.0', id: body['id'], result: {} } });
      response.end();
    });
    const call = {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'x', arguments: {} },
    };
    const answer = await post(ada, call);
    const [said, last] = (await allEvents(answer)).map(({ data }) => data);

    expect(JSON.parse(said ?? '')).toMatchObject({ method });
    expect(said).not.toContain(secret);
    expect(last).toContain('"result"');
    if (isNotification(method)) return;
    const token = await world.token('auditor');
    const callId = answer.headers.get('x-countersign-call');
    await eventually(async () => {
      const { body } = await rest(`${stack.audit}/v1/calls?method=${method}`, token);
      expect(JSON.stringify(body)).toContain(`"method":"${method}"`);
      expect(callId).not.toBeNull();
    });
  },
);

test.each(fromClient)(
  'when a client says %s, then policy is asked, and what its server answers is masked',
  async (method) => {
    upstream.answerWith(({ body }, response) => {
      if (body['id'] === undefined) response.writeHead(202).end();
      else sayJson(response, { jsonrpc: '2.0', id: body['id'], result: { note: secret } });
    });
    const named = {
      name: 'x',
      uri: 'plain://x',
      ref: { type: 'ref/prompt', name: 'x' },
      taskId: 't',
    };
    const params =
      method === 'completion/complete'
        ? { ref: named.ref }
        : { name: named.name, uri: named.uri, taskId: 't' };
    const message = isNotification(method)
      ? { jsonrpc: '2.0', method, params }
      : { jsonrpc: '2.0', id: 2, method, params };
    const before = upstream.heard.length;
    const answer = methodEntry(method)?.eras.includes('legacy')
      ? await post(ada, message)
      : await postModern(ada, { id: 2, method, params: {} });
    const text = await answer.text();

    expect(text).not.toContain(secret);
    if (!isNotification(method)) expect(text).toContain('"result"');
    // Nothing is left to cancel.
    const isHeard = method !== 'notifications/cancelled';
    expect(upstream.heard.length - before).toBe(isHeard ? 1 : 0);
    if (!isHeard) return;
    const callId = answer.headers.get('x-countersign-call');
    const token = await world.token('auditor');
    const story = z.object({ events: z.array(z.unknown()) });
    await eventually(async () => {
      const found = await rest(`${stack.audit}/v1/calls?method=${method}`, token);
      const calls = z.object({
        calls: z.array(z.looseObject({ callId: z.string(), verdict: z.string().nullable() })),
      });
      const [call] = calls.parse(found.body).calls;
      expect(call?.verdict).toBe('allow');
      const { body } = await rest(`${stack.audit}/v1/calls/${callId ?? call?.callId ?? ''}`, token);
      expect(JSON.stringify(story.parse(body).events)).toContain('call.forwarded');
    });
  },
);
