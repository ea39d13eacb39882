import { Refusal } from '../gate/refusal.js';
import { Mailbox } from './mailbox.js';
import type { JsonObject } from './message.js';
import type { Listener } from './seat.js';
import { upstreamRefusal } from './upstream.js';

/** How much may wait for a client that takes it slowly, in characters; one message may be larger. */
const maxWaiting = 16_777_216;

/** What a server says to one listener until that takes it: servers that talk at any time cannot be slowed down. */
export class Inbox implements Listener {
  readonly #mailbox = new Mailbox<{ readonly said: JsonObject | Refusal; readonly size: number }>();
  #waiting = 0;
  #hasEnded = false;

  /** Why nothing more will come; undefined while something may. */
  get closedBy(): string | undefined {
    return this.#mailbox.closedBy;
  }

  readonly say = (message: JsonObject): void => {
    if (this.#hasEnded) return;
    const size = JSON.stringify(message).length;
    if (this.#waiting > 0 && this.#waiting + size > maxWaiting) {
      this.end(tooMuch());
      return;
    }
    this.#waiting += size;
    this.#mailbox.put({ said: message, size });
  };

  readonly end = (why: Refusal): void => {
    if (!this.#hasEnded) this.#mailbox.put({ said: why, size: 0 });
    this.#hasEnded = true;
  };

  readonly close = (reason: string): void => this.#mailbox.close(reason);

  /** What is said next; undefined when closed and empty, or when `timeoutMs` has passed. */
  async next(timeoutMs?: number): Promise<JsonObject | Refusal | undefined> {
    const next = await this.#mailbox.next(timeoutMs);
    this.#waiting -= next?.size ?? 0;
    return next?.said;
  }
}

function tooMuch(): Refusal {
  const message = 'The server says more than its client takes.';
  return upstreamRefusal('ANSWER_TOO_LARGE', message, 'unknown');
}
