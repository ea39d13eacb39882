import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { demoAudience, demoGroups, demoTenant } from './entra/identities.js';
import { type StandInEntra, startStandInEntra } from './entra/stand-in-entra.js';
import { type OrdersServer, startOrdersServer } from './orders/orders-server.js';

/** Where the stand-ins listen, and what the gateway's configuration says besides them. */
export interface DemoWorldSettings {
  /** Gets the configuration and the certificate of the stand-in's authority. */
  readonly folder: string;
  /** Folder of policy files. */
  readonly policies: string;
  readonly gatewayPort: number;
  /** 0 takes free ones. */
  readonly entraPort: number;
  readonly ordersPort: number;
  /** The secret that only the gateway may send to the orders server. */
  readonly ordersToken: string;
  /** Further servers, and whole sections of the configuration. */
  readonly servers?: Readonly<Record<string, unknown>>;
  readonly sections?: Readonly<Record<string, unknown>>;
}

/** The stand-ins around a gateway, and the file that configures it for them. */
export interface DemoWorld {
  readonly entra: StandInEntra;
  readonly orders: OrdersServer;
  readonly configFile: string;
  close(): Promise<void>;
}

/** Starts the stand-ins and writes the configuration of a gateway between them. */
export async function startDemoWorld(settings: DemoWorldSettings): Promise<DemoWorld> {
  const { entraPort, folder, gatewayPort, ordersPort, ordersToken, policies } = settings;
  const entra = await startStandInEntra({ host: '127.0.0.1', port: entraPort });
  const orders = await startOrdersServer({
    host: '127.0.0.1',
    port: ordersPort,
    token: ordersToken,
  });
  const certificateAuthorityFile = join(folder, 'authority.pem');
  await writeFile(certificateAuthorityFile, entra.certificateAuthority);
  const configFile = join(folder, 'countersign.yaml');
  const credential = { value: 'Bearer ${ORDERS_TOKEN}' };
  await writeFile(
    configFile,
    stringify({
      publicUrl: `http://localhost:${gatewayPort}`,
      entra: {
        authority: entra.authority,
        tenants: [demoTenant],
        audience: demoAudience,
        certificateAuthorityFile,
      },
      servers: { orders: { url: orders.url, credential }, ...settings.servers },
      groups: demoGroups,
      policies,
      ...settings.sections,
    }),
  );
  return {
    entra,
    orders,
    configFile,
    close: async () => {
      await entra.close();
      await orders.close();
    },
  };
}
