import type { Principal } from '#contracts';
import { Refusal } from '../gate/refusal.js';

/** How much one caller may have open at once, so that it cannot take everything from the others. */
export interface QuotaLimits {
  readonly callsPerCaller: number;
  readonly streamsPerCaller: number;
}

/** Counts what each caller has open. A caller is a tenant and an object id, whatever client it uses. */
export class Quotas {
  readonly #open = new Map<string, number>();

  constructor(private readonly limits: QuotaLimits) {}

  /** Takes a place; returns how to give it back. @throws Refusal `OVERLOADED` when the caller has none left. */
  take(principal: Principal, kind: 'call' | 'stream'): () => void {
    const key = `${kind}/${principal.tenantId}/${principal.objectId}`;
    const open = this.#open.get(key) ?? 0;
    const { callsPerCaller, streamsPerCaller } = this.limits;
    if (open >= (kind === 'call' ? callsPerCaller : streamsPerCaller)) {
      const message = `You have too many ${kind}s open.`;
      throw new Refusal('OVERLOADED', 'intake', message, { retryAfterMs: 1000 });
    }
    this.#open.set(key, open + 1);
    let isGivenBack = false;
    return () => {
      if (isGivenBack) return;
      isGivenBack = true;
      const left = (this.#open.get(key) ?? 1) - 1;
      if (left === 0) this.#open.delete(key);
      else this.#open.set(key, left);
    };
  }
}
