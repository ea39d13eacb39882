import { resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { freePort } from '../../demo/free-port.js';
import { eventually, rest } from '../stack/http.js';
import { type Stack, stackNames, stacks } from '../stack/stack.js';
import { startWorld, type World } from '../stack/world.js';
import { allEvents, type Caller, end, eventsIn, listen, post, postModern } from './mcp-http.js';
import {
  beginStream,
  type Heard,
  sayEvent,
  sayJson,
  type ScriptedUpstream,
  startScriptedUpstream,
} from './scripted-upstream.js';

const callsSchema = z.object({
  calls: z.array(z.object({ callId: z.string(), method: z.string() }).loose()),
});

const questionSchema = z.object({ id: z.string(), method: z.string() });

describe.each(stackNames)('on %s', (kind) => {
  let upstream: ScriptedUpstream;
  let world: World;
  let stack: Stack;
  let ada: Caller;
  let eng: Caller;

  beforeAll(async () => {
    upstream = await startScriptedUpstream();
    world = await startWorld({
      servers: { odd: { url: upstream.url } },
      policies: resolve('test/fidelity/policies'),
    });
    stack = await stacks[kind](world);
    const url = `${stack.gateway}/mcp/odd`;
    ada = { url, token: await world.token('analyst') };
    eng = { url, token: await world.token('engineer') };
  }, 90_000);

  afterAll(async () => {
    await stack?.close();
    await world?.close();
    await upstream?.close();
  }, 30_000);

  const leaving: AbortController[] = [];
  afterEach(() => {
    for (const each of leaving.splice(0)) each.abort();
  });
  const leaver = (): AbortSignal => {
    const controller = new AbortController();
    leaving.push(controller);
    return controller.signal;
  };

  const call = (name: string, id: number | string = 1) => ({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name, arguments: {}, _meta: { progressToken: 'p-1' } },
  });
  const result = (text: string) => ({ content: [{ type: 'text', text }] });
  const last = (verb: string): Heard => {
    const found = upstream.heard.findLast((each) => each.verb === verb);
    if (found === undefined) throw new Error(`the server was not sent a ${verb}`);
    return found;
  };

  /** A session with a server that closes the stream of a call in the middle, and goes on when asked. */
  async function interrupted(who: Caller, name = 'whoami') {
    let asked: Heard | undefined;
    upstream.answerWith((heard, response) => {
      if (heard.body['method'] === 'initialize') {
        sayJson(
          response,
          { jsonrpc: '2.0', id: heard.body['id'], result: { capabilities: {} } },
          { 'mcp-session-id': 'raw-session' },
        );
      } else if (heard.verb === 'POST') {
        asked = heard;
        beginStream(response);
        sayEvent(response, { id: 'raw-1', retry: 250 });
        response.end();
      } else {
        beginStream(response);
        const token = z
          .object({ _meta: z.object({ progressToken: z.unknown() }) })
          .parse(asked?.body['params'])._meta.progressToken;
        const params = { progressToken: token, progress: 1, message: 'ada@orders.example' };
        sayEvent(response, {
          id: 'raw-2',
          message: { jsonrpc: '2.0', method: 'notifications/progress', params },
        });
        const { id } = asked?.body ?? {};
        const answer = result('write to ada@orders.example');
        sayEvent(response, { id: 'raw-3', message: { jsonrpc: '2.0', id, result: answer } });
        response.end();
      }
    });
    const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params: {} };
    const opened = await post(who, initialize);
    await opened.text();
    const session = opened.headers.get('mcp-session-id') ?? '';
    const events = await allEvents(await post({ ...who, session }, call(name, 'c-1')));
    return { session, events, id: events.at(-1)?.id ?? '' };
  }

  test('when a server lets go of a stream, then its client does too, and takes it up again under the first mask', async () => {
    const { events, id, session } = await interrupted(ada);

    expect(events).toEqual([{ id, retry: '250', data: '' }]);
    expect(id).not.toContain('raw');
    const rest = await allEvents(await listen({ ...ada, session }, id));
    expect(last('GET').headers).toMatchObject({
      'last-event-id': 'raw-1',
      'mcp-session-id': 'raw-session',
    });
    const said = rest.map(({ data }): unknown => JSON.parse(data));
    expect(said).toMatchObject([
      { method: 'notifications/progress', params: { progressToken: 'p-1', progress: 1 } },
      { id: 'c-1', result: {} },
    ]);
    // The tool's own mask: the stream by itself has none.
    expect(JSON.stringify(said)).not.toContain('ada@orders.example');
    expect(rest.every((each) => each.id !== undefined && !each.id.includes('raw'))).toBe(true);
  });

  // One process has no second replica.
  if (kind === 'kafka') {
    test('when another replica is asked for the rest, then it gives it out', async () => {
      const { id, session } = await interrupted(ada);
      const another = await stack.anotherGateway?.(await freePort());
      const elsewhere = { ...ada, url: `${another}/mcp/odd`, host: new URL(ada.url).host, session };
      const said = (await allEvents(await listen(elsewhere, id))).map(({ data }) => data).join('');

      expect(said).toContain('"id":"c-1"');
      expect(said).not.toContain('ada@orders.example');
    });
  }

  test('when a stream is taken up again, then that is a call of its own under the one before', async () => {
    const { id, session } = await interrupted(ada);
    const answer = await listen({ ...ada, session }, id);
    await answer.text();

    const callId = answer.headers.get('x-countersign-call') ?? '';
    const token = await world.token('auditor');
    await eventually(async () => {
      const { body } = await rest(`${stack.audit}/v1/calls/${callId}`, token);
      expect(JSON.stringify(body)).toMatch(/"parentCallId":"[0-9a-f-]{36}"/);
    });
  });

  test.each([
    ['another person', async (session: string) => ({ ...eng, session })],
    ['no session', async () => ada],
    ['another session', async () => ({ ...ada, session: (await interrupted(ada)).session })],
  ])('when %s brings the id of an event, then nothing is given out', async (_, who) => {
    const { id, session } = await interrupted(ada);
    const caller = await who(session);
    const before = upstream.heard.length;
    const answer = await listen(caller, id);

    expect([400, 404]).toContain(answer.status);
    expect(upstream.heard.length).toBe(before);
  });

  test('when a server’s own id of an event is guessed, then nothing is given out', async () => {
    const { session } = await interrupted(ada);

    expect((await listen({ ...ada, session }, 'raw-1')).status).toBe(400);
  });

  test('when a client of the older era leaves, then its call runs on; in the stateless era it is broken off', async () => {
    let release = (): void => undefined;
    const slow = async (heard: Heard, response: Parameters<typeof sayJson>[0]): Promise<void> => {
      await new Promise<void>((done) => {
        release = done;
        response.on('close', done);
      });
      if (!heard.isBrokenOff())
        sayJson(response, { jsonrpc: '2.0', id: heard.body['id'], result: {} });
    };
    upstream.answerWith(slow);
    const before = upstream.heard.length;
    const older = new AbortController();
    const left = post({ ...ada, signal: older.signal }, call('slow')).catch(() => undefined);
    await eventually(() => expect(upstream.heard.length).toBe(before + 1));
    older.abort();
    await left;
    release();
    await eventually(async () => {
      const token = await world.token('auditor');
      const { body } = await rest(`${stack.audit}/v1/calls?resource=slow`, token);
      expect(callsSchema.parse(body).calls[0]).toMatchObject({ outcome: 'ok' });
    });
    expect(upstream.heard.at(-1)?.isBrokenOff()).toBe(false);

    const modern = new AbortController();
    const params = { name: 'slow', arguments: {} };
    const gone = postModern(
      { ...ada, signal: modern.signal },
      { id: 2, method: 'tools/call', params },
      { 'mcp-name': 'slow' },
    ).catch(() => undefined);
    await eventually(() => expect(upstream.heard.length).toBe(before + 2));
    modern.abort();
    await gone;
    await eventually(() => expect(upstream.heard.at(-1)?.isBrokenOff()).toBe(true));
  });

  test('when a server asks its caller, then the answer finds it, and the question is judged and on record', async () => {
    let answered: Heard | undefined;
    upstream.answerWith(async (heard, response) => {
      if (heard.body['result'] !== undefined || heard.body['error'] !== undefined) {
        answered = heard;
        response.writeHead(202).end();
        return;
      }
      beginStream(response);
      const question = {
        jsonrpc: '2.0',
        id: 's-1',
        method: 'elicitation/create',
        params: { message: 'Sure?' },
      };
      sayEvent(response, { message: question });
      await eventually(() => expect(answered).toBeDefined());
      sayEvent(response, {
        message: { jsonrpc: '2.0', id: heard.body['id'], result: result('done') },
      });
      response.end();
    });
    const events = eventsIn(await post(ada, call('ask')));
    const first = questionSchema.parse(JSON.parse((await events.next()).value?.data ?? ''));
    expect(first.method).toBe('elicitation/create');
    const accepted = { jsonrpc: '2.0', result: { action: 'accept', x: 1 } };
    // Neither by another, nor by whoever guesses what the server calls it.
    for (const [who, id] of [
      [eng, first.id],
      [eng, 's-1'],
      [ada, 's-1'],
    ] as const) {
      expect((await post(who, { ...accepted, id })).status).toBe(400);
    }
    expect(answered).toBeUndefined();
    const told = await post(ada, { ...accepted, id: first.id });

    expect(told.status).toBe(202);
    expect(answered?.body).toEqual({
      jsonrpc: '2.0',
      id: 's-1',
      result: { action: 'accept', x: 1 },
    });
    expect(JSON.parse((await events.next()).value?.data ?? '')).toMatchObject({ id: 1 });
    const token = await world.token('auditor');
    await eventually(async () => {
      const { body } = await rest(`${stack.audit}/v1/calls?method=elicitation/create`, token);
      expect(callsSchema.parse(body).calls[0]).toMatchObject({ method: 'elicitation/create' });
    });
  });

  test.each(['elicitation/create', 'sampling/createMessage'])(
    'when policy does not let a server ask %s, then its caller never hears of it and the server is told',
    async (method) => {
      let answered: Heard | undefined;
      upstream.answerWith(async (heard, response) => {
        if (heard.body['error'] !== undefined) {
          answered = heard;
          response.writeHead(202).end();
          return;
        }
        beginStream(response);
        sayEvent(response, { message: { jsonrpc: '2.0', id: 's-9', method, params: {} } });
        await eventually(() => expect(answered).toBeDefined());
        sayEvent(response, {
          message: { jsonrpc: '2.0', id: heard.body['id'], result: result('alone') },
        });
        response.end();
      });
      const events = await allEvents(await post(eng, call('ask')));

      expect(events.map(({ data }) => JSON.parse(data) as unknown)).toEqual([
        { jsonrpc: '2.0', id: 1, result: result('alone') },
      ]);
      expect(answered?.body).toMatchObject({ id: 's-9', error: { code: 4030 } });
    },
  );

  test('when the answer of the stateless era asks what policy refuses, then it is withheld', async () => {
    upstream.answerWith(({ body }, response) =>
      sayJson(response, {
        jsonrpc: '2.0',
        id: body['id'],
        result: {
          resultType: 'input_required',
          requestState: 'raw',
          inputRequests: { a: { method: 'elicitation/create', params: { message: 'Sure?' } } },
        },
      }),
    );
    const request = { id: 3, method: 'tools/call', params: { name: 'ask', arguments: {} } };
    const allowed = await postModern(ada, request, { 'mcp-name': 'ask' });
    const refused = await postModern(eng, request, { 'mcp-name': 'ask' });

    expect(await allowed.json()).toMatchObject({ result: { resultType: 'input_required' } });
    const told = await refused.text();
    expect(told).not.toContain('Sure?');
    expect(JSON.parse(told)).toMatchObject({ result: { isError: true, resultType: 'complete' } });
  });

  test('when a subscription is opened, then its news bear the client’s own id until it leaves', async () => {
    upstream.answerWith(({ body }, response) => {
      beginStream(response);
      const news = (method: string) => ({
        jsonrpc: '2.0',
        method,
        params: { _meta: { 'io.modelcontextprotocol/subscriptionId': body['id'] } },
      });
      sayEvent(response, { message: news('notifications/subscriptions/acknowledged') });
      sayEvent(response, { message: news('notifications/tools/list_changed') });
    });
    const params = { notifications: { toolsListChanged: true } };
    const caller = { ...ada, signal: leaver() };
    const events = eventsIn(
      await postModern(caller, { id: 77, method: 'subscriptions/listen', params }),
    );
    const ids: unknown[] = [];
    for (let n = 0; n < 2; n += 1) {
      const { params: said } = z
        .object({ params: z.object({ _meta: z.record(z.string(), z.unknown()) }) })
        .parse(JSON.parse((await events.next()).value?.data ?? ''));
      ids.push(said._meta['io.modelcontextprotocol/subscriptionId']);
    }

    expect(ids).toEqual([77, 77]);
    leaving.at(-1)?.abort();
    await eventually(() => expect(upstream.heard.at(-1)?.isBrokenOff()).toBe(true));
  });

  test('when a subscription names a resource that is hidden from its caller, then nothing is asked of the server', async () => {
    const before = upstream.heard.length;
    const params = { notifications: { resourceSubscriptions: ['plain://a', 'secret://b'] } };
    const answer = await postModern(eng, { id: 5, method: 'subscriptions/listen', params });

    expect(await answer.json()).toMatchObject({ id: 5, error: {} });
    expect(upstream.heard.length).toBe(before);
  });

  test('when another asks after a task of a server, then it hears what it would of one that never was', async () => {
    upstream.answerWith(({ body }, response) => {
      const { taskId } = z.looseObject({ taskId: z.string().optional() }).parse(body['params']);
      const isKnown = taskId === undefined || taskId === '41';
      const { id } = body;
      sayJson(
        response,
        isKnown
          ? {
              jsonrpc: '2.0',
              id,
              result: { task: { taskId: '41' }, taskId: '41', text: 'ada@orders.example' },
            }
          : { jsonrpc: '2.0', id, error: { code: -32_602, message: 'no such task' } },
      );
    });
    const made = z
      .object({ result: z.object({ task: z.object({ taskId: z.string() }) }) })
      .parse(await (await post(ada, call('whoami'))).json());
    const { taskId } = made.result.task;
    const ask = async (who: Caller, id: string): Promise<unknown> =>
      (
        await post(who, { jsonrpc: '2.0', id: 9, method: 'tasks/get', params: { taskId: id } })
      ).json();

    expect(taskId).not.toBe('41');
    const own = await ask(ada, taskId);
    expect(own).toMatchObject({ result: { taskId } });
    // Masked as the call was that made the task.
    expect(JSON.stringify(own)).not.toContain('ada@orders.example');
    for (const stranger of [
      await ask(eng, taskId),
      await ask(ada, '41'),
      await ask(ada, `${taskId}x`),
    ]) {
      expect(stranger).toMatchObject({ id: 9, error: { code: -32_602, message: 'no such task' } });
    }
  });

  test('when a session has ended at its server, then the client is told to begin anew', async () => {
    const { session } = await interrupted(ada);
    upstream.answerWith((_, response) => void response.writeHead(404).end('gone'));

    expect((await post({ ...ada, session }, call('any'))).status).toBe(404);
    upstream.answerWith((_, response) => void response.writeHead(200).end());
    expect((await end({ ...ada, session })).status).toBe(200);
    expect(last('DELETE').headers['mcp-session-id']).toBe('raw-session');
  });

  test('when a server refuses the stateless era in its own way, then that is what its client is told', async () => {
    upstream.answerWith((_, response) => {
      response.writeHead(400, { 'content-type': 'text/plain' });
      response.end('Bad Request');
    });
    const answer = await postModern(ada, { id: 1, method: 'server/discover', params: {} });

    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { code: 5021 } });
  });
});
