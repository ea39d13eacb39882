import { expect, test } from 'vitest';
import type { Principal } from '#contracts';
import { callDigest, newSealKey, Sealer } from '#trust';
import { Continuations, type Task } from './continuations.js';
import { continued, roundOf } from './continued.js';
import { type JsonObject, type Message, objectAt, readMessage } from './message.js';
import { operationOf } from './operation.js';
import { SessionIds } from './session-ids.js';

const ada: Principal = {
  tenantId: '11111111-2222-4333-8444-555555555555',
  objectId: 'b0000000-0000-4000-8000-000000000001',
  kind: 'person',
  clientApp: 'client-a',
  displayName: 'Ada',
  groups: [],
  roles: [],
};
const approvalId = 'c0000000-0000-4000-8000-000000000002';
const callId = 'd0000000-0000-4000-8000-000000000003';
const nowMs = Date.parse('2026-11-28T12:00:00Z');
const key = newSealKey();
const sealer = new Sealer(key, 'session');
const continuations = new Continuations(sealer, 'https://gate.example');

const extension = 'io.modelcontextprotocol/tasks';
const modern = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': { roots: {}, extensions: { [extension]: {} } },
};
const message = (params: JsonObject, method = 'tools/call', meta: JsonObject = modern): Message => {
  const body = { jsonrpc: '2.0', id: 7, method, params: { ...params, _meta: meta } };
  const read = readMessage(body);
  if (read === undefined) throw new TypeError('no message');
  return read;
};
const pay = message({ name: 'pay', arguments: { order: 'A' } }, 'tools/call', {
  ...modern,
  progressToken: 1,
  traceparent: '00-1',
});
const digestOf = (asked: Message): string =>
  callDigest({ protocol: 'mcp', server: 'orders', ...operationOf(asked) });
const asker = { server: 'orders', principal: ada, nowMs };

const taskOf = (change: Partial<Task> = {}): Task =>
  continuations.task({
    callId,
    approvalId,
    body: pay.body,
    createdMs: nowMs,
    expiresMs: nowMs + 60_000,
    ...change,
  });
const idOf = (task: Task, server = 'orders', principal = ada): string =>
  continuations.taskId(task, server, principal);
const question = (taskId: string, method = 'tasks/get', meta: JsonObject = modern): Message =>
  message({ taskId }, method, meta);
const stateOf = (change: object = {}, principal = ada, server = 'orders', at = nowMs): string =>
  continuations.legState(
    { approvalId, digest: digestOf(pay), legs: 1, ...change },
    server,
    principal,
    at,
  );
const answered = (requestState: string, asked = pay): Message => ({
  ...asked,
  body: { ...asked.body, params: { ...objectAt(asked.body, 'params'), requestState } },
});

const foreign: [string, Partial<Principal>, string][] = [
  ['another person', { objectId: approvalId }, 'orders'],
  ['another tenant', { tenantId: approvalId }, 'orders'],
  ['another client application', { clientApp: 'client-b' }, 'orders'],
  ['another server', {}, 'files'],
];

test('when a client asks after its task, then it is the task’s call, made again under the question’s id', () => {
  const task = taskOf({ justification: 'because' });

  const found = continued(question(idOf(task)), asker, continuations);

  expect(found.continues).toMatchObject({ kind: 'task', deed: 'get', task });
  expect(found.message).toMatchObject({ kind: 'request', id: 7, method: 'tools/call' });
  expect(digestOf(found.message)).toBe(digestOf(pay));
  const { _meta: meta } = objectAt(found.message.body, 'params');
  expect(JSON.stringify(meta)).not.toMatch(/progressToken|traceparent|mcp\/tasks|protocol\/tasks/);
});

test('when a request declares tasks, then it is the same call as one that does not', () => {
  const without = message({ name: 'pay', arguments: { order: 'A' } }, 'tools/call', {
    ...modern,
    'io.modelcontextprotocol/clientCapabilities': { roots: {}, extensions: {} },
  });

  expect(digestOf(pay)).toBe(digestOf(without));
});

test.each(foreign)('when %s asks after a task, then there is none', (_, change, server) => {
  const id = idOf(taskOf());
  const other = { server, principal: { ...ada, ...change }, nowMs };

  expect(() => continued(question(id), other, continuations)).toThrow(
    expect.objectContaining({ code: 'CONTINUATION_UNKNOWN' }),
  );
});

test.each<[string, () => string]>([
  ['altered', () => `${idOf(taskOf()).slice(0, -6)}AAAAAA`],
  ['cut', () => idOf(taskOf()).slice(0, 60)],
  ['only the mark', () => idOf(taskOf()).slice(0, 16)],
  ['over', () => idOf(taskOf({ expiresMs: nowMs }))],
  ['a request state', () => stateOf()],
  [
    'a session id with the mark',
    () => {
      const mark = idOf(taskOf()).slice(0, 16);
      const sessions = new SessionIds(sealer, { idleMs: 1000, maxMs: 1000 });
      return `${mark}${sessions.issue('u', 'orders', ada, null, nowMs).id}`;
    },
  ],
])('when a task id is %s, then there is none', (_, made) => {
  expect(() => continued(question(made()), asker, continuations)).toThrow(
    expect.objectContaining({ code: 'CONTINUATION_UNKNOWN', stage: 'intake' }),
  );
});

test('when a client asks after a task without declaring tasks, then it learns what is missing', () => {
  const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' };

  expect(() =>
    continued(question(idOf(taskOf()), 'tasks/get', meta), asker, continuations),
  ).toThrow(expect.objectContaining({ code: 'CAPABILITY_MISSING' }));
});

test.each(['a-task-of-the-server', 'cs-000000000000.x'])(
  'when the task %s is not ours, then the question goes on as it is',
  (taskId) => {
    const asked = question(taskId);

    expect(continued(asked, asker, continuations)).toEqual({
      message: asked,
      continues: undefined,
    });
  },
);

test('when another gateway stands before this one, then neither takes the other’s ids for its own', () => {
  const other = new Continuations(new Sealer(key, 'session'), 'https://other.example');

  expect(other.isOurs(idOf(taskOf()))).toBe(false);
});

test('when a call is long, then no task is made of it, and none is longer than a header bears', () => {
  const body = (length: number): JsonObject => ({
    ...pay.body,
    params: { name: 'pay', arguments: { text: 'x'.repeat(length) } },
  });
  const longest = Array.from({ length: 4000 }, (_, length) => length).findLast((length) =>
    continuations.fits(body(length), 'because'),
  );

  expect(longest).toBeGreaterThan(2000);
  const task = taskOf({ body: body(longest ?? 0), justification: 'because' });
  expect(idOf(task).length).toBeLessThanOrEqual(4096);
  expect(continuations.fits(body(2), 'x'.repeat(4000))).toBe(false);
});

test('when a client goes on with a leg, then it is the same call without the state', () => {
  const found = continued(answered(stateOf({ legs: 3 })), asker, continuations);

  expect(found.continues).toEqual({
    kind: 'leg',
    leg: { approvalId, digest: digestOf(pay), legs: 3 },
  });
  expect(found.message).toEqual(pay);
});

test.each(foreign)('when %s goes on with a leg, then it is refused', (_, change, server) => {
  const other = { server, principal: { ...ada, ...change }, nowMs };

  expect(() => continued(answered(stateOf()), other, continuations)).toThrow(
    expect.objectContaining({ code: 'CONTINUATION_UNKNOWN' }),
  );
});

const otherArguments = message({ name: 'pay', arguments: { order: 'B' } });
const otherAnswers: Message = {
  ...pay,
  body: {
    ...pay.body,
    params: { ...objectAt(pay.body, 'params'), inputResponses: { name: { action: 'accept' } } },
  },
};

test.each<[string, Message]>([
  ['is of other arguments', answered(stateOf(), otherArguments)],
  ['goes with answers that nobody asked for', answered(stateOf(), otherAnswers)],
  ['is too old', answered(stateOf({}, ada, 'orders', nowMs - 5 * 60_000))],
  ['is altered', answered(`${stateOf().slice(0, -6)}AAAAAA`)],
  ['is a task id', answered(idOf(taskOf()))],
])('when a state %s, then it is refused', (_, asked) => {
  expect(() => continued(asked, asker, continuations)).toThrow(
    expect.objectContaining({ code: 'CONTINUATION_UNKNOWN' }),
  );
});

test('when a state is the server’s, then it is part of the call', () => {
  const asked = answered('of-the-server');

  const found = continued(asked, asker, continuations);

  expect(found).toEqual({ message: asked, continues: undefined });
  expect(digestOf(found.message)).not.toBe(digestOf(pay));
});

test('when a later round with a server waits for people, then what it brought goes on when they have signed', () => {
  const round = { requestState: 'raw-7', inputResponses: { name: { action: 'accept' } } };
  const params = { ...objectAt(pay.body, 'params'), ...round };
  const second = { ...pay, body: { ...pay.body, params } };
  const state = stateOf({ digest: digestOf(second), round: roundOf(second) });

  // The client has given up the server's state for ours, and repeats its answers or not.
  const { inputResponses } = round;
  for (const repeated of [{}, { inputResponses }, { inputResponses: {} }]) {
    const again = { ...pay, body: { ...pay.body, params: { ...params, ...repeated } } };
    const found = continued(answered(state, again), asker, continuations);
    expect(found.message.body['params']).toMatchObject(round);
    expect(digestOf(found.message)).toBe(digestOf(second));
  }
  expect(roundOf(pay)).toBeUndefined();
});
