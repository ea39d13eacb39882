import { Refusal } from '../gate/refusal.js';

/** How many there may be, in all and of one caller. */
export interface Places {
  readonly all: number;
  readonly perCaller: number;
}

/** Something that takes a place. */
export interface Placed {
  /** Undefined for what several callers share. */
  readonly caller: string | undefined;
  readonly lastUsedMs: number;
  readonly isBusy: boolean;
}

/**
 * What has to go before a caller gets one more: few clients end their sessions, so the one unused for longest gives
 * way, of the same caller if it has its share. Undefined while there is room.
 * @throws Refusal when all are in use.
 */
export function givingWay<T extends Placed>(
  taken: readonly T[],
  caller: string | undefined,
  places: Places,
): T | undefined {
  const own = taken.filter((each) => each.caller === caller);
  const hasItsShare = own.length >= places.perCaller;
  if (!hasItsShare && taken.length < places.all) return undefined;
  const [oldest] = (hasItsShare ? own : taken)
    .filter(({ isBusy }) => !isBusy)
    .toSorted((a, b) => a.lastUsedMs - b.lastUsedMs);
  if (oldest !== undefined) return oldest;
  const message = 'Too many sessions of this server are in use.';
  throw new Refusal('OVERLOADED', 'upstream', message, { retryAfterMs: 60_000 });
}
