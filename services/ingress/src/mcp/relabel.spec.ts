import { expect, test } from 'vitest';
import { readMessage } from './message.js';
import { relabelled } from './relabel.js';
import { isAnswer } from './upstream.js';

const callId = 'c0000000-0000-4000-8000-000000000001';
const request = (params: object) => {
  const body = JSON.parse(JSON.stringify({ jsonrpc: '2.0', id: 9, method: 'tools/call', params }));
  const message = readMessage(body);
  if (message === undefined) throw new TypeError('not a message');
  return message;
};

test('when a request goes upstream, then it bears ids of the gateway, and the client gets its own back', () => {
  const asked = request({ name: 'a', _meta: { progressToken: 'p', other: 1 } });
  const { message, restore } = relabelled(asked, callId);

  expect(message.body).toEqual({
    jsonrpc: '2.0',
    id: callId,
    method: 'tools/call',
    params: { name: 'a', _meta: { progressToken: callId, other: 1 } },
  });
  expect(restore({ jsonrpc: '2.0', id: callId, result: {} })).toEqual({
    jsonrpc: '2.0',
    id: 9,
    result: {},
  });
  const progress = {
    method: 'notifications/progress',
    params: { progressToken: callId, progress: 1 },
  };
  expect(restore(progress)).toEqual({ ...progress, params: { progressToken: 'p', progress: 1 } });
});

test('when the server says something of another call or by itself, then it stays as it is', () => {
  const { restore } = relabelled(request({ name: 'a', _meta: { progressToken: 'p' } }), callId);

  for (const said of [
    { method: 'notifications/progress', params: { progressToken: 'another', progress: 1 } },
    { id: callId, method: 'sampling/createMessage', params: {} },
    { method: 'notifications/message', params: { data: callId } },
  ]) {
    expect(restore(said)).toEqual(said);
  }
});

test('when an answer comes that nobody asked for here, then it is refused: it is another call’s', () => {
  const { message } = relabelled(request({ name: 'a' }), callId);

  expect(isAnswer(message, { id: callId, result: {} })).toBe(true);
  expect(isAnswer(message, { id: null, error: {} })).toBe(true);
  expect(isAnswer(message, { method: 'notifications/message' })).toBe(false);
  for (const [to, said] of [
    [message, { id: 'another', result: {} }],
    [message, { id: 9, result: {} }],
    [undefined, { id: 9, result: {} }],
    [undefined, { id: null, error: {} }],
  ] as const) {
    expect(() => isAnswer(to, said)).toThrow(
      expect.objectContaining({ code: 'UPSTREAM_UNREADABLE' }),
    );
  }
});
