import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Principal } from '#contracts';
import { type Sealer, SealBrokenError } from '#trust';
import type { ClientInfo } from './client-info.js';

/** What a session id given to a client holds. */
export interface Session {
  /** The upstream's own id; null where the upstream keeps no session. */
  readonly upstreamId: string;
  /** The id under which the record knows the session. */
  readonly sessionId: string;
  /** What the client said of itself when it opened the session. */
  readonly client: ClientInfo | null;
}

/** Ids that were issued before they told of the client still open. */
const sessionSchema = z.object({
  u: z.string(),
  s: z.string(),
  c: z.object({ name: z.string(), version: z.string() }).optional(),
});

/**
 * Session ids for clients: the upstream's id, sealed and bound to server, tenant, object id and client
 * application. A foreign, altered or invented id does not open, and nothing has to be remembered.
 */
export class SessionIds {
  constructor(private readonly sealer: Sealer) {}

  /** A new id for a session that an upstream has opened. */
  issue(
    upstreamId: string,
    server: string,
    principal: Principal,
    client: ClientInfo | null,
  ): { id: string; session: Session } {
    const session = { upstreamId, sessionId: randomUUID(), client };
    const text = JSON.stringify({ u: upstreamId, s: session.sessionId, c: client ?? undefined });
    return { id: this.sealer.seal(text, bindingOf(server, principal)), session };
  }

  /** The session of an id; undefined unless it was issued to this principal for this server. */
  open(id: string, server: string, principal: Principal): Session | undefined {
    try {
      const text = this.sealer.open(id, bindingOf(server, principal));
      const { c, s, u } = sessionSchema.parse(JSON.parse(text));
      return { upstreamId: u, sessionId: s, client: c ?? null };
    } catch (error) {
      if (error instanceof SealBrokenError) return undefined;
      throw error;
    }
  }
}

function bindingOf(server: string, principal: Principal): string {
  const { tenantId, objectId, clientApp } = principal;
  return JSON.stringify([server, tenantId, objectId, clientApp]);
}
