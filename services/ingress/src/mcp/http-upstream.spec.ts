import {
  createServer,
  type IncomingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import { afterEach, expect, test, vi } from 'vitest';
import { listeningPort } from '../../../../demo/listening-port.js';
import type { Mark } from '../gate/call.js';
import { Servers } from '../servers.js';
import { HttpUpstream } from './http-upstream.js';
import { readMessage } from './message.js';
import { UpstreamSender } from './upstream-sender.js';
import { tooLong, type UpstreamReply } from './upstream.js';
import { openForwarding, unheard } from './upstream.suite.js';

type Handler = (response: ServerResponse, headers: IncomingHttpHeaders) => void;

const open: { server: Server; upstream: HttpUpstream }[] = [];
afterEach(async () => {
  for (const { server, upstream } of open.splice(0)) {
    await upstream.close();
    server.closeAllConnections();
    server.close();
  }
});

const limits = {
  maxAnswerBytes: 1_000_000,
  maxStreamBytes: 2_000_000,
  maxDepth: 32,
  maxArrayLength: 1000,
  timeoutMs: 5000,
};

async function upstreamOf(handler: Handler): Promise<HttpUpstream> {
  const server = createServer((request, response) => {
    request.resume();
    handler(response, request.headers);
  }).listen(0, '127.0.0.1');
  const url = `http://127.0.0.1:${await listeningPort(server)}/mcp`;
  const config = { url, headers: {}, network: 'any', connectTimeoutMs: 5000, labels: {} } as const;
  const sender = new UpstreamSender({ config, servers: new Servers({}, {}), timeoutMs: 5000 });
  const upstream = new HttpUpstream(sender, limits);
  open.push({ server, upstream });
  return upstream;
}

interface Asked {
  readonly verb?: 'POST' | 'GET';
  readonly signal?: AbortSignal;
  readonly onPart?: () => void;
}

/** Everything that an upstream gave, in order. */
async function ask(to: HttpUpstream, { verb = 'POST', signal, onPart }: Asked = {}) {
  const replies: UpstreamReply[] = [];
  const marks: Mark[] = [];
  const request = {
    verb,
    caller: 'tenant/ada',
    message:
      verb === 'POST'
        ? readMessage({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} })
        : undefined,
    session: undefined,
    headers: {},
    signal: signal ?? new AbortController().signal,
    ...unheard,
    onReply: (reply: UpstreamReply) => void replies.push(reply),
    onMark: (mark: Mark) => void marks.push(mark),
  };
  const parts: unknown[] = [];
  for await (const part of to.prepare(request).forward(openForwarding)) {
    parts.push(part.content);
    onPart?.();
  }
  return { parts, replies, marks };
}

const answer = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { tools: [] } });

test.each([401, 403])(
  'when the server answers %d, with or without a body, then the call is refused and the gateway lives on',
  async (status) => {
    const bodies = ['', '{"error":"invalid_token"}', 'a'.repeat(300_000)];
    const upstream = await upstreamOf((response) => response.writeHead(status).end(bodies.shift()));

    for (let n = 1; n <= 3; n += 1) {
      await expect(ask(upstream)).rejects.toMatchObject({
        code: 'UPSTREAM_UNAVAILABLE',
        executed: 'no',
      });
    }
    // An error that nobody listens to would end the process in a later turn.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  },
);

test('when the server numbers its events, then only what they say is handed on', async () => {
  const upstream = await upstreamOf((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(`id: 41\nretry: 10\nevent: message\ndata: ${answer}\n\n`);
  });

  expect((await ask(upstream)).parts).toEqual([JSON.parse(answer)]);
});

test('when a server numbers events that say nothing, then only the first of them is passed on', async () => {
  const upstream = await upstreamOf((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(`${'id: 1\ndata:\n\n'.repeat(1000)}data: ${answer}\n\n`);
  });

  expect((await ask(upstream)).marks).toEqual([{ id: '1', retryMs: undefined }]);
});

test('when the client of a stream leaves, then the stream has ended and nothing has failed', async () => {
  const upstream = await upstreamOf((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n');
  });
  const leaving = new AbortController();

  const { parts } = await ask(upstream, {
    verb: 'GET',
    signal: leaving.signal,
    onPart: () => leaving.abort(),
  });

  expect(parts).toHaveLength(1);
});

test('when a client that wants no answer any more leaves, then the call is cancelled, not failed', async () => {
  const leaving = new AbortController();
  const upstream = await upstreamOf(() => leaving.abort());

  await expect(ask(upstream, { signal: leaving.signal })).rejects.toMatchObject({
    code: 'CANCELLED',
    stage: 'upstream',
    executed: 'unknown',
  });
});

test('when a call takes longer than any may, then that is what is said, and the server is let go', async () => {
  const slow = new AbortController();
  let isLetGo = false;
  const upstream = await upstreamOf((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n');
    response.on('close', () => {
      isLetGo = true;
    });
  });

  await expect(
    ask(upstream, { signal: slow.signal, onPart: () => slow.abort(tooLong) }),
  ).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT', stage: 'upstream' });
  await vi.waitFor(() => expect(isLetGo).toBe(true));
});

test('when a server makes a task of a list, then it is refused: as a task it would come unfiltered', async () => {
  const upstream = await upstreamOf((response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: { task: { taskId: 't' } } }));
  });

  await expect(ask(upstream)).rejects.toMatchObject({ code: 'UPSTREAM_UNREADABLE' });
});
