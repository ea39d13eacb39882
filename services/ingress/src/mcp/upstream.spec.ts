import { expect, test } from 'vitest';
import type { JsonObject } from './message.js';
import { isAnswer } from './upstream.js';

const body = { jsonrpc: '2.0', id: 'call', method: 'tools/list' };
const asked = { message: { kind: 'request' as const, id: 'call', method: 'tools/list', body } };

test('when a server says something by itself, then that is no answer', () => {
  expect(isAnswer(asked, { method: 'notifications/message', params: {} })).toBe(false);
  expect(isAnswer(asked, { id: 'call', method: 'ping' })).toBe(false);
  expect(isAnswer(asked, { id: 'call', result: {} })).toBe(true);
});

test.each<[string, JsonObject]>([
  ['a question and an answer in one', { id: 'call', method: 'ping', result: { tools: [] } }],
  ['a question and an error in one', { id: 'call', method: 'ping', error: { code: 1 } }],
  ['an answer with a method that is none', { id: 'call', method: null, result: { tools: [] } }],
  ['a question whose method is no text', { id: 'call', method: 7 }],
  ['parameters that have no names', { id: 1, method: 'sampling/createMessage', params: ['all'] }],
  ['parameters that are nothing', { method: 'notifications/message', params: null }],
])('when a server says %s, then nothing of it is used', (_, said) => {
  const refusal = { code: 'UPSTREAM_UNREADABLE', executed: 'yes' };

  expect(() => isAnswer(asked, said)).toThrow(expect.objectContaining(refusal));
});
