import { execFile } from 'node:child_process';
import { readFile, readlink, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { EmbeddedPostgresError } from './error.js';

const pollMs = 20;
/** A fast shutdown that takes longer is turned into an immediate one, and then into a kill. */
const patienceMs = { SIGINT: 10_000, SIGQUIT: 5_000, SIGKILL: 2_000 } as const;

/** What `postmaster.pid` of a data folder says. */
export interface PostmasterFile {
  readonly pid: number;
  readonly port: number;
  readonly isReady: boolean;
}

/** Reads `postmaster.pid`; undefined where it is absent or not yet written. */
export async function readPostmasterFile(data: string): Promise<PostmasterFile | undefined> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
  const lines = text.split('\n').map((line) => line.trim());
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return { pid, port: Number(lines[3] ?? 0), isReady: lines[7] === 'ready' };
}

/**
 * Stops the Postgres that a killed predecessor left running on this very folder, also one that is
 * still starting up. Another program that has been given the old process id is left alone.
 * @throws EmbeddedPostgresError `DATA_FOLDER_IN_USE` where the process that started it still lives.
 */
export async function stopLeftover(data: string, owner: number | undefined): Promise<void> {
  const file = await readPostmasterFile(data);
  if (file === undefined) return;
  if (!(await servesFolder(file.pid, data))) {
    // Postgres itself takes any live process of this user for its predecessor, and would refuse.
    await rm(join(data, 'postmaster.pid'), { force: true });
    return;
  }
  if (owner !== undefined && (await parentOf(file.pid)) === owner) {
    throw new EmbeddedPostgresError(
      'DATA_FOLDER_IN_USE',
      `process ${owner} runs its Postgres in ${data}: stop it, or set COUNTERSIGN_DATA_DIR to another folder`,
    );
  }
  await stopPostmaster(file.pid, data);
}

/** Ends a postmaster: fast, then at once, then by force. Resolves when it no longer serves the folder. */
export async function stopPostmaster(pid: number, data: string): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    send(pid, signal);
    const until = Date.now() + patienceMs[signal];
    while (Date.now() < until) {
      if (!(await servesFolder(pid, data))) return;
      await pause(pollMs);
    }
  }
  throw new EmbeddedPostgresError(
    'LEFTOVER_NOT_STOPPED',
    `process ${pid} still serves ${data} and cannot be stopped: end it by hand`,
  );
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already, or not ours: whether it still serves the folder is what decides.
  }
}

/** Whether a live process is the postmaster of this folder: a postmaster works inside its folder. */
async function servesFolder(pid: number, data: string): Promise<boolean> {
  if (process.platform === 'linux') {
    // A zombie has no working folder any more, so it does not count as alive.
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
    return cwd !== undefined && cwd === (await realpath(data));
  }
  return (await commandLineOf(pid)).includes(data);
}

async function parentOf(pid: number): Promise<number | undefined> {
  if (process.platform === 'linux') {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    const parent = Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
    return Number.isInteger(parent) ? parent : undefined;
  }
  if (process.platform === 'win32') return undefined;
  return Number(await output('ps', ['-o', 'ppid=', '-p', String(pid)]));
}

async function commandLineOf(pid: number): Promise<string> {
  if (process.platform !== 'win32') return output('ps', ['-o', 'args=', '-p', String(pid)]);
  const query = `(Get-CimInstance Win32_Process -Filter 'ProcessId=${pid}').CommandLine`;
  return output('powershell', ['-NoProfile', '-Command', query]);
}

async function output(file: string, args: string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(file, args, (error, stdout) => resolve(error === null ? stdout.trim() : ''));
  });
}
