import type { Span } from './detectors/detector.js';
import { entityTypes } from './profile.js';

/** One finding of one detector. */
export interface RawHit extends Span {
  readonly type: string;
  readonly score: number;
}

/** A piece of text to be masked: named by its best finding; every type in `types` has a say in how. */
export interface Hit extends RawHit {
  readonly types: readonly string[];
}

const order = new Map<string, number>(entityTypes.map((type, at) => [type, at]));

/**
 * Findings that overlap become one hit over all they cover, so that no remainder of a loser stays visible. A
 * finding that lies wholly in a better one has no say.
 */
export function resolve(hits: readonly RawHit[]): readonly Hit[] {
  if (hits.length < 2) return hits.map((hit) => ({ ...hit, types: [hit.type] }));
  const resolved: Hit[] = [];
  let cluster: RawHit[] = [];
  let end = -1;
  for (const hit of hits.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    if (hit.start >= end && cluster.length > 0) {
      resolved.push(united(cluster));
      cluster = [];
    }
    cluster.push(hit);
    end = Math.max(end, hit.end);
  }
  resolved.push(united(cluster));
  return resolved;
}

function united(cluster: readonly RawHit[]): Hit {
  const best = cluster.reduce((winner, hit) => (compare(hit, winner) < 0 ? hit : winner));
  const start = Math.min(best.start, cluster[0]?.start ?? 0);
  const end = cluster.reduce((last, hit) => Math.max(last, hit.end), 0);
  const types = new Set([best.type]);
  for (const hit of cluster) {
    if (hit.start < best.start || hit.end > best.end) types.add(hit.type);
  }
  return { start, end, type: best.type, score: best.score, types: [...types] };
}

/** Higher score, then longer, then the fixed order of types. */
function compare(a: RawHit, b: RawHit): number {
  if (a.score !== b.score) return b.score - a.score;
  const byLength = b.end - b.start - (a.end - a.start);
  return byLength === 0 ? (order.get(a.type) ?? 99) - (order.get(b.type) ?? 99) : byLength;
}
