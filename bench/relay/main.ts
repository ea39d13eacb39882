import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { Bus, InProcessLog } from '#bus';
import type { Principal } from '#contracts';
import { Authentication, TokenVerifier } from '#identity';
import { newSealKey, Sealer } from '#trust';
import { listeningPort } from '../../demo/listening-port.js';
import type { AskedCall, Caller, Upstream } from '../../services/ingress/src/gate/call.js';
import { RefusalRecord } from '../../services/ingress/src/gate/refusal-record.js';
import { Arrivals } from '../../services/ingress/src/mcp/arrivals.js';
import type { McpCallParts } from '../../services/ingress/src/mcp/call-parts.js';
import { CallRunner } from '../../services/ingress/src/mcp/call-runner.js';
import { CallsInFlight } from '../../services/ingress/src/mcp/calls-in-flight.js';
import { Continuations } from '../../services/ingress/src/mcp/continuations.js';
import { Definitions } from '../../services/ingress/src/mcp/definitions.js';
import { EventIds } from '../../services/ingress/src/mcp/event-ids.js';
import { IntakeReader } from '../../services/ingress/src/mcp/intake.js';
import { McpEndpoint } from '../../services/ingress/src/mcp/mcp-endpoint.js';
import { OpenCalls } from '../../services/ingress/src/mcp/open-calls.js';
import { PendingAnswers } from '../../services/ingress/src/mcp/pending-answer.js';
import { Quotas } from '../../services/ingress/src/mcp/quotas.js';
import { ResourceMetadata } from '../../services/ingress/src/mcp/resource-metadata.js';
import { ServerEras } from '../../services/ingress/src/mcp/server-eras.js';
import { SessionIds } from '../../services/ingress/src/mcp/session-ids.js';
import { SessionRecord } from '../../services/ingress/src/mcp/session-record.js';
import { TaskDesk } from '../../services/ingress/src/mcp/task-desk.js';
import { QuestionIds } from '../../services/ingress/src/mcp/question-ids.js';
import { RequestStates } from '../../services/ingress/src/mcp/request-states.js';
import { TaskIds } from '../../services/ingress/src/mcp/task-ids.js';
import { TaskResults } from '../../services/ingress/src/mcp/task-results.js';
import { Upstreams } from '../../services/ingress/src/mcp/upstreams.js';
import { Servers } from '../../services/ingress/src/servers.js';

/** The relay of ingress without the gate: no policy, no record, no mask. What is left is the protocol's own cost. */
const upstream = process.env['BENCH_UPSTREAM'] ?? '';
const minute = 60_000;
const json = { maxDepth: 64, maxArrayLength: 100_000 };
const limits = { ...json, maxAnswerBytes: 1e7, maxStreamBytes: 1e8, timeoutMs: minute };
const origin = 'http://127.0.0.1';

class OneCaller extends TokenVerifier {
  async verify(): Promise<Principal> {
    const ids = { tenantId: '11111111-2222-4333-8444-555555555555', clientApp: 'bench' };
    const objectId = 'b0000000-0000-4000-8000-000000000001';
    return { ...ids, objectId, kind: 'person', displayName: null, groups: [], roles: [] };
  }
}

/** Lets everything go on as it is. */
const openGate = {
  pass: async (_: AskedCall, server: Upstream, caller: Caller) => {
    const mask = { profile: 'none' as const, entities: {}, fields: {}, binary: 'pass' as const };
    const parts = server.forward({
      mask,
      asksPeople: false,
      lets: async () => true,
      visible: async (_method, names) => new Set(names),
    });
    let count = 0;
    for await (const part of parts) {
      count += 1;
      await caller.release(part);
    }
    return { parts: count, bytes: 0, isError: false };
  },
};

const ladder = {
  clients: [],
  holdSilentMs: minute,
  holdWithProgressMs: minute,
  legMs: minute,
  progressEveryMs: minute,
  briefHoldMs: minute,
  taskPollMs: minute,
};

const { endpoint, arrivals } = assemble();
const app = express();
app.post('/mcp/bench', (request, response) => {
  void endpoint.handle('POST', 'bench', request, response);
});
const server = createServer(app);
server.keepAliveTimeout = minute;
server.listen(0, '127.0.0.1');
const port = await listeningPort(server);
arrivals.hosts.add(`127.0.0.1:${port}`);
process.once('disconnect', () => process.exit(0));
process.stdout.write(`ready http://127.0.0.1:${port}/mcp/bench\n`);

function assemble() {
  const hosts = new Set<string>();
  const sealer = new Sealer(newSealKey(), 'session');
  const file = join(mkdtempSync(join(tmpdir(), 'countersign-relay-')), 'log.db');
  const bus = new Bus(new InProcessLog(file), { group: 'relay', startAt: 'end' });
  const refusals = new RefusalRecord({ bus, instance: 'relay' }, report, report);
  const config = { url: upstream, network: 'any' as const, headers: {}, labels: {} };
  const servers = new Servers(
    { bench: { ...config, transport: 'http', connectTimeoutMs: 5000 } },
    {},
  );
  const call: McpCallParts = {
    gate: openGate,
    upstreams: new Upstreams(servers, limits),
    inFlight: new CallsInFlight(),
    sessionIds: new SessionIds(sealer, { idleMs: minute, maxMs: minute }),
    sessions: new SessionRecord(bus, 'relay', refusals),
    definitions: new Definitions(),
    continuations: new Continuations(sealer, origin),
    eventIds: new EventIds(sealer),
    taskIds: new TaskIds(sealer, origin),
    requestStates: new RequestStates(sealer),
    questionIds: new QuestionIds(sealer),
    eras: new ServerEras(),
    ladder,
    maxStreamMs: minute,
    maxCallMs: minute,
    approvalPage: (id) => id,
  };
  const names = { clientApps: [], approvalScope: '', workloadRole: '' };
  const entra = { authority: origin, tenants: [], audience: 'api', scope: 'mcp', ...names };
  const metadata = new ResourceMetadata({ publicUrl: origin, entra, aggregate: false }, servers);
  const reading = { authentication: new Authentication(new OneCaller()), metadata, json };
  const allowed = { hosts, origins: new Set<string>() };
  const incoming = new Arrivals({ ...reading, allowed, maxBodyBytes: 1e6 });
  const reader = new IntakeReader({ arrivals: incoming, servers, ...call });
  const quotas = new Quotas({
    callsPerCaller: 1e6,
    streamsPerCaller: 1e6,
    requestsPerSecondPerCaller: 1e9,
  });
  const open = new OpenCalls();
  const pending = new PendingAnswers(call.continuations, minute, call.approvalPage);
  const runner = new CallRunner({ open, pending, call });
  const tasks = new TaskDesk({ call, open, results: new TaskResults() });
  const parts = { reader, refusals, quotas, open, tasks, runner, call };
  return { endpoint: new McpEndpoint(parts), arrivals: { hosts } };
}

function report(what: unknown): void {
  process.stderr.write(`${String(what)}\n`);
}
