import type { ApprovalRequirement, GrantScope, Principal } from '#contracts';
import type { Bundle, Rule } from './bundle.js';
import { compileCondition, ConditionError } from './condition.js';
import { couldBeAllowed, selects, type ShownRule } from './decide.js';
import { requirementOf } from './requirement.js';

/** A grant that somebody asks for. */
export interface GrantWish {
  readonly principal: Principal;
  readonly scope: GrantScope;
  readonly seconds: number;
}

/** The servers behind the gate, with their labels. */
export type KnownServers = Readonly<
  Record<string, { readonly labels: Readonly<Record<string, string>> }>
>;

/** Whether people may be asked for it, and whom. */
export interface GrantDecision {
  readonly effect: 'review' | 'deny';
  readonly ruleIds: string[];
  readonly rules: ShownRule[];
  readonly approval: ApprovalRequirement | null;
  readonly message: string;
}

/**
 * Judges a wish for a grant: every tool must be one that the caller could use, every rule that holds it for
 * a signature must allow grants, and the wish must lie within what they allow. Conditions on arguments are
 * not known yet, so every such rule counts.
 */
export function decideGrant(bundle: Bundle, wish: GrantWish, servers: KnownServers): GrantDecision {
  const server = Object.hasOwn(servers, wish.scope.server) ? servers[wish.scope.server] : undefined;
  if (server === undefined) return refused('There is no such server.');
  const reviews = new Set<Rule>();
  for (const resource of wish.scope.resources) {
    const selected = selectedFor(bundle, wish, server.labels, resource);
    if (!couldBeAllowed(bundle, selected)) return refused(`No rule allows you ${resource}.`);
    const held = selected.filter(({ effect }) => effect === 'review');
    if (held.length === 0) return refused(`${resource} needs no signature.`);
    for (const rule of held) reviews.add(rule);
  }
  const decision = within([...reviews], wish);
  const fault = decision.effect === 'deny' ? undefined : faultOfCondition(wish.scope.when);
  return fault === undefined ? decision : refused(`The condition is not accepted: ${fault}`);
}

function within(rules: readonly Rule[], { scope, seconds }: GrantWish): GrantDecision {
  const requirement = requirementOf(rules);
  const { grant } = requirement;
  if (grant === undefined) {
    const strict = rules.filter(({ approval }) => approval?.grant === undefined);
    return refused(`Grants are not allowed by ${strict.map(({ id }) => id).join(', ')}.`);
  }
  if (seconds > grant.maxSeconds) return refused(`At most ${grant.maxSeconds} s can be granted.`);
  if (grant.maxCalls !== undefined && (scope.calls ?? Number.POSITIVE_INFINITY) > grant.maxCalls) {
    return refused(`At most ${grant.maxCalls} calls can be granted: say how many you need.`);
  }
  return {
    effect: 'review',
    ruleIds: rules.map(({ id }) => id),
    rules: rules.map(({ id, message }) => ({ id, message: message ?? null })),
    approval: requirement,
    message: `Held for an approval by ${rules.map(({ id }) => id).join(', ')}.`,
  };
}

function selectedFor(
  bundle: Bundle,
  { principal, scope }: GrantWish,
  labels: Readonly<Record<string, string>>,
  resource: string,
): Rule[] {
  const input = {
    principal,
    protocol: 'mcp',
    server: scope.server,
    labels,
    method: 'tools/call',
    resource,
    facts: { action: 'execute' as const, objects: [resource], complete: false },
  };
  return bundle.rulesFor(scope.server).filter((rule) => selects(rule, input));
}

function faultOfCondition(when: string | null): string | undefined {
  if (when === null) return undefined;
  try {
    compileCondition(when, 'none');
    return undefined;
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    return error.message;
  }
}

function refused(message: string): GrantDecision {
  return { effect: 'deny', ruleIds: [], rules: [], approval: null, message };
}
