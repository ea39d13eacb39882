import { randomUUID } from 'node:crypto';
import type { StdioServerConfig } from '#runtime';
import type { AnswerPart, Forwarding, Upstream } from '../gate/call.js';
import { Refusal } from '../gate/refusal.js';
import { CredentialError, type Servers } from '../servers.js';
import { visibleOnly } from './http-upstream.js';
import type { UpstreamLimits } from './http-upstream.js';
import { cancellationOf, type JsonObject } from './message.js';
import { Mailbox } from './mailbox.js';
import { StdioSession } from './stdio-session.js';
import { isAnswer, type McpUpstream, upstreamRefusal, type UpstreamRequest } from './upstream.js';

/** A session that nobody has used for this long is ended, in milliseconds. */
const idleMs = 30 * 60_000;
/** Each session is a process, and nobody takes them all. */
const standardPlaces = { all: 100, perCaller: 10 };

interface OpenSession {
  readonly id: string;
  readonly caller: string;
  readonly session: StdioSession;
}

/** An upstream that is a program: one child for each session, ended with the gateway. */
export class StdioUpstream implements McpUpstream {
  readonly #sessions = new Map<string, OpenSession>();
  readonly #opened = new WeakMap<UpstreamRequest, StdioSession>();
  readonly #sweep: NodeJS.Timeout;
  readonly #allEnded = Promise.withResolvers<void>();
  #isRetired = false;

  constructor(
    private readonly config: StdioServerConfig,
    private readonly servers: Servers,
    private readonly limits: UpstreamLimits,
    private readonly places = standardPlaces,
  ) {
    this.#sweep = setInterval(() => this.#endIdle(), 60_000).unref();
  }

  prepare(request: UpstreamRequest): Upstream {
    return { forward: (forwarding) => this.#forward(request, forwarding) };
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    for (const { session } of this.#sessions.values()) session.close();
  }

  /** Opens no more sessions, and ends each when what was asked in it is answered. */
  async retire(): Promise<void> {
    clearInterval(this.#sweep);
    this.#isRetired = true;
    for (const { session } of this.#sessions.values()) session.retire();
    this.#tellIfAllEnded();
    await this.#allEnded.promise;
  }

  #tellIfAllEnded(): void {
    if (this.#isRetired && this.#sessions.size === 0) this.#allEnded.resolve();
  }

  async *#forward(request: UpstreamRequest, forwarding: Forwarding): AsyncGenerator<AnswerPart> {
    const { message, verb } = request;
    if (message?.kind === 'request' && message.method === 'initialize') this.#open(request);
    const session = this.#find(request);
    if (verb === 'DELETE') {
      session.close();
      request.onReply({ status: 200, isStream: false });
    } else if (message === undefined) {
      request.onReply({ status: 200, isStream: true });
      yield* this.#listen(session, request);
    } else if (message.kind === 'request') {
      yield* this.#ask(session, request, message, forwarding);
    } else {
      session.send(message.body);
      request.onReply({ status: 202, isStream: false });
    }
  }

  async *#ask(
    session: StdioSession,
    request: UpstreamRequest,
    message: Extract<UpstreamRequest['message'], { kind: 'request' }>,
    forwarding: Forwarding,
  ): AsyncGenerator<AnswerPart> {
    const mailbox = new Mailbox<JsonObject>();
    session.request(message.id, message.body, { say: mailbox.put, end: mailbox.close });
    const cut = (): void => {
      session.send(cancellationOf(message.id).body);
      mailbox.close('cut');
    };
    forwarding.ended?.addEventListener('abort', cut, { once: true });
    let isOpen = false;
    let isAnswered = false;
    try {
      for (;;) {
        const said = await this.#nextOf(mailbox);
        const last = isAnswer(request, said);
        if (!isOpen && message.method !== 'initialize') {
          request.onReply({ status: 200, isStream: !last });
        }
        isOpen = true;
        const content = last ? await visibleOnly(request, said, forwarding) : said;
        yield { content, last };
        isAnswered = last;
        if (last) return;
      }
    } finally {
      forwarding.ended?.removeEventListener('abort', cut);
      session.forget(message.id);
      // A session that its client never heard of would keep its place until it is idle.
      if (message.method === 'initialize' && !isAnswered) session.close();
    }
  }

  async *#listen(session: StdioSession, request: UpstreamRequest): AsyncGenerator<AnswerPart> {
    const mailbox = new Mailbox<JsonObject>();
    const stop = session.listen({ say: mailbox.put, end: mailbox.close });
    const leave = (): void => mailbox.close('left');
    request.signal.addEventListener('abort', leave, { once: true });
    try {
      for (;;) {
        const said = await mailbox.next();
        if (said === undefined) return;
        yield { content: said, last: false };
      }
    } finally {
      request.signal.removeEventListener('abort', leave);
      stop();
    }
  }

  async #nextOf(mailbox: Mailbox<JsonObject>): Promise<JsonObject> {
    const said = await mailbox.next(this.limits.timeoutMs);
    if (said !== undefined) return said;
    if (mailbox.closedBy === undefined) {
      throw upstreamRefusal('UPSTREAM_TIMEOUT', 'The server did not answer in time.', 'unknown');
    }
    const message =
      mailbox.closedBy === 'unreadable'
        ? 'The server wrote something that is no message.'
        : 'The server ended before it answered.';
    throw upstreamRefusal('UPSTREAM_UNREADABLE', message, 'unknown');
  }

  #open(request: UpstreamRequest): void {
    try {
      this.#checkInUse();
      this.#makeRoom(request.caller);
      const id = randomUUID();
      const environment = this.servers.childEnvironment(this.config);
      const onEnd = (): void => {
        this.#sessions.delete(id);
        this.#tellIfAllEnded();
      };
      const session = new StdioSession(this.config.command, environment, this.limits, onEnd);
      this.#sessions.set(id, { id, caller: request.caller, session });
      request.onReply({ status: 200, isStream: false, issuedSessionId: id });
      this.#opened.set(request, session);
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      const message = 'The credential for this server is not available.';
      throw upstreamRefusal('UPSTREAM_UNAVAILABLE', message, 'no', error);
    }
  }

  #checkInUse(): void {
    if (!this.#isRetired) return;
    const message = 'The server was configured anew meanwhile; ask again.';
    throw upstreamRefusal('UPSTREAM_UNAVAILABLE', message, 'no');
  }

  /** Few clients end their sessions: the one unused for longest gives way, of the same caller if it has its share. */
  #makeRoom(caller: string): void {
    const all = [...this.#sessions.values()];
    const own = all.filter((each) => each.caller === caller);
    const hasItsShare = own.length >= this.places.perCaller;
    if (!hasItsShare && all.length < this.places.all) return;
    const [oldest] = (hasItsShare ? own : all)
      .filter(({ session }) => !session.isBusy)
      .toSorted((a, b) => a.session.lastUsedMs - b.session.lastUsedMs);
    if (oldest === undefined) {
      const message = 'Too many sessions of this server are in use.';
      throw new Refusal('OVERLOADED', 'upstream', message, { retryAfterMs: 60_000 });
    }
    oldest.session.close();
    this.#sessions.delete(oldest.id);
  }

  #find(request: UpstreamRequest): StdioSession {
    const opened = this.#opened.get(request);
    if (opened !== undefined) return opened;
    const session = this.#sessions.get(request.session?.upstreamId ?? '')?.session;
    if (session?.isAlive === true) return session;
    throw new Refusal('SESSION_UNKNOWN', 'upstream', 'The session has ended; initialize anew.');
  }

  #endIdle(): void {
    const now = Date.now();
    for (const { session } of this.#sessions.values()) {
      if (now - session.lastUsedMs > idleMs) session.close();
    }
  }
}
