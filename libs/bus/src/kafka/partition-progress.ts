/** Knows of one assigned partition which records were taken and up to where all are finished. */
export class PartitionProgress {
  /** Offsets taken and not known to be before the finished position, ascending. */
  readonly #taken: bigint[] = [];
  #head = 0;
  readonly #finishedAhead = new Set<bigint>();
  #next: bigint | undefined;
  #saved: bigint | undefined;
  #isRevoked = false;
  #waiters: { readonly limit: number; readonly resolve: () => void }[] = [];

  /** Position after the last record taken; undefined before the first. */
  get next(): bigint | undefined {
    return this.#next;
  }

  /** Records taken and not finished. */
  get inHand(): number {
    return this.#taken.length - this.#head - this.#finishedAhead.size;
  }

  /** True once another member may have the partition: what is in hand is dropped, not finished. */
  get isRevoked(): boolean {
    return this.#isRevoked;
  }

  /** Takes a record; false when it was taken before, which happens after a rebalance. */
  take(offset: bigint): boolean {
    if (this.#next !== undefined && offset < this.#next) return false;
    this.#saved ??= offset;
    this.#next = offset + 1n;
    this.#taken.push(offset);
    return true;
  }

  /** Marks a record as finished. */
  finish(offset: bigint): void {
    this.#finishedAhead.add(offset);
    for (;;) {
      const first = this.#taken[this.#head];
      if (first === undefined || !this.#finishedAhead.delete(first)) break;
      this.#head += 1;
    }
    if (this.#head > 1024 && this.#head * 2 > this.#taken.length) {
      this.#taken.splice(0, this.#head);
      this.#head = 0;
    }
    this.#wake();
  }

  /** Where a restart must begin, if that has moved since it was last saved. */
  unsaved(): bigint | undefined {
    const position = this.#taken[this.#head] ?? this.#next;
    return position === this.#saved ? undefined : position;
  }

  /** Notes that the group remembers this position. */
  save(position: bigint): void {
    this.#saved = position;
  }

  revoke(): void {
    this.#isRevoked = true;
    this.#wake();
  }

  /** Resolves when at most `limit` records are in hand, or the partition was revoked. */
  async atMost(limit: number): Promise<void> {
    if (this.#isRevoked || this.inHand <= limit) return;
    await new Promise<void>((resolve) => {
      this.#waiters.push({ limit, resolve });
    });
  }

  #wake(): void {
    if (this.#waiters.length === 0) return;
    const isFree = ({ limit }: { limit: number }) => this.#isRevoked || this.inHand <= limit;
    const free = this.#waiters.filter(isFree);
    this.#waiters = this.#waiters.filter((each) => !free.includes(each));
    for (const each of free) each.resolve();
  }
}
