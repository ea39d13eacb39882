import type {
  AnswerPart,
  AskedCall,
  Caller,
  Forwarding,
  Pending,
  Upstream,
  Withdrawal,
} from '../gate/call.js';
import { cancelled } from '../gate/cancelled.js';
import type { Gate } from '../gate/gate.js';
import { type CallsInFlight, flightKey } from './calls-in-flight.js';
import type { Catalog } from './catalog.js';
import type { Continuations } from './continuations.js';
import type { Definitions } from './definitions.js';
import { offeringTasks } from './discovery.js';
import { isModern } from './era.js';
import type { Intake } from './intake.js';
import { type LadderSettings, offersTasks, progressTokenOf, type Wait, waitOf } from './ladder.js';
import { saysError } from './message.js';
import { waitingWords } from './pending-answer.js';
import { kindUsedBy, pinsOf } from './pinned-methods.js';
import { type Relabelled, relabelled } from './relabel.js';
import type { Session, SessionIds } from './session-ids.js';
import type { SessionRecord } from './session-record.js';
import type { McpUpstream, UpstreamReply } from './upstream.js';
import type { Upstreams } from './upstreams.js';

/** What every call is made with. */
export interface McpCallParts {
  readonly gate: Gate;
  readonly upstreams: Upstreams;
  readonly inFlight: CallsInFlight;
  readonly sessionIds: SessionIds;
  readonly sessions: SessionRecord;
  readonly definitions: Definitions;
  readonly continuations: Continuations;
  readonly ladder: LadderSettings;
  /** The page of an approval. */
  readonly approvalPage: (approvalId: string) => string;
}

/** Where that which is said to a call goes. */
export interface CallAnswer {
  /** The upstream has taken the message; nothing was written for it yet. */
  expect(reply: UpstreamReply, sessionId: string | undefined): void;
  /** Takes a masked part. */
  release(part: AnswerPart): Promise<void>;
  /** People are being asked. */
  progress(token: string | number, message: string): void;
}

/** One message of a client on its way through the gate and back. */
export class McpCall implements Caller {
  readonly #withdrawal = new AbortController();
  readonly #unwanted = new AbortController();
  readonly withdrawn = this.#withdrawal.signal;
  readonly wait: Wait;
  #hasRun = false;
  #opened: Session | undefined;
  #showsProgress: NodeJS.Timeout | undefined;

  constructor(
    private readonly callId: string,
    private readonly intake: Intake,
    private readonly answer: CallAnswer,
    private readonly parts: McpCallParts,
  ) {
    this.wait = this.#waits();
  }

  /** Whether the server may have acted. */
  get hasRun(): boolean {
    return this.#hasRun;
  }

  get holdMs(): number {
    return this.wait.holdMs;
  }

  /** Takes the call through the gate. @throws Refusal, on record. */
  async run(): Promise<void> {
    const upstream = this.parts.upstreams.of(this.intake.server);
    const remove = this.#announce();
    try {
      await this.parts.gate.pass(this.#asked(), this.#guarded(upstream), this, saysError);
      if (this.intake.verb === 'DELETE') this.parts.sessions.closed(this.intake);
      if (this.#opened !== undefined) this.parts.sessions.opened(this.intake, this.#opened);
    } finally {
      clearInterval(this.#showsProgress);
      remove();
    }
  }

  /** The gateway stops: what has not run is given up, streams end; a call that runs may finish. */
  stop(): void {
    this.#giveUp('gateway');
    if (this.intake.verb === 'GET') this.#unwanted.abort();
  }

  /**
   * A call that has not run is given up. One that runs goes on in the older era, where a lost connection
   * is no cancellation; in the stateless era, and for a stream, it is.
   */
  clientLeft(): void {
    if (!this.#hasRun) this.#giveUp('client');
    const isStream = this.intake.verb === 'GET';
    if (isStream || isModern(this.intake.message)) this.#unwanted.abort();
  }

  /** Nobody waits just now, but the client will come back: what has not run waits on without it. */
  clientWillReturn(): void {
    if (!this.#hasRun) this.#giveUp('later');
  }

  /** The client takes the call back; false when it has run. */
  withdraw(): boolean {
    if (this.#hasRun) return false;
    this.#giveUp('client');
    return true;
  }

  onPending(pending: Pending): void {
    if (this.#isForgone()) this.#giveUp('client');
    const token = progressTokenOf(this.intake.message);
    if (token === undefined || this.wait.rung !== 'progress') return;
    const text = waitingWords(pending, this.parts.approvalPage(pending.approvalId));
    const show = (): void => this.answer.progress(token, text);
    show();
    this.#showsProgress = setInterval(show, this.parts.ladder.progressEveryMs).unref();
  }

  async renewed(): Promise<Pick<AskedCall, 'principal' | 'definition'>> {
    const principal = await this.intake.identify();
    return { principal, definition: this.#definition() };
  }

  async release(part: AnswerPart): Promise<void> {
    await this.answer.release(part);
  }

  /** A call that is made again only to be taken back: it joins its approval and leaves it, and never runs. */
  #isForgone(): boolean {
    const { continues } = this.intake;
    return continues?.kind === 'task' && continues.deed === 'cancel';
  }

  #giveUp(reason: Withdrawal): void {
    this.#withdrawal.abort(reason);
  }

  /** What is asked for a task waits as short in each question as it did at first. */
  #waits(): Wait {
    const { continues, demands, message } = this.intake;
    const { continuations, ladder } = this.parts;
    if (continues?.kind === 'task') return { rung: 'task', holdMs: ladder.briefHoldMs };
    const fitsTask = (): boolean =>
      message !== undefined && continuations.fits(message.body, demands.justification);
    return waitOf({ message, clientNames: this.#clientNames(), fitsTask }, ladder);
  }

  #clientNames(): readonly string[] {
    const { client, principal } = this.intake;
    return client === null ? [principal.clientApp] : [client.name, principal.clientApp];
  }

  #asked(): AskedCall {
    const { client, continues, demands, operation, principal, server, session } = this.intake;
    return {
      ...operation,
      callId: this.callId,
      protocol: 'mcp',
      server: server.name,
      labels: server.labels,
      sessionId: session?.sessionId ?? null,
      parentCallId: null,
      principal,
      client,
      definition: this.#definition(),
      ...pinsOf(operation.method, server.definitions),
      joins: continues?.kind === 'task' ? continues.task.approvalId : continues?.leg.approvalId,
      ...(continues?.kind === 'task' ? { justification: continues.task.justification } : {}),
      ...demands,
    };
  }

  #definition(): AskedCall['definition'] {
    const { operation, server } = this.intake;
    const kind = kindUsedBy(operation.method);
    return kind && this.parts.definitions.of(server.name, kind, operation.resource);
  }

  /** The upstream, with the moment noted from which the call can no longer be taken back. */
  #guarded(upstream: McpUpstream): Upstream {
    const { verb, session, headers, principal, server } = this.intake;
    const caller = `${principal.tenantId}/${principal.objectId}`;
    const own = this.intake.message && relabelled(this.intake.message, this.callId);
    const signal = this.#unwanted.signal;
    const onReply = (reply: UpstreamReply): void => this.#expect(reply);
    const onListed = ({ described }: Catalog): void =>
      this.parts.definitions.learn(server.name, described);
    const told = { onReply, onListed };
    const request = { verb, caller, message: own?.message, session, headers, signal, ...told };
    const prepared = upstream.prepare(request);
    const forward = (forwarding: Forwarding): AsyncIterable<AnswerPart> => {
      if (this.#isForgone()) throw cancelled('forward', this);
      this.#hasRun = true;
      clearInterval(this.#showsProgress);
      const parts = prepared.forward(forwarding);
      const whole = this.#offersTasks() ? offered(parts) : parts;
      return own === undefined ? whole : restored(whole, own);
    };
    return { forward };
  }

  #offersTasks(): boolean {
    const { message, operation } = this.intake;
    if (operation.method !== 'server/discover' || !isModern(message)) return false;
    return offersTasks(this.#clientNames(), this.parts.ladder);
  }

  #expect(reply: UpstreamReply): void {
    const { client, message, server, principal } = this.intake;
    const isInitialize = message?.kind === 'request' && message.method === 'initialize';
    if (reply.issuedSessionId === undefined || !isInitialize) {
      this.answer.expect(reply, undefined);
      return;
    }
    const { sessionIds } = this.parts;
    const issued = sessionIds.issue(reply.issuedSessionId, server.name, principal, client);
    this.#opened = issued.session;
    this.answer.expect(reply, issued.id);
  }

  /** Lets the client take its request back while it waits; returns how to end that. */
  #announce(): () => void {
    const { message, principal, server, session } = this.intake;
    if (message?.kind !== 'request') return () => undefined;
    const key = flightKey(principal, server.name, session?.sessionId ?? null, message.id);
    const call = { withdraw: () => this.withdraw(), callId: this.callId };
    this.parts.inFlight.add(key, call);
    return () => this.parts.inFlight.remove(key, call);
  }
}

async function* offered(parts: AsyncIterable<AnswerPart>): AsyncGenerator<AnswerPart> {
  for await (const part of parts) {
    yield part.last ? { ...part, content: offeringTasks(part.content) } : part;
  }
}

async function* restored(
  parts: AsyncIterable<AnswerPart>,
  own: Relabelled,
): AsyncGenerator<AnswerPart> {
  for await (const part of parts) yield { ...part, content: own.restore(part.content) };
}
