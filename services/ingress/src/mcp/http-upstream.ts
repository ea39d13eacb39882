import { type Dispatcher, errors } from 'undici';
import type { AnswerPart, Forwarding, Upstream } from '../gate/call.js';
import { Refusal } from '../gate/refusal.js';
import { mediaTypeOf, plainBody } from './answer-body.js';
import { eventsOf, EventStreamError } from './event-stream.js';
import { isModern, isSubscription } from './era.js';
import { cancellationOf, isObject } from './message.js';
import { type JsonLimits, parseStrictJson, UnreadableJson } from './strict-json.js';
import type { UpstreamSender } from './upstream-sender.js';
import {
  isAnswer,
  type McpUpstream,
  StatusRefusal,
  tooLong,
  upstreamRefusal,
  type UpstreamRequest,
} from './upstream.js';
import { visibleOnly } from './visible-list.js';

/** Limits on what an upstream may send, in bytes and milliseconds, and on its JSON. */
export interface UpstreamLimits extends JsonLimits {
  /** Of one answer, or one event of a stream. */
  readonly maxAnswerBytes: number;
  /** Of all that comes in one stream. */
  readonly maxStreamBytes: number;
  readonly timeoutMs: number;
}

/** An upstream over Streamable HTTP. One request upstream for each that came in. */
export class HttpUpstream implements McpUpstream {
  constructor(
    private readonly sender: UpstreamSender,
    private readonly limits: UpstreamLimits,
  ) {}

  prepare(request: UpstreamRequest): Upstream {
    return { forward: (forwarding) => this.#forward(request, forwarding) };
  }

  async close(): Promise<void> {
    await this.sender.close();
  }

  async retire(): Promise<void> {
    await this.sender.retire();
  }

  async *#forward(request: UpstreamRequest, forwarding: Forwarding): AsyncGenerator<AnswerPart> {
    try {
      yield* this.#exchange(request, forwarding);
    } catch (error) {
      if (!request.signal.aborted) throw error;
      // A stream lasts until its client leaves; that is its end and no failure.
      const isStream = request.verb === 'GET' || isSubscription(request.message);
      if (!isStream) throw leftBehind(error, request.signal);
    } finally {
      if (forwarding.ended?.aborted === true) void this.#cancel(request);
    }
  }

  /** In the older era a lost connection is no cancellation: it has to be said. Never rejects. */
  async #cancel(request: UpstreamRequest): Promise<void> {
    const { message } = request;
    if (message?.kind !== 'request' || isModern(message)) return;
    const cancellation = cancellationOf(message.id);
    const signal = AbortSignal.timeout(this.limits.timeoutMs);
    await this.#send({ ...request, message: cancellation, signal })
      .then(async ({ body }) => body.dump())
      .catch(() => undefined);
  }

  async *#exchange(request: UpstreamRequest, forwarding: Forwarding): AsyncGenerator<AnswerPart> {
    const response = await this.#send(request, forwarding.ended);
    // Every reader of the body learns of its errors; a body that is dropped unread has none, and an error
    // that nobody listens to would end the process.
    response.body.on('error', () => undefined);
    try {
      const mediaType = mediaTypeOf(response);
      const isStream = mediaType === 'text/event-stream';
      const issued = response.headers['mcp-session-id'];
      request.onReply({
        status: response.statusCode,
        isStream,
        issuedSessionId: typeof issued === 'string' ? issued : undefined,
      });
      if (isStream) yield* this.#stream(response, request, forwarding);
      else yield* this.#single(response, mediaType, request, forwarding);
    } catch (error) {
      throw readingRefusal(error);
    } finally {
      response.body.destroy();
    }
  }

  async #send(request: UpstreamRequest, ended?: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { verb, message, session, headers, resumes } = request;
    const signal = ended === undefined ? request.signal : AbortSignal.any([request.signal, ended]);
    return this.sender.send({
      method: verb,
      signal,
      headers: {
        ...headers,
        accept: verb === 'GET' ? 'text/event-stream' : 'application/json, text/event-stream',
        ...(message === undefined ? {} : { 'content-type': 'application/json' }),
        ...(session === undefined ? {} : { 'mcp-session-id': session.upstreamId }),
        ...(resumes === undefined ? {} : { 'last-event-id': resumes.eventId }),
      },
      body: message === undefined ? null : JSON.stringify(message.body),
      ...(verb === 'GET' || isSubscription(message) ? { bodyTimeout: 0 } : {}),
    });
  }

  /** An answer in one piece; nothing at all is one too (202, 405). */
  async *#single(
    response: Dispatcher.ResponseData,
    mediaType: string,
    request: UpstreamRequest,
    forwarding: Forwarding,
  ): AsyncGenerator<AnswerPart> {
    if (response.statusCode === 401 || response.statusCode === 403) {
      const message = 'The server does not accept the credential of the gateway.';
      throw upstreamRefusal('UPSTREAM_UNAVAILABLE', message, 'no');
    }
    const bytes = await readAll(plainBody(response), this.limits.maxAnswerBytes);
    // To a verb without a message the status is the whole answer.
    if (request.message === undefined) return;
    const isAnswerNeeded = request.message.kind === 'request';
    if (!isAnswerNeeded && (bytes.length === 0 || mediaType !== 'application/json')) return;
    if (mediaType !== 'application/json') throw withoutJson(response.statusCode, request);
    yield await this.#part(bytes, request, forwarding);
  }

  async *#stream(
    response: Dispatcher.ResponseData,
    request: UpstreamRequest,
    forwarding: Forwarding,
  ): AsyncGenerator<AnswerPart> {
    let isBegun = false;
    for await (const event of eventsOf(plainBody(response), this.limits)) {
      const { data, id, retryMs, type } = event;
      if (data === '') {
        // Servers begin with one of these. Many would cost more here than there, and no client needs them.
        if (!isBegun) request.onMark({ id, retryMs });
        isBegun = true;
        continue;
      }
      // Clients do not listen to events of other types, and neither do we.
      if (type !== 'message') continue;
      isBegun = true;
      const part = await this.#part(Buffer.from(data, 'utf8'), request, forwarding);
      yield { ...part, mark: { id, retryMs } };
      if (part.last) return;
    }
  }

  async #part(
    bytes: Uint8Array,
    request: UpstreamRequest,
    forwarding: Forwarding,
  ): Promise<AnswerPart> {
    const content = parseStrictJson(bytes, this.limits);
    if (!isObject(content)) throw new UnreadableJson('SYNTAX');
    const last = isAnswer(request, content);
    const shown = last ? await visibleOnly(request, content, forwarding) : content;
    return { content: shown, last };
  }
}

/** Clients act on the status of an answer that is no message: they start anew, or fall back to the older era. */
function withoutJson(status: number, { session }: UpstreamRequest): Refusal {
  if (status === 404 && session !== undefined) {
    const message = 'The server has ended the session; initialize anew.';
    return new Refusal('SESSION_UNKNOWN', 'upstream', message);
  }
  const message = `The server answered with status ${status} and no JSON.`;
  const isClientError = status >= 400 && status < 500;
  return isClientError
    ? new StatusRefusal(status, message)
    : upstreamRefusal('UPSTREAM_UNREADABLE', message, status < 400 ? 'yes' : 'unknown');
}

async function readAll(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body) {
    size += piece.length;
    if (size > maxBytes) {
      throw upstreamRefusal('ANSWER_TOO_LARGE', 'The answer is larger than allowed.', 'yes');
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** The client left while the upstream worked; how far that came is what is known without it. */
function leftBehind(cause: unknown, { reason }: AbortSignal): Refusal {
  const executed = cause instanceof Refusal ? cause.executed : 'unknown';
  if (reason === tooLong) {
    const message = 'The server took longer than any call may.';
    return upstreamRefusal('UPSTREAM_TIMEOUT', message, executed, cause);
  }
  const message = 'The client left before the server had answered.';
  return new Refusal('CANCELLED', 'upstream', message, { executed }, { cause });
}

/** While its answer was being read: it has acted, and what it says is lost. */
function readingRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof errors.BodyTimeoutError) {
    return upstreamRefusal('UPSTREAM_TIMEOUT', 'The server stopped in its answer.', 'yes', error);
  }
  if (error instanceof EventStreamError) {
    return upstreamRefusal('ANSWER_TOO_LARGE', 'An event is larger than allowed.', 'yes', error);
  }
  const reason = error instanceof UnreadableJson ? ` (${error.fault})` : '';
  const message = `The server's answer cannot be read${reason}.`;
  return upstreamRefusal('UPSTREAM_UNREADABLE', message, 'yes', error);
}
