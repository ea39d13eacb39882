import { MaskingError } from './error.js';
import type { Operator } from './profile.js';
import { stronger } from './strength.js';

interface Step {
  /** The member or index wanted; absent means any. */
  readonly name?: string;
  /** Whether the step may be taken at any depth below. */
  readonly deep: boolean;
}

/** A field rule with its path taken apart. */
export interface FieldRule {
  readonly steps: readonly Step[];
  readonly operator: Operator;
}

/** How far the rules have matched on the way to a node: rules still open, and the operator of those that arrived. */
export interface FieldMatch {
  readonly open: readonly OpenRule[];
  readonly operator: Operator | undefined;
}

interface OpenRule {
  readonly rule: FieldRule;
  readonly taken: number;
}

const maxPathLength = 512;
const step =
  /(\.\.?)(\*|[^.[\]\s"'*()?@,:]+)|(\.\.)?\[(?:(\*)|(\d{1,9})|("(?:[^"\\]|\\.)*")|'((?:[^'\\]|\\.)*)')\]/uy;

/** Takes `$.a.b`, `$.rows[*].ssn`, `$..ssn`, `$["quoted"]` and `$[0]` apart; anything else is refused by name. */
export function parseFieldPath(path: string): readonly Step[] {
  if (!path.startsWith('$') || path.length > maxPathLength) throw invalid(path);
  const steps: Step[] = [];
  step.lastIndex = 1;
  while (step.lastIndex < path.length) {
    const match = step.exec(path);
    if (!match) throw invalid(path);
    steps.push(stepOf(match, path));
  }
  return steps;
}

function stepOf(match: RegExpExecArray, path: string): Step {
  const [, dots, plain, deepDots, star, index, double, single] = match;
  const deep = dots === '..' || deepDots === '..';
  if (star !== undefined || plain === '*') return { deep };
  const name = plain ?? index ?? (double === undefined ? undefined : unquoted(double, path));
  return { deep, name: name ?? (single ?? '').replaceAll(/\\(.)/g, '$1') };
}

function unquoted(quoted: string, path: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch (cause) {
    throw new MaskingError('MASK_FIELD_PATH_INVALID', path.slice(0, maxPathLength), { cause });
  }
}

function invalid(path: string): MaskingError {
  return new MaskingError('MASK_FIELD_PATH_INVALID', path.slice(0, maxPathLength));
}

/** Where matching stands at the root of a document. */
export function startFields(rules: readonly FieldRule[]): FieldMatch {
  return settle(rules.map((rule) => ({ rule, taken: 0 })));
}

/** Where matching stands after going down to a member or item. A matched subtree is masked as a whole. */
export function descend(match: FieldMatch, key: string | number): FieldMatch {
  if (match.open.length === 0) return match;
  const name = String(key);
  const next: OpenRule[] = [];
  for (const { rule, taken } of match.open) {
    const wanted = rule.steps[taken];
    if (wanted?.deep) add(next, { rule, taken });
    if (wanted && (wanted.name === undefined || wanted.name === name)) {
      add(next, { rule, taken: taken + 1 });
    }
  }
  return combine(settle(next), match.operator);
}

/** Two matches at once, as at a node that is also a root of its own. */
export function joinMatches(one: FieldMatch, other: FieldMatch): FieldMatch {
  const open = [...one.open];
  for (const each of other.open) add(open, each);
  return combine({ open, operator: one.operator }, other.operator);
}

function combine(match: FieldMatch, operator: Operator | undefined): FieldMatch {
  if (!operator) return match;
  return { ...match, operator: match.operator ? stronger(match.operator, operator) : operator };
}

/** A rule can be at one place once only, so repeated names on deep paths do not multiply the work. */
function add(open: OpenRule[], state: OpenRule): void {
  if (!open.some(({ rule, taken }) => rule === state.rule && taken === state.taken)) {
    open.push(state);
  }
}

function settle(states: readonly OpenRule[]): FieldMatch {
  let operator: Operator | undefined;
  const open: OpenRule[] = [];
  for (const state of states) {
    if (state.taken < state.rule.steps.length) open.push(state);
    else operator = operator ? stronger(operator, state.rule.operator) : state.rule.operator;
  }
  return { open, operator };
}
