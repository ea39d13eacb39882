import { randomUUID } from 'node:crypto';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { EntitySchema, type DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  execute,
  testDatabase,
  testServer,
  type TestDatabase,
} from '../../../test/postgres/test-database.js';
import { openDatabase } from './database.js';
import { isOutage } from './outage.js';

vi.setConfig({ hookTimeout: 60_000 });

class MakesThings1700000000000 implements MigrationInterface {
  name = 'MakesThings1700000000000';
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('create table thing (id uuid primary key, size int not null)');
  }
  async down(): Promise<void> {
    throw new Error('forward only');
  }
}

const thingTable = new EntitySchema<{ id: string; size: number }>({
  name: 'thing',
  columns: { id: { type: 'uuid', primary: true }, size: { type: 'int' } },
});

const settings = {
  schema: 'things',
  entities: [thingTable],
  migrations: [MakesThings1700000000000],
  applicationName: 'storage-spec',
};

let database: TestDatabase;
const opened: DataSource[] = [];

async function open(url: string): Promise<DataSource> {
  const source = await openDatabase({ ...settings, url });
  opened.push(source);
  return source;
}

beforeAll(async () => {
  database = await testDatabase();
});

afterAll(async () => {
  await Promise.all(opened.map((each) => each.destroy()));
  await database.drop();
});

describe('openDatabase', { timeout: 60_000 }, () => {
  test('when replicas start at once on an empty database, then each migration runs once', async () => {
    const replicas = await Promise.all([1, 2, 3].map(() => open(database.url)));

    const rows = await execute(database.url, 'select name from things.migrations');
    expect(rows).toEqual([{ name: 'MakesThings1700000000000' }]);
    await replicas[0]!.getRepository(thingTable).insert({ id: randomUUID(), size: 3 });
    expect(await replicas[2]!.getRepository(thingTable).count()).toBe(1);
  });

  test('when connections are cut, in use or idle, then work fails as an outage and goes on afterwards', async () => {
    const source = await open(database.url);
    const held = source.createQueryRunner();
    await held.query('select 1');
    const sleeping = held.query('select pg_sleep(5)').catch((error: unknown) => error);

    await execute(
      database.url,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'storage-spec' and datname = current_database()`,
    );

    expect(isOutage(await sleeping)).toBe(true);
    await held.release();
    await expect
      .poll(async () => source.query<unknown>('select 1 as one').catch(() => undefined))
      .toEqual([{ one: 1 }]);
  });

  test('when a statement takes too long, then it is an outage after two seconds', async () => {
    const source = await open(database.url);

    const slow: unknown = await source
      .query('select pg_sleep(10)')
      .catch((error: unknown) => error);

    expect(isOutage(slow)).toBe(true);
  });

  test('when the work itself is wrong, then it is no outage', async () => {
    const source = await open(database.url);

    const wrong: unknown = await source
      .query('select * from nowhere')
      .catch((error: unknown) => error);

    expect(isOutage(wrong)).toBe(false);
  });

  test('when a name is no plain word, then it never becomes SQL', async () => {
    const opening = openDatabase({
      ...settings,
      url: database.url,
      schema: 'x; drop schema public',
    });

    await expect(opening).rejects.toThrow(TypeError);
  });
});

describe('a server that goes away', { timeout: 60_000 }, () => {
  test('when it is not there yet, then opening waits for it and says so once', async () => {
    const server = await testServer();
    await server.stop();
    const said: unknown[] = [];
    const onWait = (error: unknown) => void said.push(error);
    const opening = openDatabase({ ...settings, url: server.url, onWait });
    await vi.waitFor(() => expect(said).toHaveLength(1), { timeout: 10_000 });

    await server.start();
    const source = await opening;

    expect(await source.query('select 1 as one')).toEqual([{ one: 1 }]);
    expect(said).toHaveLength(1);
    await source.destroy();
    await server.drop();
  });

  test('when it stops and starts, then the same pool works again', async () => {
    const server = await testServer();
    const source = await openDatabase({ ...settings, url: server.url });

    await server.stop();
    const down: unknown = await source.query('select 1').catch((error: unknown) => error);
    await server.start();
    const rows: unknown = await source.query('select 1 as one');

    expect(isOutage(down)).toBe(true);
    expect(rows).toEqual([{ one: 1 }]);
    await source.destroy();
    await server.drop();
  });

  test('when it freezes in the middle of a transaction, then work ends within three seconds', async () => {
    const server = await testServer();
    const source = await openDatabase({ ...settings, url: server.url });
    const [backend] = await source.query<[{ pid: number }]>('select pg_backend_pid() as pid');
    let elapsedMs = 0;

    const frozen: unknown = await source
      .transaction(async (work) => {
        process.kill(backend.pid, 'SIGSTOP');
        const begun = performance.now();
        await work.query('select 1').finally(() => (elapsedMs = performance.now() - begun));
      })
      .catch((error: unknown) => error);

    process.kill(backend.pid, 'SIGCONT');
    expect(isOutage(frozen)).toBe(true);
    expect(elapsedMs).toBeLessThan(3_500);
    expect(await source.query('select 1 as one')).toEqual([{ one: 1 }]);
    await source.destroy();
    await server.drop();
  });
});
