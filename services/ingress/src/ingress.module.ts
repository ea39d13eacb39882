import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Logger,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Bus } from '#bus';
import { Authentication, TokenVerifier } from '#identity';
import { type CountersignConfig, WatchedServers } from '#runtime';
import { Sealer, Verifier } from '#trust';
import { Gate } from './gate/gate.js';
import { listenForAnswers } from './gate/gate.consumer.js';
import { GrantsInUse } from './gate/grants-in-use.js';
import { RefusalRecord } from './gate/refusal-record.js';
import { Waiters } from './gate/waiters.js';
import { CallsInFlight } from './mcp/calls-in-flight.js';
import { Continuations } from './mcp/continuations.js';
import { Definitions } from './mcp/definitions.js';
import { EventIds } from './mcp/event-ids.js';
import { IntakeReader } from './mcp/intake.js';
import type { McpCallParts } from './mcp/call-parts.js';
import { McpEndpoint } from './mcp/mcp-endpoint.js';
import { McpController } from './mcp/mcp.controller.js';
import { MetadataController } from './mcp/metadata.controller.js';
import { OpenCalls } from './mcp/open-calls.js';
import { PendingAnswers } from './mcp/pending-answer.js';
import { Quotas } from './mcp/quotas.js';
import { ResourceMetadata } from './mcp/resource-metadata.js';
import { ServerEras } from './mcp/server-eras.js';
import { SessionIds } from './mcp/session-ids.js';
import { SessionRecord } from './mcp/session-record.js';
import { TaskIds } from './mcp/task-ids.js';
import { TaskDesk } from './mcp/task-desk.js';
import { TaskResults } from './mcp/task-results.js';
import { hostsOf } from './mcp/transport-checks.js';
import { Upstreams } from './mcp/upstreams.js';
import { Servers } from './servers.js';

/** How long calls that run may take at shutdown, milliseconds. */
const drainMs = 5000;

/** What ingress is made with. */
export interface IngressSettings {
  readonly config: CountersignConfig;
  /** Reads in a group of its own, and skips what is addressed to another replica. */
  readonly bus: Bus;
  readonly verifier: TokenVerifier;
  /** This replica's name. */
  readonly instance: string;
  readonly keys: {
    readonly arguments: string;
    readonly answers: string;
    readonly session: string;
    readonly policyPublicKey: string;
    readonly approvalPublicKey: string;
  };
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * At the start says which servers cannot be called. At the end lets calls that run finish, gives up those
 * that wait, then ends connections and child processes.
 */
class IngressLife
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  readonly #logger = new Logger('ingress');

  constructor(
    private readonly watched: WatchedServers,
    private readonly servers: Servers,
    private readonly endpoint: McpEndpoint,
    private readonly upstreams: Upstreams,
    private readonly refusals: RefusalRecord,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.#tellFaults();
    await this.watched.watch({
      changed: (configured) => {
        this.servers.replace(configured);
        this.upstreams.renew();
        this.#logger.log(`the servers are now ${Object.keys(configured).join(', ')}`);
        void this.#tellFaults();
      },
      refused: ({ message }) =>
        this.#logger.error(`the changed configuration is refused, the servers stay: ${message}`),
      later: () => this.#logger.warn('what is not about servers takes effect at the next start'),
    });
  }

  async #tellFaults(): Promise<void> {
    for (const fault of await this.servers.faults()) this.#logger.warn(`server ${fault}`);
  }

  beforeApplicationShutdown(): void {
    this.watched.close();
    this.endpoint.stop();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.endpoint.settled(drainMs);
    await this.upstreams.close();
    await this.refusals.settled();
  }
}

/** The PEP: MCP in, calls held at the gate, upstreams out. */
@Module({})
export class IngressModule {
  static register(settings: IngressSettings): DynamicModule {
    const { bus, endpoint, metadata, life } = assemble(settings);
    return {
      module: IngressModule,
      controllers: [McpController, MetadataController],
      providers: [
        { provide: Bus, useValue: bus },
        { provide: McpEndpoint, useValue: endpoint },
        { provide: ResourceMetadata, useValue: metadata },
        { provide: IngressLife, useValue: life },
      ],
    };
  }
}

function assemble(settings: IngressSettings) {
  const { bus, config, instance, keys } = settings;
  const { maxAnswerBytes, maxArrayLength, maxDepth, maxStreamBytes, upstreamTimeoutMs } =
    config.ingress;
  const { gate, refusals } = assembleGate(settings);
  const servers = new Servers(config.servers, settings.environment);
  const json = { maxDepth, maxArrayLength };
  const limits = { ...json, maxAnswerBytes, maxStreamBytes, timeoutMs: upstreamTimeoutMs };
  const upstreams = new Upstreams(servers, limits);
  const sealer = new Sealer(keys.session, 'session');
  const call: McpCallParts = {
    gate,
    upstreams,
    inFlight: new CallsInFlight(),
    sessionIds: new SessionIds(sealer, {
      idleMs: config.ingress.sessionIdleMinutes * 60_000,
      maxMs: config.ingress.sessionMaxMinutes * 60_000,
    }),
    sessions: new SessionRecord(bus, instance, refusals),
    definitions: new Definitions(),
    continuations: new Continuations(sealer, config.publicUrl),
    eventIds: new EventIds(sealer),
    taskIds: new TaskIds(sealer, config.publicUrl),
    eras: new ServerEras(),
    ladder: config.ingress,
    maxStreamMs: config.ingress.maxStreamMs,
    approvalPage: (approvalId) => new URL(`/approvals/${approvalId}`, config.publicUrl).href,
  };
  const metadata = new ResourceMetadata(config);
  const reader = assembleReader(settings, servers, call, metadata);
  const endpoint = assembleEndpoint(settings, reader, call, refusals);
  const life = new IngressLife(new WatchedServers(config), servers, endpoint, upstreams, refusals);
  return { bus, endpoint, metadata, life };
}

function assembleEndpoint(
  { config }: IngressSettings,
  reader: IntakeReader,
  call: McpCallParts,
  refusals: RefusalRecord,
): McpEndpoint {
  const quotas = new Quotas(config.ingress);
  const open = new OpenCalls();
  const { approvalPage, continuations, ladder } = call;
  const tasks = new TaskDesk({ call, open, results: new TaskResults() });
  const pending = new PendingAnswers(continuations, ladder.taskPollMs, approvalPage);
  return new McpEndpoint({ reader, refusals, quotas, open, tasks, pending, call });
}

function assembleGate({ bus, config, instance, keys }: IngressSettings) {
  const logger = new Logger('ingress');
  const parts = {
    bus,
    instance,
    argumentsSealer: new Sealer(keys.arguments, 'arguments'),
    answersSealer: new Sealer(keys.answers, 'answers'),
    policyVerifier: new Verifier(keys.policyPublicKey),
    approvalVerifier: new Verifier(keys.approvalPublicKey),
  };
  const waiters = new Waiters();
  const grants = new GrantsInUse();
  listenForAnswers(bus, waiters, grants);
  const refusals = new RefusalRecord(
    parts,
    (error) => logger.error(error),
    (words) => logger.warn(words),
  );
  return { gate: new Gate(parts, config.ingress, waiters, grants, refusals), refusals };
}

function assembleReader(
  { config, verifier }: IngressSettings,
  servers: Servers,
  call: McpCallParts,
  metadata: ResourceMetadata,
): IntakeReader {
  const { allowedHosts, allowedOrigins, maxArrayLength, maxBodyBytes, maxDepth } = config.ingress;
  const { continuations, definitions, eras, eventIds, sessionIds, taskIds } = call;
  return new IntakeReader({
    allowed: {
      hosts: hostsOf(config.publicUrl, allowedHosts),
      origins: new Set(allowedOrigins),
    },
    authentication: new Authentication(verifier),
    metadata,
    servers,
    continuations,
    definitions,
    eras,
    eventIds,
    sessionIds,
    taskIds,
    maxBodyBytes,
    json: { maxDepth, maxArrayLength },
  });
}
