import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { demoIdentities } from '../../demo/entra/identities.js';
import { freePort } from '../../demo/free-port.js';
import { stackNames } from '../stack/stack.js';
import { allEvents, type Caller, end, listen, post, postModern } from './mcp-http.js';
import { type Relayed, startRelayed } from './relayed.js';
import { beginStream, type Heard, sayEvent, sayJson } from './scripted-upstream.js';

type Answering = Parameters<typeof sayJson>[0];

const secret = 'for Ada alone';
const paramsSchema = z.looseObject({
  name: z.string().optional(),
  taskId: z.string().optional(),
  requestState: z.string().optional(),
});
const resultOf = (text: string) => ({ content: [{ type: 'text', text }] });

/** What a trusting server does for a method or a tool. */
const behaviours: Readonly<
  Record<string, (tell: Tell, heard: Heard, response: Answering) => void>
> = {
  initialize: (tell) =>
    tell({ protocolVersion: '2025-11-25', capabilities: {} }, { 'mcp-session-id': 'raw-session' }),
  ask: (tell, { body }) => {
    const { requestState } = paramsSchema.parse(body['params']);
    const asked = { inputRequests: {}, requestState: 'raw-state', resultType: 'input_required' };
    tell(requestState === undefined ? asked : { ...resultOf(secret), resultType: 'complete' });
  },
  later: (tell) => tell({ task: { taskId: 'raw-task', status: 'working' } }),
  'tasks/get': (tell, { body: { id, params } }, response) => {
    if (paramsSchema.parse(params).taskId === 'raw-task') tell({ taskId: 'raw-task', secret });
    else
      sayJson(response, { jsonrpc: '2.0', id, error: { code: -32_602, message: 'no such task' } });
  },
  cut: (_, __, response) => {
    beginStream(response);
    sayEvent(response, { id: 'raw-event' });
    response.end();
  },
  GET: (_, __, response) => {
    beginStream(response);
    const params = { secret };
    sayEvent(response, { message: { jsonrpc: '2.0', method: 'notifications/x', params } });
    response.end();
  },
  read: (tell, { headers }) => {
    const isHers = headers['mcp-session-id'] === 'raw-session';
    setTimeout(() => tell(resultOf(isHers ? secret : 'nothing')), 30);
  },
};

type Tell = (result: object, headers?: Record<string, string>) => void;

/** A server that trusts whoever brings one of its names, and gives out what it keeps under it. */
function trusting(heard: Heard, response: Answering): void {
  const { body, verb } = heard;
  const { id, method, params } = body;
  const { name } = paramsSchema.parse(params ?? {});
  const tell: Tell = (result, headers) =>
    sayJson(response, { jsonrpc: '2.0', id, result }, headers);
  const key = verb === 'POST' ? (name ?? String(method)) : verb;
  const behaviour = behaviours[key];
  if (behaviour === undefined) response.writeHead(verb === 'DELETE' ? 200 : 202).end();
  else behaviour(tell, heard, response);
}

/** Names that were given to one person. */
interface Names {
  readonly session: string;
  readonly event: string;
  readonly task: string;
  readonly state: string;
}

type Attack = readonly [string, (thief: Caller, names: Names) => Promise<Response>, RegExp];

describe.each(stackNames)('on %s', (kind) => {
  let house: Relayed;
  let ada: Caller;
  let eng: Caller;
  let hers: Names;

  beforeAll(async () => {
    house = await startRelayed(kind, { others: (url) => ({ twin: { url } }) });
    ({ ada, eng } = house);
    house.upstream.answerWith(trusting);
    hers = await namesOf(ada);
  }, 90_000);

  afterAll(async () => house?.close(), 30_000);

  const call = (name: string, id: number | string = 1) => ({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name, arguments: {} },
  });
  const ask = (state?: string) => ({
    id: 4,
    method: 'tools/call',
    params: {
      name: 'ask',
      arguments: {},
      ...(state === undefined ? {} : { requestState: state, inputResponses: {} }),
    },
  });
  const openSession = async (who: Caller): Promise<string> => {
    const opened = await post(who, { jsonrpc: '2.0', id: 0, method: 'initialize', params: {} });
    await opened.text();
    return opened.headers.get('mcp-session-id') ?? '';
  };
  const afterTask = (task: string) => ({
    jsonrpc: '2.0',
    id: 3,
    method: 'tasks/get',
    params: { taskId: task },
  });
  const withState = async (who: Caller, state: string): Promise<Response> =>
    postModern(who, ask(state), { 'mcp-name': 'ask' });

  async function namesOf(who: Caller): Promise<Names> {
    const session = await openSession(who);
    const events = await allEvents(await post({ ...who, session }, call('cut')));
    const made = z
      .object({ result: z.object({ task: z.object({ taskId: z.string() }) }) })
      .parse(await (await post(who, call('later'))).json());
    const asked = z
      .object({ result: z.object({ requestState: z.string() }) })
      .parse(await (await postModern(who, ask(), { 'mcp-name': 'ask' })).json());
    return {
      session,
      event: events.at(-1)?.id ?? '',
      task: made.result.task.taskId,
      state: asked.result.requestState,
    };
  }

  /** What each attack is answered with, and how its refusal is known. */
  const attacks: readonly Attack[] = [
    ['her session', (who, { session }) => post({ ...who, session }, call('read')), /^404 .*-32001/],
    ['her stream', (who, { session }) => listen({ ...who, session }), /^404 .*-32001/],
    ['the end of her session', (who, { session }) => end({ ...who, session }), /^404 .*-32001/],
    [
      'her session and event',
      (who, { event, session }) => listen({ ...who, session }, event),
      /^404 .*-32001/,
    ],
    ['her event', (who, { event }) => listen(who, event), /^400 .*-32602/],
    ['her task', (who, { task }) => post(who, afterTask(task)), /^200 .*no such task/],
    ['her request state', (who, { state }) => withState(who, state), /^200 .*-32602/],
  ];

  test('when she uses her own names, then she is served', async () => {
    const read = await (await post({ ...ada, session: hers.session }, call('read'))).text();
    const listened = await (await listen({ ...ada, session: hers.session })).text();
    const resumed = await (await listen({ ...ada, session: hers.session }, hers.event)).text();
    const task = await (await post(ada, afterTask(hers.task))).text();
    const state = await (await withState(ada, hers.state)).text();

    for (const told of [read, listened, resumed, task, state]) expect(told).toContain(secret);
    expect(house.upstream.heard.at(-1)?.body['params']).toMatchObject({
      requestState: 'raw-state',
    });
  });

  test('when another brings each of her names 25 times while she uses them, then all is refused, and she is served', async () => {
    const before = house.upstream.heard.length;
    const rounds = Array.from({ length: 25 }, (_, index) => index);
    const thefts = rounds.flatMap(() =>
      attacks.map(async ([name, attack, refused]) => {
        const answer = await attack(eng, hers);
        return { name, refused, told: `${answer.status} ${await answer.text()}` };
      }),
    );
    const uses = rounds.map(async (index) =>
      (await post({ ...ada, session: hers.session }, call('read', `own-${index}`))).text(),
    );

    const [stolen, used] = await Promise.all([Promise.all(thefts), Promise.all(uses)]);
    for (const { name, refused, told } of stolen) {
      expect(told, name).toMatch(refused);
      expect(told, name).not.toContain(secret);
    }
    expect(used.every((told) => told.includes(secret))).toBe(true);
    const heard = house.upstream.heard.slice(before);
    const asHers = heard.filter(({ headers }) => headers['mcp-session-id'] === 'raw-session');
    expect(asHers).toHaveLength(rounds.length);
    expect(JSON.stringify(heard.map(({ body }) => body))).not.toMatch(/raw-(task|state|event)/);
  }, 60_000);

  test.each(attacks)(
    'when the same person brings %s by another application, then it is refused',
    async (_, attack, refused) => {
      const token = await house.world.entra.token(demoIdentities.analyst, {
        azp: 'd0000000-0000-4000-8000-00000000000d',
      });
      const answer = await attack({ ...ada, token }, hers);

      expect(`${answer.status} ${await answer.text()}`).toMatch(refused);
    },
  );

  test.each(attacks)(
    'when she brings %s to another server, then it is refused',
    async (_, attack, refused) => {
      const answer = await attack({ ...ada, url: ada.url.replace(/odd$/, 'twin') }, hers);

      expect(`${answer.status} ${await answer.text()}`).toMatch(refused);
    },
  );

  test.each(attacks)(
    'when she guesses the server’s own name for %s, or alters hers, then it is refused',
    async (_, attack, refused) => {
      const raw = {
        session: 'raw-session',
        event: 'raw-event',
        task: 'raw-task',
        state: 'raw-state',
      };
      const altered = Object.fromEntries(
        Object.entries(hers).map(([key, name]) => [key, flipped(name)]),
      );
      for (const guess of [raw, { ...hers, ...altered }]) {
        const answer = await attack(ada, guess);
        expect(`${answer.status} ${await answer.text()}`).toMatch(refused);
      }
    },
  );

  test('when a state is brought to another tool than it was given for, then it is refused', async () => {
    const before = house.upstream.heard.length;
    const { params, ...request } = ask(hers.state);
    const moved = { ...request, params: { ...params, name: 'read' } };
    const answer = await postModern(ada, moved, { 'mcp-name': 'read' });

    expect(await answer.json()).toMatchObject({ error: { code: -32_602 } });
    expect(house.upstream.heard.length).toBe(before);
  });

  test('when another takes back her call by its id, then it runs on', async () => {
    const running = post({ ...ada, session: hers.session }, call('read', 'hers'));
    const cancel = {
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId: 'hers' },
    };
    const session = await openSession(eng);
    const before = house.upstream.heard.filter(
      ({ body }) => body['method'] === cancel.method,
    ).length;
    for (const who of [eng, { ...eng, session }]) await (await post(who, cancel)).text();

    expect(await (await running).text()).toContain(secret);
    const after = house.upstream.heard.filter(
      ({ body }) => body['method'] === cancel.method,
    ).length;
    expect(after).toBe(before);
  });

  // One process has no second replica.
  if (kind === 'kafka') {
    test('when her names are brought to another replica, then it serves her and nobody else', async () => {
      const another = await house.stack.anotherGateway?.(await freePort());
      const there = { url: `${another}/mcp/odd`, host: new URL(ada.url).host };
      for (const [name, attack, refused] of attacks) {
        const answer = await attack({ ...eng, ...there }, hers);
        expect(`${answer.status} ${await answer.text()}`, name).toMatch(refused);
      }
      const own = { ...ada, ...there, session: hers.session };
      expect(await (await post(own, call('read'))).text()).toContain(secret);
      expect(await (await withState(own, hers.state)).text()).toContain(secret);
      expect(await (await post(own, afterTask(hers.task))).text()).toContain(secret);
    });
  }
});

/** Another letter in the middle. */
function flipped(name: string): string {
  const middle = Math.floor(name.length / 2);
  const letter = name[middle] === 'A' ? 'B' : 'A';
  return `${name.slice(0, middle)}${letter}${name.slice(middle + 1)}`;
}
