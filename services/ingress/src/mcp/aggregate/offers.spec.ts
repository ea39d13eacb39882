import { expect, test } from 'vitest';
import { toolsOf } from './offers.js';

const body = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
const message = { kind: 'request' as const, id: 1, method: 'tools/list', body };

test('when a server lists page by page, then all of them are taken, and its cursor is its own', async () => {
  const asked: unknown[] = [];
  const tools = await toolsOf(message, async (page) => {
    asked.push(page.body['params']);
    const isLast = asked.length === 3;
    const name = `tool-${asked.length}`;
    return { result: { tools: [{ name }, 'odd'], ...(isLast ? {} : { nextCursor: name }) } };
  });

  expect(tools).toEqual([{ name: 'tool-1' }, { name: 'tool-2' }, { name: 'tool-3' }]);
  expect(asked).toEqual([{}, { cursor: 'tool-1' }, { cursor: 'tool-2' }]);
});

test('when a server lists without end, then what is beyond some pages or some size is left out', async () => {
  const pages = await toolsOf(message, async () => ({
    result: { tools: [{ name: 'again' }], nextCursor: 'more' },
  }));
  const large = await toolsOf(message, async () => ({
    result: { tools: [{ name: 'x'.repeat(1_500_000) }], nextCursor: 'more' },
  }));

  expect(pages).toHaveLength(50);
  expect(large).toHaveLength(2);
});
