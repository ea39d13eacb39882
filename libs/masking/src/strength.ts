import { entityTypes, type EntityOperators, type Operator } from './profile.js';

const strength: Record<Operator['op'], number> = {
  redact: 3,
  mask: 2,
  hash: 1,
  keep_first: 0,
  keep_last: 0,
  email_partial: 0,
};

/**
 * The weakest operator that hides at least what either hides. Two partial operators of different kinds show
 * different parts, so neither may win: hash, the next stronger, takes their place. The order never matters.
 */
export function stronger(one: Operator, other: Operator): Operator {
  const difference = strength[one.op] - strength[other.op];
  if (difference !== 0) return difference > 0 ? one : other;
  if (one.op === 'mask' && other.op === 'mask') return firstMask(one, other);
  if (one.op !== other.op) return { op: 'hash' };
  if ('n' in one && 'n' in other) return one.n <= other.n ? one : other;
  return one;
}

/** True if the first hides more than the second by kind or by count. */
export function isStronger(one: Operator, other: Operator): boolean {
  const both = stronger(one, other);
  return both.op !== other.op || ('n' in both && 'n' in other && both.n < other.n);
}

/** For each entity type named by either side, the stronger operator. */
export function strongerOperators(one: EntityOperators, other: EntityOperators): EntityOperators {
  const joined: EntityOperators = {};
  for (const type of entityTypes) {
    const [left, right] = [one[type], other[type]];
    const operator = left && right ? stronger(left, right) : (left ?? right);
    if (operator) joined[type] = operator;
  }
  return joined;
}

function firstMask(
  one: Operator & { op: 'mask' },
  other: Operator & { op: 'mask' },
): Operator & { op: 'mask' } {
  return (one.char ?? '*') <= (other.char ?? '*') ? one : other;
}
