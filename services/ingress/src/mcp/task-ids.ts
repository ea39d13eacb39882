import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type MaskObligation, maskObligationSchema, type Principal } from '#contracts';
import type { Json } from '#masking';
import { canonicalJson, sha256, type Sealer } from '#trust';
import { isSubscription } from './era.js';
import { isObject, type JsonObject, type Message, objectAt, withMember } from './message.js';

/** An earlier call, of which a later one gets more of the answer. */
export interface EarlierCall {
  readonly callId: string;
  readonly method: string;
  /** The tool, prompt or resource of the call; empty where it had none. */
  readonly resource: string;
  /** How its answer was masked. */
  readonly mask: MaskObligation;
}

/** A task that a server made of a call. */
export interface ServerTask {
  readonly taskId: string;
  readonly call: EarlierCall;
}

const relatedMember = 'io.modelcontextprotocol/related-task';
const sealedSchema = z.object({
  u: z.string(),
  c: z.uuid(),
  m: z.string(),
  r: z.string(),
  k: maskObligationSchema,
});

/** Ids that are remembered for news and lists of tasks, which come without the calls that made them. */
const maxIssued = 10_000;

/**
 * Ids of the tasks that servers make of calls, for clients: the server's own, sealed and bound to server,
 * tenant, object id and client application. The server knows all callers by one credential, so that it
 * would tell any of them of any task whose id it names.
 */
export class TaskIds {
  readonly #mark: string;
  readonly #issued = new Map<string, string>();

  /** @param place What tells this gateway from others: its public URL. */
  constructor(
    private readonly sealer: Sealer,
    place: string,
  ) {
    this.#mark = `ct-${sha256(place).slice(0, 12)}.`;
  }

  /** The id for a client: the same one whenever the task of this call is named, at any replica. */
  issue({ call, taskId }: ServerTask, server: string, principal: Principal): string {
    const { callId, mask, method, resource } = call;
    const text = canonicalJson({ u: taskId, c: callId, m: method, r: resource, k: mask });
    const binding = bindingOf(server, principal);
    const id = `${this.#mark}${this.sealer.sealSame(text, binding)}`;
    this.#remember(canonicalJson([binding, taskId]), id);
    return id;
  }

  /** The id under which the client knows a task, as far as it was seen here; undefined for any other. */
  known(taskId: string, server: string, principal: Principal): string | undefined {
    return this.#issued.get(canonicalJson([bindingOf(server, principal), taskId]));
  }

  /** The task of an id; undefined unless it was issued to this principal for this server. */
  open(id: string, server: string, principal: Principal): ServerTask | undefined {
    if (!id.startsWith(this.#mark)) return undefined;
    const found = sealedSchema.safeParse(this.#open(id, bindingOf(server, principal)));
    if (!found.success) return undefined;
    const { c, k, m, r, u } = found.data;
    this.#remember(canonicalJson([bindingOf(server, principal), u]), id);
    return { taskId: u, call: { callId: c, method: m, resource: r, mask: k } };
  }

  #remember(key: string, id: string): void {
    this.#issued.delete(key);
    this.#issued.set(key, id);
    const [oldest] = this.#issued.keys();
    if (this.#issued.size > maxIssued && oldest !== undefined) this.#issued.delete(oldest);
  }

  /** Null where it does not open. */
  #open(id: string, binding: string): unknown {
    return JSON.parse(this.sealer.tryOpen(id.slice(this.#mark.length), binding) ?? 'null');
  }
}

function bindingOf(server: string, principal: Principal): string {
  const { clientApp, objectId, tenantId } = principal;
  return JSON.stringify(['server-task', server, tenantId, objectId, clientApp]);
}

/**
 * A client's message with the server's own ids of its tasks, and the call that a question after a task is
 * about. Any other id becomes one that nobody has: the server then says in its own words that there is no
 * such task, whether it never was or is another's.
 */
export function withServerTasks(
  message: Message,
  open: (id: string) => ServerTask | undefined,
): { readonly message: Message; readonly earlier: EarlierCall | undefined } {
  let earlier: EarlierCall | undefined;
  const replace = (id: Json | undefined): string => {
    const task = typeof id === 'string' ? open(id) : undefined;
    earlier ??= task?.call;
    return task?.taskId ?? randomUUID();
  };
  const holder = message.kind === 'response' ? 'result' : 'params';
  const held = objectAt(message.body, holder);
  const asksAfter = message.kind === 'request' && message.method.startsWith('tasks/');
  const asked = asksAfter && 'taskId' in held ? { ...held, taskId: replace(held['taskId']) } : held;
  const wanted = isSubscription(message) ? withoutTaskNews(asked) : asked;
  const told = withRelated(wanted, replace);
  if (told === held) return { message, earlier: undefined };
  return { message: { ...message, body: { ...message.body, [holder]: told } }, earlier };
}

/**
 * A subscription without tasks: news of several would come under one mask, results of them included. Servers may
 * agree to a part of what is wanted (ext-tasks 2026-07-28), and clients ask after their tasks all the same.
 */
function withoutTaskNews(params: JsonObject): JsonObject {
  const { taskIds: _ids, notifications, ...rest } = params;
  if (!isObject(notifications)) return 'taskIds' in params ? rest : params;
  const { taskIds: _wanted, ...others } = notifications;
  const isOfTasks = 'taskIds' in params || 'taskIds' in notifications;
  return isOfTasks ? { ...rest, notifications: others } : params;
}

/**
 * A server's message with the ids under which its client knows the server's tasks: one that has no name for it is
 * left out of a list, and bears elsewhere an id that nobody has.
 */
export function withClientTasks(
  said: Json,
  asked: Message | undefined,
  nameOf: (taskId: string) => string | undefined,
): Json {
  if (!isObject(said)) return said;
  const named = (id: Json | undefined) => nameOf(typeof id === 'string' ? id : '');
  const replace = (id: Json | undefined): string => named(id) ?? randomUUID();
  if ('method' in said)
    return withMember(said, 'params', (params) => ofNotice(said, params, replace));
  return withMember(said, 'result', (result) =>
    ofAnswer(asked, listed(asked, result, named), replace),
  );
}

/** On a stream that is taken up again it is not told what was asked: it may have been anything. */
function mayAnswer(asked: Message | undefined, isMeant: (method: string) => boolean): boolean {
  return asked === undefined || (asked.kind === 'request' && isMeant(asked.method));
}

/** Servers list the tasks of all whom they know by the same credential. */
function listed(
  asked: Message | undefined,
  result: JsonObject,
  named: (id: Json | undefined) => string | undefined,
): JsonObject {
  const { tasks } = result;
  const isList = Array.isArray(tasks) && mayAnswer(asked, (method) => method === 'tasks/list');
  if (!isList) return result;
  const own = tasks.flatMap((each) => {
    const taskId = isObject(each) ? named(each['taskId']) : undefined;
    return isObject(each) && taskId !== undefined ? [{ ...each, taskId }] : [];
  });
  return { ...result, tasks: own };
}

type Replace = (id: Json | undefined) => string;

/** A request of the server's names tasks of the client's own, which stay as they are. */
function ofNotice(said: JsonObject, params: JsonObject, replace: Replace): JsonObject {
  const { method } = said;
  const isText = typeof method === 'string';
  const isNotice = isText && !('id' in said) && method.startsWith('notifications/tasks');
  return withRelated(isNotice ? withId(params, replace) : params, replace);
}

function ofAnswer(asked: Message | undefined, result: JsonObject, replace: Replace): JsonObject {
  const isOfTask = mayAnswer(asked, (method) => method.startsWith('tasks/'));
  const isTask = isOfTask || result['resultType'] === 'task';
  const named = isTask ? withId(result, replace) : result;
  const made = isObject(named['task']) ? { ...named, task: withId(named['task'], replace) } : named;
  return withRelated(made, replace);
}

function withId(holder: JsonObject, replace: Replace): JsonObject {
  return 'taskId' in holder ? { ...holder, taskId: replace(holder['taskId']) } : holder;
}

function withRelated(holder: JsonObject, replace: Replace): JsonObject {
  const meta = objectAt(holder, '_meta');
  const related = meta[relatedMember];
  if (!isObject(related)) return holder;
  return { ...holder, _meta: { ...meta, [relatedMember]: withId(related, replace) } };
}
