import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../services/standalone/src/embedded-postgres/embedded-postgres.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** A Postgres whose login may create databases. */
    readonly postgresUrl: string;
  }
}

/** Gives a test run its Postgres: the one of `DATABASE_URL`, else an embedded one of its own. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env['DATABASE_URL'];
  if (given !== undefined && given !== '') {
    project.provide('postgresUrl', given);
    return undefined;
  }
  const dataDir = await mkdtemp(join(tmpdir(), 'countersign-test-'));
  await chmod(dataDir, 0o755);
  const postgres = await startEmbeddedPostgres({
    dataDir,
    parameters: { fsync: 'off', max_connections: '300' },
  });
  project.provide('postgresUrl', postgres.url);
  return async () => {
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
}
