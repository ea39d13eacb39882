import type { Bus } from '#bus';
import { type DataOf, grantEnded, grantIssued, grantRevoked } from '#contracts';
import type { Bundle } from './bundle.js';
import { compileCondition, type Condition, ConditionError } from './condition.js';
import { conditionInput, type DecisionInput } from './decide.js';

interface LiveGrant {
  readonly issued: DataOf<typeof grantIssued>;
  /** Undefined where the grant has none; null where it does not compile, so that it covers nothing. */
  readonly when: Condition | undefined | null;
}

/**
 * The grants that live, as the grants topic tells. Policy only says which of them cover a call; whether one
 * still lives and how many calls it has left is settled by approval in its database. A replica that lags
 * behind therefore asks people too often, never too seldom.
 */
export class LiveGrants {
  readonly #byPrincipal = new Map<string, Map<string, LiveGrant>>();
  readonly #holders = new Map<string, string>();

  /** Learns of grants from a bus that reads all of them. */
  listen(bus: Bus): void {
    bus.on(grantIssued, ({ data }) => this.#add(data));
    bus.on(grantRevoked, ({ data }) => this.#remove(data.grantId));
    bus.on(grantEnded, ({ data }) => this.#remove(data.grantId));
  }

  /** Ids of the grants of the caller that cover the call at this time. */
  covering(bundle: Bundle, call: DecisionInput, now: Date): readonly string[] {
    const own = this.#byPrincipal.get(holderOf(call.principal));
    if (own === undefined || call.method !== 'tools/call') return [];
    const input = conditionInput(bundle, call);
    const found: string[] = [];
    for (const [id, { issued, when }] of own) {
      if (now.getTime() >= Date.parse(issued.grantedUntil)) {
        this.#remove(id);
        continue;
      }
      const { resources, server } = issued.scope;
      const isInScope = server === call.server && resources.includes(call.resource);
      if (isInScope && isMet(when, input)) found.push(id);
    }
    return found;
  }

  #add(issued: DataOf<typeof grantIssued>): void {
    const holder = holderOf(issued.principal);
    const own = this.#byPrincipal.get(holder) ?? new Map<string, LiveGrant>();
    own.set(issued.grantId, { issued, when: conditionOf(issued.scope.when) });
    this.#byPrincipal.set(holder, own);
    this.#holders.set(issued.grantId, holder);
  }

  #remove(grantId: string): void {
    const holder = this.#holders.get(grantId) ?? '';
    const own = this.#byPrincipal.get(holder);
    own?.delete(grantId);
    if (own?.size === 0) this.#byPrincipal.delete(holder);
    this.#holders.delete(grantId);
  }
}

function holderOf({ objectId, tenantId }: { tenantId: string; objectId: string }): string {
  return `${tenantId}/${objectId}`;
}

function conditionOf(when: string | null): Condition | undefined | null {
  if (when === null) return undefined;
  try {
    return compileCondition(when, 'none');
  } catch (error) {
    if (error instanceof ConditionError) return null;
    throw error;
  }
}

/** A condition that cannot be evaluated covers nothing. */
function isMet(when: Condition | undefined | null, input: () => Parameters<Condition>[0]): boolean {
  if (when === undefined) return true;
  if (when === null) return false;
  try {
    return when(input());
  } catch {
    return false;
  }
}
