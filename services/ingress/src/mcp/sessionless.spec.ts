import { expect, test, vi } from 'vitest';
import type { JsonObject } from './message.js';
import type { SessionUpstream } from './session-upstream.js';
import {
  endAfterEach,
  legacyProgram,
  open,
  resultOf,
  send,
  upstreamOf,
} from './session-upstream.suite.js';

endAfterEach();

const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' };
const subscribed = (id: string): JsonObject => ({ 'io.modelcontextprotocol/subscriptionId': id });
const modern = (id: string, method: string, params: JsonObject = {}): JsonObject => ({
  id,
  method,
  params: { ...params, _meta: meta },
});

const heardOf = async (to: SessionUpstream, method: string) => {
  const { heard } = await resultOf(to, modern('h', 'heard'));
  return heard.filter((each) => each.method === method);
};

test.each(['session', 'caller'] as const)(
  'when a request of the stateless era comes, then a process per caller answers it without initialize (per %s)',
  async (per) => {
    const to = upstreamOf({ per });

    const first = await resultOf(to, modern('a', 'pid'));
    const second = await resultOf(to, modern('b', 'pid'));
    const other = await resultOf(to, modern('c', 'pid'), undefined, 'tenant/bob');

    expect(first).toEqual(second);
    expect(first).not.toEqual(other);
    expect(await heardOf(to, 'initialize')).toEqual([]);
  },
);

test('when all callers share a process, then each era has one', async () => {
  const to = upstreamOf({ per: 'all' });
  const bob = await open(to, 'tenant/bob');
  const carol = await open(to, 'tenant/carol');
  const older = { id: 'a', method: 'pid', params: {} };

  const pids = [
    await resultOf(to, modern('b', 'pid')),
    await resultOf(to, modern('c', 'pid'), undefined, 'tenant/bob'),
    await resultOf(to, older, bob, 'tenant/bob'),
    await resultOf(to, older, carol, 'tenant/carol'),
  ].map(({ pid }) => pid);

  expect(pids[0]).toBe(pids[1]);
  expect(pids[2]).toBe(pids[3]);
  expect(pids[0]).not.toBe(pids[2]);
});

test('when a program is made with the official SDK, then both eras are served, and subscriptions by what each asked for', async () => {
  const sdk = `
    import { McpServer } from '@modelcontextprotocol/server';
    import { serveStdio } from '@modelcontextprotocol/server/stdio';
    serveStdio(() => {
      const server = new McpServer({ name: 'both', version: '1' });
      server.registerTool('grow', { description: 'one more' }, async () => {
        server.registerTool('more-' + process.hrtime.bigint(), {}, async () => ({ content: [] }));
        return { content: [{ type: 'text', text: 'grown' }] };
      });
      return server;
    });`;
  const command = [process.execPath, '--input-type=module', '-e', sdk];
  const to = upstreamOf({ per: 'all', command, timeoutMs: 5000 });
  const about = {
    ...meta,
    'io.modelcontextprotocol/clientInfo': { name: 'a', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const asking = (id: string, method: string, params: JsonObject = {}): JsonObject => ({
    id,
    method,
    params: { ...params, _meta: about },
  });
  const client = { capabilities: {}, clientInfo: { name: 'old', version: '1' } };
  const opened = await send(to, {
    body: {
      id: 'i',
      method: 'initialize',
      params: { ...client, protocolVersion: '2025-11-25' },
    },
  });
  const leaving = new AbortController();
  const heard: unknown[] = [];
  const notifications = { toolsListChanged: true };
  const listening = send(to, {
    body: asking('listen', 'subscriptions/listen', { notifications }),
    caller: 'tenant/bob',
    signal: leaving.signal,
    onPart: (part) => void heard.push(part),
  });
  await vi.waitFor(() => expect(heard).toHaveLength(1));

  const grown = await resultOf(to, asking('g', 'tools/call', { name: 'grow', arguments: {} }));
  await vi.waitFor(() => expect(heard).toHaveLength(2));
  leaving.abort();
  await listening;

  expect(opened.parts).toMatchObject([{ id: 'i', result: { protocolVersion: '2025-11-25' } }]);
  expect(grown).toMatchObject({ content: [{ text: 'grown' }] });
  expect(heard).toMatchObject([
    { method: 'notifications/subscriptions/acknowledged' },
    {
      method: 'notifications/tools/list_changed',
      params: { _meta: subscribed('listen') },
    },
  ]);
});

test('when a subscription is opened, then it hears what is for it, until its client leaves', async () => {
  const to = upstreamOf({ per: 'all', timeoutMs: 1000 });
  const leaving = new AbortController();
  const heard: unknown[] = [];
  const listen = async (id: string): ReturnType<typeof send> =>
    send(to, {
      body: modern(id, 'subscriptions/listen'),
      signal: leaving.signal,
      onPart: (part) => void heard.push(part),
    });
  const streams = [listen('first'), listen('second')];

  // Longer than a server may be silent before an answer: a stream lasts.
  await vi.waitFor(() => expect(heard.length).toBeGreaterThanOrEqual(4), { timeout: 5000 });
  leaving.abort();

  const [first, second] = await Promise.all(streams);
  const of = (id: string): unknown => [
    { method: 'notifications/subscriptions/acknowledged', params: { _meta: subscribed(id) } },
    { method: 'notifications/tools/list_changed', params: { _meta: subscribed(id) } },
  ];
  expect([first?.parts.slice(0, 2), second?.parts.slice(0, 2)]).toMatchObject([
    of('first'),
    of('second'),
  ]);
  expect(first?.reply).toEqual({ status: 200, isStream: true });
  expect(await heardOf(to, 'notifications/cancelled')).toMatchObject([
    { params: { requestId: 'first' } },
    { params: { requestId: 'second' } },
  ]);
});

test('when the client leaves a request, then the server is told, and the call is cancelled', async () => {
  const to = upstreamOf();
  const leaving = new AbortController();
  const running = send(to, { body: modern('a', 'silence'), signal: leaving.signal });
  running.catch(() => undefined);
  await vi.waitFor(async () => expect(await heardOf(to, 'silence')).toHaveLength(1));
  leaving.abort();

  await expect(running).rejects.toMatchObject({ code: 'CANCELLED', executed: 'unknown' });

  expect(await heardOf(to, 'notifications/cancelled')).toMatchObject([
    { params: { requestId: 'a' } },
  ]);
});

test('when the client has left before it was asked, then nothing is sent', async () => {
  const to = upstreamOf();
  const running = send(to, { body: modern('a', 'silence'), signal: AbortSignal.abort() });

  await expect(running).rejects.toMatchObject({ code: 'CANCELLED', executed: 'no' });
  expect(await heardOf(to, 'silence')).toEqual([]);
});

test('when a program knows the older era alone, then its answer is passed on, and it ends: nobody has a use for it', async () => {
  const to = upstreamOf({ command: [process.execPath, '-e', legacyProgram] });
  const { pid } = await resultOf(to, modern('a', 'pid'));

  const { parts } = await send(to, { body: modern('b', 'server/discover') });

  expect(parts).toMatchObject([{ id: 'b', error: { code: -32_601 } }]);
  await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'));
  expect((await open(to)).upstreamId).not.toBe('');
});

test('when a notification of the stateless era comes, then it starts no process', async () => {
  const to = upstreamOf({ command: ['/no/such/program'] });
  const body = { method: 'notifications/a', params: { _meta: meta } };

  expect((await send(to, { body })).reply?.status).toBe(202);
});

test('when a program asks something while only requests of the stateless era run, then it is answered at once', async () => {
  const to = upstreamOf();
  const messages = [{ id: 'q', method: 'roots/list' }];

  const { parts } = await send(to, { body: modern('a', 'says', { messages }) });

  expect(parts).toHaveLength(1);
  const { heard } = await resultOf(to, modern('h', 'heard'));
  expect(heard).toContainEqual(expect.objectContaining({ id: 'q', error: expect.anything() }));
});
