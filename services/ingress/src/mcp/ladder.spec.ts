import { expect, test } from 'vitest';
import { matches } from './glob.js';
import { type LadderSettings, offersTasks, waitOf } from './ladder.js';
import { readMessage } from './message.js';

const settings: LadderSettings = {
  holdSilentMs: 45,
  holdWithProgressMs: 210,
  legMs: 22,
  briefHoldMs: 3,
  taskPollMs: 5,
  progressEveryMs: 10,
  clients: [],
};
const modern = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' };
const tasks = {
  ...modern,
  'io.modelcontextprotocol/clientCapabilities': {
    extensions: { 'io.modelcontextprotocol/tasks': {} },
  },
};
const asked = (meta: object, method = 'tools/call') =>
  readMessage({ jsonrpc: '2.0', id: 1, method, params: { name: 'pay', _meta: { ...meta } } });
const waiter = (meta: object, method?: string) => ({
  message: asked(meta, method),
  clientNames: ['claude-code', 'app-1'],
  fitsTask: () => true,
});

test.each<[string, object, string | undefined, string, number]>([
  ['takes tasks', tasks, undefined, 'task', 3],
  ['takes tasks and shows progress', { ...tasks, progressToken: 1 }, undefined, 'task', 3],
  ['takes tasks, for another method', tasks, 'prompts/get', 'legs', 22],
  ['shows progress', { progressToken: 'a' }, undefined, 'progress', 210],
  [
    'shows progress in the stateless era',
    { ...modern, progressToken: 0 },
    undefined,
    'progress',
    210,
  ],
  ['shows none in the stateless era', modern, undefined, 'legs', 22],
  ['shows none in the stateless era, reading', modern, 'resources/read', 'legs', 22],
  ['shows none in the stateless era, listing', modern, 'tools/list', 'hold', 45],
  ['shows none in the older era', {}, undefined, 'hold', 45],
  [
    'declares tasks with words of its own',
    {
      ...modern,
      'io.modelcontextprotocol/clientCapabilities': {
        extensions: { 'io.modelcontextprotocol/tasks': { to: 'bob' } },
      },
    },
    undefined,
    'legs',
    22,
  ],
  [
    'declares tasks in the older era',
    {
      'io.modelcontextprotocol/clientCapabilities':
        tasks['io.modelcontextprotocol/clientCapabilities'],
    },
    undefined,
    'hold',
    45,
  ],
])('when a client %s, then it waits so', (_, meta, method, rung, holdMs) => {
  expect(waitOf(waiter(meta, method), settings)).toEqual({ rung, holdMs });
});

test('when a task would not fit into a header, then the client waits in legs', () => {
  const wait = waitOf({ ...waiter(tasks), fitsTask: () => false }, settings);

  expect(wait.rung).toBe('legs');
});

test('when there is no message, then nothing but holding is left', () => {
  const wait = waitOf({ ...waiter({}), message: undefined }, settings);

  expect(wait.rung).toBe('hold');
});

const all = ['task', 'progress', 'legs', 'hold'] as const;

test('when several entries match a client, then the first counts, and what it leaves open is as for all', () => {
  const clients = [
    { match: 'app-1', holdSilentMs: 9, ladder: ['hold' as const] },
    { match: '*', ladder: [...all] },
  ];

  expect(waitOf(waiter(tasks), { ...settings, clients })).toEqual({ rung: 'hold', holdMs: 9 });
  const other = { ...waiter({ progressToken: 1 }), clientNames: ['x'] };
  expect(waitOf(other, { ...settings, clients })).toEqual({ rung: 'progress', holdMs: 210 });
});

test('when nothing is allowed, then a client waits only for what is there already', () => {
  const clients = [{ match: 'claude-*', ladder: [] }];

  expect(waitOf(waiter(tasks), { ...settings, clients })).toEqual({ rung: undefined, holdMs: 3 });
  expect(offersTasks(['claude-code'], { ...settings, clients })).toBe(false);
  expect(offersTasks(['cursor'], { ...settings, clients })).toBe(true);
});

test.each([
  ['claude-*', 'claude-code', true],
  ['claude-*', 'Claude-code', false],
  ['*', '', true],
  ['', '', true],
  ['', 'a', false],
  ['a*b', 'ab', true],
  ['a*b', 'axxb', true],
  ['a*b', 'axxbc', false],
  ['*desktop*', 'claude desktop 1', true],
  ['a*', 'b', false],
  ['a', 'a*', false],
  ['a**', 'a', true],
])('when %s is held against %s, then that is %s', (pattern, text, isMatch) => {
  expect(matches(pattern, text)).toBe(isMatch);
});

test('when a client gives itself a name to be slow on, then it is not', () => {
  const begin = performance.now();

  expect(matches('*a'.repeat(30), 'a'.repeat(20_000) + 'b')).toBe(false);

  expect(performance.now() - begin).toBeLessThan(1000);
});
