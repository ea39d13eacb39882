import { setTimeout as pause } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import type { Session } from './session-ids.js';
import {
  ask,
  endAfterEach,
  listenTo,
  open,
  resultOf,
  send,
  upstreamOf,
} from './session-upstream.suite.js';

endAfterEach();

test('when a session is opened, then a child of its own answers in it', async () => {
  const to = upstreamOf();
  const [first, second] = [await open(to), await open(to)];

  const { parts } = await ask(to, { id: 1, method: 'hello', params: {} }, first);

  expect(first.upstreamId).not.toBe(second.upstreamId);
  expect(parts).toEqual([{ jsonrpc: '2.0', id: 1, result: { method: 'hello' } }]);
});

test('when the server talks before it answers, then that is told in its order', async () => {
  const to = upstreamOf();
  const session = await open(to);
  const params = { _meta: { progressToken: 'p' } };

  const { parts, reply } = await ask(to, { id: 1, method: 'talk', params }, session);

  expect(parts).toMatchObject([
    { method: 'notifications/progress' },
    { method: 'notifications/message' },
    { id: 1, result: { method: 'talk' } },
  ]);
  expect(reply).toEqual({ status: 200, isStream: true });
});

test('when an answer holds a line separator that is no line feed, then it is one message all the same', async () => {
  const to = upstreamOf();
  const session = await open(to);

  const { parts } = await ask(to, { id: 1, method: 'separator', params: {} }, session);

  expect(parts).toEqual([{ jsonrpc: '2.0', id: 1, result: { text: 'a\u2028b\u2029c' } }]);
});

test('when the child gets an environment, then it holds what the configuration says and nothing else', async () => {
  const to = upstreamOf({ env: { CREDENTIAL: 'Bearer ${TOKEN}' } });
  const session = await open(to);

  const { parts } = await ask(to, { id: 1, method: 'env', params: {} }, session);

  expect(parts).toMatchObject([{ result: { CREDENTIAL: 'Bearer abc' } }]);
  expect(JSON.stringify(parts)).not.toMatch(/hidden|OTHER/);
});

test.each([
  ['dies', 'die', 'UPSTREAM_UNREADABLE'],
  ['writes something that is no message', 'lie', 'UPSTREAM_UNREADABLE'],
  ['writes a message that two parsers read differently', 'twice', 'UPSTREAM_UNREADABLE'],
  ['says nothing', 'silence', 'UPSTREAM_TIMEOUT'],
])(
  'when the child %s, then the call is refused by a code and the executed state is unknown',
  async (_, method, code) => {
    const to = upstreamOf({ timeoutMs: 1000 });
    const session = await open(to);

    await expect(ask(to, { id: 1, method, params: {} }, session)).rejects.toMatchObject({
      code,
      executed: 'unknown',
    });
  },
);

test('when a child has died, then its session is unknown and, after a pause, a new one works', async () => {
  const to = upstreamOf();
  const session = await open(to);
  await expect(ask(to, { id: 1, method: 'die', params: {} }, session)).rejects.toThrow();

  await vi.waitFor(async () => {
    await expect(ask(to, { id: 2, method: 'hello', params: {} }, session)).rejects.toMatchObject({
      code: 'SESSION_UNKNOWN',
    });
  });
  await expect(open(to)).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', executed: 'no' });
  await pause(500);
  const hello = { id: 3, method: 'hello', params: {} };
  expect((await ask(to, hello, await open(to))).parts).toHaveLength(1);
});

test('when a credential is missing, then no child is started', async () => {
  const to = upstreamOf({ env: { CREDENTIAL: '${NOT_SET}' } });

  await expect(open(to)).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', executed: 'no' });
});

test('when the program does not exist, then the session is refused and nothing was executed', async () => {
  const made = upstreamOf({ command: ['/no/such/program'] });

  await expect(open(made)).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', executed: 'no' });
});

test('when a caller opens more than ten sessions, then the one unused for longest ends, and nobody else loses one', async () => {
  const to = upstreamOf();
  const first = await open(to);
  const other = await open(to, 'tenant/bob');
  const second = await open(to);
  for (let n = 3; n <= 10; n += 1) await open(to);
  const hello = { id: 1, method: 'hello', params: {} };
  const now = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 1000);
  await ask(to, hello, first);
  now.mockRestore();

  const eleventh = await open(to);

  await expect(ask(to, hello, second)).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' });
  for (const kept of [first, other, eleventh]) {
    expect((await ask(to, hello, kept)).parts).toHaveLength(1);
  }
});

test('when all of a caller’s sessions are in use, then one more is refused', async () => {
  const to = upstreamOf({ timeoutMs: 1000 });
  const sessions: Session[] = [];
  for (let n = 1; n <= 10; n += 1) sessions.push(await open(to));
  const silence = { id: 2, method: 'silence', params: {} };
  const waiting = sessions.map(async (each) => ask(to, silence, each).catch(() => undefined));

  await expect(open(to)).rejects.toMatchObject({ code: 'OVERLOADED', executed: 'no' });

  await Promise.all(waiting);
});

test('when all places are taken, then the session unused for longest gives way, whoever has it', async () => {
  const to = upstreamOf({ places: { all: 2, perCaller: 2 } });
  const hello = { id: 1, method: 'hello', params: {} };
  const first = await open(to);
  const second = await open(to, 'tenant/bob');
  const now = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 1000);
  await ask(to, hello, second);
  now.mockRestore();

  await open(to, 'tenant/carol');

  await expect(ask(to, hello, first)).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' });
  expect((await ask(to, hello, second)).parts).toHaveLength(1);
});

test('when a server does not answer initialize, then its session is ended', async () => {
  const silent = upstreamOf({
    command: [process.execPath, '-e', 'process.stdin.resume()'],
    timeoutMs: 200,
  });
  for (let n = 1; n <= 11; n += 1) {
    await expect(open(silent)).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
  }
});

test('when a session ends while something is asked in it, then that is refused and its child ends', async () => {
  const to = upstreamOf();
  const session = await open(to);
  const asking = ask(to, { id: 1, method: 'silence', params: {} }, session);
  const refused = expect(asking).rejects.toMatchObject({ code: 'UPSTREAM_UNREADABLE' });

  await send(to, { verb: 'DELETE', session });

  await refused;
  const late = ask(to, { id: 2, method: 'hello', params: {} }, session);
  await expect(late).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' });
});

test('when the grant of a call ends, then the server is told to stop', async () => {
  const to = upstreamOf();
  const session = await open(to);
  const ended = new AbortController();
  const body = { id: 1, method: 'silence', params: {} };
  const asking = send(to, { body, session, ended: ended.signal });
  setTimeout(() => ended.abort(), 50);

  await expect(asking).rejects.toMatchObject({ executed: 'unknown' });

  const { heard } = await resultOf(to, { id: 2, method: 'heard', params: {} }, session);
  expect(heard.at(-1)).toMatchObject({
    method: 'notifications/cancelled',
    params: { requestId: 1 },
  });
});

test('when nobody has used a session for half an hour, then it ends, unless somebody listens in it', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
  const to = upstreamOf();
  const [idle, listening] = [await open(to), await open(to)];
  const stream = listenTo(to, listening);

  vi.advanceTimersByTime(32 * 60_000);
  vi.useRealTimers();

  const hello = { id: 1, method: 'hello', params: {} };
  await expect(ask(to, hello, idle)).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' });
  expect((await ask(to, hello, listening)).parts).toHaveLength(1);
  await stream.stop();
});
