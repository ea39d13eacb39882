import { catalogListed, type Envelope } from '#contracts';
import type { AskedCall, Described } from './call.js';
import type { GateLimits, GateParts } from './gate-settings.js';
import { recorded } from './record.js';
import { Refusal } from './refusal.js';
import { Sightings } from './sightings.js';
import { WaitEnded, type Waiter } from './waiters.js';

/** What an answer offers. */
interface Listed {
  /** Tells the lists of one call apart. */
  readonly part: number;
  /** The operation that the resources are used with. */
  readonly method: string;
  readonly resources: readonly string[];
  readonly described: Described | undefined;
}

/** Asks policy what of that which an upstream offers the caller may see. */
export class Listings {
  readonly #sightings: Sightings;

  constructor(
    private readonly gate: GateParts,
    private readonly limits: Pick<GateLimits, 'verdictTimeoutMs'>,
  ) {
    this.#sightings = new Sightings(gate.bus, gate.instance);
  }

  /** @throws Refusal of stage `upstream` when it cannot be recorded, or policy does not say in time */
  async visible(
    call: AskedCall,
    listed: Listed,
    waiter: Waiter,
    cause: Envelope,
  ): Promise<ReadonlySet<string>> {
    await recorded('upstream', async () => this.#record(call, listed, cause), 'yes');
    return this.#answer(waiter, listed.part);
  }

  /** First what is new of the definitions, so that nobody is asked about what is not on record. */
  async #record(call: AskedCall, listed: Listed, cause: Envelope): Promise<void> {
    const { callId, labels, pinning, principal, protocol, server } = call;
    const { described, method, part, resources } = listed;
    const ingress = this.gate.instance;
    const same = { callId, ingress, part, protocol, server, method, principal };
    const data = { ...same, labels: { ...labels } };
    if (described === undefined) {
      await this.gate.bus.publish(catalogListed, { ...data, resources: [...resources] }, cause);
      return;
    }
    const items = await this.#sightings.report(call, described, cause);
    const pinned = {
      pin: { kind: described.kind, ...pinning },
      resources: items.map(({ name }) => name),
      digests: items.map(({ digest }) => digest),
    };
    await this.gate.bus.publish(catalogListed, { ...data, ...pinned }, cause);
  }

  async #answer(waiter: Waiter, part: number): Promise<ReadonlySet<string>> {
    try {
      const found = await waiter.next(
        (each) => each.kind === 'listed' && each.event.data.part === part,
        this.limits.verdictTimeoutMs,
      );
      return new Set(found.kind === 'listed' ? found.event.data.visible : []);
    } catch (cause) {
      if (!(cause instanceof WaitEnded)) throw cause;
      throw new Refusal(
        'VERDICT_TIMEOUT',
        'upstream',
        'Policy did not say in time what may be listed.',
        { executed: 'yes', retryAfterMs: 2000 },
        { cause },
      );
    }
  }
}
