import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Principal } from '#contracts';
import { type Sealer } from '#trust';
import type { ClientInfo } from './client-info.js';
import { SessionUse } from './session-use.js';

/** What a session id given to a client holds. */
export interface Session {
  /** The upstream's own id; null where the upstream keeps no session. */
  readonly upstreamId: string;
  /** The id under which the record knows the session. */
  readonly sessionId: string;
  /** What the client said of itself when it opened the session. */
  readonly client: ClientInfo | null;
}

/** Ids that were issued before they told of the client and their age are over. */
const sessionSchema = z.object({
  u: z.string(),
  s: z.string(),
  t: z.number().default(0),
  c: z.object({ name: z.string(), version: z.string() }).optional(),
});

/** How long a session lasts, in milliseconds. */
export interface SessionLimits {
  /** Without being used, at one replica. */
  readonly idleMs: number;
  readonly maxMs: number;
}

/**
 * Session ids for clients: the upstream's id, sealed and bound to server, tenant, object id and client
 * application. A foreign, altered or invented id does not open, and nothing has to be remembered.
 */
export class SessionIds {
  readonly #use = new SessionUse();

  constructor(
    private readonly sealer: Sealer,
    private readonly limits: SessionLimits,
  ) {}

  /** A new id for a session that an upstream has opened. */
  issue(
    upstreamId: string,
    server: string,
    principal: Principal,
    client: ClientInfo | null,
    nowMs: number,
  ): { id: string; session: Session } {
    const session = { upstreamId, sessionId: randomUUID(), client };
    this.#use.note(session.sessionId, nowMs);
    const c = client ?? undefined;
    const text = JSON.stringify({ u: upstreamId, s: session.sessionId, t: nowMs, c });
    return { id: this.sealer.seal(text, bindingOf(server, principal)), session };
  }

  /**
   * The session of an id; undefined unless it was issued to this principal for this server, and has not
   * grown too old or lain idle for too long here.
   */
  open(id: string, server: string, principal: Principal, nowMs: number): Session | undefined {
    const text = this.sealer.tryOpen(id, bindingOf(server, principal));
    if (text === undefined) return undefined;
    const { c, s, t, u } = sessionSchema.parse(JSON.parse(text));
    const isTooOld = nowMs - t >= this.limits.maxMs;
    if (isTooOld || this.#use.idleMs(s, nowMs) >= this.limits.idleMs) return undefined;
    this.#use.note(s, nowMs);
    return { upstreamId: u, sessionId: s, client: c ?? null };
  }
}

function bindingOf(server: string, principal: Principal): string {
  const { tenantId, objectId, clientApp } = principal;
  return JSON.stringify([server, tenantId, objectId, clientApp]);
}
