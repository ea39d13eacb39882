import {
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
import type { Signer, Verifier } from '#trust';
import { ApprovalConsumer } from './approval.consumer.js';
import { ApprovalList } from './approval-list.js';
import { CreatesApprovals1764000000000 } from './approval.migrations.js';
import { Approvals } from './approvals.js';
import { ApprovalsController } from './approvals.controller.js';
import { approvalTable, waitingCallTable } from './approvals.table.js';
import { Expiry } from './expiry.js';
import { OutboxRelay } from './outbox-relay.js';
import { Settlement } from './settlement.js';

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
  readonly verifier: TokenVerifier;
  /** Signs approvals. */
  readonly signer: Signer;
  /** Checks policy's signature on verdicts. */
  readonly policyKey: Verifier;
  /** How long a signed approval may wait to be used by its call. Default 30. */
  readonly leaseSeconds?: number;
  /** How long after its end a lease may still be reported as used. Default 10. */
  readonly graceSeconds?: number;
  /** Longest time an event waits in the outbox, and between looks for what expired; milliseconds. Default 500 both. */
  readonly pollMs?: number;
  readonly sweepMs?: number;
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

/** Approvals: opened by verdicts, decided by people, told to the calls that wait. */
@Module({})
export class ApprovalModule {
  static register(settings: ApprovalSettings): DynamicModule {
    const { leaseSeconds = 30, graceSeconds = 10, pollMs = 500, sweepMs = 500 } = settings;
    const settlement = new Settlement({ leaseSeconds, graceSeconds });
    return {
      module: ApprovalModule,
      controllers: [ApprovalsController],
      providers: [
        ApprovalReadiness,
        ApprovalList,
        { provide: Bus, useValue: settings.bus },
        { provide: TokenVerifier, useValue: settings.verifier },
        { provide: DataSource, useFactory: async () => database(settings.databaseUrl) },
        {
          provide: OutboxRelay,
          useFactory: (data: DataSource) => new OutboxRelay(data, settings.bus, pollMs),
          inject: [DataSource],
        },
        {
          provide: Approvals,
          useFactory: (data: DataSource, relay: OutboxRelay) =>
            new Approvals(data, relay, settings.signer, settlement),
          inject: [DataSource, OutboxRelay],
        },
        {
          provide: ApprovalConsumer,
          useFactory: (approvals: Approvals) =>
            new ApprovalConsumer(settings.bus, approvals, settings.policyKey, settlement),
          inject: [Approvals],
        },
        {
          provide: Expiry,
          useFactory: (approvals: Approvals, data: DataSource) =>
            new Expiry(approvals, data, sweepMs),
          inject: [Approvals, DataSource],
        },
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
    migrations: [CreatesApprovals1764000000000],
    applicationName: 'countersign-approval',
    onWait: (error) => new Logger('approval').warn(`waiting for the database: ${String(error)}`),
  });
}
