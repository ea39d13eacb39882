import { expect, test } from 'vitest';
import type { Json } from '#masking';
import { type Message, readMessage } from './message.js';
import { labelOf, relabelled, restored } from './relabel.js';
import { isAnswer } from './upstream.js';

const callId = 'c0000000-0000-4000-8000-000000000001';
const relabelling = (asked: Message) => {
  const label = labelOf(asked, callId);
  if (label === undefined) throw new TypeError('no request');
  return {
    message: relabelled(asked, label),
    restore: (said: Json) => restored(said, label),
  };
};
const request = (params: object) => {
  const body = JSON.parse(JSON.stringify({ jsonrpc: '2.0', id: 9, method: 'tools/call', params }));
  const message = readMessage(body);
  if (message === undefined) throw new TypeError('not a message');
  return message;
};

test('when a request goes upstream, then it bears ids of the gateway, and the client gets its own back', () => {
  const asked = request({ name: 'a', _meta: { progressToken: 'p', other: 1 } });
  const { message, restore } = relabelling(asked);

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
  const { restore } = relabelling(request({ name: 'a', _meta: { progressToken: 'p' } }));

  for (const said of [
    { method: 'notifications/progress', params: { progressToken: 'another', progress: 1 } },
    { id: callId, method: 'sampling/createMessage', params: {} },
    { method: 'notifications/message', params: { data: callId } },
  ]) {
    expect(restore(said)).toEqual(said);
  }
});

test('when an answer comes that nobody asked for here, then it is refused: it is another call’s', () => {
  const { message } = relabelling(request({ name: 'a' }));

  expect(isAnswer({ message }, { id: callId, result: {} })).toBe(true);
  expect(isAnswer({ message }, { id: null, error: {} })).toBe(true);
  expect(isAnswer({ message }, { method: 'notifications/message' })).toBe(false);
  for (const [to, said] of [
    [message, { id: 'another', result: {} }],
    [message, { id: 9, result: {} }],
    [undefined, { id: 9, result: {} }],
    [undefined, { id: null, error: {} }],
  ] as const) {
    expect(() => isAnswer({ message: to }, said)).toThrow(
      expect.objectContaining({ code: 'UPSTREAM_UNREADABLE' }),
    );
  }
});
