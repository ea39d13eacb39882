import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  mkdir,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { type Account, chooseAccount, requireOpenParents } from './account.js';
import { program } from './binaries.js';
import { EmbeddedPostgresError } from './error.js';
import { run } from './run.js';

/** The one login of an embedded Postgres. */
export const login = 'countersign';

/** Where everything of one embedded Postgres lies. */
export interface Home {
  /** Holds all below; Postgres may enter it. */
  readonly folder: string;
  readonly data: string;
  readonly account: Account;
  readonly password: string;
}

/** Prepares the folder: made, entered by the account, password at hand. Creates no cluster yet. */
export async function openHome(dataDir: string): Promise<Home> {
  const folder = join(dataDir, 'postgres');
  await mkdir(folder, { recursive: true });
  const data = join(folder, 'data');
  const account = await accountFor(data);
  await requireOpenParents(dataDir, account);
  await give(folder, account);
  return {
    folder,
    data,
    account,
    password: await keepPassword(join(dataDir, 'postgres.password')),
  };
}

/** Makes the cluster where there is none. One that was cut off while being made does not count. */
export async function createCluster(home: Home, binaries: string): Promise<void> {
  const { folder, data, account } = home;
  if (await exists(join(data, 'PG_VERSION'))) return;
  await dropDrafts(folder);
  const draft = join(folder, `draft-${process.pid}`);
  const passwordFile = join(folder, `password-${process.pid}`);
  await writeFile(passwordFile, home.password, { mode: 0o600 });
  await give(passwordFile, account);
  const args = [
    `--pgdata=${draft}`,
    `--username=${login}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
  ];
  const made = await run(program(binaries, 'initdb'), args, { cwd: folder, account });
  await rm(passwordFile, { force: true });
  if (!made.isSuccess) {
    throw new EmbeddedPostgresError('CLUSTER_NOT_CREATED', `initdb failed in ${folder}`, {
      cause: new Error(made.output),
    });
  }
  await rename(draft, data);
}

/** An existing cluster goes on under its owner, whoever starts it. */
async function accountFor(data: string): Promise<Account> {
  const chosen = await chooseAccount();
  if (chosen.uid === undefined) return chosen;
  const owner = await stat(data).catch(() => undefined);
  if (owner === undefined || owner.uid === 0 || owner.uid === chosen.uid) return chosen;
  return { name: `number ${owner.uid}`, uid: owner.uid, gid: owner.gid };
}

async function give(path: string, account: Account): Promise<void> {
  if (account.uid === undefined || account.gid === undefined) return;
  await chown(path, account.uid, account.gid);
}

async function keepPassword(file: string): Promise<string> {
  const known = await readFile(file, 'utf8').catch(() => '');
  if (known !== '') return known;
  const password = randomBytes(24).toString('base64url');
  await writeFile(file, password, { mode: 0o600 });
  await chmod(file, 0o600);
  return password;
}

async function dropDrafts(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!/^(draft|password)-\d+$/.test(name)) continue;
    // A predecessor's initdb may still be writing into its draft: then the rest stays until next time.
    await rm(join(folder, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
