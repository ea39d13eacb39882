import { constants, createGzip } from 'node:zlib';
import type { ServerResponse } from 'node:http';
import { expect, test, vi } from 'vitest';
import { ask, listenTo, open, send } from './session-upstream.suite.js';
import { endUpstreamsAfterEach, sseHost, sseUpstream, tell } from './sse-host.suite.js';
import { closeAfterEach, hostOf, notExecuted } from './upstream-host.suite.js';

endUpstreamsAfterEach();
closeAfterEach();

const hello = { id: 1, method: 'hello', params: {} };

test('when a session is opened over HTTP+SSE, then its messages go where the server says, and answers come back', async () => {
  const host = await sseHost();
  const to = sseUpstream(host.url);

  const session = await open(to);
  const { parts, reply } = await ask(to, hello, session);
  const ready = await ask(to, { method: 'notifications/initialized' }, session);

  expect(parts).toEqual([{ jsonrpc: '2.0', id: 1, result: { ok: true } }]);
  expect(reply).toEqual({ status: 200, isStream: false });
  expect(ready.reply?.status).toBe(202);
  expect(host.heard.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'GET /sse',
    'POST /messages?session=1',
    'POST /messages?session=1',
    'POST /messages?session=1',
  ]);
  expect(host.heard[0]?.headers['accept']).toBe('text/event-stream');
});

test('when two sessions are opened, then each has a stream of its own, and it ends with its session', async () => {
  const host = await sseHost();
  const to = sseUpstream(host.url);
  const first = await open(to);
  await open(to);
  const before = host.streams.size;

  await send(to, { verb: 'DELETE', session: first });

  expect(before).toBe(2);
  await vi.waitFor(() => expect(host.streams.size).toBe(1));
  await expect(ask(to, hello, first)).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' });
});

test('when another replica has the session, then it is unknown here', async () => {
  const host = await sseHost();
  const session = await open(sseUpstream(host.url));

  const elsewhere = ask(sseUpstream(host.url), hello, session);

  await expect(elsewhere).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' });
});

test('when the server talks by itself, then the stream of the session hears it', async () => {
  const host = await sseHost();
  const to = sseUpstream(host.url);
  const session = await open(to);
  const change = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' };
  const stream = listenTo(to, session);

  for (const each of host.streams) {
    each.write(': still there\n\nevent: other\ndata: nothing\n\n');
    tell(each, change);
  }

  await vi.waitFor(() => expect(stream.heard).toEqual([change]));
  await stream.stop();
});

test('when a credential is configured, then stream and messages carry it', async () => {
  const host = await sseHost();
  const credential = { header: 'Authorization', value: 'Bearer ${TOKEN}' };
  const to = sseUpstream(host.url, { credential, headers: { 'X-Team': 'a' } }, { TOKEN: 'abc' });

  await open(to);

  expect(host.heard.map(({ headers }) => [headers['authorization'], headers['x-team']])).toEqual([
    ['Bearer abc', 'a'],
    ['Bearer abc', 'a'],
  ]);
});

test('when the host has an address that is not allowed, then nothing is sent', async () => {
  const host = await sseHost();

  await expect(open(sseUpstream(host.url, { network: 'public' }))).rejects.toMatchObject(
    notExecuted,
  );
  expect(host.connections()).toBe(0);
});

test('when the server names an endpoint of another origin, then that origin gets no request', async () => {
  const foreign = await hostOf((response) => response.writeHead(202).end());
  const first = `event: endpoint\ndata: ${foreign.origin}/messages\n\n`;
  const credential = { header: 'Authorization', value: 'Bearer abc' };
  const host = await sseHost({ first });

  await expect(open(sseUpstream(host.url, { credential }))).rejects.toMatchObject(notExecuted);
  expect(foreign.connections()).toBe(0);
});

test('when messages are redirected to another origin, then that origin gets no request', async () => {
  const foreign = await hostOf((response) => response.writeHead(202).end());
  const location = `${foreign.origin}/messages`;
  const host = await sseHost({ second: (response) => response.writeHead(307, { location }).end() });
  const to = sseUpstream(host.url);
  const session = await open(to);

  await expect(ask(to, hello, session)).rejects.toMatchObject(notExecuted);
  expect(foreign.connections()).toBe(0);
});

test.each([
  ['begins with a message', 'event: message\ndata: {"jsonrpc":"2.0","method":"a"}\n\n'],
  ['names an endpoint that is no URL', 'event: endpoint\ndata: http://[\n\n'],
  ['names another scheme', 'event: endpoint\ndata: file:///etc/passwd\n\n'],
])('when the stream %s, then nothing is sent to it', async (_, first) => {
  const host = await sseHost({ first });

  await expect(open(sseUpstream(host.url))).rejects.toMatchObject(notExecuted);
  expect(host.heard.map(({ method }) => method)).toEqual(['GET']);
});

test('when the server packs its stream, or names it in other letters, then it is read all the same', async () => {
  const host = await sseHost({
    get: (response) => {
      const headers = { 'content-type': 'Text/Event-Stream', 'content-encoding': 'gzip' };
      const packed = createGzip({ flush: constants.Z_SYNC_FLUSH });
      packed.pipe(response.writeHead(200, headers));
      packed.write('event: endpoint\ndata: /messages\n\n');
      setTimeout(() => {
        const { id }: { id?: unknown } = JSON.parse(host.heard.at(-1)?.body ?? '');
        packed.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result: {} })}\n\n`);
      }, 200);
    },
  });

  await expect(open(sseUpstream(host.url))).resolves.toBeDefined();
});

test('when the server never says where messages go, then that is told in time', async () => {
  const host = await sseHost({ first: ': nothing yet\n\n' });

  await expect(open(sseUpstream(host.url))).rejects.toMatchObject({
    code: 'UPSTREAM_TIMEOUT',
    executed: 'no',
  });
});

test.each([
  ['no stream', 200, 'application/json'],
  ['a status that is none', 405, 'text/event-stream'],
  ['that the credential is wrong', 401, 'text/plain'],
  ['a failure', 500, 'text/plain'],
])('when the server answers with %s, then nothing was executed', async (_, status, type) => {
  const headers = { 'content-type': type };
  const host = await sseHost({ get: (response) => response.writeHead(status, headers).end('{}') });

  await expect(open(sseUpstream(host.url))).rejects.toMatchObject(notExecuted);
});

test.each([
  [400, { code: 'UPSTREAM_UNREADABLE', status: 400 }],
  [401, notExecuted],
  [404, { code: 'SESSION_UNKNOWN', executed: 'no' }],
  [500, { code: 'UPSTREAM_UNREADABLE', executed: 'unknown' }],
])(
  'when a message is answered with status %s, then its request is refused so, and nothing else',
  async (status, refusal) => {
    const host = await sseHost({ second: (response) => response.writeHead(status).end('no') });
    const to = sseUpstream(host.url);
    const session = await open(to);

    await expect(ask(to, hello, session)).rejects.toMatchObject(refusal);

    const later = ask(to, { ...hello, id: 2 }, session);
    if (status === 404) await expect(later).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' });
    else expect((await later).parts).toMatchObject([{ id: 2 }]);
  },
);

test.each([
  ['ends', (stream: ServerResponse) => stream.end(), 'UPSTREAM_UNREADABLE'],
  ['breaks off', (stream: ServerResponse) => stream.destroy(), 'UPSTREAM_UNREADABLE'],
  ['says what is no JSON', said('{'), 'UPSTREAM_UNREADABLE'],
  ['says what two parsers read differently', said('{"id":1,"id":2}'), 'UPSTREAM_UNREADABLE'],
  ['says what is no message', said('[]'), 'UPSTREAM_UNREADABLE'],
  ['says more than is read of one event', said('x'.repeat(20_000)), 'ANSWER_TOO_LARGE'],
  ['says nothing', () => undefined, 'UPSTREAM_TIMEOUT'],
])('when the stream %s, then what was asked is refused by a code', async (_, say, code) => {
  const host = await sseHost({ say });
  const to = sseUpstream(host.url);
  const session = await open(to);

  await expect(ask(to, hello, session)).rejects.toMatchObject({ code, executed: 'unknown' });
});

test('when a stream says more than is read of one, then it ends', async () => {
  const note = `{"jsonrpc":"2.0","method":"a","params":{"text":"${'x'.repeat(9000)}"}}`;
  const host = await sseHost({
    say: (stream) => {
      for (let n = 0; n < 20; n += 1) said(note)(stream);
    },
  });
  const to = sseUpstream(host.url);
  const session = await open(to);

  await expect(ask(to, hello, session)).rejects.toMatchObject({ code: 'ANSWER_TOO_LARGE' });
});

test('when a stream ends soon after its start, then the next one waits', async () => {
  const host = await sseHost({ get: (response) => response.writeHead(500).end() });
  const to = sseUpstream(host.url);
  await expect(open(to)).rejects.toThrow('500');

  const refused = await open(to).catch((error: unknown) => error);

  expect(refused).toMatchObject(notExecuted);
  expect(refused).toHaveProperty('retryAfterMs', expect.any(Number));
  expect(host.heard).toHaveLength(1);
});

function said(data: string): (stream: ServerResponse) => void {
  return (stream) => void stream.write(`event: message\ndata: ${data}\n\n`);
}
