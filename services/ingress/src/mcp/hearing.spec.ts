import { describe, expect, test } from 'vitest';
import { type Asked, hearingOf, type Room } from './hearing.js';
import type { JsonObject } from './message.js';
import { type Listener, Seat } from './seat.js';

const modern = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' };

const listener = (): Listener => ({ say: () => undefined, end: () => undefined });

const asked = (id: string, method = 'tools/call', meta: JsonObject = {}): Asked => {
  const body = { jsonrpc: '2.0', id, method, params: { _meta: { progressToken: id, ...meta } } };
  return { message: { kind: 'request', id, method, body }, seat: undefined, listener: listener() };
};

const seat = (isListening: boolean, uris: readonly string[] = []): Seat => {
  const made = new Seat('s', 'tenant/ada');
  if (isListening) made.stream = listener();
  for (const uri of uris) made.subscribe(uri);
  return made;
};

const room = (change: Partial<Room> = {}): Room => ({
  asked: [],
  seats: [],
  isShared: false,
  ...change,
});

const note = (method: string, params: JsonObject = {}): JsonObject => ({
  jsonrpc: '2.0',
  method,
  params,
});

describe('when all are of one caller', () => {
  const log = note('notifications/message', { data: 'aside' });
  const question = { ...log, id: 1, method: 'roots/list' };

  test('then what is said by the way goes to the stream, before the newest request', () => {
    const [listening, request] = [seat(true), asked('a')];

    expect(hearingOf(log, room({ asked: [request], seats: [listening] }))).toEqual({
      kind: 'told',
      to: [listening.stream],
      message: log,
    });
  });

  test('then without a stream it goes to the newest request, and without one it is kept', () => {
    const [older, newer, seats] = [asked('a'), asked('b'), [seat(false)]];

    const heard = hearingOf(log, room({ asked: [older, newer], seats }));

    expect(heard).toEqual({ kind: 'told', to: [newer.listener], message: log });
    expect(hearingOf(log, room({ seats }))).toEqual({ kind: 'kept' });
  });

  test('then of several requests without a session none hears what names none of them: each has its own mask', () => {
    const [older, newer] = [asked('a', 'tools/call', modern), asked('b', 'tools/call', modern)];

    expect(hearingOf(log, room({ asked: [older, newer] }))).toEqual({ kind: 'dropped' });
    expect(hearingOf(log, room({ asked: [newer] }))).toMatchObject({ to: [newer.listener] });
  });

  test('then that a list has changed goes to every stream', () => {
    const seats = [seat(true), seat(false), seat(true)];
    const change = note('notifications/tools/list_changed');

    expect(hearingOf(change, room({ seats }))).toMatchObject({
      to: [seats[0]?.stream, seats[2]?.stream],
    });
  });

  test('then a question is put to no request of the stateless era', () => {
    const [older, newer] = [asked('a'), asked('b', 'tools/call', modern)];
    const seats = [seat(false)];

    const heard = hearingOf(question, room({ asked: [older, newer], seats }));

    expect(heard).toMatchObject({ to: [older.listener] });
    expect(hearingOf(question, room({ asked: [newer], seats }))).toEqual({ kind: 'kept' });
  });

  test('then a question that no session could answer is answered at once', () => {
    const newer = asked('b', 'tools/call', modern);

    expect(hearingOf(question, room({ asked: [newer] }))).toMatchObject({
      kind: 'answered',
      answer: { jsonrpc: '2.0', id: 1, error: { code: -32_601 } },
    });
  });
});

describe('when several callers share it', () => {
  test('then progress goes to the request that has its token, and to nobody without one', () => {
    const [first, second] = [asked('a'), asked('b')];
    const shared = room({ asked: [first, second], seats: [seat(true)], isShared: true });
    const own = note('notifications/progress', { progressToken: 'a', progress: 1 });
    const stray = note('notifications/progress', { progressToken: 'c', progress: 1 });

    expect(hearingOf(own, shared)).toEqual({ kind: 'told', to: [first.listener], message: own });
    expect(hearingOf(stray, shared)).toEqual({ kind: 'dropped' });
  });

  test.each(['tools', 'prompts', 'resources'])(
    'then every stream is told that the list of %s has changed, and nothing more',
    (list) => {
      const seats = [seat(true), seat(true)];
      const method = `notifications/${list}/list_changed`;

      expect(hearingOf(note(method, { of: 'ada' }), room({ seats, isShared: true }))).toEqual({
        kind: 'told',
        to: seats.map(({ stream }) => stream),
        message: { jsonrpc: '2.0', method },
      });
    },
  );

  test('then of a changed resource hears who has subscribed to it, and nothing more', () => {
    const seats = [
      seat(true, ['file:///a']),
      seat(true, ['file:///b']),
      seat(false, ['file:///a']),
    ];
    const method = 'notifications/resources/updated';
    const update = note(method, { uri: 'file:///a', title: 'of ada' });

    expect(hearingOf(update, room({ seats, isShared: true }))).toEqual({
      kind: 'told',
      to: [seats[0]?.stream],
      message: { jsonrpc: '2.0', method, params: { uri: 'file:///a' } },
    });
  });

  test.each([
    note('notifications/message', { data: 'of ada' }),
    note('notifications/elicitation/complete', { elicitationId: 'e' }),
    note('notifications/tasks/status', { taskId: 't' }),
    note('notifications/cancelled', { requestId: 'a' }),
    note('of-its-own'),
    note('notifications/ada_has_paid/list_changed'),
  ])('then nobody hears $method, listening or not', (said) => {
    const shared = room({ asked: [asked('a')], seats: [seat(true)], isShared: true });

    expect(hearingOf(said, shared)).toEqual({ kind: 'dropped' });
  });

  test.each(['sampling/createMessage', 'elicitation/create', 'roots/list'])(
    'then %s is answered with an error, even where it names a token',
    (method) => {
      const shared = room({ asked: [asked('a')], seats: [seat(true)], isShared: true });
      const question = { ...note(method, { progressToken: 'a' }), id: 'q' };

      expect(hearingOf(question, shared)).toMatchObject({
        kind: 'answered',
        answer: { jsonrpc: '2.0', id: 'q', error: { code: -32_601 } },
      });
    },
  );

  test('then a ping is answered', () => {
    const ping = { ...note('ping'), id: 7 };

    expect(hearingOf(ping, room({ isShared: true }))).toEqual({
      kind: 'answered',
      answer: { jsonrpc: '2.0', id: 7, result: {} },
    });
  });
});

test.each([false, true])(
  'when a message names a subscription, then that one hears it and nobody else (shared: %s)',
  (isShared) => {
    const [first, second] = [
      asked('a', 'subscriptions/listen'),
      asked('b', 'subscriptions/listen'),
    ];
    const all = room({ asked: [first, second], seats: [seat(true)], isShared });
    const of = (id: string): JsonObject =>
      note('notifications/tools/list_changed', {
        _meta: { 'io.modelcontextprotocol/subscriptionId': id },
      });

    expect(hearingOf(of('a'), all)).toMatchObject({ kind: 'told', to: [first.listener] });
    expect(hearingOf(of('c'), all)).toEqual({ kind: 'dropped' });
  },
);
