import type { AnswerPart } from '../gate/call.js';
import { newSealKey, Sealer } from '#trust';
import type { McpCallParts } from './call-parts.js';
import { CallsInFlight } from './calls-in-flight.js';
import { Continuations } from './continuations.js';
import { Definitions } from './definitions.js';
import { EventIds } from './event-ids.js';
import type { Intake } from './intake.js';
import { operationOf } from './operation.js';
import { QuestionIds } from './question-ids.js';
import { RequestStates } from './request-states.js';
import { ServerEras } from './server-eras.js';
import { SessionIds } from './session-ids.js';
import { TaskIds } from './task-ids.js';

const body = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
const message = { kind: 'request' as const, id: 1, method: 'tools/list', body };
const principal = {
  tenantId: '11111111-2222-4333-8444-555555555555',
  objectId: 'b0000000-0000-4000-8000-000000000001',
  kind: 'person' as const,
  clientApp: 'app',
  displayName: null,
  groups: [],
  roles: [],
};
/** A caller's question for the tools of a server. */
export const listing: Intake = {
  verb: 'POST',
  principal,
  server: {
    name: 'orders',
    labels: {},
    config: { command: ['orders'], env: {}, labels: {} },
    definitions: { new: 'pass', changed: 'pass' },
  },
  session: undefined,
  resumes: undefined,
  earlier: undefined,
  message,
  operation: operationOf(message),
  headers: {},
  client: null,
  demands: {},
  continues: undefined,
  identify: async () => principal,
};

async function* nothing(): AsyncGenerator<AnswerPart> {}

/** What calls are made with, of a gateway whose gate and servers do nothing by themselves. */
export function callParts(own: Partial<McpCallParts>): McpCallParts {
  const sealer = new Sealer(newSealKey(), 'session');
  return {
    gate: { pass: async () => ({ parts: 0, bytes: 0, isError: false }) },
    upstreams: { has: () => true, of: () => ({ prepare: () => ({ forward: nothing }) }) },
    inFlight: new CallsInFlight(),
    sessionIds: new SessionIds(sealer, { idleMs: 1000, maxMs: 1000 }),
    sessions: { opened: () => undefined, closed: () => undefined },
    definitions: new Definitions(),
    continuations: new Continuations(sealer, 'place'),
    eventIds: new EventIds(sealer),
    taskIds: new TaskIds(sealer, 'place'),
    requestStates: new RequestStates(sealer),
    questionIds: new QuestionIds(sealer),
    eras: new ServerEras(),
    ladder: {
      clients: [],
      holdSilentMs: 1,
      holdWithProgressMs: 1,
      legMs: 1,
      progressEveryMs: 1,
      briefHoldMs: 1,
      taskPollMs: 1,
    },
    maxStreamMs: 60_000,
    maxCallMs: 60_000,
    approvalPage: () => '',
    ...own,
  };
}
