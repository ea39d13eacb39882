import { execFile } from 'node:child_process';
import type { Account } from './account.js';

/** Outcome of a program that ends by itself. */
export interface RunOutcome {
  readonly isSuccess: boolean;
  /** What it printed, for an error's cause. */
  readonly output: string;
}

/** Runs a program to its end as the account, with no environment but the C locale. Never rejects. */
export async function run(
  file: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly account: Account },
): Promise<RunOutcome> {
  const { uid, gid } = options.account;
  const identity = uid === undefined || gid === undefined ? {} : { uid, gid };
  return new Promise((resolve) => {
    execFile(
      file,
      [...args],
      {
        cwd: options.cwd,
        env: { LC_ALL: 'C' },
        timeout: 120_000,
        windowsHide: true,
        ...identity,
      },
      (error, stdout, stderr) => {
        resolve({ isSuccess: error === null, output: `${stdout}${stderr}${error?.message ?? ''}` });
      },
    );
  });
}
