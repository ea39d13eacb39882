import type { TaskOutcome } from './task-answer.js';

/** How long an end is remembered, in milliseconds. */
const keptMs = 10 * 60_000;

interface Kept {
  /** Whose task it was. */
  readonly owner: string;
  readonly outcome: TaskOutcome;
  readonly bytes: number;
  readonly untilMs: number;
}

/** How much is remembered. */
export interface ResultLimits {
  readonly maxBytes: number;
  readonly maxTasks: number;
  /** Of all that is remembered, how much may be one caller's: one in so many. */
  readonly share: number;
}

const standardLimits = { maxBytes: 64 * 1024 * 1024, maxTasks: 10_000, share: 4 };

/** How tasks ended at this replica, for clients that ask twice. Memory only, and no more than fits. */
export class TaskResults {
  readonly #kept = new Map<string, Kept>();

  constructor(private readonly limits: ResultLimits = standardLimits) {}

  /** How a task ended; undefined where nothing is known of it. */
  of(key: string): TaskOutcome | undefined {
    this.#forgetOld();
    return this.#kept.get(key)?.outcome;
  }

  /** Remembers an end; the oldest give way, of the same caller if it has its share. The first end stays. */
  keep(key: string, owner: string, outcome: TaskOutcome): void {
    this.#forgetOld();
    if (this.#kept.has(key)) return;
    const bytes = Buffer.byteLength(JSON.stringify(outcome));
    this.#kept.set(key, { owner, outcome, bytes, untilMs: Date.now() + keptMs });
    const { share } = this.limits;
    this.#shrink(share, (each) => each.owner === owner);
    this.#shrink(1, () => true);
  }

  /** Forgets the oldest of some until those are within a share of the limits. */
  #shrink(share: number, isMeant: (kept: Kept) => boolean): void {
    const { maxBytes, maxTasks } = this.limits;
    const meant = [...this.#kept].filter(([, kept]) => isMeant(kept));
    let bytes = meant.reduce((sum, [, kept]) => sum + kept.bytes, 0);
    let count = meant.length;
    for (const [key, kept] of meant) {
      if (bytes <= maxBytes / share && count <= maxTasks / share) return;
      this.#kept.delete(key);
      bytes -= kept.bytes;
      count -= 1;
    }
  }

  /** They are in the order in which they are to be forgotten. */
  #forgetOld(): void {
    const now = Date.now();
    for (const [key, { untilMs }] of this.#kept) {
      if (untilMs > now) return;
      this.#kept.delete(key);
    }
  }
}
