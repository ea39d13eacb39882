import { Refusal } from '../gate/refusal.js';
import { serverEnded } from './channel.js';
import { isSubscription } from './era.js';
import { Inbox } from './inbox.js';
import { cancellationOf, type JsonObject } from './message.js';
import {
  type Asking,
  answerHere,
  checkRoom,
  noteSubscription,
  type Where,
} from './subscriptions.js';
import { upstreamRefusal } from './upstream.js';

/** Why a request may be given up, and how long its server may be silent. */
export interface Patience {
  /** Aborted when the answer is not wanted any more. */
  readonly left: AbortSignal;
  /** Aborted when the grant of the call has ended. */
  readonly ended: AbortSignal | undefined;
  readonly timeoutMs: number;
}

/** One request to a server: what comes back for it until it is answered, given up or too late. */
export class SentRequest {
  readonly #inbox = new Inbox();
  readonly #leave = (): void => this.#giveUp('left');
  readonly #cut = (): void => this.#giveUp('cut');
  #isBegun = false;

  constructor(
    private readonly where: Where,
    private readonly message: Asking,
    private readonly patience: Patience,
  ) {}

  /** @throws Refusal when it is not to be asked. */
  send(): void {
    const { message, patience, where } = this;
    const { ended, left } = patience;
    if (left.aborted || ended?.aborted === true) throw leftBehind('no');
    checkRoom(message, where);
    left.addEventListener('abort', this.#leave, { once: true });
    ended?.addEventListener('abort', this.#cut, { once: true });
    const answer = answerHere(message, where);
    if (answer !== undefined) {
      this.#say(answer);
      return;
    }
    const listener = { say: this.#say, end: this.#inbox.end };
    where.conversation.request({ message, seat: where.seat, listener });
  }

  /** What is said next; undefined when a stream is over. @throws Refusal */
  async next(): Promise<JsonObject | undefined> {
    const { message, patience, where } = this;
    const isStream = isSubscription(message);
    // How long that may take is not the server's time to answer in.
    await where.conversation.opened;
    const said = await this.#inbox.next(isStream && this.#isBegun ? undefined : patience.timeoutMs);
    this.#isBegun = true;
    if (said instanceof Refusal) throw said;
    if (said !== undefined) return said;
    const { closedBy } = this.#inbox;
    if (closedBy === undefined) {
      throw upstreamRefusal('UPSTREAM_TIMEOUT', 'The server did not answer in time.', 'unknown');
    }
    if (closedBy === 'cut') throw serverEnded();
    // A stream lasts until its client leaves; that is its end and no failure.
    if (isStream) return undefined;
    throw leftBehind('unknown');
  }

  /** Nobody waits for it any more. */
  end(): void {
    const { message, patience, where } = this;
    patience.left.removeEventListener('abort', this.#leave);
    patience.ended?.removeEventListener('abort', this.#cut);
    where.conversation.forget(message.id);
  }

  readonly #say = (said: JsonObject): void => {
    const { seat } = this.where;
    // At once: what the server says next may be about it already.
    if (seat !== undefined && !('method' in said)) noteSubscription(this.message, said, seat);
    this.#inbox.say(said);
  };

  /** The server is told to stop, and whatever it still says is not heard. */
  #giveUp(reason: 'left' | 'cut'): void {
    const { conversation } = this.where;
    const { id, method } = this.message;
    conversation.forget(id);
    // MCP: `initialize` is never taken back.
    if (method !== 'initialize') {
      void conversation.send(cancellationOf(id).body).catch(() => undefined);
    }
    this.#inbox.close(reason);
  }
}

/** The client left while the server worked. */
function leftBehind(executed: 'no' | 'unknown'): Refusal {
  const message = 'The client left before the server had answered.';
  return new Refusal('CANCELLED', 'upstream', message, { executed });
}
