import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Principal } from '#contracts';
import { type Sealer, SealBrokenError } from '#trust';

/** What a session id given to a client holds. */
export interface Session {
  /** The upstream's own id; null where the upstream keeps no session. */
  readonly upstreamId: string;
  /** The id under which the record knows the session. */
  readonly sessionId: string;
}

const sessionSchema = z.object({ u: z.string(), s: z.string() });

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
  ): { id: string; session: Session } {
    const session = { upstreamId, sessionId: randomUUID() };
    const text = JSON.stringify({ u: upstreamId, s: session.sessionId });
    return { id: this.sealer.seal(text, bindingOf(server, principal)), session };
  }

  /** The session of an id; undefined unless it was issued to this principal for this server. */
  open(id: string, server: string, principal: Principal): Session | undefined {
    try {
      const text = this.sealer.open(id, bindingOf(server, principal));
      const { u, s } = sessionSchema.parse(JSON.parse(text));
      return { upstreamId: u, sessionId: s };
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
