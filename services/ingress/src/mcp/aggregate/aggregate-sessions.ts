import { z } from 'zod';
import type { Principal } from '#contracts';
import type { ClientInfo } from '../client-info.js';
import { openSession } from '../intake.js';
import type { Session, SessionIds } from '../session-ids.js';

/** What no server is named: sessions with all of them are bound to it. */
const place = '*';

const memberSchema = z.object({
  /** The server's own session and the id of its record; absent where it keeps none. */
  u: z.string().optional(),
  s: z.string().optional(),
  /** The protocol version that it agreed to. */
  v: z.string().optional(),
});
const membersSchema = z.record(z.string(), memberSchema);

/** What one server may add to the id, in characters: a longer one would break the header for all of them. */
const maxMember = 512;

/** One server's part in a session with all of them. */
export interface Member {
  readonly session: Session | undefined;
  readonly version: string | undefined;
}

/**
 * Sessions with several servers at once: one sealed id that holds those of all of them, so that any replica
 * serves it and nothing has to be remembered.
 */
export class AggregateSessions {
  constructor(private readonly ids: SessionIds) {}

  /** The id of a new session with these servers, as far as it can hold what they named. */
  issue(
    members: ReadonlyMap<string, Member>,
    principal: Principal,
    client: ClientInfo | null,
  ): string {
    const all = [...members].map(([server, { session, version }]) => {
      const sealed = { u: session?.upstreamId, s: session?.sessionId, v: version };
      return [server, sealed] as const;
    });
    const kept = all.filter(([, sealed]) => JSON.stringify(sealed).length <= maxMember);
    const text = JSON.stringify(Object.fromEntries(kept));
    return this.ids.issue(text, place, principal, client, Date.now()).id;
  }

  /** The servers of a session. @throws Refusal where the id is none of this caller, or its time is over. */
  open(id: string, principal: Principal): ReadonlyMap<string, Member> {
    const { client, upstreamId } = openSession(this.ids, id, place, principal);
    const members = membersSchema.parse(JSON.parse(upstreamId));
    return new Map(
      Object.entries(members).map(([server, { s, u, v }]) => {
        const isKept = u !== undefined && s !== undefined;
        const session = isKept ? { upstreamId: u, sessionId: s, client } : undefined;
        return [server, { session, version: v }];
      }),
    );
  }
}
