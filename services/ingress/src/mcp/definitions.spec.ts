import { expect, test } from 'vitest';
import { catalogOf } from './catalog.js';
import { Definitions } from './definitions.js';
import { offeringTasks } from './discovery.js';
import type { JsonObject } from './message.js';

const pay: JsonObject = {
  name: 'pay',
  description: 'Pays.',
  inputSchema: { type: 'object' },
  annotations: { destructiveHint: true, readOnlyHint: false, title: 'Pay' },
  'x-vendor': [1],
};
const listed = (tools: JsonObject[], method = 'tools/list') => {
  const catalog = catalogOf(method, { jsonrpc: '2.0', id: 1, result: { tools } });
  if (catalog === undefined) throw new TypeError('no list');
  return catalog.described;
};

test('when tools are listed, then each is known by the digest of all of it, and by its hints', () => {
  const definitions = new Definitions();

  definitions.learn('orders', listed([pay, { description: 'without a name' }]));

  expect(definitions.of('orders', 'tool', 'pay')).toEqual({
    digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    hints: { destructiveHint: true, readOnlyHint: false },
  });
  expect(definitions.of('orders', 'tool', 'other')).toBeUndefined();
  expect(definitions.of('files', 'tool', 'pay')).toBeUndefined();
});

test.each<[string, JsonObject]>([
  ['another description', { description: 'Pays everybody.' }],
  ['another schema', { inputSchema: { type: 'object', properties: {} } }],
  ['other hints', { annotations: { destructiveHint: false } }],
  ['another vendor key', { 'x-vendor': [2] }],
])('when a tool is listed anew with %s, then the newest counts', (_, change) => {
  const definitions = new Definitions();
  definitions.learn('orders', listed([pay]));
  const first = definitions.of('orders', 'tool', 'pay');

  definitions.learn('orders', listed([{ ...pay, ...change }]));

  expect(definitions.of('orders', 'tool', 'pay')?.digest).not.toBe(first?.digest);
});

test('when it is listed with its members in another order, then it is the same', () => {
  const definitions = new Definitions();
  definitions.learn('orders', listed([pay]));
  const first = definitions.of('orders', 'tool', 'pay');

  definitions.learn('orders', listed([Object.fromEntries(Object.entries(pay).toReversed())]));

  expect(definitions.of('orders', 'tool', 'pay')).toEqual(first);
});

test('when prompts are listed, then they are known as prompts, and no tool is learned', () => {
  const definitions = new Definitions();
  const prompts = catalogOf('prompts/list', { result: { prompts: [{ name: 'pay' }] } });

  definitions.learn('orders', prompts?.described);

  expect(definitions.of('orders', 'prompt', 'pay')).toMatchObject({ hints: {} });
  expect(definitions.of('orders', 'tool', 'pay')).toBeUndefined();
});

test('when two tools of one name are listed, then they are one definition, whose hints all count', () => {
  const definitions = new Definitions();
  const twin = { ...pay, description: 'Another.', annotations: { openWorldHint: true } };

  definitions.learn('orders', listed([pay]));
  const alone = definitions.of('orders', 'tool', 'pay');
  definitions.learn('orders', listed([pay, twin]));
  const both = definitions.of('orders', 'tool', 'pay');
  definitions.learn('orders', listed([twin, pay]));

  expect(both?.digest).not.toBe(alone?.digest);
  expect(definitions.of('orders', 'tool', 'pay')?.digest).not.toBe(both?.digest);
  expect(both?.hints).toMatchObject({ destructiveHint: true, openWorldHint: true });
});

test('when a server lists without end, then only so much is kept, of a tool and of tools', () => {
  const definitions = new Definitions();
  const many = Array.from({ length: 5001 }, (_, n) => ({ name: `tool-${n}` }));
  const annotations = Object.fromEntries(
    Array.from({ length: 100 }, (_, n) => [`hint-${n}`, true] as const),
  );

  definitions.learn('files', listed([pay]));
  definitions.learn('orders', listed([...many, { name: 'hinted', annotations }]));

  expect(definitions.of('orders', 'tool', 'tool-0')).toBeUndefined();
  expect(definitions.of('orders', 'tool', 'tool-5000')).toBeDefined();
  expect(Object.keys(definitions.of('orders', 'tool', 'hinted')?.hints ?? {})).toHaveLength(16);
  expect(definitions.of('files', 'tool', 'pay')).toBeDefined();
});

test('when a server says what it can do, then tasks are offered besides, and nothing is lost', () => {
  const answer = {
    jsonrpc: '2.0',
    id: 1,
    result: { 'x-vendor': 1, capabilities: { tools: {}, extensions: { other: { a: 1 } } } },
  };

  expect(offeringTasks(answer)).toEqual({
    jsonrpc: '2.0',
    id: 1,
    result: {
      'x-vendor': 1,
      capabilities: {
        tools: {},
        extensions: { other: { a: 1 }, 'io.modelcontextprotocol/tasks': {} },
      },
    },
  });
  const error = { jsonrpc: '2.0', id: 1, error: { code: -32_601, message: 'no' } };
  expect(offeringTasks(error)).toEqual(error);
});
