import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { program, usableBinaries } from './binaries.js';
import { createCluster, type Home, login, openHome } from './cluster.js';
import { EmbeddedPostgresError } from './error.js';
import { readPostmasterFile, stopLeftover, stopPostmaster } from './postmaster.js';

/** Where the embedded Postgres keeps its data. */
export interface EmbeddedPostgresSettings {
  /** Holds everything; made if missing. */
  readonly dataDir: string;
  /** Server settings, e.g. `{ fsync: 'off' }` for a test. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/** A running Postgres of our own. */
export interface EmbeddedPostgres {
  /** Connects as the owner of everything in it. Stays the same over restarts where the port is free. */
  readonly url: string;
  /** Lets it write everything and end. May be called twice. */
  stop(): Promise<void>;
}

const attempts = 5;
const startTimeoutMs = 60_000;
const pollMs = 20;
/** Between attempts to bring back a server that ended unasked. */
const restartPauseMs = 1_000;

/**
 * Starts a Postgres of our own on a free port of the loopback interface. It works as root and as an
 * ordinary user, and stops what a killed predecessor left running in the folder. The server is in a
 * process group of its own: a Ctrl-C reaches this process only, which stops it in its own time.
 * @throws EmbeddedPostgresError that says what to do.
 */
export async function startEmbeddedPostgres(
  settings: EmbeddedPostgresSettings,
): Promise<EmbeddedPostgres> {
  const dataDir = resolve(settings.dataDir);
  await mkdir(dataDir, { recursive: true });
  const home = await openHome(dataDir);
  const binaries = await usableBinaries(home.folder, home.account);
  await stopLeftover(home.data, await readOwner(home));
  await createCluster(home, binaries);
  await writeFile(join(home.folder, 'owner'), String(process.pid));
  const { parameters = {} } = settings;
  const start = async (port: () => Promise<number>): Promise<Server> =>
    bringUp(home, port, async (chosen) => launch(home, binaries, chosen, parameters));
  const first = await start(async () => choosePort(home));
  return keepRunning(first, async () => start(async () => first.port), home);
}

interface Server {
  readonly child: ChildProcess;
  readonly port: number;
}

async function bringUp(
  home: Home,
  choose: () => Promise<number>,
  launchOn: (port: number) => Promise<ChildProcess>,
): Promise<Server> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await choose();
    const child = await launchOn(port);
    if (await becomesReady(child, home)) return { child, port };
    if (attempt === attempts) throw await notStarted(home);
    // The port was taken meanwhile, or a predecessor's server that was only starting came first.
    await pause(100 * attempt);
    await stopLeftover(home.data, undefined);
  }
}

/** Starts the server again when it ends unasked; its users lose their connections, not their data. */
function keepRunning(first: Server, start: () => Promise<Server>, home: Home): EmbeddedPostgres {
  let { child } = first;
  let isStopping = false;
  let restart = Promise.resolve();
  const again = async (): Promise<void> => {
    if (isStopping) return undefined;
    const next = await start().catch(() => undefined);
    if (next !== undefined) return watch(next.child);
    await pause(restartPauseMs);
    return again();
  };
  const watch = (started: ChildProcess): void => {
    child = started;
    child.unref();
    child.once('exit', () => {
      if (!isStopping) restart = again();
    });
  };
  watch(child);
  return {
    url: `postgres://${login}:${home.password}@127.0.0.1:${first.port}/postgres`,
    stop: async () => {
      isStopping = true;
      await restart;
      await end(child, home);
    },
  };
}

async function end(child: ChildProcess, home: Home): Promise<void> {
  if (child.pid === undefined || hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.ref();
  await stopPostmaster(child.pid, home.data);
  await ended;
}

async function launch(
  home: Home,
  binaries: string,
  port: number,
  parameters: Readonly<Record<string, string>>,
): Promise<ChildProcess> {
  const all: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    port: String(port),
    ...parameters,
  };
  const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const { uid, gid } = home.account;
  const log = await open(join(home.folder, 'server.log'), 'w');
  const child = spawn(program(binaries, 'postgres'), ['-D', home.data, ...flags], {
    cwd: home.folder,
    env: { LC_ALL: 'C' },
    detached: true,
    windowsHide: true,
    stdio: ['ignore', log.fd, log.fd],
    ...(uid === undefined || gid === undefined ? {} : { uid, gid }),
  });
  // A program that cannot be started at all shows as "never ready".
  child.on('error', () => undefined);
  await log.close();
  return child;
}

/** True once the server answers; false when it ended instead. */
async function becomesReady(child: ChildProcess, home: Home): Promise<boolean> {
  const until = Date.now() + startTimeoutMs;
  while (Date.now() < until && child.pid !== undefined && !hasEnded(child)) {
    const file = await readPostmasterFile(home.data);
    if (file?.pid === child.pid && file.isReady) return true;
    await pause(pollMs);
  }
  if (child.pid !== undefined && !hasEnded(child)) await stopPostmaster(child.pid, home.data);
  return false;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function notStarted(home: Home): Promise<EmbeddedPostgresError> {
  const file = join(home.folder, 'server.log');
  const log = await readFile(file, 'utf8').catch(() => '');
  const cause = new Error(log.split('\n').slice(-10).join('\n'));
  return new EmbeddedPostgresError('NOT_STARTED', `Postgres did not start: read ${file}`, {
    cause,
  });
}

/** The port of the last start where it is still free, so that the address survives a restart. */
async function choosePort(home: Home): Promise<number> {
  const file = join(home.folder, 'port');
  const last = Number(await readFile(file, 'utf8').catch(() => '0'));
  const port = (await freePort(last)) ?? (await freePort(0));
  if (port === undefined) {
    throw new EmbeddedPostgresError('NOT_STARTED', 'no free port on 127.0.0.1');
  }
  await writeFile(file, String(port));
  return port;
}

async function freePort(wanted: number): Promise<number | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined));
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}

async function readOwner(home: Home): Promise<number | undefined> {
  const text = await readFile(join(home.folder, 'owner'), 'utf8').catch(() => '');
  const pid = Number(text);
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}
