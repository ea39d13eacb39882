/** Ends of grants that are remembered: those of calls whose permission is still on its way here. */
const maxRemembered = 10_000;
/** The longest that a timer can wait, in milliseconds; no call runs that long. */
const maxTimerMs = 2 ** 31 - 1;

/** A call under a grant. */
export interface GrantInUse {
  /** Aborted when the grant has ended: by its time, or by somebody. */
  readonly ended: AbortSignal;
  /** The call is over. */
  release(): void;
}

/** Which calls run under which grant here, so that each is cut off when its grant ends. Memory only. */
export class GrantsInUse {
  readonly #inUse = new Map<string, Set<AbortController>>();
  readonly #ended = new Set<string>();

  /** Holds a call to a grant, until an absolute time. The end may have been told before the call knew of it. */
  hold(grantId: string, until: string): GrantInUse {
    const controller = new AbortController();
    const holders = this.#inUse.get(grantId) ?? new Set();
    this.#inUse.set(grantId, holders.add(controller));
    const leftMs = Date.parse(until) - Date.now();
    const end = (): void => controller.abort();
    // A time that cannot be read is over.
    if (this.#ended.has(grantId) || !(leftMs > 0)) end();
    const timer = setTimeout(end, Math.min(Math.max(leftMs || 0, 0), maxTimerMs)).unref();
    const release = (): void => {
      clearTimeout(timer);
      holders.delete(controller);
      if (holders.size === 0) this.#inUse.delete(grantId);
    };
    return { ended: controller.signal, release };
  }

  /** A grant has ended: everything under it ends now. */
  end(grantId: string): void {
    this.#remember(grantId);
    for (const holder of this.#inUse.get(grantId) ?? []) holder.abort();
  }

  #remember(grantId: string): void {
    this.#ended.add(grantId);
    const [oldest] = this.#ended;
    if (this.#ended.size > maxRemembered && oldest !== undefined) this.#ended.delete(oldest);
  }
}
