import type { Mark, Upstream } from '../gate/call.js';
import { Refusal } from '../gate/refusal.js';
import type { Catalog } from './catalog.js';
import type { Resumption } from './event-ids.js';
import { isObject, type JsonObject, type Message, type RequestId } from './message.js';
import type { Session } from './session-ids.js';

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
  /** Who asks, as tenant and object id in one text: what is shared out is shared out among callers. */
  readonly caller: string;
  readonly message: Message | undefined;
  readonly session: Session | undefined;
  /** Where the client lost a stream that it takes up again. */
  readonly resumes?: Resumption | undefined;
  /** Protocol headers of the client that the upstream needs; never its credentials. */
  readonly headers: Readonly<Record<string, string>>;
  /** Aborted when the answer is not wanted any more. */
  readonly signal: AbortSignal;
  /** Called once, before the first part. */
  onReply(reply: UpstreamReply): void;
  /** Called where a stream says only where it may be taken up again; before its first part alone. */
  onMark(mark: Mark): void;
  /** Called with every list in an answer, as the server gave it. */
  onListed(catalog: Catalog): void;
}

/** An upstream MCP server over one of its transports. */
export interface McpUpstream {
  prepare(request: UpstreamRequest): Upstream;
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

/** What is told of a server that is not any more what it was when the call came. */
export const configuredAnew = 'The server was configured anew meanwhile; ask again.';

/** Why an answer is not wanted any more: the call has taken longer than any may. The client may still wait. */
export const tooLong = 'too long';

/** The server refused the message itself, in no words of the protocol; its status is passed on. */
export class StatusRefusal extends Refusal {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super('UPSTREAM_UNREADABLE', 'upstream', message, { executed: 'unknown' });
  }
}

/**
 * Reads what an upstream said: the answer to the request, or something that it says by itself. An
 * answer that nobody asked for here belongs to another call, under another mask, and is refused.
 * @throws Refusal
 */
export function isAnswer(
  { message, resumes }: Pick<UpstreamRequest, 'message' | 'resumes'>,
  said: JsonObject,
): boolean {
  if ('method' in said) {
    if (isOneMessage(said)) return false;
    const words = 'The server said something that is neither an answer nor anything else.';
    throw upstreamRefusal('UPSTREAM_UNREADABLE', words, 'yes');
  }
  const isErrorWithoutId = message !== undefined && 'error' in said && said['id'] == null;
  const awaited = awaitedId(message, resumes);
  if (isErrorWithoutId || (awaited !== undefined && said['id'] === awaited)) return true;
  const words = 'The server gave an answer that nobody asked for.';
  throw upstreamRefusal('UPSTREAM_UNREADABLE', words, 'yes');
}

/** What some read as an answer would come out without the filter of a list and the look at what it asks. */
function isOneMessage(said: JsonObject): boolean {
  const { method, params } = said;
  const isNamed = typeof method === 'string' && (params === undefined || isObject(params));
  return isNamed && !('result' in said) && !('error' in said);
}

function awaitedId(
  message: Message | undefined,
  resumes: Resumption | undefined,
): RequestId | undefined {
  return message?.kind === 'request' ? message.id : resumes?.origin?.label.callId;
}
