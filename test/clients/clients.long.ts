import { type ChildProcess, spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, realpath, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../demo/free-port.js';
import { eventually } from '../stack/http.js';
import { type Stack, stackNames, stacks } from '../stack/stack.js';
import { startWorld, type World } from '../stack/world.js';
import { inspect, type Plan } from './inspection.js';
import { type ClientName, clientNames, clients, type Place } from './peers.js';
import { everythingPlan, filesystemPlan } from './plans.js';

const everything = resolve('node_modules/@modelcontextprotocol/server-everything/dist/index.js');
const filesystem = resolve('node_modules/@modelcontextprotocol/server-filesystem/dist/index.js');

/** What the SDKs' own stdio transports let a child inherit. */
const childEnvironment: Record<string, string> = Object.fromEntries(
  ['HOME', 'LOGNAME', 'PATH', 'SHELL', 'TERM', 'USER']
    .map((name) => [name, process.env[name] ?? ''] as const)
    .filter(([, value]) => value !== '' && !value.startsWith('()')),
);
const dot =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';

/** The same files, with the same times, before every run. */
async function resetFiles(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'sub'), { recursive: true });
  const at = new Date('2026-01-01T00:00:00Z');
  for (const [name, content] of [
    ['a.txt', 'one\ntwo\n'],
    ['sub/deep.txt', 'deep'],
    ['dot.png', Buffer.from(dot, 'base64')],
  ] as const) {
    await writeFile(join(folder, name), content);
    await utimes(join(folder, name), at, at);
  }
}

describe.each(stackNames)('on %s', (kind) => {
  let world: World;
  let stack: Stack;
  let server: ChildProcess;
  let serverUrl: string;
  let folder: string;

  beforeAll(async () => {
    const port = await freePort();
    serverUrl = `http://127.0.0.1:${port}/mcp`;
    server = spawn(process.execPath, [everything, 'streamableHttp'], {
      env: { ...childEnvironment, PORT: String(port) },
      stdio: 'ignore',
    });
    await eventually(async () => fetch(serverUrl));
    folder = join(await realpath(await mkdtemp(join(tmpdir(), 'countersign-files-'))), 'root');
    world = await startWorld({
      policies: await policyFolder(),
      servers: {
        'everything-http': { url: serverUrl },
        'everything-stdio': {
          command: [process.execPath, everything, 'stdio'],
          env: childEnvironment,
        },
        filesystem: { command: [process.execPath, filesystem, folder] },
      },
    });
    await resetFiles(folder);
    stack = await stacks[kind](world);
  });

  afterAll(async () => {
    await stack?.close();
    await world?.close();
    server?.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  const throughGateway = async (name: string): Promise<Place> => ({
    url: `${stack.gateway}/mcp/${name}`,
    token: await world.token('analyst'),
  });

  const answersOf = async (
    client: ClientName,
    place: Place,
    plan: Plan,
  ): Promise<Record<string, unknown>> => {
    await resetFiles(folder);
    const peer = await clients[client](place);
    try {
      return await inspect(peer, plan);
    } finally {
      await peer.close();
    }
  };

  describe.each(clientNames)('with the %s', (client) => {
    test.each<[string, () => Place, () => Plan]>([
      ['everything-http', () => ({ url: serverUrl }), () => everythingPlan],
      [
        'everything-stdio',
        () => ({ command: [everything, 'stdio'], env: childEnvironment }),
        () => everythingPlan,
      ],
      [
        'filesystem',
        () => ({ command: [filesystem, folder], env: childEnvironment }),
        () => filesystemPlan(folder),
      ],
    ])(
      'when %s is asked for all it offers, then every answer is the one it gives directly',
      async (name, direct, plan) => {
        const expected = await answersOf(client, direct(), plan());
        const actual = await answersOf(client, await throughGateway(name), plan());

        expect(Object.keys(expected).length).toBeGreaterThan(plan().calls.length);
        for (const [question, answer] of Object.entries(expected)) {
          expect.soft(actual[question], question).toEqual(answer);
        }
      },
      120_000,
    );
  });
});

async function policyFolder(): Promise<string> {
  const policies = await mkdtemp(join(tmpdir(), 'countersign-policies-'));
  await copyFile(resolve('test/clients/policy.yaml'), join(policies, 'policy.yaml'));
  return policies;
}
