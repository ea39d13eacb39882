import type { Principal } from '#contracts';
import { callDigest } from '#trust';
import { Refusal } from '../gate/refusal.js';
import type { Continuations, Leg, Task } from './continuations.js';
import { declaresTasks } from './era.js';
import { isObject, type JsonObject, type Message, objectAt } from './message.js';
import { operationOf } from './operation.js';

/** What a client does with a task. */
type TaskDeed = 'get' | 'update' | 'cancel';

/** What a request goes on with: a call that was made before and waits for people. */
export type Continuation =
  | { readonly kind: 'task'; readonly deed: TaskDeed; readonly id: string; readonly task: Task }
  | { readonly kind: 'leg'; readonly leg: Leg };

/** A request as it is to be judged, and what it goes on with. */
interface Continued {
  readonly message: Message;
  readonly continues: Continuation | undefined;
}

const deeds = new Map<string, TaskDeed>([
  ['tasks/get', 'get'],
  ['tasks/update', 'update'],
  ['tasks/cancel', 'cancel'],
]);

/** Who goes on, and where. */
export interface Asker {
  readonly server: string;
  readonly principal: Principal;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/**
 * Reads what a request goes on with. A question after a task of ours is the task's call, made again; a
 * state of ours is taken off, and what is left must be the call that it was given for. Tasks and states
 * that others made pass through.
 * @throws Refusal of stage `intake` for what claims to be ours and is not, or not any more.
 */
export function continued(message: Message, asker: Asker, continuations: Continuations): Continued {
  const params = objectAt(message.body, 'params');
  if (message.kind === 'request') {
    const deed = deeds.get(message.method);
    const { requestState, taskId } = params;
    if (deed !== undefined && continuations.isOurs(taskId)) {
      return ofTask(message, { deed, id: taskId }, asker, continuations);
    }
    if (continuations.isOurs(requestState)) {
      return ofLeg(message, requestState, asker, continuations);
    }
  }
  return { message, continues: undefined };
}

type Request = Extract<Message, { kind: 'request' }>;

function ofTask(
  request: Request,
  { deed, id }: { readonly deed: TaskDeed; readonly id: string },
  { nowMs, principal, server }: Asker,
  continuations: Continuations,
): Continued {
  if (!declaresTasks(request)) {
    const message = 'A client that asks after a task must declare the tasks extension.';
    throw new Refusal('CAPABILITY_MISSING', 'intake', message);
  }
  const task = continuations.openTask(id, server, principal, nowMs);
  if (task === undefined) throw unknown('There is no such task, or its time is over.');
  const body = { ...task.body, jsonrpc: '2.0', id: request.id };
  const message = { ...request, method: 'tools/call', body };
  return { message, continues: { kind: 'task', deed, id, task } };
}

function ofLeg(
  request: Request,
  state: string,
  { nowMs, principal, server }: Asker,
  continuations: Continuations,
): Continued {
  const leg = continuations.openLeg(state, server, principal, nowMs);
  const message = withRound(request, leg?.round);
  const asked = { protocol: 'mcp', server, ...operationOf(message) };
  const isSame = leg?.digest === callDigest(asked);
  if (leg === undefined || !isSame) {
    throw unknown('The requestState is not of this call, or its time is over; make the call anew.');
  }
  return { message, continues: { kind: 'leg', leg } };
}

/**
 * The request as it was before we asked to come again: with what it brought of an earlier round with its server.
 * There was nothing to respond to since, so that an empty member says nothing either.
 */
function withRound(request: Request, round: JsonObject | undefined): Request {
  const { inputResponses, requestState: _state, ...params } = objectAt(request.body, 'params');
  const isEmpty = isObject(inputResponses) && Object.keys(inputResponses).length === 0;
  const rest = inputResponses === undefined || isEmpty ? params : { ...params, inputResponses };
  return { ...request, body: { ...request.body, params: { ...rest, ...round } } };
}

/** What a request brings of an earlier round with its server (MCP 2026-07-28, multi round-trip requests). */
export function roundOf(message: Message | undefined): JsonObject | undefined {
  const params = message === undefined ? {} : objectAt(message.body, 'params');
  const members = ['inputResponses', 'requestState'].flatMap((name) => {
    const value = params[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return members.length === 0 ? undefined : Object.fromEntries(members);
}

function unknown(message: string): Refusal {
  return new Refusal('CONTINUATION_UNKNOWN', 'intake', message);
}
