import { Refusal } from '../gate/refusal.js';

/** What has not ended by itself for this long has started well, in milliseconds. */
export const steadyMs = 10_000;
const firstPauseMs = 500;
const longestPauseMs = 60_000;

/** How the starts of one server went: after one that failed, the next has to wait, each time longer. */
export class Starts {
  #failures = 0;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  /** @throws Refusal while the server may not be started. */
  check(nowMs: number): void {
    const retryAfterMs = Math.ceil(this.#notBeforeMs - nowMs);
    if (retryAfterMs <= 0) return;
    const message = 'The server ended soon after its last start; it is started again later.';
    throw new Refusal('UPSTREAM_UNAVAILABLE', 'upstream', message, { retryAfterMs });
  }

  /** The server has ended by itself. */
  ended(startedMs: number, nowMs: number): void {
    if (nowMs - startedMs >= steadyMs) {
      this.steady();
      return;
    }
    const pauseMs = Math.min(firstPauseMs * 2 ** this.#failures, longestPauseMs);
    this.#failures += 1;
    this.#notBeforeMs = nowMs + pauseMs;
  }

  /** A start has lasted. */
  steady(): void {
    this.#failures = 0;
  }
}
