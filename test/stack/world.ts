import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type DemoWorld, startDemoWorld } from '../../demo/demo-world.js';
import { demoIdentities, type DemoIdentityName } from '../../demo/entra/identities.js';
import { freePort } from '../../demo/free-port.js';

/** The secret that only the gateway may send to the orders server. */
export const ordersToken = 'orders-upstream-credential-4711';

/** What stands around a gateway in a test: identities, an upstream, a configuration. */
export interface World extends DemoWorld {
  readonly folder: string;
  readonly port: number;
  readonly environment: Readonly<Record<string, string>>;
  token(name: DemoIdentityName): Promise<string>;
}

/** Parts of the configuration that a test replaces. */
export interface WorldOptions {
  readonly sections?: Readonly<Record<string, unknown>>;
  readonly servers?: Readonly<Record<string, unknown>>;
  readonly policies?: string;
  /** Ask people on the page and in a stand-in for Teams. */
  readonly people?: true;
}

/** Starts the stand-ins and writes a configuration for a gateway on a free port. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-world-'));
  await chmod(folder, 0o755);
  const port = await freePort();
  const world = await startDemoWorld({
    folder,
    policies: options.policies ?? resolve('demo/policies'),
    gatewayPort: port,
    entraPort: 0,
    ordersPort: 0,
    ordersToken,
    ...(options.people === undefined ? {} : { people: { signInPort: 0, teamsPort: 0 } }),
    servers: options.servers ?? {},
    sections: options.sections ?? {},
  });
  return {
    ...world,
    folder,
    port,
    environment: { ...pathOf(process.env), ...world.secrets },
    token: async (name) => world.entra.token(demoIdentities[name]),
    close: async () => {
      await world.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function pathOf(environment: NodeJS.ProcessEnv): Record<string, string> {
  const { HOME, PATH } = environment;
  return { ...(PATH === undefined ? {} : { PATH }), ...(HOME === undefined ? {} : { HOME }) };
}
