import { expect, test } from 'vitest';
import type { AnswerPart, Forwarding, Mark } from '../gate/call.js';
import { Refusal } from '../gate/refusal.js';
import { callParts, listing } from './call-parts.suite.js';
import { Exchange, type ExchangeParts } from './exchange.js';
import { operationOf, upkeepOperation } from './operation.js';
import type { JsonObject } from './message.js';
import { openForwarding } from './upstream.suite.js';
import type { UpstreamRequest } from './upstream.js';

const body = { jsonrpc: '2.0', method: 'tools/call', params: { name: 'a' } };
const message = { kind: 'request' as const, id: 1, method: 'tools/call', body };
const mark = { id: 'raw-1', retryMs: 5 };
const answer = { jsonrpc: '2.0', id: 'c0000000-0000-4000-8000-000000000001', result: {} };

/** The marks that a client of the older era is given, of a server that numbers its events. */
async function marks(forwarding: Forwarding): Promise<(Mark | undefined)[]> {
  const content = { jsonrpc: '2.0', method: 'notifications/message', params: {} };
  const { heard } = await exchanged(forwarding, [content, answer]);
  return heard.slice(0, 1).map(({ mark }) => mark);
}

/** What a client hears when its server says something, and what the server is sent. */
async function exchanged(
  forwarding: Forwarding,
  contents: readonly JsonObject[],
  asked: Partial<ExchangeParts['intake']> = {},
) {
  async function* said(): AsyncGenerator<AnswerPart> {
    for (const each of contents) yield { content: each, last: 'result' in each, mark };
  }
  const sent: UpstreamRequest['message'][] = [];
  const parts: ExchangeParts = {
    callId: 'c0000000-0000-4000-8000-000000000001',
    intake: { ...listing, message, operation: operationOf(message), ...asked },
    answer: {
      expect: () => undefined,
      mark: () => undefined,
      progress: () => undefined,
      release: async () => undefined,
    },
    call: callParts({
      upstreams: {
        has: () => true,
        of: () => ({
          prepare: ({ message: each }) => ({ forward: () => (sent.push(each), said()) }),
        }),
      },
    }),
    unwanted: new AbortController().signal,
    offersTasks: false,
  };
  const heard: AnswerPart[] = [];
  for await (const part of new Exchange(parts).forward(forwarding)) heard.push(part);
  return { heard, sent: sent.map((each) => each?.body) };
}

test('when a call runs by itself, then its client learns where its stream can be taken up again', async () => {
  const [mark] = await marks(openForwarding);

  expect(mark).toEqual({ id: expect.stringMatching(/^[\w-]{40,}$/), retryMs: 5 });
});

test('when a call runs under a grant, then nobody can fetch the rest of it when the grant is over', async () => {
  const { signal } = new AbortController();

  expect(await marks({ ...openForwarding, ended: signal })).toEqual([{ retryMs: 5 }]);
});

test.each([null, true, 1.5, 'x'.repeat(2000)])(
  'when what is refused was asked under the id %o, which is none, then nothing is sent for it',
  async (id) => {
    const question = { jsonrpc: '2.0', id, method: 'sampling/createMessage', params: {} };
    const lets = async () => false;

    const { heard, sent } = await exchanged({ ...openForwarding, lets }, [question, answer]);
    expect(heard).toHaveLength(1);
    expect(sent).toEqual([expect.objectContaining({ method: 'tools/call' })]);
  },
);

const listening = {
  verb: 'GET' as const,
  message: undefined,
  operation: upkeepOperation('session/stream'),
};

test.each([
  ['the call that makes it', { verb: 'POST' as const }, /^ct-[0-9a-f]{12}\.[\w-]+$/],
  ['a stream of all that is going on', listening, /^[0-9a-f-]{36}$/],
])(
  'when there is news of a task on %s, then it bears a name for the mask of its own call or none',
  async (_, asked, name) => {
    const news = {
      jsonrpc: '2.0',
      method: 'notifications/tasks/status',
      params: { taskId: 'raw', status: 'working' },
    };

    const { heard } = await exchanged(
      openForwarding,
      [news, ...(asked.verb === 'GET' ? [] : [answer])],
      asked,
    );
    const taskId: unknown = expect.stringMatching(name);
    expect(heard[0]?.content).toEqual({ ...news, params: { taskId, status: 'working' } });
  },
);

const note = { jsonrpc: '2.0', method: 'notifications/message', params: {} };
const modernBody = {
  ...body,
  params: { name: 'a', _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } },
};

test('when a stream ends before its answer, then only a client that can come back for it is left without', async () => {
  const { signal: ended } = new AbortController();
  const modern = { message: { ...message, body: modernBody } };
  const unanswered = { code: 'UPSTREAM_UNREADABLE', executed: 'yes' };

  expect((await exchanged(openForwarding, [note])).heard).toHaveLength(1);
  await expect(exchanged({ ...openForwarding, ended }, [note])).rejects.toMatchObject(unanswered);
  await expect(exchanged(openForwarding, [note], modern)).rejects.toMatchObject(unanswered);
  await expect(exchanged(openForwarding, [])).rejects.toMatchObject(unanswered);
});

test('when policy does not say in time what may be watched, then nothing was sent, and the record says so', async () => {
  const listening = { method: 'subscriptions/listen', id: 1, kind: 'request' as const };
  const params = { notifications: { resourceSubscriptions: ['file:///a'] } };
  const asked = { message: { ...listening, body: { ...body, method: listening.method, params } } };
  const visible = async () => {
    throw new Refusal('VERDICT_TIMEOUT', 'upstream', 'late', { executed: 'yes', retryAfterMs: 9 });
  };

  await expect(exchanged({ ...openForwarding, visible }, [], asked)).rejects.toMatchObject({
    code: 'VERDICT_TIMEOUT',
    executed: 'no',
    retryAfterMs: 9,
  });
});
