import { visibleLine } from './visible-text.js';

/** What was decided in a period, counted by outcome and rules, and what is open now. */
export interface Decisions {
  readonly decided: readonly {
    readonly outcome: string;
    readonly ruleIds: string;
    readonly count: number;
  }[];
  readonly liveGrants: number;
  readonly unreviewed: number;
}

const shownRules = 10;
const maxRules = 120;

/** The summary of a period; undefined where there is nothing to say. */
export function summaryText(since: Date, decisions: Decisions): string | undefined {
  const { decided, liveGrants, unreviewed } = decisions;
  if (decided.length === 0 && liveGrants === 0 && unreviewed === 0) return undefined;
  const counts = new Map<string, number>();
  for (const { count, outcome } of decided) {
    counts.set(outcome, (counts.get(outcome) ?? 0) + count);
  }
  const totals = [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(', ');
  const byRule = decided
    .filter(({ outcome }) => outcome === 'approved' || outcome === 'granted')
    .slice(0, shownRules)
    .map(
      ({ count, outcome, ruleIds }) => `${count} ${outcome} by ${visibleLine(ruleIds, maxRules)}`,
    );
  return [
    `Since ${since.toISOString()}: ${totals === '' ? 'nothing decided' : totals}.`,
    ...byRule,
    `Grants that live: ${liveGrants}. Break-glass calls to review: ${unreviewed}.`,
  ].join('\n');
}
