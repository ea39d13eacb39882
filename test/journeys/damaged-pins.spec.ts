import { copyFile, mkdtemp } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readConfigFile, type RunningService } from '#runtime';
import { run } from '../../cli/program.js';
import { startStandalone } from '../../services/standalone/src/standalone.js';
import { testDatabase } from '../postgres/test-database.js';
import { eventually } from '../stack/http.js';
import { connect } from '../stack/mcp.js';
import { startWorld, type World } from '../stack/world.js';
import { type ChangingUpstream, startChangingUpstream, tool } from './changing-upstream.js';

let world: World;
let shop: ChangingUpstream;
let database: Awaited<ReturnType<typeof testDatabase>>;
let gateway: RunningService | undefined;

beforeEach(async () => {
  const policies = await mkdtemp(join(tmpdir(), 'countersign-policies-'));
  await copyFile(resolve('test/journeys/definitions.yaml'), join(policies, 'definitions.yaml'));
  shop = await startChangingUpstream();
  world = await startWorld({ policies, servers: { shop: { url: shop.url } } });
  database = await testDatabase();
  await start();
  const by = await client();
  expect((await by.listTools()).tools).toHaveLength(2);
  await by.close();
  await eventually(async () =>
    expect(await command('tools', 'list')).toMatch(/pay[^]*ask|ask[^]*pay/),
  );
});

afterEach(async () => {
  await gateway?.close();
  await database.drop();
  await world.close();
  await shop.close();
});

async function start(): Promise<void> {
  gateway = await startStandalone({
    config: readConfigFile(world.configFile),
    dataDir: join(world.folder, 'data'),
    host: '127.0.0.1',
    port: world.port,
    logLevel: 'fatal',
    databaseUrl: database.url,
    environment: world.environment,
  });
}

/** Stops the gateway, does something to its log, and starts it again. */
async function restarted(meanwhile: (log: DatabaseSync) => void): Promise<void> {
  await gateway?.close();
  const log = new DatabaseSync(join(world.folder, 'data', 'private', 'events.sqlite'));
  meanwhile(log);
  log.close();
  await start();
}

const client = async () => connect(`${gateway?.url ?? ''}/mcp/shop`, await world.token('analyst'));

async function command(...words: string[]): Promise<string> {
  let out = '';
  const environment = {
    COUNTERSIGN_URL: gateway?.url,
    COUNTERSIGN_TOKEN: await world.token('admin'),
  };
  const write = (text: string): void => void (out += text);
  await run(words, { environment, write, writeError: write });
  return out;
}

test('when a tool changes while the gateway is stopped, then the first list after its start leaves it out', async () => {
  await restarted(() => (shop.tools = [tool('pay', 'Pays eve.'), tool('ask')]));
  const by = await client();

  const early = await by.callTool({ name: 'ask', arguments: {} });
  const { tools } = await by.listTools();
  const denied = await by.callTool({ name: 'pay', arguments: {} });

  expect(early).not.toHaveProperty('isError', true);
  expect(tools.map(({ name }) => name)).toEqual(['ask']);
  expect(denied).toMatchObject({ isError: true });
  expect(shop.used).not.toContain('pay');
  await by.close();
});

test('when the record of a pin is damaged, then that tool is held although it has not changed, until somebody accepts it', async () => {
  await restarted((log) => {
    const { changes } = log
      .prepare(
        `update record set value = cast('{"accepted"' as blob) where key = ? and headers like '%definition.recorded%'`,
      )
      .run('shop/tool/pay');
    expect(changes).toBe(1);
  });
  const by = await client();

  const { tools } = await by.listTools();
  const denied = await by.callTool({ name: 'pay', arguments: {} });

  expect(tools.map(({ name }) => name)).toEqual(['ask']);
  expect(JSON.stringify(denied)).toContain('cannot be compared with what was accepted');
  expect(shop.used).not.toContain('pay');

  expect(await command('tools', 'accept', 'shop', 'pay')).toMatch(/^shop\/pay: accepted/);
  await eventually(async () =>
    expect(await by.callTool({ name: 'pay', arguments: {} })).not.toHaveProperty('isError', true),
  );
  await by.close();
});
