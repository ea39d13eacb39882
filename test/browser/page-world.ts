import { randomBytes } from 'node:crypto';
import { type DynamicModule, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { EntraTokens, TokenVerifier } from '#identity';
import { demoAudience, demoPageApp, demoTenant } from '../../demo/entra/identities.js';
import { type StandInEntra, startStandInEntra } from '../../demo/entra/stand-in-entra.js';
import { freePort } from '../../demo/free-port.js';
import { Desk } from '../../services/approval/src/desk.js';
import { approvalPage } from '../../services/approval/src/page/approval-page.js';
import { pageTables } from '../../services/approval/src/page/page.migrations.js';
import type { PageSettings } from '../../services/approval/src/page/page-settings.js';
import { execute, testDatabase, type TestDatabase } from '../postgres/test-database.js';
import { MemoryDesk } from './memory-desk.js';

@Module({})
class PageRoot {}

/** The page over HTTP, with a stand-in Entra to sign in at. */
export interface PageWorld {
  readonly origin: string;
  readonly entra: StandInEntra;
  readonly desk: MemoryDesk;
  readonly databaseUrl: string;
  /** Runs SQL on the page's tables. */
  sql(statement: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** The page ends and starts again under the same address, as after a deployment. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** Starts one. `change` replaces settings of the page. */
export async function startPageWorld(
  change: Partial<PageSettings> & { readonly clientSecret?: string } = {},
): Promise<PageWorld> {
  const entra = await startStandInEntra({ host: '127.0.0.1', port: 0, signIn: { port: 0 } });
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const { clientSecret, ...rest } = change;
  const redirectUris = [`${origin}/approvals/callback`];
  const secret = clientSecret === undefined ? {} : { secret: clientSecret };
  entra.register({ clientId: demoPageApp, redirectUris, ...secret });
  const database = await testDatabase();
  for (const statement of pageTables) await execute(database.url, statement);
  const desk = new MemoryDesk();
  const settings: PageSettings = {
    publicUrl: origin,
    sealKey: randomBytes(32).toString('base64'),
    signIn: {
      authority: entra.authority,
      tenants: [demoTenant],
      clientId: demoPageApp,
      clientSecret,
      scope: `api://${demoAudience}/approvals.decide`,
      certificateAuthority: entra.certificateAuthority,
    },
    ...rest,
  };
  const verifier = new EntraTokens({
    authority: entra.authority,
    tenants: [demoTenant],
    audiences: [demoAudience],
    clientApps: [],
    scope: 'approvals.decide',
    workloadRole: 'Mcp.Invoke',
    certificateAuthority: entra.certificateAuthority,
  });
  const start = async () => startApp(settings, { desk, verifier, database }, port);
  let stop = await start();
  return {
    origin,
    entra,
    desk,
    databaseUrl: database.url,
    sql: async (statement, values) => execute(database.url, statement, values),
    restart: async () => {
      await stop();
      stop = await start();
    },
    close: async () => {
      await stop();
      verifier.close();
      await entra.close();
      await database.drop();
    },
  };
}

/** Starts the page and answers how to stop it. */
async function startApp(
  settings: PageSettings,
  parts: {
    readonly desk: Desk;
    readonly verifier: TokenVerifier;
    readonly database: TestDatabase;
  },
  port: number,
): Promise<() => Promise<void>> {
  const page = approvalPage(settings);
  const source = new DataSource({
    type: 'postgres',
    url: parts.database.url,
    logging: false,
    poolErrorHandler: () => undefined,
  });
  const module: DynamicModule = {
    module: PageRoot,
    controllers: page.controllers,
    providers: [
      ...page.providers,
      { provide: Desk, useValue: parts.desk },
      { provide: TokenVerifier, useValue: parts.verifier },
      { provide: DataSource, useFactory: async () => source.initialize() },
    ],
  };
  const built = await Test.createTestingModule({ imports: [module] }).compile();
  const app = built.createNestApplication({ bodyParser: false, logger: false });
  await app.listen(port, '127.0.0.1');
  return async () => {
    await app.close();
    await source.destroy();
  };
}
