import { Logger } from '@nestjs/common';
import { Bus } from '#bus';
import { Authentication, TokenVerifier } from '#identity';
import type { CountersignConfig } from '#runtime';
import { Sealer, Verifier } from '#trust';
import { Gate } from './gate/gate.js';
import { listenForAnswers } from './gate/gate.consumer.js';
import { GrantsInUse } from './gate/grants-in-use.js';
import { RefusalRecord } from './gate/refusal-record.js';
import { Waiters } from './gate/waiters.js';
import { Arrivals } from './mcp/arrivals.js';
import { CallsInFlight } from './mcp/calls-in-flight.js';
import { Continuations } from './mcp/continuations.js';
import { Definitions } from './mcp/definitions.js';
import { EventIds } from './mcp/event-ids.js';
import { IntakeReader } from './mcp/intake.js';
import type { McpCallParts } from './mcp/call-parts.js';
import { McpEndpoint } from './mcp/mcp-endpoint.js';
import { OpenCalls } from './mcp/open-calls.js';
import { PendingAnswers } from './mcp/pending-answer.js';
import { Quotas } from './mcp/quotas.js';
import { QuestionIds } from './mcp/question-ids.js';
import { RequestStates } from './mcp/request-states.js';
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
import { AggregateDesk } from './mcp/aggregate/aggregate-desk.js';
import { AggregateEndpoint } from './mcp/aggregate/aggregate-endpoint.js';
import { AggregateSessions } from './mcp/aggregate/aggregate-sessions.js';
import { FanOut } from './mcp/aggregate/fan-out.js';
import { CallRunner } from './mcp/call-runner.js';

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

/** Puts ingress together. */
export function assemble(settings: IngressSettings) {
  const { bus, config } = settings;
  const { maxAnswerBytes, maxArrayLength, maxDepth, maxStreamBytes, upstreamTimeoutMs } =
    config.ingress;
  const { gate, refusals } = assembleGate(settings);
  const servers = new Servers(config.servers, settings.environment);
  const json = { maxDepth, maxArrayLength };
  const limits = { ...json, maxAnswerBytes, maxStreamBytes, timeoutMs: upstreamTimeoutMs };
  const programs = new Logger('program');
  const upstreams = new Upstreams(servers, limits, (server, line) =>
    programs.debug(`${server}: ${line}`),
  );
  const call = assembleCall(settings, gate, refusals, upstreams);
  const metadata = new ResourceMetadata(config, servers);
  const arrivals = assembleArrivals(settings, metadata);
  const reader = new IntakeReader({ arrivals, servers, ...call });
  const quotas = new Quotas(config.ingress);
  const open = new OpenCalls();
  const { approvalPage, continuations, inFlight, ladder, sessionIds } = call;
  const pending = new PendingAnswers(continuations, ladder.taskPollMs, approvalPage);
  const runner = new CallRunner({ open, pending, call });
  const tasks = new TaskDesk({ call, open, results: new TaskResults() });
  const endpoint = new McpEndpoint({ reader, refusals, quotas, open, tasks, runner, call });
  const fanOut = new FanOut({ reader, servers, quotas, refusals, open, call });
  const sessions = new AggregateSessions(sessionIds);
  const desk = new AggregateDesk({ sessions, fanOut, runner, quotas, inFlight });
  const isOffered = config.aggregate;
  const parts = { arrivals, sessions, desk, refusals, approvalPage, isOffered };
  const aggregate = new AggregateEndpoint(parts);
  return { bus, endpoint, aggregate, metadata, refusals, servers, upstreams };
}

function assembleCall(
  { bus, config, instance, keys }: IngressSettings,
  gate: Gate,
  refusals: RefusalRecord,
  upstreams: Upstreams,
): McpCallParts {
  const sealer = new Sealer(keys.session, 'session');
  return {
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
    requestStates: new RequestStates(sealer),
    questionIds: new QuestionIds(sealer),
    eras: new ServerEras(),
    ladder: config.ingress,
    maxStreamMs: config.ingress.maxStreamMs,
    maxCallMs: config.ingress.maxCallMs,
    approvalPage: (approvalId) => new URL(`/approvals/${approvalId}`, config.publicUrl).href,
  };
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

function assembleArrivals(
  { config, verifier }: IngressSettings,
  metadata: ResourceMetadata,
): Arrivals {
  const { allowedHosts, allowedOrigins, maxArrayLength, maxBodyBytes, maxDepth } = config.ingress;
  return new Arrivals({
    allowed: {
      hosts: hostsOf(config.publicUrl, allowedHosts),
      origins: new Set(allowedOrigins),
    },
    authentication: new Authentication(verifier),
    metadata,
    maxBodyBytes,
    json: { maxDepth, maxArrayLength },
  });
}
