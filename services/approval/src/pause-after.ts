const firstSeconds = 1;
const longestSeconds = 300;

/**
 * Seconds until the next try: doubling, with as much as half of it by chance, so that replicas do not knock together;
 * never sooner than the other side asked for. `chance` is between 0 and 1.
 */
export function pauseAfter(
  attempts: number,
  retryAfterMs: number | undefined,
  chance: number,
): number {
  const doubled = Math.min(firstSeconds * 2 ** (attempts - 1), longestSeconds);
  const asked = (retryAfterMs ?? 0) / 1000;
  return Math.max(doubled * (0.5 + chance / 2), asked);
}
