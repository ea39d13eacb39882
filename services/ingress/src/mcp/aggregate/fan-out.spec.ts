import { expect, test } from 'vitest';
import type { AnswerPart } from '../../gate/call.js';
import type { RefusedRequest } from '../../gate/refusal-record.js';
import { newSealKey, Sealer } from '#trust';
import type { McpCallParts } from '../call-parts.js';
import { CallsInFlight } from '../calls-in-flight.js';
import { Continuations } from '../continuations.js';
import { Definitions } from '../definitions.js';
import { EventIds } from '../event-ids.js';
import type { Intake } from '../intake.js';
import { OpenCalls } from '../open-calls.js';
import { operationOf } from '../operation.js';
import { Quotas } from '../quotas.js';
import { RequestStates } from '../request-states.js';
import { ServerEras } from '../server-eras.js';
import { SessionIds } from '../session-ids.js';
import { TaskIds } from '../task-ids.js';
import { FanOut } from './fan-out.js';

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
const intake: Intake = {
  verb: 'POST',
  principal,
  server: {
    name: 'slow',
    labels: {},
    config: { command: ['slow'], env: {}, labels: {} },
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

/** A fan-out to a server that answers when it is told to, for a caller who may have one call open. */
function slowFanOut() {
  const answered = Promise.withResolvers<{ parts: number; bytes: number; isError: boolean }>();
  const refused: RefusedRequest[] = [];
  const sealer = new Sealer(newSealKey(), 'session');
  const call: McpCallParts = {
    gate: { pass: async () => answered.promise },
    upstreams: { of: () => ({ prepare: () => ({ forward: nothing }) }) },
    inFlight: new CallsInFlight(),
    sessionIds: new SessionIds(sealer, { idleMs: 1000, maxMs: 1000 }),
    sessions: { opened: () => undefined, closed: () => undefined },
    definitions: new Definitions(),
    continuations: new Continuations(sealer, 'place'),
    eventIds: new EventIds(sealer),
    taskIds: new TaskIds(sealer, 'place'),
    requestStates: new RequestStates(sealer),
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
  };
  const fanOut = new FanOut({
    reader: { share: () => intake },
    servers: { all: () => [intake.server] },
    quotas: new Quotas({ callsPerCaller: 1, streamsPerCaller: 1, requestsPerSecondPerCaller: 99 }),
    refusals: { ofRequest: async (request) => void refused.push(request) },
    open: new OpenCalls(),
    call,
    patienceMs: 20,
  });
  const finish = (): void => answered.resolve({ parts: 0, bytes: 0, isError: false });
  return { fanOut, finish, refused };
}

test('when a server is not waited for any more, then its call keeps its place for as long as it runs', async () => {
  const { fanOut, finish, refused } = slowFanOut();
  expect(await fanOut.say(intake)).toBeUndefined();

  expect(await fanOut.say(intake)).toBeUndefined();
  expect(refused).toMatchObject([{ server: 'slow', method: 'tools/list', principal }]);
  finish();
  await new Promise(setImmediate);
  expect(await fanOut.say(intake)).toEqual({ content: undefined, opened: undefined });
});
