import { afterEach, expect, test } from 'vitest';
import type { StdioServerConfig } from '#runtime';
import { Servers } from '../servers.js';
import { ask, limits, open, program, resultOf } from './session-upstream.suite.js';
import type { McpUpstream } from './upstream.js';
import { Upstreams } from './upstreams.js';

const made: Upstreams[] = [];
afterEach(async () => {
  await Promise.all(made.splice(0).map(async (each) => each.close()));
});

const configOf = (change: Partial<StdioServerConfig> = {}): StdioServerConfig => ({
  command: [process.execPath, '-e', program],
  env: {},
  labels: {},
  ...change,
});

/** A configured program, and what it wrote for whoever runs it. */
const configured = (config: StdioServerConfig) => {
  const told: string[] = [];
  const servers = new Servers({ files: config }, { PATH: process.env['PATH'] });
  const upstreams = new Upstreams(servers, limits, (name, line) => told.push(`${name}: ${line}`));
  made.push(upstreams);
  const current = (): McpUpstream => {
    const server = servers.find('files');
    if (server === undefined) throw new TypeError('it is configured');
    return upstreams.of(server);
  };
  return { servers, upstreams, told, current };
};

test.each([
  [undefined, 3],
  ['session', 3],
  ['caller', 2],
  ['shared', 1],
] as const)(
  'when processes are %s, then three sessions of two callers have %s',
  async (processes, count) => {
    const to = configured(configOf(processes && { processes })).current();
    const pids = new Set<number>();
    for (const caller of ['tenant/ada', 'tenant/ada', 'tenant/bob']) {
      const session = await open(to, caller);
      const body = { id: `${caller}-${pids.size}`, method: 'pid', params: {} };
      pids.add((await resultOf(to, body, session, caller)).pid);
    }

    expect(pids.size).toBe(count);
  },
);

test('when a program writes for whoever runs it, then that is told under the name of its server', async () => {
  const { current, told, upstreams } = configured(configOf());
  const session = await open(current());
  const params = { text: 'ready\n' };

  await ask(current(), { id: 1, method: 'complain', params }, session);
  await upstreams.close();

  expect(told).toEqual(['files: ready']);
});

test('when a program is configured anew while it answers, then it answers, ends, and another takes its place', async () => {
  const { current, servers, upstreams } = configured(configOf());
  const before = current();
  const session = await open(before);
  const running = ask(before, { id: 1, method: 'slow', params: {} }, session);

  servers.replace({ files: configOf({ processes: 'shared' }) });
  upstreams.renew();

  const after = current();
  expect(after).not.toBe(before);
  expect((await running).parts).toMatchObject([{ id: 1, result: { method: 'slow' } }]);
  await expect(open(before)).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
  expect((await open(after)).upstreamId).not.toBe('');
});
