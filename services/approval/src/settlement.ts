import type { LeaseRules } from './transitions.js';

/** Settings of leases. */
export interface LeaseSettings {
  readonly leaseSeconds: number;
  readonly graceSeconds: number;
}

/**
 * Knows when a lapsed lease may be given again. After a start and after every outage, reports that a
 * lease was used may still be on their way here; until they have had the grace time to arrive,
 * nothing is leased a second time.
 */
export class Settlement {
  #troubledAtMs: number;

  constructor(
    private readonly settings: LeaseSettings,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.#troubledAtMs = nowMs();
  }

  get graceSeconds(): number {
    return this.settings.graceSeconds;
  }

  /** Events could not be handled just now. */
  troubled(): void {
    this.#troubledAtMs = this.nowMs();
  }

  rules(): LeaseRules {
    const calmMs = this.nowMs() - this.#troubledAtMs;
    return { ...this.settings, mayReissue: calmMs >= this.settings.graceSeconds * 1000 };
  }
}
