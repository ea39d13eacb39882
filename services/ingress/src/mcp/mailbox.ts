/** Things put by one side and taken by the other, in order. */
export class Mailbox<T> {
  readonly #items: T[] = [];
  #wake: (() => void) | undefined;
  /** Why nothing more will come; undefined while something may. */
  closedBy: string | undefined;

  readonly put = (item: T): void => {
    this.#items.push(item);
    this.#wake?.();
  };

  readonly close = (reason: string): void => {
    this.closedBy ??= reason;
    this.#wake?.();
  };

  /** The next item; undefined when closed and empty, or when `timeoutMs` has passed. */
  async next(timeoutMs?: number): Promise<T | undefined> {
    const end = timeoutMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs;
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined || this.closedBy !== undefined) return item;
      const left = end - performance.now();
      if (left <= 0) return undefined;
      await this.#woken(left);
    }
  }

  async #woken(patienceMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = Number.isFinite(patienceMs) ? setTimeout(resolve, patienceMs) : undefined;
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
