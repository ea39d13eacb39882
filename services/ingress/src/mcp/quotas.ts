import type { Principal } from '#contracts';
import { Refusal } from '../gate/refusal.js';
import type { Server } from '../servers.js';
import { Rates } from './rate.js';

/** How much one caller may ask and have open, so that it cannot take everything from the others. */
export interface QuotaLimits {
  readonly callsPerCaller: number;
  readonly streamsPerCaller: number;
  readonly requestsPerSecondPerCaller: number;
}

/** A request that wants a place. */
export interface Wanting {
  readonly principal: Principal;
  readonly server: Pick<Server, 'name' | 'config'>;
  readonly kind: 'call' | 'stream';
}

/**
 * Counts what each caller has open and asks for, and what is asked of each server. A caller is a tenant and
 * an object id, whatever client it uses. Of this replica alone.
 */
export class Quotas {
  readonly #open = new Map<string, number>();
  readonly #rates = new Rates();

  constructor(private readonly limits: QuotaLimits) {}

  /**
   * Takes a place; returns how to give it back.
   * @throws Refusal `RATE_LIMITED` when the caller or the server has had enough for now, `OVERLOADED` when no place is left.
   */
  take(wanting: Wanting): () => void {
    this.#checkRates(wanting);
    const { kind, principal, server } = wanting;
    const { callsPerCaller, streamsPerCaller } = this.limits;
    const caller = `${kind}/${principal.tenantId}/${principal.objectId}`;
    const ofCaller = this.#occupy(
      caller,
      kind === 'call' ? callsPerCaller : streamsPerCaller,
      `You have too many ${kind}s open.`,
    );
    try {
      const places = server.config.limits?.concurrentCalls ?? Number.POSITIVE_INFINITY;
      const words = 'Too many calls of this server are in flight.';
      const ofServer =
        kind === 'call' ? this.#occupy(`server/${server.name}`, places, words) : () => undefined;
      return () => {
        ofCaller();
        ofServer();
      };
    } catch (error) {
      ofCaller();
      throw error;
    }
  }

  #checkRates({ principal, server }: Wanting): void {
    const { objectId, tenantId } = principal;
    const nowMs = performance.now();
    const { requestsPerSecondPerCaller } = this.limits;
    const caller = `caller/${tenantId}/${objectId}`;
    const waitMs = this.#rates.take(caller, requestsPerSecondPerCaller, nowMs);
    if (waitMs > 0) throw tooFast('You ask too often.', waitMs);
    const perSecond = server.config.limits?.requestsPerSecond;
    if (perSecond === undefined) return;
    const serverWaitMs = this.#rates.take(`server/${server.name}`, perSecond, nowMs);
    if (serverWaitMs > 0) throw tooFast('This server is asked too often.', serverWaitMs);
  }

  #occupy(key: string, places: number, words: string): () => void {
    const open = this.#open.get(key) ?? 0;
    if (open >= places) throw new Refusal('OVERLOADED', 'intake', words, { retryAfterMs: 1000 });
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

function tooFast(words: string, retryAfterMs: number): Refusal {
  return new Refusal('RATE_LIMITED', 'intake', words, { retryAfterMs });
}
