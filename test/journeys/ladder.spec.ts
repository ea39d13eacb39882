import { copyFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { demoIdentities, type DemoIdentityName } from '../../demo/entra/identities.js';
import { Approver } from '../clients/approver.js';
import { ask, type ModernClient } from '../clients/modern-client.js';
import { type ModernUpstream, startModernUpstream } from '../clients/modern-upstream.js';
import { patients } from '../clients/patience.js';
import { eventually, rest } from '../stack/http.js';
import { connect } from '../stack/mcp.js';
import { type Stack, stackNames, stacks } from '../stack/stack.js';
import { startWorld, type World } from '../stack/world.js';

const storySchema = z.object({ events: z.array(z.object({ event: z.unknown() })) });
const refusedSchema = z.object({
  isError: z.literal(true),
  _meta: z.object({
    'countersign/refusal': z.object({ callId: z.uuid(), code: z.string(), approvalId: z.string() }),
  }),
});

describe.each(stackNames)('on %s', (kind) => {
  let world: World;
  let stack: Stack;
  let payments: ModernUpstream;
  let approver: Approver;
  let order: string;
  let count = 0;

  beforeAll(async () => {
    const policies = await mkdtemp(join(tmpdir(), 'countersign-policies-'));
    await copyFile(resolve('test/clients/ladder.yaml'), join(policies, 'ladder.yaml'));
    payments = await startModernUpstream();
    world = await startWorld({
      policies,
      // Tests describe the tool anew; what is held then has journeys of its own.
      servers: { payments: { url: payments.url, definitions: { changed: 'pass' } } },
      sections: {
        ingress: {
          holdSilentMs: 600,
          holdWithProgressMs: 20_000,
          progressEveryMs: 300,
          legMs: 400,
          briefHoldMs: 300,
          taskPollMs: 300,
          clients: [
            { match: 'hurried-*', ladder: [] },
            { match: 'plain', ladder: ['hold'], holdSilentMs: 700 },
          ],
        },
      },
    });
    stack = await stacks[kind](world);
    approver = new Approver(world, stack);
  });

  afterAll(async () => {
    await stack?.close();
    await world?.close();
    await payments?.close();
  });

  beforeEach(() => {
    order = `L-${kind}-${(count += 1)}-`;
  });

  const runs = (of = order): number =>
    payments.paid.filter((each) => each === of).length +
    world.orders.executions.filter((each) => JSON.stringify(each.arguments).includes(of)).length;

  const client = async (
    change: Partial<ModernClient> = {},
    who: DemoIdentityName = 'analyst',
  ): Promise<ModernClient> => ({
    url: `${stack.gateway}/mcp/payments`,
    token: await world.token(who),
    ...change,
  });

  const pay = (name = 'pay', of = order) => ({ name, arguments: { order: of } });

  /** What the record says of a call, an event after another, as text. */
  const story = async (callId: unknown): Promise<string[]> => {
    const url = `${stack.audit}/v1/calls/${String(callId)}`;
    const { body } = await rest(url, await world.token('auditor'));
    return storySchema.parse(body).events.map(({ event }) => JSON.stringify(event));
  };

  const untilRecorded = async (callId: unknown, type: string, ...texts: string[]): Promise<void> =>
    eventually(async () => {
      const found = (await story(callId)).find((each) => each.includes(`"countersign.${type}.v1"`));
      for (const text of texts) expect(found).toContain(text);
    });

  const refusalOf = (result: unknown) => refusedSchema.parse(result)._meta['countersign/refusal'];

  describe('whatever a client can bear, it completes a call that people sign later', () => {
    test.each(Object.entries(patients))('a %s', async (name, complete) => {
      const isLegacy = name.startsWith('sdk v1');
      let waits = 0;
      const completed = complete({
        url: `${stack.gateway}/mcp/${isLegacy ? 'orders' : 'payments'}`,
        token: await world.token('analyst'),
        tool: isLegacy ? 'refund_order' : 'pay',
        order,
        timeoutMs: 5000,
        retryMs: 200,
        onWaiting: () => void (waits += 1),
      });
      const id = await approver.pendingFor(order);
      // Silent legs of a long poll end in a result that says "pending".
      await eventually(() => expect(waits).toBeGreaterThan(0));

      expect(await approver.press(id, 'approve')).toBe(200);

      expect(await completed).toMatch(isLegacy ? /5 EUR paid back/ : /is paid/);
      expect(await completed).not.toContain('ada@payments.example');
      expect(runs()).toBe(1);
    });
  });

  describe('as a task', () => {
    const create = async (who: ModernClient, name = 'pay') => {
      const { result } = await ask(who, 'tools/call', pay(name));
      expect(result).toMatchObject({
        resultType: 'task',
        status: 'working',
        pollIntervalMs: 300,
        statusMessage: expect.stringMatching(/^Approval \S+ is asked of orders-owners\. http/),
      });
      return String(result['taskId']);
    };

    test('when a client asks what the server can do, then tasks are offered', async () => {
      const { result } = await ask(await client(), 'server/discover');

      expect(result).toMatchObject({
        capabilities: { tools: {}, extensions: { 'io.modelcontextprotocol/tasks': {} } },
      });
    });

    test('when it has run, then whoever asks twice is told twice, and it ran once', async () => {
      const who = await client({ tasks: true });
      const taskId = await create(who);
      await approver.press(await approver.pendingFor(order), 'approve');

      const first = await eventually(async () => {
        const { result } = await ask(who, 'tasks/get', { taskId });
        expect(result['status']).toBe('completed');
        return result;
      });
      const second = await ask(who, 'tasks/get', { taskId });

      expect(first).toMatchObject({
        resultType: 'complete',
        taskId,
        result: { content: [{ text: expect.stringMatching(/is paid/) }] },
      });
      expect(second.result['result']).toEqual(first['result']);
      expect(runs()).toBe(1);
    });

    test('when several ask at once while it runs, then it runs once and all are told', async () => {
      const who = await client({ tasks: true });
      const taskId = await create(who, 'pay_slowly');
      const poll = async () => (await ask(who, 'tasks/get', { taskId })).result;
      const polls = [poll(), poll()];
      await approver.press(await approver.pendingFor(order), 'approve');

      await eventually(async () => {
        polls.push(poll());
        expect(runs()).toBe(1);
      });
      polls.push(poll());
      payments.finish();
      const answers = await Promise.all(polls);

      expect(answers.at(-1)).toMatchObject({ status: 'completed' });
      expect(answers.map(({ status }) => status)).not.toContain('failed');
      expect(runs()).toBe(1);
    });

    test('when people refuse it, then it is completed with their reason', async () => {
      const who = await client({ tasks: true });
      const taskId = await create(who);
      await approver.press(await approver.pendingFor(order), 'refuse', 'not today');

      const result = await eventually(async () => {
        const answer = await ask(who, 'tasks/get', { taskId });
        expect(answer.result['status']).not.toBe('working');
        return answer.result;
      });

      expect(result).toMatchObject({
        status: 'completed',
        result: { isError: true, content: [{ text: 'Refused by Petra Approver: not today' }] },
      });
      expect(runs()).toBe(0);
    });

    test('when its client cancels it, then a later signature runs nothing', async () => {
      const who = await client({ tasks: true });
      const taskId = await create(who);
      const id = await approver.pendingFor(order);

      const cancelled = await ask(who, 'tasks/cancel', { taskId });
      await approver.press(id, 'approve', 'too late');
      const { result } = await ask(who, 'tasks/get', { taskId });

      expect(cancelled.result).toEqual({ resultType: 'complete' });
      expect(result).toMatchObject({ status: 'cancelled' });
      expect(runs()).toBe(0);
      const callId = cancelled.headers.get('x-countersign-call');
      await untilRecorded(callId, 'call.cancelled', '"by":"client"', '"stage":"approval"');
    });

    test('when it is cancelled after people signed, then nothing runs either', async () => {
      const who = await client({ tasks: true });
      const taskId = await create(who);
      await approver.press(await approver.pendingFor(order), 'approve');

      await ask(who, 'tasks/cancel', { taskId });
      const { result } = await ask(who, 'tasks/get', { taskId });

      expect(result).toMatchObject({ status: 'cancelled' });
      expect(runs()).toBe(0);
    });

    test('when another task of the same call used the signature, then it says that the result was given there', async () => {
      const who = await client({ tasks: true });
      const [one, other] = [await create(who), await create(who)];
      await approver.press(await approver.pendingFor(order), 'approve');
      await eventually(async () => {
        const { result } = await ask(who, 'tasks/get', { taskId: one });
        expect(result['status']).toBe('completed');
      });

      const told = await eventually(async () => {
        const { result } = await ask(who, 'tasks/get', { taskId: other });
        expect(result['status']).toBe('completed');
        return result;
      });

      expect(told).toMatchObject({
        result: {
          isError: true,
          content: [{ text: expect.stringMatching(/the result was given there/) }],
        },
      });
      expect(runs()).toBe(1);
    });

    test('when a question is broken off, then nothing runs until somebody asks again', async () => {
      const who = await client({ tasks: true });
      const taskId = await create(who);
      const id = await approver.pendingFor(order);
      const leaving = new AbortController();
      const left = ask(who, 'tasks/get', { taskId }, { signal: leaving.signal });
      leaving.abort();
      await expect(left).rejects.toThrow();

      await approver.press(id, 'approve');
      await ask(await client(), 'tools/list');
      expect(runs()).toBe(0);

      await eventually(async () => {
        const { result } = await ask(who, 'tasks/get', { taskId });
        expect(result['status']).toBe('completed');
      });
      expect(runs()).toBe(1);
    });

    test('when others ask after it, or it is altered, then there is no such task', async () => {
      const who = await client({ tasks: true });
      const taskId = await create(who);
      const id = await approver.pendingFor(order);
      const other = await client({ tasks: true }, 'engineer');
      const altered = `${taskId.slice(0, -4)}${taskId.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`;

      for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
        for (const [as, asked] of [
          [other, taskId],
          [who, altered],
        ] as const) {
          expect(await ask(as, method, { taskId: asked })).toMatchObject({
            status: 200,
            error: { code: -32_602 },
          });
        }
      }
      expect(await ask({ ...who, tasks: false }, 'tasks/get', { taskId })).toMatchObject({
        status: 400,
        error: {
          code: -32_021,
          data: {
            requiredCapabilities: { extensions: { 'io.modelcontextprotocol/tasks': {} } },
          },
        },
      });
      expect(await approver.press(id, 'refuse', 'done')).toBe(200);
    });

    test('when its arguments are too long for a header, then the client waits in legs', async () => {
      const long = `${order}${'x'.repeat(4000)}`;

      const { result } = await ask(await client({ tasks: true }), 'tools/call', pay('pay', long));

      expect(result).toMatchObject({ resultType: 'input_required' });
    });
  });

  describe('in legs of a long poll', () => {
    const firstLeg = async (who: ModernClient): Promise<string> => {
      const { result } = await ask(who, 'tools/call', pay());
      expect(Object.keys(result).toSorted()).toEqual(['requestState', 'resultType']);
      return String(result['requestState']);
    };

    test('when eight legs are over, then the client is told where it can look', async () => {
      const who = await client();
      const begin = performance.now();
      let requestState = await firstLeg(who);
      for (let leg = 2; leg < 8; leg += 1) {
        const { result } = await ask(who, 'tools/call', { ...pay(), requestState });
        expect(result).toMatchObject({ resultType: 'input_required' });
        requestState = String(result['requestState']);
      }
      const { result } = await ask(who, 'tools/call', { ...pay(), requestState });
      const tookMs = performance.now() - begin;

      const id = await approver.pendingFor(order);
      const url = `http://localhost:${world.port}/approvals/${id}`;
      expect(result).toMatchObject({
        resultType: 'complete',
        isError: true,
        content: [{ text: expect.stringContaining(url) }],
        _meta: {
          'countersign/refusal': {
            code: 'APPROVAL_PENDING',
            approvalId: id,
            url,
            state: 'pending',
          },
        },
      });
      // Nobody is put in a hot loop.
      expect(tookMs).toBeGreaterThan(8 * 400);
      expect(await approver.press(id, 'refuse', 'done')).toBe(200);
    });

    test('when people sign during a later leg, then it runs once', async () => {
      const who = await client();
      const requestState = await firstLeg(who);

      const waiting = ask(who, 'tools/call', { ...pay(), requestState, inputResponses: {} });
      await approver.press(await approver.pendingFor(order), 'approve');
      const { result } = await waiting;

      expect(JSON.stringify(result)).toContain('is paid');
      expect(runs()).toBe(1);
      expect(payments.heard.at(-1)?.body).not.toContain('requestState');
    });

    test('when the state is another’s, altered, or goes with other arguments, then it is refused', async () => {
      const who = await client();
      const requestState = await firstLeg(who);
      const id = await approver.pendingFor(order);
      const other = await client({}, 'engineer');
      const altered = `${requestState.slice(0, -4)}${requestState.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`;

      const refusals = [
        await ask(other, 'tools/call', { ...pay(), requestState }),
        await ask(who, 'tools/call', { ...pay(), requestState: altered }),
        await ask(who, 'tools/call', { ...pay('pay', `${order}9`), requestState }),
        await ask(who, 'tools/call', { ...pay('pay_slowly'), requestState }),
      ];

      for (const { error } of refusals) {
        expect(error).toMatchObject({ code: -32_602, data: { code: 'CONTINUATION_UNKNOWN' } });
      }
      expect(runs()).toBe(0);
      expect(await approver.press(id, 'refuse', 'done')).toBe(200);
    });

    test('when a leg is answered after people refused, then nobody is asked anew', async () => {
      const who = await client();
      const requestState = await firstLeg(who);
      await approver.press(await approver.pendingFor(order), 'refuse', 'no');

      const { result } = await ask(who, 'tools/call', { ...pay(), requestState });

      expect(result).toMatchObject({
        isError: true,
        _meta: { 'countersign/refusal': { code: 'APPROVAL_REFUSED' } },
      });
      expect(runs()).toBe(0);
    });

    test('when a call goes on with its server in rounds, then each is signed, and the server gets its state back', async () => {
      const who = await client();
      const asked = pay('pay_in_rounds');
      const stateIn = (result: unknown): string =>
        z
          .object({ resultType: z.literal('input_required'), requestState: z.string() })
          .parse(result).requestState;
      const signed = async (round: object): Promise<unknown> => {
        const leg = stateIn((await ask(who, 'tools/call', { ...asked, ...round })).result);
        await approver.press(await approver.pendingFor(order), 'approve');
        return (await ask(who, 'tools/call', { ...asked, requestState: leg })).result;
      };
      const requestState = stateIn(await signed({}));
      expect(requestState).not.toContain('of-the-server');
      expect(runs()).toBe(0);

      const paid = await signed({ requestState });

      expect(JSON.stringify(paid)).toContain('is paid');
      expect(payments.heard.at(-1)?.body).toContain('"requestState":"of-the-server"');
      expect(runs()).toBe(1);
    });
  });

  describe('by configuration', () => {
    test('when a client may not wait, then it is told at once', async () => {
      const { result } = await ask(
        await client({ name: 'hurried-agent', tasks: true }),
        'tools/call',
        pay(),
      );

      expect(result).toMatchObject({
        isError: true,
        _meta: { 'countersign/refusal': { code: 'APPROVAL_PENDING' } },
      });
    });

    test('when a client may only be held, then it gets no task and no legs', async () => {
      const { result } = await ask(
        await client({ name: 'plain', tasks: true }),
        'tools/call',
        pay(),
      );

      expect(result).toMatchObject({
        isError: true,
        _meta: { 'countersign/refusal': { code: 'APPROVAL_PENDING' } },
      });
    });
  });

  describe('what is said of a call', () => {
    test('when a client of the older era calls, then the record knows its name', async () => {
      const caller = await connect(`${stack.gateway}/mcp/orders`, await world.token('analyst'));
      const result = await caller.callTool({
        name: 'refund_order',
        arguments: { order, amount: 5 },
      });
      const id = await approver.pendingFor(order);

      const client = '"client":{"name":"journey","version":"1.0.0"}';
      await untilRecorded(refusalOf(result).callId, 'call.requested', client);
      expect(await approver.press(id, 'refuse', 'done')).toBe(200);
      await caller.close();
    });

    test('when the tools were listed, then people are asked about the tool as it was described', async () => {
      payments.describe(`Pays an order (${order}).`);
      await ask(await client(), 'tools/list');
      const { result } = await ask(await client({ name: 'hurried-x' }), 'tools/call', pay());

      const [requested] = await eventually(async () => story(refusalOf(result).callId));
      expect(requested).toMatch(
        /"definition":\{"digest":"[0-9a-f]{64}","hints":\{"destructiveHint":true\}/,
      );
    });

    test('when the tool is described anew while people are asked, then their signature is stale', async () => {
      const who = await client();
      await ask(who, 'tools/list');
      const waiting = ask(who, 'tools/call', pay(), { meta: { progressToken: 1 } });
      const id = await approver.pendingFor(order);
      payments.describe(`Pays an order, and tells everybody (${order}).`);
      await ask(who, 'tools/list');

      await approver.press(id, 'approve');
      const { result } = await waiting;

      expect(result).toMatchObject({
        isError: true,
        _meta: { 'countersign/refusal': { code: 'APPROVAL_STALE', executed: 'no' } },
      });
      expect(runs()).toBe(0);
    });

    test('when a caller says why, then people read it masked, the server never, and other words join', async () => {
      const hurried = await client({ name: 'hurried-y' });
      const words = { 'countersign/justification': 'for ada@payments.example, says Ümit' };
      const headers = {
        'countersign-justification': encodeURIComponent('other words, Ümit'),
      };
      const first = await ask(hurried, 'tools/call', pay(), { meta: words });
      const second = await ask(hurried, 'tools/call', pay(), { headers });
      const id = await approver.pendingFor(order);
      const refusals = [first, second].map(({ result }) => refusalOf(result));
      expect(refusals).toMatchObject([{ approvalId: id }, { approvalId: id }]);
      await approver.press(id, 'approve');
      const { result } = await ask(hurried, 'tools/call', pay(), { meta: words });

      expect(JSON.stringify(result)).toContain('is paid');
      expect(JSON.stringify(payments.heard.at(-1))).not.toMatch(/justification|Ümit/);
      const told = await eventually(async () => story(refusals[0]?.callId));
      expect(told.join()).not.toContain('ada@payments.example');
    });

    test.each([
      [{ 'countersign/break-glass': true }, {}],
      [{}, { 'countersign-break-glass': 'true' }],
      [{ 'countersign/break-glass': 'yes', 'countersign/justification': 'x' }, {}],
      [{ 'countersign/justification': 'x'.repeat(2001) }, {}],
      [{ 'countersign/justification': ['x'] }, {}],
    ])('when %j and %j are said, then the call is refused in words', async (meta, headers) => {
      const { error, status } = await ask(await client(), 'tools/call', pay(), { meta, headers });

      expect(status).toBe(400);
      expect(error).toMatchObject({ code: -32_602, data: { code: 'PARAMS_REFUSED' } });
      expect(runs()).toBe(0);
    });
  });

  describe('without anybody who waits', () => {
    test('when the token ends while people are asked, then their signature runs nothing, and the client is told to sign in', async () => {
      // Entra's clock may differ from ours by a minute.
      const endsAt = Math.floor(Date.now() / 1000) + 3;
      const token = await world.entra.token(demoIdentities.analyst, { exp: endsAt - 60 });
      const waiting = ask(await client({ token, name: 'signer' }), 'tools/call', pay(), {
        meta: { progressToken: 3 },
      });
      const id = await approver.pendingFor(order);
      await eventually(() => expect(Date.now()).toBeGreaterThan((endsAt + 1) * 1000));

      await approver.press(id, 'approve');
      const answer = await waiting;

      expect(answer.error).toMatchObject({ data: { code: 'IDENTITY_REFUSED', executed: 'no' } });
      const callId = answer.headers.get('x-countersign-call');
      await untilRecorded(
        callId,
        'call.failed',
        '"code":"IDENTITY_REFUSED"',
        '"stage":"forward"',
        '"executed":"no"',
      );
      expect(runs()).toBe(0);
      // The signature is not lost: the same call with a new token runs.
      const { result } = await ask(await client({ name: 'signer' }), 'tools/call', pay());
      expect(JSON.stringify(result)).toContain('is paid');
    });

    test('when the client has gone, then a late signature runs nothing', async () => {
      const cancelled = async (): Promise<number> => {
        const url = `${stack.audit}/v1/events?type=countersign.call.cancelled.v1&limit=200`;
        const { body } = await rest(url, await world.token('auditor'));
        return storySchema.parse(body).events.length;
      };
      const before = await cancelled();
      const leaving = new AbortController();
      const waiting = ask(await client(), 'tools/call', pay(), {
        meta: { progressToken: 4 },
        signal: leaving.signal,
      });
      const id = await approver.pendingFor(order);
      leaving.abort();
      await expect(waiting).rejects.toThrow();
      await eventually(async () => expect(await cancelled()).toBe(before + 1));

      await approver.press(id, 'approve', 'too late');
      await ask(await client(), 'tools/list');

      expect(runs()).toBe(0);
    });
  });
});
