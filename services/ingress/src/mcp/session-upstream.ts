import type { AnswerPart, Forwarding, Upstream } from '../gate/call.js';
import { Refusal } from '../gate/refusal.js';
import { Conversations, type ConversationsParts, type Place } from './conversations.js';
import { isModern } from './era.js';
import { Inbox } from './inbox.js';
import { isObject, type JsonObject, type Message, objectAt } from './message.js';
import { SentRequest } from './sent-request.js';
import type { Asking, Where } from './subscriptions.js';
import { visibleOnly } from './visible-list.js';
import { isAnswer, type McpUpstream, type UpstreamRequest } from './upstream.js';

/** What an upstream is made with whose sessions live in this process. */
export interface SessionUpstreamParts extends ConversationsParts {
  /** Longest silence before and in an answer, in milliseconds. */
  readonly timeoutMs: number;
  /** What conversations are held over, where that has to be ended after them. */
  readonly transport?: { close(): Promise<void>; retire(): Promise<void> } | undefined;
}

/** An upstream over a transport on which both sides talk at any time: a program, or HTTP+SSE of 2024-11-05. */
export class SessionUpstream implements McpUpstream {
  readonly #conversations: Conversations;

  constructor(private readonly parts: SessionUpstreamParts) {
    this.#conversations = new Conversations(parts);
  }

  prepare(request: UpstreamRequest): Upstream {
    return { forward: (forwarding) => this.#forward(request, forwarding) };
  }

  /** Ends all that is open, at once. */
  async close(): Promise<void> {
    await this.#conversations.close();
    await this.parts.transport?.close();
  }

  /** Opens no more sessions, and ends each when what was asked in it is answered. */
  async retire(): Promise<void> {
    await this.#conversations.retire();
    await this.parts.transport?.retire();
  }

  async *#forward(request: UpstreamRequest, forwarding: Forwarding): AsyncGenerator<AnswerPart> {
    const { message, verb } = request;
    if (verb === 'DELETE') {
      this.#conversations.leave(this.#find(request));
      request.onReply({ status: 200, isStream: false });
    } else if (message === undefined) {
      const place = this.#find(request);
      request.onReply({ status: 200, isStream: true });
      yield* listen(place, request);
    } else if (message.kind === 'request') {
      yield* this.#request(request, message, forwarding);
    } else {
      await this.#tell(request, message);
      request.onReply({ status: 202, isStream: false });
    }
  }

  async *#request(
    request: UpstreamRequest,
    message: Asking,
    forwarding: Forwarding,
  ): AsyncGenerator<AnswerPart> {
    if (isModern(message)) {
      yield* this.#sessionless(request, message, forwarding);
    } else if (message.method === 'initialize') {
      yield* this.#initialize(request, message, forwarding);
    } else {
      yield* this.#ask(this.#find(request), request, message, forwarding);
    }
  }

  async *#sessionless(
    request: UpstreamRequest,
    message: Asking,
    forwarding: Forwarding,
  ): AsyncGenerator<AnswerPart> {
    const conversation = this.#conversations.sessionless(request.caller);
    const where = { conversation, seat: undefined };
    for await (const part of this.#ask(where, request, message, forwarding)) {
      // Of no more use to a client that asked so: it opens a session now, in another conversation.
      if (this.parts.per !== 'all' && speaksOlderEra(message, part)) conversation.retire();
      yield part;
    }
  }

  /** Where sessions share a process, it is initialized once, and each is told the same answer. */
  async *#initialize(
    request: UpstreamRequest,
    message: Asking,
    forwarding: Forwarding,
  ): AsyncGenerator<AnswerPart> {
    const place = this.#conversations.join(request.caller);
    const { handshake } = place.conversation;
    let isTold = false;
    let isFirst = false;
    try {
      request.onReply({ status: 200, isStream: false, issuedSessionId: place.seat.id });
      const known = await handshake.answer();
      isFirst = known === undefined;
      const parts =
        known === undefined
          ? this.#ask(place, request, message, forwarding, (answer) => handshake.learn(answer))
          : toldAgain(known, request, message, forwarding);
      for await (const part of parts) {
        isTold ||= part.last;
        yield part;
      }
    } finally {
      // A session that its client never heard of would keep its place until it is idle.
      if (isFirst && !isTold) handshake.fail();
      if (!isTold) this.#conversations.leave(place);
    }
  }

  async *#ask(
    where: Where,
    request: UpstreamRequest,
    message: Asking,
    forwarding: Forwarding,
    learn: (answer: JsonObject) => void = () => undefined,
  ): AsyncGenerator<AnswerPart> {
    const { timeoutMs } = this.parts;
    const patience = { left: request.signal, ended: forwarding.ended, timeoutMs };
    const sent = new SentRequest(where, message, patience);
    let isOpen = message.method === 'initialize';
    try {
      sent.send();
      for (;;) {
        const said = await sent.next();
        if (said === undefined) return;
        const last = isAnswer(request, said);
        if (!isOpen) request.onReply({ status: 200, isStream: !last });
        isOpen = true;
        if (last) learn(said);
        const content = last ? await visibleOnly(request, said, forwarding) : said;
        yield { content, last };
        if (last) return;
      }
    } finally {
      sent.end();
    }
  }

  /** Passes on what wants no answer, where the server may hear it. */
  async #tell(request: UpstreamRequest, message: Exclude<Message, Asking>): Promise<void> {
    if (isModern(message)) {
      await this.#conversations.known(request.caller)?.send(message.body);
      return;
    }
    const { conversation } = this.#find(request);
    const isReady =
      message.kind === 'notification' && message.method === 'notifications/initialized';
    if (isReady && !conversation.handshake.confirm()) return;
    // In a process of several callers nobody was asked who could answer.
    if (message.kind === 'response' && conversation.owner === undefined) return;
    await conversation.send(message.body);
  }

  #find({ session }: UpstreamRequest): Place {
    const place = this.#conversations.find(session?.upstreamId ?? '');
    if (place !== undefined) return place;
    throw new Refusal('SESSION_UNKNOWN', 'upstream', 'The session has ended; initialize anew.');
  }
}

/** What the server says by itself, for as long as the client listens. */
async function* listen(place: Place, request: UpstreamRequest): AsyncGenerator<AnswerPart> {
  const { signal: left } = request;
  const inbox = new Inbox();
  const stop = place.conversation.listen(place.seat, inbox);
  const leave = (): void => inbox.close('left');
  left.addEventListener('abort', leave, { once: true });
  if (left.aborted) leave();
  try {
    for (;;) {
      const said = await inbox.next();
      if (said === undefined || said instanceof Refusal) return;
      yield { content: said, last: isAnswer(request, said) };
    }
  } finally {
    left.removeEventListener('abort', leave);
    stop();
  }
}

/** An answer that was given before, under the id of whoever asks now. */
async function* toldAgain(
  answer: JsonObject,
  request: UpstreamRequest,
  { id }: Asking,
  forwarding: Forwarding,
): AsyncGenerator<AnswerPart> {
  yield { content: await visibleOnly(request, { ...answer, id }, forwarding), last: true };
}

function speaksOlderEra({ method }: Asking, { content, last }: AnswerPart): boolean {
  if (!last || method !== 'server/discover' || !isObject(content)) return false;
  return objectAt(content, 'error')['code'] === -32_601;
}
