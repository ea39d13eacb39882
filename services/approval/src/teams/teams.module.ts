import type { Provider, Type } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AppToken } from '#identity';
import type { CheckedTeams } from '#runtime';
import { Desk } from '../desk.js';
import { ConnectorClient } from './connector.client.js';
import { ConnectorKeys } from './connector-keys.js';
import { ConnectorTokens } from './connector-tokens.js';
import { Conversations } from './conversations.js';
import { Inbound } from './inbound.js';
import { Presses } from './presses.js';
import { TeamsChannel } from './teams-channel.js';
import { TeamsController } from './teams.controller.js';

/** The parts of Teams, for the module of approvals: they use its `Desk` and its `DataSource`. */
export interface TeamsParts {
  readonly controllers: readonly Type[];
  /** `TeamsChannel` among them. */
  readonly providers: readonly Provider[];
}

/** Builds Teams from checked settings. @throws TypeError for keys that would not travel over https */
export function teamsParts(settings: CheckedTeams): TeamsParts {
  const { appId, credential, issuer, loginUrl, openIdUrl, scope, serviceHosts, tenant } = settings;
  const tokens = new ConnectorTokens({ issuer, appId }, new ConnectorKeys({ openIdUrl }));
  const token = new AppToken({ loginUrl, tenant, clientId: appId, scope, credential });
  const connector = new ConnectorClient({ serviceHosts }, token);
  return {
    controllers: [TeamsController],
    providers: [
      {
        provide: Inbound,
        useFactory: (desk: Desk) => new Inbound({ tenant, serviceHosts }, tokens, desk),
        inject: [Desk],
      },
      {
        provide: Presses,
        useFactory: (desk: Desk) => new Presses(desk, tenant),
        inject: [Desk],
      },
      {
        provide: Conversations,
        useFactory: (database: DataSource) => new Conversations(database, tenant),
        inject: [DataSource],
      },
      {
        provide: TeamsChannel,
        useFactory: (conversations: Conversations) =>
          new TeamsChannel(settings, conversations, connector),
        inject: [Conversations],
      },
    ],
  };
}
