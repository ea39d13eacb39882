import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { type StandInEntra, startStandInEntra } from '../../demo/entra/stand-in-entra.js';
import {
  demoAudience,
  demoGroups,
  demoIdentities,
  type DemoIdentityName,
  demoTenant,
} from '../../demo/entra/identities.js';
import { type OrdersServer, startOrdersServer } from '../../demo/orders/orders-server.js';

/** The secret that only the gateway may send to the orders server. */
export const ordersToken = 'orders-upstream-credential-4711';

/** What stands around a gateway in a test: identities, an upstream, a configuration. */
export interface World {
  readonly entra: StandInEntra;
  readonly orders: OrdersServer;
  readonly folder: string;
  readonly configFile: string;
  readonly port: number;
  readonly environment: Readonly<Record<string, string>>;
  token(name: DemoIdentityName): Promise<string>;
  close(): Promise<void>;
}

/** Parts of the configuration that a test replaces. */
export interface WorldOptions {
  readonly ingress?: Readonly<Record<string, unknown>>;
  readonly approval?: Readonly<Record<string, unknown>>;
  readonly servers?: Readonly<Record<string, unknown>>;
  readonly policies?: string;
}

/** Starts the stand-ins and writes a configuration for a gateway on a free port. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-world-'));
  await chmod(folder, 0o755);
  const entra = await startStandInEntra({ host: '127.0.0.1', port: 0 });
  const orders = await startOrdersServer({ host: '127.0.0.1', port: 0, token: ordersToken });
  const port = await freePort();
  const authorityFile = join(folder, 'authority.pem');
  await writeFile(authorityFile, entra.certificateAuthority);
  const credential = { value: 'Bearer ${ORDERS_TOKEN}' };
  const config = {
    publicUrl: `http://localhost:${port}`,
    entra: {
      authority: entra.authority,
      tenants: [demoTenant],
      audience: demoAudience,
      certificateAuthorityFile: authorityFile,
    },
    servers: { orders: { url: orders.url, credential }, ...options.servers },
    groups: demoGroups,
    policies: options.policies ?? resolve('demo/policies'),
    ...(options.ingress === undefined ? {} : { ingress: options.ingress }),
    ...(options.approval === undefined ? {} : { approval: options.approval }),
  };
  const configFile = join(folder, 'countersign.yaml');
  await writeFile(configFile, stringify(config));
  return {
    entra,
    orders,
    folder,
    configFile,
    port,
    environment: { ...pathOf(process.env), ORDERS_TOKEN: ordersToken },
    token: async (name) => entra.token(demoIdentities[name]),
    close: async () => {
      await entra.close();
      await orders.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done);
  });
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new TypeError('no port was given');
  return address.port;
}

function pathOf(environment: NodeJS.ProcessEnv): Record<string, string> {
  const { HOME, PATH } = environment;
  return { ...(PATH === undefined ? {} : { PATH }), ...(HOME === undefined ? {} : { HOME }) };
}
