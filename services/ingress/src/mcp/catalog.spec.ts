import { describe, expect, test } from 'vitest';
import { catalogOf, isOfferedLater } from './catalog.js';
import type { JsonObject } from './message.js';

const answer = (result: JsonObject): JsonObject => ({ jsonrpc: '2.0', id: 1, result });

describe('lists', () => {
  test('when tools are listed, then each name stands once, with the digest of all that was said of it', () => {
    const pay = { name: 'pay' };
    const twin = { name: 'pay', description: 'Another.' };
    const tools = [pay, { name: 'ask' }, twin];

    const catalog = catalogOf('tools/list', answer({ tools, nextCursor: 'x' }));

    expect(catalog).toMatchObject({ usedWith: 'tools/call', names: ['pay', 'ask'] });
    expect(catalog?.described).toMatchObject({
      kind: 'tool',
      items: [
        { name: 'pay', definition: [pay, twin] },
        { name: 'ask', definition: { name: 'ask' } },
      ],
    });
    expect(catalog?.keep(new Set(['pay']))).toEqual(
      answer({ tools: [pay, twin], nextCursor: 'x' }),
    );
  });

  test.each([
    ['is too long', 'x'.repeat(257)],
    ['cannot be seen', 'pay\u0000'],
    ['breaks the line', 'pay\n'],
  ])('when the name of a tool %s, then it is never kept', (_, name) => {
    const catalog = catalogOf('tools/list', answer({ tools: [{ name }, { name: 'pay' }] }));

    expect(catalog?.names).toEqual(['pay']);
    expect(catalog?.keep(new Set([name, 'pay']))).toEqual(answer({ tools: [{ name: 'pay' }] }));
  });

  test.each([[{ pay: { name: 'pay' } }], ['pay'], [null]])(
    'when a list is %o, then nothing of it is kept',
    (tools) => {
      const catalog = catalogOf('tools/list', answer({ tools }));

      expect(catalog?.names).toEqual([]);
      expect(catalog?.keep(new Set(['pay']))).toEqual(answer({ tools: [] }));
    },
  );

  test('when resources are listed, then nothing of them is pinned, whatever their names', () => {
    const uri = `file:///${'x'.repeat(500)}`;

    const catalog = catalogOf('resources/list', answer({ resources: [{ uri }] }));

    expect(catalog).toMatchObject({ names: [uri], described: undefined });
  });
});

describe('introductions', () => {
  test.each(['initialize', 'server/discover'])(
    'when %s brings instructions, then they are offered like an item without a name',
    (method) => {
      const whole = answer({ instructions: 'Ask first.', capabilities: {} });

      const catalog = catalogOf(method, whole);

      expect(catalog).toMatchObject({
        usedWith: method,
        names: [''],
        described: {
          kind: 'instructions',
          items: [{ name: '', definition: 'Ask first.', digest: expect.any(String) }],
        },
      });
      expect(catalog?.keep(new Set(['']))).toEqual(whole);
      expect(catalog?.keep(new Set())).toEqual(answer({ capabilities: {} }));
    },
  );

  test.each([[{}], [{ instructions: '' }]])(
    'when it brings none (%j), then nothing is asked',
    (result) => {
      expect(catalogOf('initialize', answer(result))).toBeUndefined();
    },
  );

  test('when it is an error, then nothing is asked', () => {
    const error = { jsonrpc: '2.0', id: 1, error: { code: -32_602, message: 'no' } };

    expect(catalogOf('initialize', error)).toBeUndefined();
  });

  test('when instructions are no text, then they are pinned all the same', () => {
    const catalog = catalogOf('initialize', answer({ instructions: ['Ask first.'] }));

    expect(catalog?.names).toEqual(['']);
  });
});

test.each([
  ['tools/list', { task: { taskId: 't' } }, true],
  ['tools/list', { resultType: 'task', taskId: 't' }, true],
  ['server/discover', { resultType: 'task', taskId: 't' }, true],
  ['tools/list', { tools: [] }, false],
  ['tools/call', { task: { taskId: 't' } }, false],
])(
  'when a server answers %s with %o, then it is known whether a list is put off',
  (method, result, expected) => {
    expect(isOfferedLater(method, { jsonrpc: '2.0', id: 1, result })).toBe(expected);
  },
);
