import type { ApprovalRequirement } from '#contracts';
import type { Rule, RuleApproval } from './bundle.js';

/**
 * What all these rules demand together: every set with the highest of its quorums, within the shortest of
 * their times. Escalation and grants weaken a demand, so they hold only where every rule offers them.
 */
export function requirementOf(rules: readonly Rule[]): ApprovalRequirement {
  const approvals = rules.map(({ approval }) => approval).filter((each) => each !== undefined);
  const escalation = escalationOf(approvals);
  const grant = grantOf(approvals);
  return {
    sets: setsOf(approvals),
    expiresAfterSeconds: Math.min(...approvals.map(({ ttlSeconds }) => ttlSeconds)),
    ...(escalation === undefined ? {} : { escalation }),
    ...(approvals.some(({ needsJustification }) => needsJustification)
      ? { justification: 'required' as const }
      : {}),
    ...(grant === undefined ? {} : { grant }),
  };
}

function setsOf(approvals: readonly RuleApproval[]): ApprovalRequirement['sets'] {
  const sets = new Map<string, { groups: string[]; quorum: number }>();
  for (const { groups, quorum } of approvals.flatMap((each) => each.sets)) {
    const key = keyOf(groups);
    const known = sets.get(key)?.quorum ?? 0;
    sets.set(key, { groups: [...groups], quorum: Math.max(quorum, known) });
  }
  return [...sets.values()];
}

/** The latest of the times, if all rules name the same groups. */
function escalationOf(approvals: readonly RuleApproval[]): ApprovalRequirement['escalation'] {
  const all = approvals.map(({ escalation }) => escalation).filter((each) => each !== undefined);
  const [first] = all;
  if (first === undefined || all.length < approvals.length) return undefined;
  if (all.some(({ groups }) => keyOf(groups) !== keyOf(first.groups))) return undefined;
  const afterSeconds = Math.max(...all.map((each) => each.afterSeconds));
  return { afterSeconds, groups: [...first.groups] };
}

function grantOf(approvals: readonly RuleApproval[]): ApprovalRequirement['grant'] {
  const all = approvals.map(({ grant }) => grant).filter((each) => each !== undefined);
  if (all.length === 0 || all.length < approvals.length) return undefined;
  const counts = all.map(({ maxCalls }) => maxCalls).filter((each) => each !== undefined);
  return {
    maxSeconds: Math.min(...all.map(({ maxSeconds }) => maxSeconds)),
    ...(counts.length === 0 ? {} : { maxCalls: Math.min(...counts) }),
  };
}

/** Names a set of groups, in whatever order they stand. */
function keyOf(groups: readonly string[]): string {
  return groups.toSorted().join(',');
}
