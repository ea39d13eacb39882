import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Injectable,
  Logger,
  Module,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Bus, type BusOptions } from '#bus';
import { TokenVerifier } from '#identity';
import { openDatabase } from '#storage';
import { CreatesApprovals1764000000000, CreatesDesk1764300000000 } from './approval.migrations.js';
import {
  channelProviders,
  definitionProviders,
  deskProviders,
  movingProviders,
  storeProviders,
} from './approval-providers.js';
import type { ApprovalSettings } from './approval-settings.js';
import { ApprovalsController } from './approvals.controller.js';
import { approvalTable, waitingCallTable } from './approvals.table.js';
import { ChangeFeed } from './change-feed.js';
import { CreatesDefinitions1764400000000 } from './definition.migrations.js';
import { DefinitionsController } from './definitions.controller.js';
import { DelegationsController } from './delegations.controller.js';
import { GrantsController } from './grants.controller.js';
import { approvalPage } from './page/approval-page.js';
import { teamsParts } from './teams/teams.module.js';

/** How approval reads: people decide here, so a tenth of a second more is nothing, and most verdicts are not for it. */
export const approvalReading = {
  group: 'approval',
  startAt: 'committed',
  gatherMs: 100,
} as const satisfies BusOptions;

/** Whether approvals can be stored and decided now. */
@Injectable()
export class ApprovalReadiness implements OnApplicationShutdown {
  constructor(private readonly database: DataSource) {}

  /** Never rejects; answers within about three seconds. */
  async isReady(): Promise<boolean> {
    return this.database.query('select 1 from approval limit 1').then(
      () => true,
      () => false,
    );
  }

  /** The bus is closed by now, so nobody works on the database any more. */
  async onApplicationShutdown(): Promise<void> {
    await this.database.destroy();
  }
}

/** Ends what a module of approvals has begun besides. */
@Injectable()
class Closing implements BeforeApplicationShutdown {
  constructor(private readonly changes: ChangeFeed) {}

  async beforeApplicationShutdown(): Promise<void> {
    await this.changes.close();
  }
}

/** A part that is not configured. */
const nothing = { controllers: [], providers: [] };

/** Approvals: opened by verdicts, decided by people, told to the calls that wait. */
@Module({})
export class ApprovalModule {
  static register(settings: ApprovalSettings): DynamicModule {
    const { page, teams } = settings.people;
    const teamsPart = teams === undefined ? nothing : teamsParts(teams);
    const pagePart = page === undefined ? nothing : approvalPage(page);
    return {
      module: ApprovalModule,
      controllers: [
        ApprovalsController,
        GrantsController,
        DelegationsController,
        DefinitionsController,
        ...teamsPart.controllers,
        ...pagePart.controllers,
      ],
      providers: [
        ApprovalReadiness,
        Closing,
        { provide: Bus, useValue: settings.bus },
        { provide: TokenVerifier, useValue: settings.verifier },
        { provide: DataSource, useFactory: async () => database(settings.databaseUrl) },
        ...storeProviders(settings),
        ...movingProviders(settings),
        ...deskProviders(settings),
        ...definitionProviders(settings),
        ...channelProviders(settings),
        ...teamsPart.providers,
        ...pagePart.providers,
      ],
      exports: [ApprovalReadiness],
    };
  }
}

async function database(url: string): Promise<DataSource> {
  return openDatabase({
    url,
    schema: 'approval',
    entities: [approvalTable, waitingCallTable],
    migrations: [
      CreatesApprovals1764000000000,
      CreatesDesk1764300000000,
      CreatesDefinitions1764400000000,
    ],
    applicationName: 'countersign-approval',
    onWait: (error) => new Logger('approval').warn(`waiting for the database: ${String(error)}`),
  });
}
