import type { Provider } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { callForwarded } from '#contracts';
import { ApprovalConsumer } from './approval.consumer.js';
import { ApprovalList } from './approval-list.js';
import type { ApprovalSettings } from './approval-settings.js';
import { Approvals } from './approvals.js';
import { ChangeFeed } from './change-feed.js';
import type { ApprovalChannel } from './channel.js';
import { clock } from './clock.js';
import { CopyBindings } from './copy-bindings.js';
import { DefinitionDesk } from './definition-desk.js';
import { Definitions } from './definitions.js';
import { DefinitionsConsumer } from './definitions.consumer.js';
import { Delegations } from './delegations.js';
import { Delivery } from './delivery.js';
import { Desk } from './desk.js';
import { Expiry } from './expiry.js';
import { Grants } from './grants.js';
import { Nudges } from './nudges.js';
import { OutboxRelay } from './outbox-relay.js';
import type { PeopleSettings } from './people.js';
import { Settlement } from './settlement.js';
import { SigningDesk } from './signing-desk.js';
import { TeamsChannel } from './teams/teams-channel.js';
import { WebhookChannel } from './webhook-channel.js';

/** What keeps approvals and grants. */
export function storeProviders(settings: ApprovalSettings): Provider[] {
  const { bus, people, pollMs = 500, signer } = settings;
  const channels = channelNames(people);
  return [
    settlementProvider(settings),
    {
      provide: OutboxRelay,
      useFactory: (data: DataSource) => new OutboxRelay(data, bus, pollMs),
      inject: [DataSource],
    },
    {
      provide: Approvals,
      useFactory: (data: DataSource, relay: OutboxRelay, settlement: Settlement) =>
        new Approvals(data, {
          relay,
          signer,
          settlement,
          channels,
          pendingPerRequester: people.pendingPerRequester,
        }),
      inject: [DataSource, OutboxRelay, Settlement],
    },
    {
      provide: Grants,
      useFactory: (data: DataSource, relay: OutboxRelay) => new Grants(data, relay),
      inject: [DataSource, OutboxRelay],
    },
  ];
}

/** What moves approvals with events and with time. */
export function movingProviders(settings: ApprovalSettings): Provider[] {
  const { bus, people, policyKey, sweepMs = 500 } = settings;
  return [
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

function settlementProvider(settings: ApprovalSettings): Provider {
  const { bus, graceSeconds = 10, leaseSeconds = 30 } = settings;
  const mark = async () => bus.mark(callForwarded.topic);
  return {
    provide: Settlement,
    useFactory: (data: DataSource) => {
      const now = async () => clock(data.manager);
      return new Settlement({ leaseSeconds, graceSeconds }, { now, mark });
    },
    inject: [DataSource],
  };
}

const delegationsProvider: Provider = {
  provide: Delegations,
  useFactory: (data: DataSource, relay: OutboxRelay) => new Delegations(data, relay),
  inject: [DataSource, OutboxRelay],
};

/** What people work with. */
export function deskProviders({ bus, people }: ApprovalSettings): Provider[] {
  const { adminTenants, directory, pageUrl } = people;
  return [
    CopyBindings,
    delegationsProvider,
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
          approvals,
          list,
          delegations,
          bindings,
          changes,
          directory,
          bus,
          adminTenants,
        }),
      inject: [Approvals, ApprovalList, Delegations, CopyBindings, ChangeFeed],
    },
    { provide: Desk, useExisting: SigningDesk },
  ];
}

/** What keeps definitions, and lets people accept them. */
export function definitionProviders({ people }: ApprovalSettings): Provider[] {
  return [
    DefinitionsConsumer,
    {
      provide: Definitions,
      useFactory: (data: DataSource, relay: OutboxRelay) => new Definitions(data, relay),
      inject: [DataSource, OutboxRelay],
    },
    {
      provide: DefinitionDesk,
      useFactory: (definitions: Definitions, desk: Desk) =>
        new DefinitionDesk(definitions, desk, people.adminTenants),
      inject: [Definitions, Desk],
    },
  ];
}

/** What brings approvals to people. */
export function channelProviders({ deliveryMs = 500, people }: ApprovalSettings): Provider[] {
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
