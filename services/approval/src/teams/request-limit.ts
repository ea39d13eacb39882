/** How many in which time. */
export interface Limit {
  readonly count: number;
  readonly windowMs: number;
}

const maxAddresses = 10_000;

/** Counts by address in windows of time, in memory: a brake against floods, not a quota. */
export class RequestLimit {
  #counts = new Map<string, number>();
  #windowEndsMs = 0;

  constructor(private readonly limit: Limit) {}

  /** Counts one; false once the address has had its share of the window. */
  take(address: string): boolean {
    if (Date.now() >= this.#windowEndsMs) {
      this.#counts = new Map();
      this.#windowEndsMs = Date.now() + this.limit.windowMs;
    }
    const count = (this.#counts.get(address) ?? 0) + 1;
    // A flood from more addresses than can be counted is a flood: newcomers wait for the next window.
    if (count === 1 && this.#counts.size >= maxAddresses) return false;
    this.#counts.set(address, count);
    return count <= this.limit.count;
  }
}
