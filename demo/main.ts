import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { readConfigFile, readEnvironment, stopOnSignals } from '#runtime';
import { startStandalone } from '../services/standalone/src/standalone.js';
import { byHand } from './by-hand.js';
import { installBot, startDemoWorld } from './demo-world.js';
import { demoIdentities } from './entra/identities.js';
import { freePort } from './free-port.js';
import { tour } from './tour/tour.js';

const isOnce = process.argv.includes('--once');
const port = (standard: number) =>
  z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(isOnce ? 0 : standard);

const environment = readEnvironment(
  z.object({
    COUNTERSIGN_PORT: port(8080),
    DEMO_ENTRA_PORT: port(8443),
    DEMO_SIGN_IN_PORT: port(8444),
    DEMO_ORDERS_PORT: port(8090),
    DEMO_TEAMS_PORT: port(8091),
    /** Kept between runs when given; otherwise a new one that goes with the demo. */
    COUNTERSIGN_DATA_DIR: z.string().min(1).optional(),
    DATABASE_URL: z.string().min(1).optional(),
  }),
  process.env,
);

/** Where `demo:token` finds the stand-in. */
const noteFile = resolve('.countersign/demo.json');

// The system's temporary folder, not the home: an embedded Postgres started by root must be able to
// enter every folder above its data.
const dataDir =
  environment.COUNTERSIGN_DATA_DIR ?? (await mkdtemp(join(tmpdir(), 'countersign-demo-')));
await chmod(dataDir, 0o755);
const ordersToken = randomBytes(24).toString('base64url');
const gatewayPort = environment.COUNTERSIGN_PORT || (await freePort());
const world = await startDemoWorld({
  folder: dataDir,
  policies: resolve('demo/policies'),
  gatewayPort,
  entraPort: environment.DEMO_ENTRA_PORT,
  ordersPort: environment.DEMO_ORDERS_PORT,
  ordersToken,
  people: { signInPort: environment.DEMO_SIGN_IN_PORT, teamsPort: environment.DEMO_TEAMS_PORT },
});
const service = await startStandalone({
  config: readConfigFile(world.configFile),
  dataDir: join(dataDir, 'data'),
  host: '127.0.0.1',
  port: gatewayPort,
  logLevel: 'warn',
  databaseUrl: environment.DATABASE_URL,
  environment: { ...process.env, ...world.secrets },
});

if (world.teams !== undefined) await installBot(world.teams);

async function close(): Promise<void> {
  await service.close();
  await world.close();
  await rm(noteFile, { force: true });
  if (environment.COUNTERSIGN_DATA_DIR === undefined) {
    await rm(dataDir, { recursive: true, force: true });
  }
}

const write = (text: string): void => void process.stdout.write(text);

if (isOnce) {
  try {
    await tour({
      url: service.url,
      orders: world.orders,
      token: async (name) => world.entra.token(demoIdentities[name]),
      write,
    });
    write('\nEvery step did what it should.\n');
  } catch (error) {
    process.stderr.write(
      `\nThe tour failed: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    process.exitCode = 1;
  } finally {
    await close();
  }
  process.exit();
}

stopOnSignals({ close });
const url = `http://localhost:${gatewayPort}`;
const { authority, certificateAuthority } = world.entra;
await mkdir(resolve('.countersign'), { recursive: true });
await writeFile(noteFile, JSON.stringify({ authority, certificateAuthority }), { mode: 0o600 });
await tour({
  url: service.url,
  orders: world.orders,
  token: async (name) => world.entra.token(demoIdentities[name]),
  write,
});
write(await byHand({ url, teams: world.teams?.pageUrl }, async (who) => world.entra.token(who)));
write(`\nready ${url}\n`);
