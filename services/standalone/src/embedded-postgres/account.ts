import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EmbeddedPostgresError } from './error.js';

/** Whom Postgres runs as; `undefined` ids mean: as this process. */
export interface Account {
  readonly name: string;
  readonly uid?: number;
  readonly gid?: number;
}

/** Postgres refuses to run as root, so root hands it to `postgres`, else to `nobody`. */
export async function chooseAccount(): Promise<Account> {
  if (process.getuid?.() !== 0) return { name: 'this user' };
  const lines = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n');
  for (const wanted of ['postgres', 'nobody']) {
    const fields = lines.map((line) => line.split(':')).find(([name]) => name === wanted);
    const [uid, gid] = [Number(fields?.[2]), Number(fields?.[3])];
    if (uid > 0 && gid > 0) return { name: wanted, uid, gid };
  }
  throw new EmbeddedPostgresError(
    'NO_ORDINARY_USER',
    'Postgres does not run as root, and neither user postgres nor nobody exists: start as an ordinary user, or set DATABASE_URL',
  );
}

/** @throws EmbeddedPostgresError `DATA_FOLDER_CLOSED` naming the first parent that the account cannot enter. */
export async function requireOpenParents(folder: string, account: Account): Promise<void> {
  if (account.uid === undefined) return;
  for (let parent = folder; ; parent = dirname(parent)) {
    const facts = await stat(parent);
    if (!mayEnter(facts, account)) {
      throw new EmbeddedPostgresError(
        'DATA_FOLDER_CLOSED',
        `user ${account.name}, whom Postgres runs as, cannot enter ${parent}: set COUNTERSIGN_DATA_DIR to a folder outside it (for instance below /var/lib), start as an ordinary user, or set DATABASE_URL`,
      );
    }
    if (dirname(parent) === parent) return;
  }
}

function mayEnter(facts: { mode: number; uid: number; gid: number }, account: Account): boolean {
  if (facts.uid === account.uid) return (facts.mode & 0o100) !== 0;
  if (facts.gid === account.gid) return (facts.mode & 0o010) !== 0;
  return (facts.mode & 0o001) !== 0;
}
