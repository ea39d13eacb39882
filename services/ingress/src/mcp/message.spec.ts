import { expect, test } from 'vitest';
import type { Json } from '#masking';
import { readMessage } from './message.js';

test.each<[string, Json]>([
  ['a batch', [{ jsonrpc: '2.0', id: 1, method: 'ping' }]],
  ['no version', { id: 1, method: 'ping' }],
  ['another version', { jsonrpc: '1.0', id: 1, method: 'ping' }],
  ['an id of null', { jsonrpc: '2.0', id: null, method: 'ping' }],
  ['a fractional id', { jsonrpc: '2.0', id: 1.5, method: 'ping' }],
  ['an id that is an object', { jsonrpc: '2.0', id: {}, method: 'ping' }],
  ['parameters by position', { jsonrpc: '2.0', id: 1, method: 'tools/call', params: ['a'] }],
  ['a method and a result', { jsonrpc: '2.0', id: 1, method: 'ping', result: {} }],
  ['a result and an error', { jsonrpc: '2.0', id: 1, result: {}, error: {} }],
  ['neither method nor result', { jsonrpc: '2.0', id: 1 }],
  ['an empty method', { jsonrpc: '2.0', id: 1, method: '' }],
  ['a text', 'ping'],
  ['null', null],
])('when a body is or has %s, then it is no message', (_, body) => {
  expect(readMessage(body)).toBeUndefined();
});

test('when members are unknown, then they stay in the message', () => {
  const body = { jsonrpc: '2.0', id: 'a', method: 'x/y', params: { p: 1 }, vendor: { deep: [1] } };

  expect(readMessage(body)).toEqual({ kind: 'request', id: 'a', method: 'x/y', body });
});

test('when a notification carries a method that acts, then it is no message', () => {
  const body = { jsonrpc: '2.0', method: 'tools/call', params: { name: 'x' } };

  expect(readMessage(body)).toBeUndefined();
});
