import {
  type DynamicModule,
  Injectable,
  Logger,
  Module,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Bus, type BusOptions } from '#bus';
import { callAnswered, callRequested, topics } from '#contracts';
import { TokenVerifier } from '#identity';
import { openDatabase } from '#storage';
import type { Signer } from '#trust';
import { CreatesRecord1764000000000, writerRole } from './audit.migrations.js';
import { Checkpoints } from './checkpoints.js';
import { Events } from './events.js';
import { ReaderTenants } from './reader.guard.js';
import { Reads } from './reads.js';
import { RecordQuery } from './record-query.js';
import { RecordController } from './record.controller.js';
import { Recorder } from './recorder.js';

/** How audit reads: in large steps, since a transaction costs the same for few records as for many. */
export const auditReading = {
  group: 'audit',
  startAt: 'committed',
  gatherMs: 250,
} as const satisfies BusOptions;

/** What the audit service needs. */
export interface AuditSettings {
  readonly databaseUrl: string;
  readonly bus: Bus;
  readonly verifier: TokenVerifier;
  /** Tenants whose auditors and administrators may read. */
  readonly readerTenants: readonly string[];
  /** Signs checkpoints. */
  readonly signer: Signer;
  /** Between two checkpoints, milliseconds. Default 60 000. */
  readonly checkpointMs?: number;
  /** How long records are gathered for one transaction after they were read, milliseconds. Default 5. */
  readonly lingerMs?: number;
}

/** Whether the record can be written and read now. */
@Injectable()
export class AuditReadiness implements OnApplicationShutdown {
  constructor(private readonly database: DataSource) {}

  /** Never rejects; answers within about three seconds. */
  async isReady(): Promise<boolean> {
    return this.database.query('select 1 from chain limit 1').then(
      () => true,
      () => false,
    );
  }

  /** The bus is closed by now, so nothing is recorded any more. */
  async onApplicationShutdown(): Promise<void> {
    await this.database.destroy();
  }
}

/** The record of everything that is said on the bus, answers excepted. */
@Module({})
export class AuditModule {
  static register(settings: AuditSettings): DynamicModule {
    const { bus, checkpointMs = 60_000, lingerMs = 5 } = settings;
    const recorded = Object.keys(topics).filter((topic) => topic !== callAnswered.topic);
    return {
      module: AuditModule,
      controllers: [RecordController],
      providers: [
        AuditReadiness,
        RecordQuery,
        Reads,
        { provide: Bus, useValue: bus },
        { provide: TokenVerifier, useValue: settings.verifier },
        { provide: ReaderTenants, useValue: new ReaderTenants(settings.readerTenants) },
        { provide: DataSource, useFactory: async () => database(settings.databaseUrl) },
        {
          provide: Events,
          useFactory: (data: DataSource) => new Events(data, callRequested.topic),
          inject: [DataSource],
        },
        {
          provide: Recorder,
          useFactory: (events: Events) => new Recorder(bus, events, { topics: recorded, lingerMs }),
          inject: [Events],
        },
        {
          provide: Checkpoints,
          useFactory: (events: Events) =>
            new Checkpoints(events, bus, settings.signer, checkpointMs),
          inject: [Events],
        },
      ],
      exports: [AuditReadiness],
    };
  }
}

/** Works as the writer role where the login may; else the tables' own guards are what is left. */
async function database(url: string): Promise<DataSource> {
  const logger = new Logger('audit');
  const settings = {
    url,
    schema: 'audit',
    entities: [],
    migrations: [CreatesRecord1764000000000],
    applicationName: 'countersign-audit',
    onWait: (error: unknown) => logger.warn(`waiting for the database: ${String(error)}`),
  };
  try {
    return await openDatabase({ ...settings, role: writerRole });
  } catch (error) {
    logger.warn(
      `the login cannot act as ${writerRole}, so it works with its own rights: ${String(error)}`,
    );
    return openDatabase(settings);
  }
}
