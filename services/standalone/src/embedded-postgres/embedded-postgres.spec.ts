import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, lstat, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { chooseAccount } from './account.js';
import { installedFolder, usableBinaries } from './binaries.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.js';
import { readPostmasterFile } from './postmaster.js';

vi.setConfig({ hookTimeout: 60_000 });

let dataDir: string;
const running: EmbeddedPostgres[] = [];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'countersign-pg-'));
  await chmod(dataDir, 0o755);
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
  await rm(dataDir, { recursive: true, force: true });
});

async function start(): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir });
  running.push(postgres);
  return postgres;
}

async function ask(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

const isRoot = process.getuid?.() === 0;
const isLinux = process.platform === 'linux';

describe('embedded Postgres', { timeout: 60_000 }, () => {
  test('when it is started again, then its data and its address are still there', async () => {
    const first = await start();
    await ask(first.url, 'create table kept as select 42 as answer');
    await first.stop();

    const second = await start();

    expect(await ask(second.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
    expect(second.url).toBe(first.url);
  });

  test('when the password is wrong, then nobody gets in', async () => {
    const { url } = await start();

    const guess = ask(url.replace(/:[^:@]+@/, ':guess@'), 'select 1');

    await expect(guess).rejects.toMatchObject({ code: '28P01' });
  });

  test.skipIf(!isLinux)(
    'when it runs, then it listens on the loopback interface only',
    async () => {
      const { url } = await start();

      const rows = await ask(url, 'show listen_addresses');

      expect(rows).toEqual([{ listen_addresses: '127.0.0.1' }]);
    },
  );

  test.skipIf(!isLinux)(
    'when the process that started it is killed, then a new start stops what is left and keeps the data',
    async () => {
      const { postmaster, url } = await leftBehind();
      await ask(url, 'create table kept as select 42 as answer');

      const next = await start();

      expect(await ask(next.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
      expect(await readPostmasterFile(join(dataDir, 'postgres', 'data'))).not.toMatchObject({
        pid: postmaster,
      });
    },
  );

  test.skipIf(!isLinux)(
    'when the predecessor is killed while its server is starting, then a new start succeeds',
    async () => {
      await (await start()).stop();
      const orphan = orphanServer();

      const next = await start();

      expect(await ask(next.url, 'select 1 as one')).toEqual([{ one: 1 }]);
      await orphan.ended;
    },
  );

  test('when the server dies, then it comes back under the same address with its data', async () => {
    const { url } = await start();
    await ask(url, 'create table kept as select 42 as answer');
    const file = await readPostmasterFile(join(dataDir, 'postgres', 'data'));

    process.kill(file?.pid ?? 0, 'SIGKILL');

    const answer = async () => ask(url, 'select answer from kept').catch(() => undefined);
    await expect.poll(answer, { timeout: 30_000 }).toEqual([{ answer: 42 }]);
  });

  test('when the process that started it still lives, then a second start is refused and the first goes on', async () => {
    const first = await start();

    await expect(startEmbeddedPostgres({ dataDir })).rejects.toMatchObject({
      code: 'DATA_FOLDER_IN_USE',
    });
    expect(await ask(first.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('when postmaster.pid names a process that is something else, then it is left alone and the start succeeds', async () => {
    await (await start()).stop();
    const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const pid = String(stranger.pid);
    await writeFile(join(dataDir, 'postgres', 'data', 'postmaster.pid'), `${pid}\n`);

    const next = await start();

    expect(await ask(next.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(stranger.exitCode).toBeNull();
    expect(stranger.signalCode).toBeNull();
    stranger.kill();
  });

  test.skipIf(!isRoot)(
    'when the data folder lies in a closed home, then the error says what to do',
    async () => {
      const home = join(dataDir, 'home');
      await mkdir(home, { mode: 0o700 });

      const starting = startEmbeddedPostgres({ dataDir: join(home, 'data') });

      await expect(starting).rejects.toMatchObject({
        code: 'DATA_FOLDER_CLOSED',
        message: expect.stringContaining('COUNTERSIGN_DATA_DIR'),
      });
    },
  );

  test('when the installed programs lack their links, then a copy with links is used', async () => {
    const installed = join(dataDir, 'package', 'native');
    await cp(installedFolder(`${process.platform}-${process.arch}`), installed, {
      recursive: true,
      filter: async (path) => !(await lstat(path)).isSymbolicLink(),
    });

    const folder = await usableBinaries(dataDir, await chooseAccount(), installed);

    expect(folder).toBe(join(dataDir, 'native', 'bin'));
  });

  test.skipIf(!isRoot)(
    'when the installed programs lie in a closed home, then a copy is used',
    async () => {
      const home = join(dataDir, 'home');
      await mkdir(home, { mode: 0o700 });
      const installed = join(home, 'native');
      await cp(installedFolder(`${process.platform}-${process.arch}`), installed, {
        recursive: true,
      });

      const folder = await usableBinaries(dataDir, await chooseAccount(), installed);

      expect(folder).toBe(join(dataDir, 'native', 'bin'));
    },
  );

  test('when nobody made a Postgres for the platform, then the error names DATABASE_URL', () => {
    expect(() => installedFolder('sunos-sparc')).toThrow(/PLATFORM_UNKNOWN.*DATABASE_URL/);
  });
});

/** A server whose starting process was killed with SIGKILL. */
async function leftBehind(): Promise<{ postmaster: number; url: string }> {
  const module = join(import.meta.dirname, 'embedded-postgres.ts');
  const file = join(dataDir, 'parent.mjs');
  await writeFile(
    file,
    `import { registerHooks } from 'node:module';
    registerHooks({ resolve: (name, context, next) =>
      next(name.startsWith('./') && !context.parentURL.includes('node_modules')
        ? name.replace(/\\.js$/, '.ts') : name, context) });
    const { startEmbeddedPostgres } = await import(${JSON.stringify(module)});
    const { url } = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)} });
    console.log(url);
    setInterval(() => {}, 1000);`,
  );
  const parent = spawn(process.execPath, ['--experimental-transform-types', '--no-warnings', file]);
  const url = await firstLine(parent);
  const left = await readPostmasterFile(join(dataDir, 'postgres', 'data'));
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  return { postmaster: left?.pid ?? 0, url };
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = '';
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk);
    const end = text.indexOf('\n');
    if (end >= 0) return text.slice(0, end);
  }
  throw new Error(errors);
}

/** A server of this folder that nobody waits for, started this instant. */
function orphanServer(): { ended: Promise<unknown> } {
  const script = `
    const { spawn } = require('node:child_process');
    const { statSync } = require('node:fs');
    const { uid, gid } = statSync(process.argv[2]);
    spawn(process.argv[1], ['-D', process.argv[2], '-c', 'port=0'.replace('0', process.argv[3]),
      '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
      { uid, gid, cwd: process.argv[2], detached: true, stdio: 'ignore', env: {} });
    process.kill(process.pid, 'SIGKILL');`;
  const postgres = join(installedFolder(`${process.platform}-${process.arch}`), 'bin', 'postgres');
  const data = join(dataDir, 'postgres', 'data');
  const child = spawn(process.execPath, ['-e', script, postgres, data, '54999']);
  return { ended: once(child, 'exit') };
}
