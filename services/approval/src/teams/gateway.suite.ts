import 'reflect-metadata';
import { Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm';
import type { Principal } from '#contracts';
import type { CheckedTeams } from '#runtime';
import { openDatabase } from '#storage';
import { ApprovalError, type ApprovalErrorCode } from '../approval-error.js';
import type { ApprovalView } from '../approval-view.js';
import {
  type CopyBinding,
  Desk,
  type DeskPage,
  type DeskPress,
  type RefusedPress,
} from '../desk.js';
import { TeamsChannel } from './teams-channel.js';
import { teamsTables } from './teams.migrations.js';
import { teamsParts } from './teams.module.js';

/** The tables of Teams alone. */
class CreatesTeams1764000000001 implements MigrationInterface {
  readonly name = 'CreatesTeams1764000000001';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of teamsTables) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('never');
  }
}

/** A database with nothing but the tables of Teams. */
export async function teamsDatabase(url: string): Promise<DataSource> {
  return openDatabase({
    url,
    schema: 'approval',
    entities: [],
    migrations: [CreatesTeams1764000000001],
    applicationName: 'countersign-teams-spec',
  });
}

/** A desk with one approval, whose rules are the fewest that a press can meet. */
export class OneApprovalDesk extends Desk {
  nonce = 'f1f2f3f4f5f6f7f8f1f2f3f4f5f6f7f8';
  copies: CopyBinding['copies'] = [];
  readonly presses: { readonly by: Principal; readonly press: DeskPress }[] = [];
  readonly refused: RefusedPress[] = [];
  /** What the next presses fail with. */
  trouble: Error | undefined;
  /** Awaited by every press. */
  gate: Promise<void> = Promise.resolve();

  constructor(
    public shown: ApprovalView,
    /** Object ids of the people who may sign. */
    private readonly approvers: readonly string[],
  ) {
    super();
  }

  /** Refusals by the rules are put on record here, as every desk does. */
  override async press(by: Principal, id: string, press: DeskPress): Promise<ApprovalView> {
    await this.gate;
    const code = this.#refusal(by, id);
    if (code !== undefined) {
      const { objectId, tenantId } = by;
      const who = { approvalId: id, tenantId, objectId, remoteAddress: null };
      await this.recordRefused({ ...who, channel: press.channel, code, detail: '' });
      throw new ApprovalError(code);
    }
    if (this.trouble !== undefined) throw this.trouble;
    // The same word again changes nothing.
    if (this.shown.votes.some(({ voter }) => voter.objectId === by.objectId)) return this.shown;
    this.presses.push({ by, press });
    const { displayName, objectId, tenantId } = by;
    const actor = { tenantId, objectId, displayName };
    const decision = { by: [actor], at: new Date(), reason: press.reason };
    const signed = this.shown.state === 'unreviewed' ? 'reviewed' : 'approved';
    const state = press.decision === 'refuse' ? 'refused' : signed;
    this.shown = { ...this.shown, state, decision, version: this.shown.version + 1 };
    return this.shown;
  }

  #refusal(by: Principal, id: string): ApprovalErrorCode | undefined {
    if (this.trouble instanceof ApprovalError) return this.trouble.code;
    if (id !== this.shown.id) return 'APPROVAL_NOT_FOUND';
    if (by.objectId === this.shown.requester.objectId) return 'APPROVER_IS_REQUESTER';
    // Who is not asked may not even know that there is something.
    if (!this.approvers.includes(by.objectId)) return 'APPROVAL_NOT_FOUND';
    const isOpen = ['pending', 'unreviewed'].includes(this.shown.state);
    return isOpen ? undefined : 'APPROVAL_ALREADY_DECIDED';
  }

  override async publicView(id: string): Promise<ApprovalView> {
    if (id !== this.shown.id) throw new ApprovalError('APPROVAL_NOT_FOUND');
    return this.shown;
  }

  override async binding(id: string, channel: string): Promise<CopyBinding | undefined> {
    const isKnown = id === this.shown.id && channel === 'teams';
    return isKnown ? { nonce: this.nonce, copies: this.copies } : undefined;
  }

  override async recordRefused(press: RefusedPress): Promise<void> {
    this.refused.push(press);
  }

  override async view(_reader: Principal, id: string): Promise<ApprovalView> {
    return this.publicView(id);
  }

  override async page(): Promise<DeskPage> {
    return { approvals: [this.shown], next: null };
  }

  override async withdraw(): Promise<ApprovalView> {
    throw new ApprovalError('NOT_THE_REQUESTER');
  }

  override async justify(): Promise<ApprovalView> {
    throw new ApprovalError('NOT_THE_REQUESTER');
  }

  override onChange(): () => void {
    return () => undefined;
  }
}

/** Whom the bot is registered as, in every spec. */
export const appId = 'c0ffee00-0000-4000-8000-000000000001';
export const secret = 'a secret of the bot';

/** Settings for a connector somewhere. */
export function teamsSettings(
  connector: Pick<CheckedTeams, 'loginUrl' | 'openIdUrl' | 'issuer'> & { serviceHost: string },
  changes: Partial<CheckedTeams> = {},
): CheckedTeams {
  const { issuer, loginUrl, openIdUrl, serviceHost } = connector;
  return {
    appId,
    tenant: '11111111-2222-4333-8444-555555555555',
    loginUrl,
    scope: 'https://api.botframework.com/.default',
    openIdUrl,
    issuer,
    serviceHosts: [serviceHost],
    post: [],
    people: {},
    credential: { kind: 'secret', secret },
    ...changes,
  };
}

/** The messages endpoint on a port of its own. */
export interface RunningTeams {
  readonly messagesUrl: string;
  readonly channel: TeamsChannel;
  close(): Promise<void>;
}

@Module({})
class TeamsAlone {}

/** Starts the controller with all its parts, as the service does. */
export async function startTeams(
  settings: CheckedTeams,
  desk: Desk,
  database: DataSource,
): Promise<RunningTeams> {
  const { controllers, providers } = teamsParts(settings);
  const module = {
    module: TeamsAlone,
    controllers: [...controllers],
    providers: [
      { provide: Desk, useValue: desk },
      { provide: DataSource, useValue: database },
      ...providers,
    ],
  };
  Logger.overrideLogger(false);
  const app = await NestFactory.create<NestExpressApplication>(module, {
    bodyParser: false,
    abortOnError: false,
    logger: false,
  });
  await app.listen(0, '127.0.0.1');
  return {
    messagesUrl: `${await app.getUrl()}/teams/messages`,
    channel: app.get(TeamsChannel),
    close: async () => app.close(),
  };
}

/** An approval of a call that two people of one group may sign. */
export function approvalView(changes: Partial<ApprovalView> = {}): ApprovalView {
  return {
    id: '0a0a0a0a-0000-4000-8000-000000000001',
    kind: 'call',
    state: 'pending',
    version: 1,
    requester: {
      tenantId: '11111111-2222-4333-8444-555555555555',
      objectId: 'b0000000-0000-4000-8000-000000000001',
      displayName: 'Ana Analyst',
    },
    requesterKind: 'person',
    clientApp: 'aebc6443-996d-45c2-90f0-388ff96faa56',
    client: { name: 'claude-code', version: '2.1' },
    protocol: 'mcp',
    server: 'orders',
    labels: { environment: 'production' },
    method: 'tools/call',
    resource: 'delete_order',
    maskedArguments: '{"id":42,"why":"duplicate"}',
    digest: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    bundle: 'bundle',
    rules: [{ id: 'orders/deletions', message: 'Deletions need a second person.' }],
    sets: [
      {
        groups: [{ id: 'a0000000-0000-4000-8000-000000000003', name: 'orders-owners' }],
        quorum: 1,
        signed: 0,
        isEscalation: false,
      },
    ],
    because: [],
    justification: 'The order was placed twice.',
    isJustificationRequired: false,
    risk: { level: 'high', reasons: ['the tool deletes'] },
    definitionStanding: null,
    drift: null,
    similar: [],
    votes: [],
    decision: null,
    grantOffer: null,
    grant: null,
    requestedAt: new Date('2026-11-23T10:00:00Z'),
    expiresAt: new Date('2026-11-23T10:10:00Z'),
    url: 'https://gateway.example.com/approvals/0a0a0a0a-0000-4000-8000-000000000001',
    ...changes,
  };
}
