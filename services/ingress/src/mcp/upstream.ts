import type { Upstream } from '../gate/call.js';
import { Refusal } from '../gate/refusal.js';
import type { JsonObject, Message } from './message.js';
import type { Session } from './session-ids.js';

/** The adapter's notes on a part: how its server-sent event was named. */
export interface PartMeta {
  readonly eventId?: string | undefined;
  readonly retryMs?: number | undefined;
}

/** How an upstream took a message, known before its first part. */
export interface UpstreamReply {
  /** HTTP status; 200 or 202 where the upstream speaks no HTTP. */
  readonly status: number;
  /** True when the answer comes as a stream of events. */
  readonly isStream: boolean;
  /** The session id that the upstream issued with this answer. */
  readonly issuedSessionId?: string | undefined;
}

/** A message on its way to one upstream. */
export interface UpstreamRequest {
  /** `POST` with a message, `GET` for the server's own stream, `DELETE` to end the session. */
  readonly verb: 'POST' | 'GET' | 'DELETE';
  readonly message: Message | undefined;
  readonly session: Session | undefined;
  /** Protocol headers of the client that the upstream needs; never its credentials. */
  readonly headers: Readonly<Record<string, string>>;
  /** Aborted when the answer is not wanted any more. */
  readonly signal: AbortSignal;
  /** Called once, before the first part. */
  onReply(reply: UpstreamReply): void;
}

/** An upstream MCP server over one of its transports. */
export interface McpUpstream {
  prepare(request: UpstreamRequest): Upstream<PartMeta>;
}

/** The upstream cannot be reached, or said something that is no answer. */
export function upstreamRefusal(
  code: 'UPSTREAM_UNAVAILABLE' | 'UPSTREAM_TIMEOUT' | 'UPSTREAM_UNREADABLE' | 'ANSWER_TOO_LARGE',
  message: string,
  executed: 'no' | 'yes' | 'unknown',
  cause?: unknown,
): Refusal {
  return new Refusal(code, 'upstream', message, { executed }, { cause });
}

/** True for the message that answers a request. */
export function answers(request: Message | undefined, candidate: JsonObject): boolean {
  if (request?.kind !== 'request' || 'method' in candidate) return false;
  return candidate['id'] === request.id || ('error' in candidate && candidate['id'] == null);
}
