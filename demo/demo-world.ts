import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import {
  demoAudience,
  demoGroups,
  demoIdentities,
  demoPageApp,
  demoTeamsApp,
  demoTenant,
} from './entra/identities.js';
import { type StandInEntra, startStandInEntra } from './entra/stand-in-entra.js';
import { type OrdersServer, startOrdersServer } from './orders/orders-server.js';
import { type StandInTeams, startStandInTeams } from './teams/stand-in-teams.js';

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
  /** With people, approvals are asked on a page and in a stand-in for Teams; 0 takes free ports. */
  readonly people?: { readonly signInPort: number; readonly teamsPort: number };
  /** Further servers, and whole sections of the configuration. */
  readonly servers?: Readonly<Record<string, unknown>>;
  readonly sections?: Readonly<Record<string, unknown>>;
}

/** The stand-ins around a gateway, and the file that configures it for them. */
export interface DemoWorld {
  readonly entra: StandInEntra;
  readonly orders: OrdersServer;
  /** Undefined without people. */
  readonly teams: StandInTeams | undefined;
  readonly configFile: string;
  /** What the gateway needs in its environment. */
  readonly secrets: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** The channel in which owners are asked. */
const ownersChannel = '19:orders-owners@thread.tacv2';

/** Starts the stand-ins and writes the configuration of a gateway between them. */
export async function startDemoWorld(settings: DemoWorldSettings): Promise<DemoWorld> {
  const { gatewayPort, ordersPort, ordersToken, people } = settings;
  const url = `http://localhost:${gatewayPort}`;
  const entra = await startEntra(settings, url);
  const orders = await startOrdersServer({
    host: '127.0.0.1',
    port: ordersPort,
    token: ordersToken,
  });
  const teamsSecret = randomBytes(24).toString('base64url');
  const teams =
    people === undefined ? undefined : await startTeams(url, teamsSecret, people.teamsPort);
  const configFile = await writeConfiguration(settings, url, { entra, orders, teams });
  return {
    entra,
    orders,
    teams,
    configFile,
    secrets: { ORDERS_TOKEN: ordersToken, COUNTERSIGN_TEAMS_SECRET: teamsSecret },
    close: async () => {
      await entra.close();
      await orders.close();
      await teams?.close();
    },
  };
}

/** Adds the bot to the conversations of the demo, as people do in Teams; the gateway must be up. */
export async function installBot(teams: StandInTeams): Promise<void> {
  await teams.install({ kind: 'channel', name: 'Orders owners', id: ownersChannel });
  for (const name of ['approver', 'approver2', 'lead', 'analyst', 'engineer'] as const) {
    await teams.install({ kind: 'personal', name: demoIdentities[name].name, members: [name] });
  }
}

async function writeConfiguration(
  { folder, policies, sections, servers }: DemoWorldSettings,
  publicUrl: string,
  { entra, orders, teams }: Pick<DemoWorld, 'entra' | 'orders' | 'teams'>,
): Promise<string> {
  const certificateAuthorityFile = join(folder, 'authority.pem');
  await writeFile(certificateAuthorityFile, entra.certificateAuthority);
  const configFile = join(folder, 'countersign.yaml');
  const credential = { value: 'Bearer ${ORDERS_TOKEN}' };
  const configuration = {
    publicUrl,
    entra: {
      authority: entra.authority,
      tenants: [demoTenant],
      audience: demoAudience,
      certificateAuthorityFile,
    },
    servers: { orders: { url: orders.url, credential }, ...servers },
    groups: demoGroups,
    policies,
    ...peopleSections(teams),
    ...sections,
  };
  await writeFile(configFile, stringify(configuration));
  return configFile;
}

async function startEntra(settings: DemoWorldSettings, url: string): Promise<StandInEntra> {
  const { entraPort, people } = settings;
  const entra = await startStandInEntra({
    host: '127.0.0.1',
    port: entraPort,
    ...(people === undefined ? {} : { signIn: { port: people.signInPort } }),
  });
  entra.register({ clientId: demoPageApp, redirectUris: [`${url}/approvals/callback`] });
  return entra;
}

async function startTeams(url: string, secret: string, port: number): Promise<StandInTeams> {
  return startStandInTeams({
    host: '127.0.0.1',
    port,
    gatewayMessagesUrl: `${url}/teams/messages`,
    appId: demoTeamsApp,
    tenant: demoTenant,
    credentials: { secret },
  });
}

/** How people are found, asked and told: nothing without a stand-in for Teams. */
function peopleSections(teams: StandInTeams | undefined): Readonly<Record<string, unknown>> {
  if (teams === undefined) return {};
  const { approver, approver2, lead } = demoIdentities;
  const members = { 'orders-owners': [approver.oid, approver2.oid], 'orders-leads': [lead.oid] };
  return {
    approval: { directory: 'members', members, page: { clientId: demoPageApp } },
    teams: {
      appId: demoTeamsApp,
      loginUrl: teams.loginUrl,
      openIdUrl: teams.openIdUrl,
      serviceHosts: [teams.serviceHost],
      conversation: ownersChannel,
      people: members,
    },
  };
}
