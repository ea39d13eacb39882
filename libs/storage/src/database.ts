import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Client, Pool, type PoolConfig } from 'pg';
import { DataSource, type EntitySchema, type MigrationInterface, QueryFailedError } from 'typeorm';
import { guardPool } from './guard.js';
import { isOutage } from './outage.js';

/** What one service keeps in Postgres. */
export interface DatabaseSettings {
  readonly url: string;
  /** A schema of its own for each service; created if missing. Lower-case letters and underscores. */
  readonly schema: string;
  readonly entities: readonly EntitySchema[];
  /** In order; each one runs once. */
  readonly migrations: readonly (new () => MigrationInterface)[];
  /** Seen in `pg_stat_activity`. */
  readonly applicationName: string;
  /** Connections of this process. Default 10. */
  readonly poolSize?: number;
  /** Told while the server cannot be reached yet: at once, and about every minute. */
  readonly onWait?: (error: unknown) => void;
  /** Role that all work (not the migrations) runs as, to give up rights that the login has. */
  readonly role?: string;
}

/** A statement that takes longer is ended by the server; milliseconds. */
const statementTimeoutMs = 2_000;
/** How long a statement waits for a lock; milliseconds. */
const lockTimeoutMs = 1_500;
/** How long a connection, a place in the pool or any word of the server may take; milliseconds. */
const silentMs = 2_500;
/** How long one migration, or waiting for another replica's, may take; milliseconds. */
const migrationTimeoutMs = 120_000;

/** Between two tries to reach a server that is not there, milliseconds. */
const retryPauseMs = 500;
const triesPerWord = 100;

/**
 * Brings the schema up to date and opens a pool on it; waits for a server that cannot be reached yet.
 * Replicas that start at once wait for each other. Whatever the database does later (stop, freeze, fail
 * over), work fails with an error within about three seconds and goes on by itself afterwards; see
 * `isOutage`.
 * @throws Error of the driver when the login, the database or a migration is wrong.
 */
export async function openDatabase(settings: DatabaseSettings): Promise<DataSource> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await open(settings);
    } catch (error) {
      if (!isOutage(error) || isCancelled(error)) throw error;
      if (tries % triesPerWord === 0) settings.onWait?.(error);
      await pause(retryPauseMs);
    }
  }
}

/** A migration that took too long was ended by the server; it would be so again. */
function isCancelled(error: unknown): boolean {
  const cause = error instanceof QueryFailedError ? error.driverError : error;
  return cause instanceof Error && 'code' in cause && cause.code === '57014';
}

async function open(settings: DatabaseSettings): Promise<DataSource> {
  await migrate(settings);
  const { role } = settings;
  return connect(settings, [
    `-c search_path=${nameOf(settings.schema)}`,
    `-c statement_timeout=${statementTimeoutMs}`,
    `-c lock_timeout=${lockTimeoutMs}`,
    `-c idle_in_transaction_session_timeout=${silentMs}`,
    ...(role === undefined ? [] : [`-c role=${nameOf(role)}`]),
  ]);
}

async function connect(
  settings: DatabaseSettings,
  serverOptions: readonly string[],
): Promise<DataSource> {
  const database = new DataSource({
    type: 'postgres',
    url: settings.url,
    schema: settings.schema,
    entities: [...settings.entities],
    applicationName: settings.applicationName,
    poolSize: settings.poolSize ?? 10,
    connectTimeoutMS: silentMs,
    poolErrorHandler: () => undefined,
    logging: false,
    driver: guardedDriver,
    extra: { options: serverOptions.join(' '), keepAlive: true },
  });
  return database.initialize();
}

/** pg with a pool that guards its clients from the first one on. */
const guardedDriver = {
  Pool: class GuardedPool extends Pool {
    constructor(config?: PoolConfig) {
      super(config);
      guardPool(this, silentMs);
    }
  },
};

async function migrate(settings: DatabaseSettings): Promise<void> {
  const schema = nameOf(settings.schema);
  const lock = new Client({
    connectionString: settings.url,
    application_name: `${settings.applicationName}-migration`,
    connectionTimeoutMillis: silentMs,
    statement_timeout: migrationTimeoutMs,
  });
  lock.on('error', () => undefined);
  await lock.connect();
  try {
    await lock.query('select pg_advisory_lock($1)', [lockNumber(schema)]);
    await lock.query(`create schema if not exists ${schema}`);
    await runMigrations(settings, schema);
  } finally {
    await lock.end();
  }
}

async function runMigrations(settings: DatabaseSettings, schema: string): Promise<void> {
  const database = new DataSource({
    type: 'postgres',
    url: settings.url,
    schema,
    migrations: [...settings.migrations],
    migrationsTransactionMode: 'each',
    applicationName: `${settings.applicationName}-migration`,
    poolSize: 2,
    connectTimeoutMS: silentMs,
    poolErrorHandler: () => undefined,
    logging: false,
    extra: { options: `-c search_path=${schema} -c statement_timeout=${migrationTimeoutMs}` },
  });
  await database.initialize();
  try {
    await database.runMigrations();
  } finally {
    await database.destroy();
  }
}

/** One lock for each schema; replicas of one service meet at it. */
function lockNumber(schema: string): string {
  const hash = createHash('sha256').update(`countersign:migrations:${schema}`).digest();
  return hash.readBigInt64BE(0).toString();
}

/** Names become part of SQL text and of connection options, so they are plain words. */
function nameOf(name: string): string {
  if (!/^[a-z][a-z_]{0,62}$/.test(name)) throw new TypeError(`${name}: not a plain database name`);
  return name;
}
