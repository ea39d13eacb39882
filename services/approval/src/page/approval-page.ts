import type { Provider, Type } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { TokenVerifier } from '#identity';
import { Sealer } from '#trust';
import { Desk } from '../desk.js';
import { AssetsController } from './assets.controller.js';
import { LiveFeed } from './live-feed.js';
import { DetailController } from './detail.controller.js';
import { Doorkeeper } from './doorkeeper.js';
import { EntraClient } from './entra-client.js';
import { EntranceGuard } from './entrance.guard.js';
import { InboxController } from './inbox.controller.js';
import { LiveController } from './live.controller.js';
import { LiveStreams } from './live-streams.js';
import { PageAddress } from './page-address.js';
import { PageFilter } from './page.filter.js';
import type { PageSettings } from './page-settings.js';
import { Sessions } from './sessions.js';
import { SignInController } from './sign-in.controller.js';
import { SignIn } from './sign-in.js';
import { SignInTenants } from './sign-in-tenants.js';
import { VisitorGuard } from './visitor.guard.js';

/** What the page adds to the module of approvals. */
export interface ApprovalPage {
  /** In this order: the last one answers every address under `/approvals/` that is none. */
  readonly controllers: Type[];
  /** They take `Desk`, `DataSource` and `TokenVerifier` from the module that they are added to. */
  readonly providers: Provider[];
}

/**
 * The approval page with its sign-in, for the module that provides desk, database (with `pageTables`) and verifier.
 * @throws TypeError for an address that is not safe to sign in at, an authority that is not https, or a key that is none.
 */
export function approvalPage(settings: PageSettings): ApprovalPage {
  return {
    controllers: [
      SignInController,
      LiveController,
      InboxController,
      DetailController,
      AssetsController,
    ],
    providers: [
      EntranceGuard,
      VisitorGuard,
      PageFilter,
      LiveFeed,
      ...signInProviders(settings),
      {
        provide: LiveStreams,
        useFactory: (feed: LiveFeed, desk: Desk, doorkeeper: Doorkeeper) =>
          new LiveStreams(feed, desk, doorkeeper, settings.beatMs ?? 10_000),
        inject: [LiveFeed, Desk, Doorkeeper],
      },
    ],
  };
}

function signInProviders(settings: PageSettings): Provider[] {
  const { idleSeconds = 1800, publicUrl, sessionSeconds = 28_800, signIn } = settings;
  const sealer = new Sealer(settings.sealKey, 'session');
  return [
    Doorkeeper,
    { provide: PageAddress, useValue: new PageAddress(publicUrl) },
    { provide: EntraClient, useValue: new EntraClient(signIn) },
    { provide: SignInTenants, useValue: new SignInTenants(signIn.tenants) },
    {
      provide: Sessions,
      useFactory: (database: DataSource) =>
        new Sessions(database, sealer, { idleSeconds, sessionSeconds }),
      inject: [DataSource],
    },
    {
      provide: SignIn,
      useFactory: (
        entra: EntraClient,
        address: PageAddress,
        verifier: TokenVerifier,
        sessions: Sessions,
      ) => new SignIn(entra, address, sealer, verifier, sessions),
      inject: [EntraClient, PageAddress, TokenVerifier, Sessions],
    },
  ];
}
