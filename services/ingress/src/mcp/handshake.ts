import { upstreamRefusal } from './upstream.js';
import type { JsonObject } from './message.js';

/**
 * The one `initialize` of a server that several sessions share: the first goes to the server, and its answer is
 * that of all others.
 */
export class Handshake {
  #first: PromiseWithResolvers<JsonObject | undefined> | undefined;
  #isAnswered = false;
  #isConfirmed = false;

  /** The server's answer; undefined for whoever has to ask for it. @throws Refusal when that came to nothing */
  async answer(): Promise<JsonObject | undefined> {
    while (this.#first !== undefined) {
      const answer = await this.#first.promise;
      if (answer !== undefined) return answer;
    }
    this.#first = Promise.withResolvers();
    // It may be that nobody else waits.
    this.#first.promise.catch(() => undefined);
    return undefined;
  }

  /** What the server answered. After an error the next one asks again. */
  learn(answer: JsonObject): void {
    const first = this.#first;
    this.#isAnswered = 'result' in answer;
    if (!this.#isAnswered) this.#first = undefined;
    first?.resolve(this.#isAnswered ? answer : undefined);
  }

  /** There will be no answer to who asked first, where there was none yet. */
  fail(): void {
    if (this.#isAnswered) return;
    const message = 'The server was not ready when another session of it was opened.';
    this.#first?.reject(upstreamRefusal('UPSTREAM_UNAVAILABLE', message, 'no'));
    this.#first = undefined;
  }

  /** Whether the server is to be told that a client is ready: once. */
  confirm(): boolean {
    const isFirst = !this.#isConfirmed;
    this.#isConfirmed = true;
    return isFirst;
  }
}
