import { z } from 'zod';
import { maskObligationSchema, type Principal } from '#contracts';
import { type Sealer } from '#trust';
import type { Label } from './relabel.js';
import type { EarlierCall } from './task-ids.js';

/** How long after an event its stream may be taken up again, in milliseconds. */
const resumableMs = 60 * 60_000;

/** The longest id that is given out, in characters: it comes back in a header, beside a token. */
const maxEventId = 3072;

/** The call whose answer a stream carries, and the names that its client gave it. */
export interface Origin {
  readonly label: Label;
  readonly call: EarlierCall;
}

/** Where a stream is to be taken up again. */
export interface Resumption {
  /** The server's own id of the last event that arrived. */
  readonly eventId: string;
  /** Absent for the server's own stream, which answers no call. */
  readonly origin?: Origin | undefined;
}

/** For whom an id was made. */
export interface EventPlace {
  readonly server: string;
  readonly principal: Principal;
  /** The session of the stream; null where the server keeps none. */
  readonly sessionId: string | null;
}

const eventSchema = z.object({
  e: z.string(),
  t: z.number(),
  o: z
    .object({
      c: z.uuid(),
      i: z.union([z.string(), z.number()]),
      p: z.union([z.string(), z.number()]).optional(),
      m: z.string(),
      r: z.string(),
      k: maskObligationSchema,
    })
    .optional(),
});

/**
 * Event ids for clients (MCP 2025-11-25, resumability): the server's own, sealed with what is needed to give
 * the rest of the answer out as its beginning was, under the same mask and list filter. Bound to server,
 * session, tenant, object id and client application, so that nobody opens another's answer and nothing
 * has to be remembered.
 */
export class EventIds {
  constructor(private readonly sealer: Sealer) {}

  /** The id for a client; undefined where it would be too long, so that the stream cannot be taken up there. */
  issue({ eventId, origin }: Resumption, place: EventPlace, nowMs: number): string | undefined {
    const text = JSON.stringify({ e: eventId, t: nowMs + resumableMs, o: origin && short(origin) });
    const id = this.sealer.seal(text, bindingOf(place));
    return id.length <= maxEventId ? id : undefined;
  }

  /** Where an id takes a stream up; undefined unless it was issued for this place, and lasts. */
  open(id: string, place: EventPlace, nowMs: number): Resumption | undefined {
    const found = eventSchema.safeParse(this.#open(id, place));
    if (!found.success || found.data.t <= nowMs) return undefined;
    const { e, o } = found.data;
    if (o === undefined) return { eventId: e };
    const label = { callId: o.c, id: o.i, progressToken: o.p };
    const call = { callId: o.c, method: o.m, resource: o.r, mask: o.k };
    return { eventId: e, origin: { label, call } };
  }

  /** Null where it does not open. */
  #open(id: string, place: EventPlace): unknown {
    return JSON.parse(this.sealer.tryOpen(id, bindingOf(place)) ?? 'null');
  }
}

function short({ call, label }: Origin): object {
  const { callId, mask, method, resource } = call;
  const { id, progressToken } = label;
  return { c: callId, i: id, p: progressToken, m: method, r: resource, k: mask };
}

/** Never the binding of a session id or a task, which have another number of members or purpose. */
function bindingOf({ principal, server, sessionId }: EventPlace): string {
  const { clientApp, objectId, tenantId } = principal;
  return JSON.stringify(['event', server, sessionId, tenantId, objectId, clientApp]);
}
