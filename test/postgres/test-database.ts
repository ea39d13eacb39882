import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { inject } from 'vitest';
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from '../../services/standalone/src/embedded-postgres/embedded-postgres.js';

/** An empty database of one's own. */
export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** Creates an empty database on the Postgres of this test run. */
export async function testDatabase(): Promise<TestDatabase> {
  const server = inject('postgresUrl');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await execute(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: url.toString(),
    drop: async () => {
      await execute(server, `drop database if exists ${name} with (force)`);
    },
  };
}

/** A whole server of one's own, to be stopped and started again while others use it. */
export interface TestServer {
  readonly url: string;
  stop(): Promise<void>;
  /** Starts it again under the same address. */
  start(): Promise<void>;
  /** Stops it and deletes its data. */
  drop(): Promise<void>;
}

/** Starts a Postgres for one spec that breaks it. */
export async function testServer(): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'countersign-server-'));
  await chmod(dataDir, 0o755);
  const launch = async () => startEmbeddedPostgres({ dataDir, parameters: { fsync: 'off' } });
  let postgres: EmbeddedPostgres = await launch();
  const { url } = postgres;
  return {
    url,
    stop: async () => postgres.stop(),
    start: async () => {
      postgres = await launch();
      if (postgres.url !== url) throw new Error('the port was taken meanwhile');
    },
    drop: async () => {
      await postgres.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Runs SQL over a connection of its own and gives the rows. */
export async function execute(
  url: string,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql, [...values])).rows;
  } finally {
    await client.end();
  }
}
