import type { Mark } from '#bus';
import type { LeaseRules } from './transitions.js';

/** Settings of leases. */
export interface LeaseSettings {
  readonly leaseSeconds: number;
  /** For clocks that differ: a lease counts as lapsed only so long after its end. */
  readonly graceSeconds: number;
}

/** What a horizon is measured with. */
export interface HorizonParts {
  /** The database's clock. */
  readonly now: () => Promise<Date>;
  /** Marks the end of what is reported of calls as it is now. */
  readonly mark: () => Promise<Mark>;
}

/**
 * Knows when a lapsed lease may be given again. A call whose lease was used has said so before its end; so once
 * everything that was said up to some moment after that end has been handled, by whichever replica, and the
 * approval is still leased, it was not used. Time alone is no proof: a replica that died may have left reports unread.
 */
export class Settlement {
  #handledUpTo = new Date(0);
  #next: { readonly at: Date; readonly mark: Mark } | undefined;

  constructor(
    private readonly settings: LeaseSettings,
    private readonly parts: HorizonParts,
  ) {}

  get graceSeconds(): number {
    return this.settings.graceSeconds;
  }

  rules(): LeaseRules {
    return { ...this.settings, handledUpTo: this.#handledUpTo };
  }

  /** Moves the horizon, if everything before the last look has been handled by now. */
  async look(): Promise<void> {
    const at = await this.parts.now();
    // The clock is read first: the mark then lies behind everything that was said until that moment.
    this.#next ??= { at, mark: await this.parts.mark() };
    if (!(await this.#next.mark.isPassed())) return;
    this.#handledUpTo = this.#next.at;
    this.#next = undefined;
  }
}
