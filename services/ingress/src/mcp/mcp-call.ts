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
import { Refusal } from '../gate/refusal.js';
import { askedCall } from './asked-call.js';
import type { CallAnswer, McpCallParts } from './call-parts.js';
import { flightKey } from './calls-in-flight.js';
import { isModern, isSubscription } from './era.js';
import { Exchange } from './exchange.js';
import type { Intake } from './intake.js';
import { offersTasks, progressTokenOf, type Wait, waitOf } from './ladder.js';
import { saysError } from './message.js';
import { waitingWords } from './pending-answer.js';
import type { Session } from './session-ids.js';
import { configuredAnew, tooLong } from './upstream.js';
import { kindUsedBy } from './pinned-methods.js';

/** One message of a client on its way through the gate and back. */
export class McpCall implements Caller {
  readonly #withdrawal = new AbortController();
  readonly #unwanted = new AbortController();
  readonly withdrawn = this.#withdrawal.signal;
  readonly wait: Wait;
  #hasRun = false;
  #opened: Session | undefined;
  #showsProgress: NodeJS.Timeout | undefined;
  /** Whether the client knows where its stream may be taken up again. */
  #isResumable: () => boolean = () => false;

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

  /** The session that its server opened with the answer. */
  get opened(): Session | undefined {
    return this.#opened;
  }

  get holdMs(): number {
    return this.wait.holdMs;
  }

  /** Takes the call through the gate. @throws Refusal, on record. */
  async run(): Promise<void> {
    const exchange = this.#exchange();
    this.#isResumable = () => exchange.isResumable;
    const remove = this.#announce();
    const ends = this.#endsLater();
    try {
      const asked = askedCall(this.callId, this.intake, this.#definition());
      await this.parts.gate.pass(asked, this.#guarded(exchange), this, saysError);
      const { opened } = exchange;
      this.#opened = opened;
      if (this.intake.verb === 'DELETE') this.parts.sessions.closed(this.intake);
      if (opened !== undefined) this.parts.sessions.opened(this.intake, opened);
    } finally {
      clearTimeout(ends);
      clearInterval(this.#showsProgress);
      remove();
    }
  }

  /** The gateway stops: what has not run is given up, streams end; a call that runs may finish. */
  stop(): void {
    this.#giveUp('gateway');
    if (this.#isStream()) this.#unwanted.abort();
  }

  /**
   * A call that has not run is given up. One that runs goes on in the older era, where a lost connection
   * is no cancellation; in the stateless era, and for a stream, it is. A stream that the client may take up
   * again is let go as well: servers keep the rest of it, and give it out on one connection only.
   */
  clientLeft(): void {
    if (!this.#hasRun) this.#giveUp('client');
    const isLetGo = this.intake.verb === 'GET' || this.#isResumable();
    if (isLetGo || isModern(this.intake.message)) this.#unwanted.abort();
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
    // What people signed goes nowhere else, and is not used up by a call that cannot be made.
    if (!this.parts.upstreams.has(this.intake.server)) {
      throw new Refusal('UPSTREAM_UNAVAILABLE', 'forward', configuredAnew);
    }
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

  #definition(): AskedCall['definition'] {
    const { operation, server } = this.intake;
    const kind = kindUsedBy(operation.method);
    return kind && this.parts.definitions.of(server.name, kind, operation.resource);
  }

  /** The exchange, with the moment noted from which the call can no longer be taken back. */
  #guarded(exchange: Exchange): Upstream {
    const forward = (forwarding: Forwarding): AsyncIterable<AnswerPart> => {
      if (this.#isForgone()) throw cancelled('forward', this);
      this.#hasRun = true;
      clearInterval(this.#showsProgress);
      return exchange.forward(forwarding);
    };
    return { forward };
  }

  #exchange(): Exchange {
    const { answer, callId, intake, parts } = this;
    const unwanted = this.#unwanted.signal;
    return new Exchange({
      callId,
      intake,
      answer,
      call: parts,
      unwanted,
      offersTasks: this.#offersTasks(),
    });
  }

  /** A stream is let go after its time, as if its client had left; a call that takes too long has failed. */
  #endsLater(): NodeJS.Timeout {
    const { maxCallMs, maxStreamMs } = this.parts;
    const isStream = this.#isStream();
    const end = (): void => this.#unwanted.abort(isStream ? undefined : tooLong);
    return setTimeout(end, isStream ? maxStreamMs : maxCallMs).unref();
  }

  /** Lasts for as long as its client listens. */
  #isStream(): boolean {
    return this.intake.verb === 'GET' || isSubscription(this.intake.message);
  }

  #offersTasks(): boolean {
    const { message, operation } = this.intake;
    if (operation.method !== 'server/discover' || !isModern(message)) return false;
    return offersTasks(this.#clientNames(), this.parts.ladder);
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
