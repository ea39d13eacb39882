/** A bucket of permits that fills steadily (token bucket). Times in milliseconds of any steady clock. */
interface Bucket {
  permits: number;
  filledMs: number;
}

/** Buckets that are kept; those not used for longest are full by then, and are forgotten. */
const maxBuckets = 10_000;

/** How fast each of many may go. As many as a second allows may come at once. */
export class Rates {
  readonly #buckets = new Map<string, Bucket>();

  /** Takes one permit of a key; 0 when it was there, else after how many milliseconds it will be. */
  take(key: string, perSecond: number, nowMs: number): number {
    const bucket = this.#filled(key, perSecond, nowMs);
    if (bucket.permits >= 1) {
      bucket.permits -= 1;
      return 0;
    }
    return Math.ceil(((1 - bucket.permits) * 1000) / perSecond);
  }

  #filled(key: string, perSecond: number, nowMs: number): Bucket {
    const known = this.#buckets.get(key);
    const bucket = known ?? { permits: perSecond, filledMs: nowMs };
    const passedMs = Math.max(nowMs - bucket.filledMs, 0);
    bucket.permits = Math.min(bucket.permits + (passedMs * perSecond) / 1000, perSecond);
    bucket.filledMs = nowMs;
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > maxBuckets && oldest !== undefined) this.#buckets.delete(oldest);
    return bucket;
  }
}
