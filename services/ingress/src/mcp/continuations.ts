import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Principal } from '#contracts';
import type { Json } from '#masking';
import { sha256, type Sealer } from '#trust';
import { withoutTasks } from './era.js';
import { type JsonObject, objectAt } from './message.js';
import { volatileMeta } from './operation.js';

/**
 * The longest task id, in characters. It travels in a header (`Mcp-Name`), beside a token that may have
 * 11 KB, and servers take 16 KiB of headers, proxies 8 KiB of one.
 */
const maxTaskId = 4096;
/** More than everything in a task id besides the message and the reason, in bytes. */
const taskOverhead = 512;
/** How long a leg of a long poll may be answered, in milliseconds. Clients do so at once. */
const legMs = 5 * 60_000;

/** A call that waits for people, held by its client as a task id. Everything that makes the call again. */
export interface Task {
  /** Names the task in memory. */
  readonly key: string;
  /** The call that became the task. */
  readonly callId: string;
  readonly approvalId: string;
  /** The request without its id, and without what only concerned its first answer. */
  readonly body: JsonObject;
  readonly justification?: string | undefined;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
  readonly expiresMs: number;
}

/** How far a long poll has come. */
export interface Leg {
  readonly approvalId: string;
  /** The digest of the call: the same state goes with no other. */
  readonly digest: string;
  /** Legs that are over. */
  readonly legs: number;
  /** What the request brought of an earlier round with its server, which the client gives up for our state. */
  readonly round?: JsonObject | undefined;
}

const jsonSchema: z.ZodType<Json> = z.json();
const taskSchema = z.object({
  k: z.uuid(),
  c: z.uuid(),
  a: z.uuid(),
  b: z.record(z.string(), jsonSchema),
  j: z.string().optional(),
  f: z.number(),
  t: z.number(),
});
const legSchema = z.object({
  a: z.uuid(),
  d: z.string(),
  n: z.int().min(1),
  t: z.number(),
  r: z.record(z.string(), jsonSchema).optional(),
});

/**
 * Task ids and request states for clients: sealed, and bound to server, tenant, object id and client
 * application, so that any replica can go on and nothing has to be remembered. What is foreign, altered,
 * invented or over does not open. A mark tells them from those that a server, or another gateway, made.
 */
export class Continuations {
  readonly #mark: string;

  /** @param place What tells this gateway from others: its public URL. */
  constructor(
    private readonly sealer: Sealer,
    place: string,
  ) {
    this.#mark = `cs-${sha256(place).slice(0, 12)}.`;
  }

  /** Whether a text claims to be made here. */
  isOurs(text: Json | undefined): text is string {
    return typeof text === 'string' && text.startsWith(this.#mark);
  }

  /** Whether a task of this request would have an id that is short enough. */
  fits(body: JsonObject, justification: string | undefined): boolean {
    const text = JSON.stringify([lasting(body), justification]);
    return ((Buffer.byteLength(text) + taskOverhead) * 4) / 3 < maxTaskId;
  }

  /** A new task of a call. */
  task(facts: Omit<Task, 'key'>): Task {
    return { ...facts, body: lasting(facts.body), key: randomUUID() };
  }

  /** The id under which a client knows a task. */
  taskId(task: Task, server: string, principal: Principal): string {
    const { approvalId, body, callId, createdMs, expiresMs, justification, key } = task;
    const sealed = { k: key, c: callId, a: approvalId, b: body, j: justification };
    return this.#seal('task', { ...sealed, f: createdMs, t: expiresMs }, server, principal);
  }

  /** The task of an id; undefined unless it was given to this principal for this server, and lasts. */
  openTask(id: string, server: string, principal: Principal, nowMs: number): Task | undefined {
    const found = taskSchema.safeParse(this.#open('task', id, server, principal));
    if (!found.success || found.data.t <= nowMs) return undefined;
    const { a, b, c, f, j, k, t } = found.data;
    const times = { createdMs: f, expiresMs: t };
    return { key: k, callId: c, approvalId: a, body: b, justification: j, ...times };
  }

  /** The state with which a client goes on with a long poll. */
  legState(leg: Leg, server: string, principal: Principal, nowMs: number): string {
    const { approvalId, digest, legs, round } = leg;
    const sealed = { a: approvalId, d: digest, n: legs, t: nowMs + legMs, r: round };
    return this.#seal('leg', sealed, server, principal);
  }

  /** The leg of a state; undefined unless it was given to this principal for this server, and lasts. */
  openLeg(state: string, server: string, principal: Principal, nowMs: number): Leg | undefined {
    const found = legSchema.safeParse(this.#open('leg', state, server, principal));
    if (!found.success || found.data.t <= nowMs) return undefined;
    const { a, d, n, r } = found.data;
    return { approvalId: a, digest: d, legs: n, round: r };
  }

  #seal(purpose: Purpose, content: object, server: string, principal: Principal): string {
    const binding = bindingOf(purpose, server, principal);
    return `${this.#mark}${this.sealer.seal(JSON.stringify(content), binding)}`;
  }

  /** Null where it does not open. */
  #open(purpose: Purpose, text: string, server: string, principal: Principal): unknown {
    const sealed = text.slice(this.#mark.length);
    const opened = this.sealer.tryOpen(sealed, bindingOf(purpose, server, principal));
    return JSON.parse(opened ?? 'null');
  }
}

type Purpose = 'task' | 'leg';

/** Never the binding of a session id, which has no purpose in it. */
function bindingOf(purpose: Purpose, server: string, principal: Principal): string {
  const { tenantId, objectId, clientApp } = principal;
  return JSON.stringify([purpose, server, tenantId, objectId, clientApp]);
}

/** What a request keeps when it is made again for a task: nobody waits for its progress or in its trace. */
function lasting(body: JsonObject): JsonObject {
  const { id: _id, jsonrpc: _version, ...rest } = body;
  const params = objectAt(body, 'params');
  if (params['_meta'] === undefined) return rest;
  const meta = Object.entries(objectAt(params, '_meta')).filter(
    ([name]) => !volatileMeta.has(name),
  );
  return { ...rest, params: { ...params, _meta: withoutTasks(Object.fromEntries(meta)) } };
}
