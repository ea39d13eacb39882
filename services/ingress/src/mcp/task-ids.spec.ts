import { expect, test } from 'vitest';
import type { Json } from '#masking';
import { newSealKey, Sealer } from '#trust';
import { principal } from '../gate/house.suite.js';
import { type JsonObject, type Message, readMessage } from './message.js';
import { type ServerTask, TaskIds, withClientTasks, withServerTasks } from './task-ids.js';

const sealer = new Sealer(newSealKey(), 'session');
const place = 'https://gate.example';
const ids = new TaskIds(sealer, place);
const callId = 'c0000000-0000-4000-8000-000000000001';
const mask = { profile: 'none' as const, entities: {}, fields: {}, binary: 'pass' as const };
const task: ServerTask = {
  taskId: 'task-1',
  call: { callId, method: 'tools/call', resource: 'render', mask },
};
const message = (body: JsonObject): Message => {
  const read = readMessage({ jsonrpc: '2.0', ...body });
  if (read === undefined) throw new TypeError('not a message');
  return read;
};
const related = (taskId: Json): JsonObject => ({
  'io.modelcontextprotocol/related-task': { taskId },
});
const uuid: unknown = expect.stringMatching(/^[0-9a-f-]{36}$/);

test('when the one it was given to asks after a task, then its call and mask are known again', () => {
  expect(ids.open(ids.issue(task, 'gpu', principal), 'gpu', principal)).toEqual(task);
});

test('when a task is named again, at any replica, then it bears the same id', () => {
  const [one, other] = [new TaskIds(sealer, place), new TaskIds(sealer, place)];

  expect(one.issue(task, 'gpu', principal)).toBe(other.issue({ ...task }, 'gpu', principal));
  expect(one.known('task-1', 'gpu', principal)).toBe(one.issue(task, 'gpu', principal));
  expect(one.known('task-1', 'gpu', { ...principal, objectId: callId })).toBeUndefined();
});

test('when anybody else asks after it, or with the server’s own id, then it does not open', () => {
  const id = ids.issue(task, 'gpu', principal);

  expect(ids.open(id, 'gpu', { ...principal, objectId: callId })).toBeUndefined();
  expect(ids.open(id, 'gpu', { ...principal, clientApp: 'other' })).toBeUndefined();
  expect(ids.open(id, 'orders', principal)).toBeUndefined();
  expect(ids.open('task-1', 'gpu', principal)).toBeUndefined();
});

test('when a question names a task that is not its client’s, then the server is asked for one that nobody has', () => {
  const asked = message({ id: 1, method: 'tasks/get', params: { taskId: 'task-1' } });
  const { earlier, message: meant } = withServerTasks(asked, () => undefined);

  expect(earlier).toBeUndefined();
  expect(meant.body['params']).toEqual({ taskId: uuid });
});

test('when a message names the client’s own task, then the server reads its own id', () => {
  const open = (id: string) => (id === 'sealed' ? task : undefined);
  const asked = message({ id: 1, method: 'tasks/result', params: { taskId: 'sealed', x: 1 } });
  const told = message({ id: 2, result: { action: 'accept', _meta: related('sealed') } });

  expect(withServerTasks(asked, open)).toMatchObject({
    earlier: task.call,
    message: { body: { params: { taskId: 'task-1', x: 1 } } },
  });
  expect(withServerTasks(told, open).message.body['result']).toEqual({
    action: 'accept',
    _meta: related('task-1'),
  });
});

test('when a message names no task, then it stays the same', () => {
  const call = message({
    id: 1,
    method: 'tools/call',
    params: { name: 'a', arguments: { taskId: 'x' } },
  });

  expect(withServerTasks(call, () => undefined).message).toBe(call);
});

test.each<[string, JsonObject, JsonObject, JsonObject | undefined]>([
  [
    'a task of the older era',
    { id: 1, method: 'tools/call', params: {} },
    { id: 1, result: { task: { taskId: 't', status: 'working' } } },
    { id: 1, result: { task: { taskId: '<t>', status: 'working' } } },
  ],
  [
    'a task of the stateless era',
    { id: 1, method: 'tools/call', params: {} },
    { id: 1, result: { resultType: 'task', taskId: 't' } },
    { id: 1, result: { resultType: 'task', taskId: '<t>' } },
  ],
  [
    'how far a task is',
    { id: 1, method: 'tasks/get', params: {} },
    { id: 1, result: { taskId: 't', status: 'completed' } },
    { id: 1, result: { taskId: '<t>', status: 'completed' } },
  ],
  [
    'a list of tasks',
    { id: 1, method: 'tasks/list', params: {} },
    { id: 1, result: { tasks: [{ taskId: 't' }, { taskId: 'foreign' }, 1] } },
    { id: 1, result: { tasks: [{ taskId: '<t>' }] } },
  ],
  [
    'the news of a task',
    { id: 1, method: 'tools/call', params: {} },
    { method: 'notifications/tasks/status', params: { taskId: 't' } },
    { method: 'notifications/tasks/status', params: { taskId: '<t>' } },
  ],
  [
    'what belongs to a task',
    { id: 1, method: 'tasks/result', params: {} },
    { id: 1, result: { content: [], _meta: related('t') } },
    { id: 1, result: { content: [], _meta: related('<t>') } },
  ],
  [
    'a question after a task of the client’s own',
    { id: 1, method: 'tools/call', params: {} },
    { id: 5, method: 'tasks/get', params: { taskId: 't' } },
    undefined,
  ],
  [
    'a result that merely has such a member',
    { id: 1, method: 'tools/call', params: {} },
    { id: 1, result: { structuredContent: { taskId: 't' }, taskId: 't' } },
    undefined,
  ],
])(
  'when a server says %s, then the client reads its own name for the task',
  (_, asked, said, told) => {
    const nameOf = (id: string) => (id === 'foreign' ? undefined : `<${id}>`);
    expect(withClientTasks(said, message(asked), nameOf)).toEqual(told ?? said);
  },
);

test('when a task is not the client’s, then its news bear an id that nobody has', () => {
  const news = { method: 'notifications/tasks/status', params: { taskId: 't', status: 'working' } };

  expect(withClientTasks(news, undefined, () => undefined)).toEqual({
    ...news,
    params: { taskId: uuid, status: 'working' },
  });
});

test.each<[string, JsonObject, JsonObject]>([
  ['how far a task is', { taskId: 't' }, { taskId: '<t>' }],
  ['a list of tasks', { tasks: [{ taskId: 't' }] }, { tasks: [{ taskId: '<t>' }] }],
])(
  'when a stream that is taken up again says %s, then it tells no id of the server’s',
  (_, result, told) => {
    const said = { id: 1, result };
    expect(withClientTasks(said, undefined, (id) => `<${id}>`)).toEqual({ id: 1, result: told });
  },
);

test('when a client asks after its task, then the task is known here from then on', () => {
  const [one, other] = [new TaskIds(sealer, place), new TaskIds(sealer, place)];
  const id = one.issue(task, 'gpu', principal);

  expect(other.known('task-1', 'gpu', principal)).toBeUndefined();
  other.open(id, 'gpu', principal);
  expect(other.known('task-1', 'gpu', principal)).toBe(id);
});

test('when a subscription names tasks, then the server hears of none: any id could be another’s', () => {
  const notifications = { toolsListChanged: true, taskIds: ['task-1'] };
  const params = { notifications, taskIds: ['task-1'], x: 1 };
  const listen = message({ id: 1, method: 'subscriptions/listen', params });

  expect(withServerTasks(listen, () => task).message.body['params']).toEqual({
    notifications: { toolsListChanged: true },
    x: 1,
  });
});
