import { expect, test, vi } from 'vitest';
import type { JsonObject } from './message.js';
import type { Session } from './session-ids.js';
import type { SessionUpstream } from './session-upstream.js';
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

let ids = 0;
const asking = (method: string, params: JsonObject = {}): JsonObject => {
  ids += 1;
  return { id: `call-${ids}`, method, params };
};

const pidOf = async (to: SessionUpstream, session: Session, caller?: string): Promise<number> =>
  (await resultOf(to, asking('pid'), session, caller)).pid;

/** What the program was told, as far as a method goes; the answers, for none. */
const heardOf = async (to: SessionUpstream, session: Session, method?: string) => {
  const { heard } = await resultOf(to, asking('heard'), session);
  return heard.filter((each) => each.method === method);
};

/** The program says these things by itself. */
const says = async (to: SessionUpstream, session: Session, messages: JsonObject[]) =>
  ask(to, asking('says', { messages }), session);

test('when processes are per caller, then the sessions of a caller share one, and no other caller does', async () => {
  const to = upstreamOf({ per: 'caller' });
  const [first, second] = [await open(to), await open(to)];
  const other = await open(to, 'tenant/bob');

  const pids = [await pidOf(to, first), await pidOf(to, second), await pidOf(to, other)];

  expect(first.upstreamId).not.toBe(second.upstreamId);
  expect(pids[0]).toEqual(pids[1]);
  expect(pids[0]).not.toEqual(pids[2]);
});

test('when all callers share a process, then it is initialized once, and each is answered under its own id', async () => {
  const to = upstreamOf({ per: 'all' });
  const initialize = { method: 'initialize', params: { capabilities: {} } };
  const answers = await Promise.all(
    ['ada', 'bob', 'carol'].map(async (name) =>
      send(to, { body: { id: name, ...initialize }, caller: `tenant/${name}` }),
    ),
  );
  const session = await open(to);
  const ready = { method: 'notifications/initialized' };
  for (let n = 0; n < 3; n += 1) await ask(to, ready, session);

  expect(answers.map(({ parts }) => parts)).toEqual([
    [{ jsonrpc: '2.0', id: 'ada', result: { method: 'initialize' } }],
    [{ jsonrpc: '2.0', id: 'bob', result: { method: 'initialize' } }],
    [{ jsonrpc: '2.0', id: 'carol', result: { method: 'initialize' } }],
  ]);
  expect(new Set(answers.map(({ reply }) => reply?.issuedSessionId)).size).toBe(3);
  expect(await heardOf(to, session, 'initialize')).toHaveLength(1);
  expect(await heardOf(to, session, 'notifications/initialized')).toHaveLength(1);
});

test('when the first initialize is refused by the program, then the next one asks it again', async () => {
  const refusing = `
    let n = 0;
    require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const { id } = JSON.parse(line);
      const answer = n++ === 0 ? { error: { code: -32602, message: 'no' } } : { result: { n } };
      console.log(JSON.stringify({ jsonrpc: '2.0', id, ...answer }));
    });`;
  const to = upstreamOf({ per: 'all', command: [process.execPath, '-e', refusing] });
  const initialize = (id: number) => ask(to, { id, method: 'initialize', params: {} });

  const answers = await Promise.all([1, 2, 3].map(initialize));

  expect(answers.map(({ parts }) => parts[0])).toMatchObject([
    { id: 1, error: { code: -32_602 } },
    { id: 2, result: { n: 2 } },
    { id: 3, result: { n: 2 } },
  ]);
});

test('when a shared program does not answer initialize, then nobody is left waiting', async () => {
  const command = [process.execPath, '-e', 'process.stdin.resume()'];
  const to = upstreamOf({ per: 'all', command, timeoutMs: 500 });
  const callers = ['tenant/ada', 'tenant/bob'];

  const outcomes = await Promise.allSettled(callers.map(async (caller) => open(to, caller)));

  expect(outcomes).toMatchObject([
    { status: 'rejected', reason: { code: 'UPSTREAM_TIMEOUT' } },
    { status: 'rejected', reason: { code: 'UPSTREAM_UNAVAILABLE', executed: 'no' } },
  ]);
});

test('when a shared program says something by itself, then no other caller hears of it', async () => {
  const to = upstreamOf({ per: 'all' });
  const ada = await open(to);
  const bob = await open(to, 'tenant/bob');
  const stream = listenTo(to, bob, 'tenant/bob');
  const waiting = ask(to, asking('slow'), bob, 'tenant/bob');

  await says(to, ada, [
    { method: 'notifications/message', params: { data: 'of ada' } },
    { method: 'notifications/progress', params: { progressToken: 'unknown', progress: 1 } },
    { method: 'notifications/resources/updated', params: { uri: 'file:///of-ada' } },
    { id: 'q1', method: 'elicitation/create', params: { message: 'of ada' } },
    { id: 'q2', method: 'ping' },
    { method: 'notifications/tools/list_changed', params: { data: 'of ada' } },
  ]);

  const { parts } = await waiting;
  expect(parts).toMatchObject([{ result: { method: 'slow' } }]);
  const change = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' };
  await vi.waitFor(() => expect(stream.heard).toEqual([change]));
  const words = 'Method not found: nobody in particular could be asked here.';
  expect(await heardOf(to, ada)).toEqual([
    { id: 'q1', error: { code: -32_601, message: words } },
    { id: 'q2', result: {} },
  ]);
  await stream.stop();
});

test('when a client answers a shared program that asked nobody, then the program does not hear it', async () => {
  const to = upstreamOf({ per: 'all' });
  const ada = await open(to);

  const { reply } = await ask(to, { id: 'q1', result: { forged: true } }, ada);

  expect(reply?.status).toBe(202);
  expect(JSON.stringify(await resultOf(to, asking('heard'), ada))).not.toContain('forged');
});

test('when two sessions watch a resource, then both are told, and one that stops does not stop the other', async () => {
  const to = upstreamOf({ per: 'all' });
  const ada = await open(to);
  const bob = await open(to, 'tenant/bob');
  const streams = [listenTo(to, ada), listenTo(to, bob, 'tenant/bob')];
  const uri = 'file:///watched';
  const update = { jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri } };
  await ask(to, asking('resources/subscribe', { uri }), ada);
  await ask(to, asking('resources/subscribe', { uri }), bob, 'tenant/bob');

  await says(to, ada, [update]);
  const stopping = asking('resources/unsubscribe', { uri });
  const { parts } = await ask(to, stopping, ada);
  await says(to, ada, [update]);

  expect(parts).toEqual([{ jsonrpc: '2.0', id: stopping['id'], result: {} }]);
  await vi.waitFor(() => expect(streams[1]?.heard).toEqual([update, update]));
  expect(streams[0]?.heard).toEqual([update]);
  expect(await heardOf(to, ada, 'resources/unsubscribe')).toEqual([]);
  await Promise.all(streams.map(async (each) => each.stop()));
});

test('when the last session that watches a resource ends, then the program is told so', async () => {
  const to = upstreamOf({ per: 'all' });
  const ada = await open(to);
  const bob = await open(to, 'tenant/bob');
  const uri = 'file:///watched';
  await ask(to, asking('resources/subscribe', { uri }), bob, 'tenant/bob');

  await send(to, { verb: 'DELETE', session: bob, caller: 'tenant/bob' });

  expect(await heardOf(to, ada, 'resources/unsubscribe')).toMatchObject([{ params: { uri } }]);
});

test('when a session subscribes without end, then it is refused at some point', async () => {
  const to = upstreamOf({ per: 'all' });
  const ada = await open(to);
  const subscribe = async (n: number) =>
    ask(to, asking('resources/subscribe', { uri: `file:///${n}${'x'.repeat(30_000)}` }), ada);

  await subscribe(1);
  await subscribe(2);
  await subscribe(2);

  await expect(subscribe(3)).rejects.toMatchObject({ code: 'OVERLOADED', executed: 'no' });
});

test('when one session of a shared program ends, then the program goes on; with the last one it ends', async () => {
  const to = upstreamOf({ per: 'all' });
  const ada = await open(to);
  const bob = await open(to, 'tenant/bob');
  const pid = await pidOf(to, ada);

  await send(to, { verb: 'DELETE', session: bob, caller: 'tenant/bob' });

  await expect(ask(to, asking('hello'), bob)).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' });
  expect(await pidOf(to, ada)).toBe(pid);
  await send(to, { verb: 'DELETE', session: ada });
  await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow(/ESRCH/));
});

test('when a shared program dies, then all its sessions are unknown', async () => {
  const to = upstreamOf({ per: 'all' });
  const ada = await open(to);
  const bob = await open(to, 'tenant/bob');
  const waiting = ask(to, asking('slow'), bob, 'tenant/bob');

  const dying = ask(to, asking('die'), ada);

  await expect(dying).rejects.toMatchObject({ code: 'UPSTREAM_UNREADABLE', executed: 'unknown' });
  await expect(waiting).rejects.toMatchObject({ code: 'UPSTREAM_UNREADABLE' });
  for (const session of [ada, bob]) {
    const late = ask(to, asking('hello'), session);
    await expect(late).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' });
  }
});

test('when a caller opens more than a hundred sessions of one process, then its own oldest gives way', async () => {
  const to = upstreamOf({ per: 'all' });
  const bob = await open(to, 'tenant/bob');
  const first = await open(to);
  const now = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 1000);
  for (let n = 2; n <= 101; n += 1) await open(to);
  now.mockRestore();

  await expect(ask(to, asking('hello'), first)).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' });
  expect((await ask(to, asking('hello'), bob, 'tenant/bob')).parts).toHaveLength(1);
});
