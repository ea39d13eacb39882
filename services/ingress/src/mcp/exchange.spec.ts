import { expect, test } from 'vitest';
import type { AnswerPart, Forwarding, Mark } from '../gate/call.js';
import { newSealKey, Sealer } from '#trust';
import { Definitions } from './definitions.js';
import { EventIds } from './event-ids.js';
import { Exchange, type ExchangeParts } from './exchange.js';
import { operationOf, upkeepOperation } from './operation.js';
import { RequestStates } from './request-states.js';
import type { JsonObject } from './message.js';
import { ServerEras } from './server-eras.js';
import { SessionIds } from './session-ids.js';
import { TaskIds } from './task-ids.js';
import { openForwarding } from './upstream.suite.js';
import type { UpstreamRequest } from './upstream.js';

const sealer = new Sealer(newSealKey(), 'session');
const body = { jsonrpc: '2.0', method: 'tools/call', params: { name: 'a' } };
const message = { kind: 'request' as const, id: 1, method: 'tools/call', body };
const principal = {
  tenantId: '11111111-2222-4333-8444-555555555555',
  objectId: 'b0000000-0000-4000-8000-000000000001',
  kind: 'person' as const,
  clientApp: 'app',
  displayName: null,
  groups: [],
  roles: [],
};

/** The marks that a client of the older era is given, of a server that numbers its events. */
async function marks(forwarding: Forwarding): Promise<(Mark | undefined)[]> {
  const content = { jsonrpc: '2.0', method: 'notifications/message', params: {} };
  const { heard } = await exchanged(forwarding, content);
  return heard.map(({ mark }) => mark);
}

/** What a client hears when its server says one thing, and what the server is sent. */
async function exchanged(
  forwarding: Forwarding,
  content: JsonObject,
  asked: Partial<ExchangeParts['intake']> = {},
) {
  const server = {
    name: 'orders',
    labels: {},
    config: { command: ['orders'], env: {}, labels: {}, processes: 'session' as const },
    definitions: { new: 'pass' as const, changed: 'pass' as const },
  };
  async function* said(): AsyncGenerator<AnswerPart> {
    yield { content, last: false, mark: { id: 'raw-1', retryMs: 5 } };
  }
  const sent: UpstreamRequest['message'][] = [];
  const parts: ExchangeParts = {
    callId: 'c0000000-0000-4000-8000-000000000001',
    intake: {
      verb: 'POST',
      principal,
      server,
      session: undefined,
      resumes: undefined,
      earlier: undefined,
      message,
      operation: operationOf(message),
      headers: {},
      client: null,
      demands: {},
      continues: undefined,
      identify: async () => principal,
      ...asked,
    },
    answer: {
      expect: () => undefined,
      mark: () => undefined,
      progress: () => undefined,
      release: async () => undefined,
    },
    call: {
      definitions: new Definitions(),
      eras: new ServerEras(),
      eventIds: new EventIds(sealer),
      requestStates: new RequestStates(sealer),
      sessionIds: new SessionIds(sealer, { idleMs: 1000, maxMs: 1000 }),
      taskIds: new TaskIds(sealer, 'place'),
      upstreams: {
        of: () => ({
          prepare: ({ message: each }) => ({ forward: () => (sent.push(each), said()) }),
        }),
      },
    },
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

    const { heard, sent } = await exchanged({ ...openForwarding, lets }, question);
    expect(heard).toEqual([]);
    expect(sent).toEqual([expect.objectContaining({ method: 'tools/call' })]);
  },
);

const listening = {
  verb: 'GET' as const,
  message: undefined,
  operation: upkeepOperation('session/stream'),
};

test.each([
  ['the call that makes it', {}, /^ct-[0-9a-f]{12}\.[\w-]+$/],
  ['a stream of all that is going on', listening, /^[0-9a-f-]{36}$/],
])(
  'when there is news of a task on %s, then it bears a name for the mask of its own call or none',
  async (_, asked, name) => {
    const news = {
      jsonrpc: '2.0',
      method: 'notifications/tasks/status',
      params: { taskId: 'raw', status: 'working' },
    };

    const { heard } = await exchanged(openForwarding, news, asked);
    const taskId: unknown = expect.stringMatching(name);
    expect(heard.map(({ content }) => content)).toEqual([
      { ...news, params: { taskId, status: 'working' } },
    ]);
  },
);
