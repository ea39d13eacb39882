import { resolve } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Stack, stacks } from '../stack/stack.js';
import { startWorld, type World } from '../stack/world.js';
import { allEvents, post } from './mcp-http.js';
import {
  beginStream,
  sayEvent,
  sayJson,
  type ScriptedUpstream,
  startScriptedUpstream,
} from './scripted-upstream.js';

let upstream: ScriptedUpstream;
let world: World;
let stack: Stack;
let url: string;
let token: string;

beforeAll(async () => {
  upstream = await startScriptedUpstream();
  world = await startWorld({
    servers: { odd: { url: upstream.url } },
    policies: resolve('test/fidelity/policies'),
  });
  stack = await stacks.standalone(world);
  url = `${stack.gateway}/mcp/odd`;
  token = await world.token('analyst');
}, 90_000);

afterAll(async () => {
  await stack?.close();
  await world?.close();
  await upstream?.close();
}, 30_000);

/** Anything that JSON can hold and two parsers read alike; depth counts the envelope's levels as well. */
const text = fc.string({ unit: 'binary', maxLength: 20 });
const key = fc.oneof(
  text,
  fc.constantFrom('Name', 'name', 'ſ', 'K', 'constructor', 'toString', ''),
);
const number = fc.oneof(fc.maxSafeInteger(), fc.double({ noNaN: true, noDefaultInfinity: true }));
const isExact = (value: number): boolean =>
  !Number.isInteger(value) || Number.isSafeInteger(value) || /e/.test(JSON.stringify(value));
const leaf = fc.oneof(text, number.filter(isExact), fc.boolean(), fc.constant(null));
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium', maxDepth: 12 },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));
const members = fc
  .dictionary(key, value, { maxKeys: 4, noNullPrototype: true })
  .filter((each) => !Object.hasOwn(each, '__proto__'));
const plain = (each: unknown): unknown => JSON.parse(JSON.stringify(each));

test('when a message holds what nobody knows, then server and client each get what the other said', async () => {
  await fc.assert(
    fc.asyncProperty(members, members, members, async (given, extra, said) => {
      const answer = { content: [], structuredContent: said, unknown: said };
      let params: unknown;
      upstream.answerWith(({ body }, response) => {
        ({ params } = body);
        sayJson(response, { ...extra, jsonrpc: '2.0', id: body['id'], result: answer });
      });
      const sent = {
        name: 'echo',
        arguments: given,
        'x-unknown': extra,
        _meta: { 'vendor/x': said },
      };

      const response = await post(
        { url, token },
        { ...onlyUnknown(extra), jsonrpc: '2.0', id: 7, method: 'tools/call', params: sent },
      );

      expect(await response.json()).toEqual(
        plain({ ...onlyUnknown(extra), jsonrpc: '2.0', id: 7, result: answer }),
      );
      expect(params).toEqual(plain(sent));
    }),
    { numRuns: 150 },
  );
}, 60_000);

test('when a server says what nobody knows on a stream, then the client hears it in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(members, { minLength: 1, maxLength: 5 }), async (notes) => {
      const note = (params: object) => ({ jsonrpc: '2.0', method: 'notifications/vendor', params });
      upstream.answerWith(({ body }, response) => {
        beginStream(response);
        for (const each of notes) sayEvent(response, { message: note({ odd: each }) });
        sayEvent(response, { message: { jsonrpc: '2.0', id: body['id'], result: {} } });
        response.end();
      });

      const events = await allEvents(
        await post({ url, token }, { jsonrpc: '2.0', id: 'a', method: 'ping' }),
      );

      expect(events.map(({ data }) => JSON.parse(data) as unknown)).toEqual([
        ...notes.map((each) => plain(note({ odd: each }))),
        { jsonrpc: '2.0', id: 'a', result: {} },
      ]);
    }),
    { numRuns: 40 },
  );
}, 60_000);

/** Ways in which a text is read differently by two parsers, put around any JSON. */
const trap = fc.tuple(
  fc.constantFrom<(json: string) => string>(
    (json) => `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":${json}}`,
    (json) => `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":${json},"\\u0061":1}}`,
    (json) => `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"__proto__":${json}}}`,
    (json) =>
      `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":12345678901234567890,"b":${json}}}`,
    (json) => `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\\ud800","b":${json}}}`,
    (json) => `[{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":${json}}}]`,
    (json) => `\ufeff{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":${json}}}`,
    (json) => `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":${json}}} {}`,
    (json) => `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":${json},}}`,
    (json) => `{"jsonrpc":"2.0","id":1,"method":"ping","result":${json}}`,
    (json) => `{"jsonrpc":"2.0","method":"tools/call","params":{"a":${json}}}`,
    (json) => `{"jsonrpc":"2.0","id":null,"method":"ping","params":{"a":${json}}}`,
    (json) => `{"jsonrpc":"1.0","id":1,"method":"ping","params":{"a":${json}}}`,
    (json) => `{"jsonrpc":"2.0","id":1,"Method":"ping","params":{"a":${json}}}`,
    (json) => `{"jsonrpc":"2.0","id":1,"method":"ping","params":[${json}]}`,
  ),
  value,
);

test('when a message is refused by the parser, then no byte of it goes on', async () => {
  await fc.assert(
    fc.asyncProperty(trap, async ([wrap, inner]) => {
      const before = upstream.heard.length;
      const response = await post({ url, token }, wrap(JSON.stringify(inner)));

      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: { data: { executed: 'no' } } });
      expect(upstream.heard.length).toBe(before);
    }),
    { numRuns: 150 },
  );
}, 60_000);

/** Members that the envelope itself has are said by the test. */
function onlyUnknown(extra: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const own = new Set(['jsonrpc', 'id', 'method', 'params', 'result', 'error']);
  return Object.fromEntries(Object.entries(extra).filter(([name]) => !own.has(name)));
}
