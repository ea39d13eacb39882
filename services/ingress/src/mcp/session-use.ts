/** Sessions that are remembered; those not used for longest are forgotten first. */
const maxSessions = 50_000;

/**
 * When sessions were last used at this replica. Memory only, and no table of sessions: one that is not in it
 * is no older than its id says, and one that another replica serves is merely looked at anew here.
 */
export class SessionUse {
  readonly #usedMs = new Map<string, number>();

  /** How long a session was not used here; 0 where that is not known. */
  idleMs(sessionId: string, nowMs: number): number {
    return nowMs - (this.#usedMs.get(sessionId) ?? nowMs);
  }

  note(sessionId: string, nowMs: number): void {
    this.#usedMs.delete(sessionId);
    this.#usedMs.set(sessionId, nowMs);
    const [oldest] = this.#usedMs.keys();
    if (this.#usedMs.size > maxSessions && oldest !== undefined) this.#usedMs.delete(oldest);
  }
}
