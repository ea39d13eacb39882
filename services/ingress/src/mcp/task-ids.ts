import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type MaskObligation, maskObligationSchema, type Principal } from '#contracts';
import type { Json } from '#masking';
import { canonicalJson, sha256, type Sealer, SealBrokenError } from '#trust';
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

/** Ids that are remembered for news of tasks, which come without the call that made them. */
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

  /** The id under which the client was told of a task here before; undefined where it was not. */
  known(taskId: string, server: string, principal: Principal): string | undefined {
    return this.#issued.get(canonicalJson([bindingOf(server, principal), taskId]));
  }

  /** The task of an id; undefined unless it was issued to this principal for this server. */
  open(id: string, server: string, principal: Principal): ServerTask | undefined {
    if (!id.startsWith(this.#mark)) return undefined;
    const found = sealedSchema.safeParse(this.#open(id, bindingOf(server, principal)));
    if (!found.success) return undefined;
    const { c, k, m, r, u } = found.data;
    return { taskId: u, call: { callId: c, method: m, resource: r, mask: k } };
  }

  #remember(key: string, id: string): void {
    this.#issued.delete(key);
    this.#issued.set(key, id);
    const [oldest] = this.#issued.keys();
    if (this.#issued.size > maxIssued && oldest !== undefined) this.#issued.delete(oldest);
  }

  #open(id: string, binding: string): unknown {
    try {
      return JSON.parse(this.sealer.open(id.slice(this.#mark.length), binding));
    } catch (error) {
      if (error instanceof SealBrokenError) return undefined;
      throw error;
    }
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
  const told = withRelated(asked, replace);
  if (told === held) return { message, earlier: undefined };
  return { message: { ...message, body: { ...message.body, [holder]: told } }, earlier };
}

/** A server's message with the ids under which its client knows the server's tasks. */
export function withClientTasks(
  said: Json,
  asked: Message | undefined,
  issue: (taskId: string) => string,
): Json {
  if (!isObject(said)) return said;
  const replace = (id: Json | undefined): string => issue(typeof id === 'string' ? id : '');
  if ('method' in said)
    return withMember(said, 'params', (params) => ofNotice(said, params, replace));
  return withMember(said, 'result', (result) => ofAnswer(asked, result, replace));
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
  const method = asked?.kind === 'request' ? asked.method : '';
  const isTask = method.startsWith('tasks/') || result['resultType'] === 'task';
  const named = isTask ? withId(result, replace) : result;
  const made = isObject(named['task']) ? { ...named, task: withId(named['task'], replace) } : named;
  const { tasks } = made;
  const listed =
    method === 'tasks/list' && Array.isArray(tasks)
      ? { ...made, tasks: tasks.map((each) => (isObject(each) ? withId(each, replace) : each)) }
      : made;
  return withRelated(listed, replace);
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
