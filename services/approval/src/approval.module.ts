import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Injectable,
  Logger,
  Module,
  type OnApplicationShutdown,
  type Provider,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Bus, type BusOptions } from '#bus';
import { callForwarded } from '#contracts';
import { TokenVerifier } from '#identity';
import { openDatabase } from '#storage';
import type { Signer, Verifier } from '#trust';
import { ApprovalConsumer } from './approval.consumer.js';
import { ApprovalList } from './approval-list.js';
import { CreatesApprovals1764000000000, CreatesDesk1764300000000 } from './approval.migrations.js';
import { Approvals } from './approvals.js';
import { ApprovalsController } from './approvals.controller.js';
import { approvalTable, waitingCallTable } from './approvals.table.js';
import { ChangeFeed } from './change-feed.js';
import type { ApprovalChannel } from './channel.js';
import { clock } from './clock.js';
import { CopyBindings } from './copy-bindings.js';
import { Delegations } from './delegations.js';
import { DelegationsController } from './delegations.controller.js';
import { Delivery } from './delivery.js';
import { Desk } from './desk.js';
import { Expiry } from './expiry.js';
import { Grants } from './grants.js';
import { GrantsController } from './grants.controller.js';
import { Nudges } from './nudges.js';
import { OutboxRelay } from './outbox-relay.js';
import { approvalPage } from './page/approval-page.js';
import type { PeopleSettings } from './people.js';
import { Settlement } from './settlement.js';
import { SigningDesk } from './signing-desk.js';
import { TeamsChannel } from './teams/teams-channel.js';
import { teamsParts } from './teams/teams.module.js';
import { WebhookChannel } from './webhook-channel.js';

/** How approval reads: people decide here, so a tenth of a second more is nothing, and most verdicts are not for it. */
export const approvalReading = {
  group: 'approval',
  startAt: 'committed',
  gatherMs: 100,
} as const satisfies BusOptions;

/** What the approval service needs. */
export interface ApprovalSettings {
  readonly databaseUrl: string;
  readonly bus: Bus;
  /** Accepts tokens that may read and sign approvals. */
  readonly verifier: TokenVerifier;
  /** Signs approvals. */
  readonly signer: Signer;
  /** Checks policy's signature on verdicts. */
  readonly policyKey: Verifier;
  /** How people are found, asked and told. */
  readonly people: PeopleSettings;
  /** How long a signed approval may wait to be used by its call. Default 30. */
  readonly leaseSeconds?: number;
  /** How long after its end a lease may still be reported as used. Default 10. */
  readonly graceSeconds?: number;
  /**
   * Longest time an event waits in the outbox, between looks for what expired, and between looks for what is to be
   * delivered; milliseconds. Default 500 each.
   */
  readonly pollMs?: number;
  readonly sweepMs?: number;
  readonly deliveryMs?: number;
}

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

/** Approvals: opened by verdicts, decided by people, told to the calls that wait. */
@Module({})
export class ApprovalModule {
  static register(settings: ApprovalSettings): DynamicModule {
    const { people } = settings;
    const page = people.page === undefined ? undefined : approvalPage(people.page);
    const teams = people.teams === undefined ? undefined : teamsParts(people.teams);
    return {
      module: ApprovalModule,
      controllers: [
        ApprovalsController,
        GrantsController,
        DelegationsController,
        ...(teams?.controllers ?? []),
        ...(page?.controllers ?? []),
      ],
      providers: [
        ApprovalReadiness,
        Closing,
        { provide: Bus, useValue: settings.bus },
        { provide: TokenVerifier, useValue: settings.verifier },
        { provide: DataSource, useFactory: async () => database(settings.databaseUrl) },
        ...storeProviders(settings),
        ...deskProviders(settings),
        ...channelProviders(settings),
        ...(teams?.providers ?? []),
        ...(page?.providers ?? []),
      ],
      exports: [ApprovalReadiness],
    };
  }
}

/** What keeps approvals and moves them with events and time. */
function storeProviders(settings: ApprovalSettings): Provider[] {
  const { leaseSeconds = 30, graceSeconds = 10, pollMs = 500, sweepMs = 500 } = settings;
  const { bus, people, policyKey, signer } = settings;
  const channels = channelNames(people);
  return [
    {
      provide: OutboxRelay,
      useFactory: (data: DataSource) => new OutboxRelay(data, bus, pollMs),
      inject: [DataSource],
    },
    {
      provide: Settlement,
      useFactory: (data: DataSource) => {
        const mark = async () => bus.mark(callForwarded.topic);
        const now = async () => clock(data.manager);
        return new Settlement({ leaseSeconds, graceSeconds }, { now, mark });
      },
      inject: [DataSource],
    },
    {
      provide: Approvals,
      useFactory: (data: DataSource, relay: OutboxRelay, settlement: Settlement) =>
        new Approvals(data, { relay, signer, settlement, channels }),
      inject: [DataSource, OutboxRelay, Settlement],
    },
    {
      provide: Grants,
      useFactory: (data: DataSource, relay: OutboxRelay) => new Grants(data, relay),
      inject: [DataSource, OutboxRelay],
    },
    {
      provide: ApprovalConsumer,
      useFactory: (approvals: Approvals, grants: Grants) =>
        new ApprovalConsumer(bus, approvals, grants, policyKey),
      inject: [Approvals, Grants],
    },
    {
      provide: Expiry,
      useFactory: (
        approvals: Approvals,
        grants: Grants,
        settlement: Settlement,
        data: DataSource,
      ) => {
        const { abandonSeconds } = people;
        return new Expiry(data, { approvals, grants, settlement, sweepMs, abandonSeconds });
      },
      inject: [Approvals, Grants, Settlement, DataSource],
    },
  ];
}

/** What people work with. */
function deskProviders({ bus, people }: ApprovalSettings): Provider[] {
  const { adminTenants, directory, pageUrl } = people;
  return [
    Delegations,
    CopyBindings,
    {
      provide: ApprovalList,
      useFactory: (data: DataSource) => new ApprovalList(data, pageUrl),
      inject: [DataSource],
    },
    {
      provide: ChangeFeed,
      useFactory: (data: DataSource) => new ChangeFeed(data),
      inject: [DataSource],
    },
    {
      provide: SigningDesk,
      useFactory: (
        approvals: Approvals,
        list: ApprovalList,
        delegations: Delegations,
        bindings: CopyBindings,
        changes: ChangeFeed,
      ) =>
        new SigningDesk({
          ...{ approvals, list, delegations, bindings, changes },
          ...{ directory, bus, adminTenants },
        }),
      inject: [Approvals, ApprovalList, Delegations, CopyBindings, ChangeFeed],
    },
    { provide: Desk, useExisting: SigningDesk },
  ];
}

/** What brings approvals to people. */
function channelProviders({ deliveryMs = 500, people }: ApprovalSettings): Provider[] {
  const { summaryHours, teams, webhooks } = people;
  const webhook = webhooks.length === 0 ? [] : [new WebhookChannel(webhooks)];
  return [
    {
      provide: Channels,
      useFactory: (posted?: TeamsChannel) =>
        new Channels(posted === undefined ? webhook : [posted, ...webhook]),
      inject: teams === undefined ? [] : [TeamsChannel],
    },
    {
      provide: Delivery,
      useFactory: (data: DataSource, list: ApprovalList, { all }: Channels) =>
        new Delivery(data, list, all, deliveryMs),
      inject: [DataSource, ApprovalList, Channels],
    },
    {
      provide: Nudges,
      useFactory: (data: DataSource, list: ApprovalList, { all }: Channels) =>
        new Nudges(data, { list, channels: all, pollMs: deliveryMs, summaryHours }),
      inject: [DataSource, ApprovalList, Channels],
    },
  ];
}

/** The channels that the settings name. */
class Channels {
  constructor(readonly all: readonly ApprovalChannel[]) {}
}

function channelNames({ teams, webhooks }: PeopleSettings): readonly string[] {
  return [...(teams === undefined ? [] : ['teams']), ...(webhooks.length === 0 ? [] : ['webhook'])];
}

async function database(url: string): Promise<DataSource> {
  return openDatabase({
    url,
    schema: 'approval',
    entities: [approvalTable, waitingCallTable],
    migrations: [CreatesApprovals1764000000000, CreatesDesk1764300000000],
    applicationName: 'countersign-approval',
    onWait: (error) => new Logger('approval').warn(`waiting for the database: ${String(error)}`),
  });
}
