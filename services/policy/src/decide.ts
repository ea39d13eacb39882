import type { ApprovalRequirement, Facts, Principal } from '#contracts';
import { type MaskProfile, mergeProfiles } from '#masking';
import { type Bundle, fits, type Layer, layers, type Rule } from './bundle.js';
import type { Condition, ConditionInput } from './condition.js';
import { exposedArguments } from './exposed-arguments.js';

/** What is judged. */
export interface DecisionInput {
  readonly principal: Principal;
  readonly protocol: string;
  readonly server: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly method: string;
  readonly resource: string;
  readonly facts: Facts;
  readonly arguments: unknown;
}

/** The policy's answer. */
export interface Decision {
  readonly effect: 'allow' | 'deny' | 'review';
  readonly ruleIds: readonly string[];
  readonly erroredRuleIds: readonly string[];
  readonly mask: MaskProfile;
  readonly approval: ApprovalRequirement | null;
  readonly hidden: boolean;
  readonly message: string;
}

interface Judged {
  readonly rule: Rule;
  readonly isError: boolean;
}

/** The rule named when a caller may keep up a connection because some rule lets it do something there. */
const reachableRule = 'builtin:reachable';

const strictestFirst = ['deny', 'review', 'allow'] as const;

/**
 * The strictest matching rule wins, so the order of rules and files never matters; no match is a
 * denial. The uppermost layer must allow by itself; a lower one can only tighten. A condition that
 * cannot be evaluated never allows, and always denies, reviews or masks.
 */
export function decide(bundle: Bundle, input: DecisionInput): Decision {
  const selected = bundle.rulesFor(input.server).filter((rule) => selects(rule, input));
  const facts = conditionInput(bundle, input);
  const judged = selected.map((rule) => judge(rule, facts)).filter((each) => each !== undefined);
  const deciding = combine(bundle, judged, input);
  const masks = judged.map(({ rule }) => rule.mask).filter((mask) => mask !== undefined);
  return {
    ...deciding,
    erroredRuleIds: judged.filter(({ isError }) => isError).map(({ rule }) => rule.id),
    mask: masks.length === 0 ? bundle.mask : mergeProfiles([bundle.mask, ...masks]),
    hidden: deciding.effect === 'deny' && !couldBeAllowed(bundle, selected),
  };
}

/** Which resources a caller may see: those that no rule denies whatever the arguments, and some rule may allow. */
export function visible(
  bundle: Bundle,
  input: Omit<DecisionInput, 'resource' | 'arguments'>,
  resources: readonly string[],
): string[] {
  return resources.filter((resource) => {
    const item = { ...input, resource, arguments: {} };
    const selected = bundle.rulesFor(input.server).filter((rule) => selects(rule, item));
    return couldBeAllowed(bundle, selected);
  });
}

function selects(rule: Rule, input: DecisionInput): boolean {
  return (
    (rule.effect !== 'allow' || rule.match.method !== undefined || isNamed(input)) &&
    fits(rule.match.method, input.method) &&
    fits(rule.match.resource ?? rule.match.tool, input.resource) &&
    selectsCaller(rule, input)
  );
}

/**
 * True where the call says what it is about or only keeps up a connection. An operation of unknown effect
 * that names nothing is allowed only by a rule that names methods.
 */
function isNamed({ facts, resource }: DecisionInput): boolean {
  return resource !== '' || facts.action !== 'execute';
}

/** The selectors that are about who calls and which server, not what is asked of it. */
function selectsCaller(rule: Rule, input: Omit<DecisionInput, 'resource' | 'arguments'>): boolean {
  const { labels, protocol, kinds } = rule.match;
  return (
    (protocol === undefined || protocol === input.protocol) &&
    (kinds === undefined || kinds.includes(input.principal.kind)) &&
    (rule.groups === undefined || input.principal.groups.some((id) => rule.groups?.has(id))) &&
    Object.entries(labels ?? {}).every(([name, value]) => input.labels[name] === value)
  );
}

/** A deny rule that has no condition hides; one that reads arguments cannot. */
function couldBeAllowed(bundle: Bundle, selected: readonly Rule[]): boolean {
  const isAllowedBySome = selected.some(
    ({ effect, layer }) =>
      layer === uppermost(bundle) && (effect === 'allow' || effect === 'review'),
  );
  const isDeniedAlways = selected.some(
    ({ effect, unless, when }) => effect === 'deny' && when === undefined && unless === undefined,
  );
  return isAllowedBySome && !isDeniedAlways;
}

/** Whether a rule applies; undefined when it does not. */
function judge(rule: Rule, facts: () => ConditionInput): Judged | undefined {
  const errorApplies = rule.effect !== 'allow';
  try {
    const applies = holds(rule.when, facts, true) && !holds(rule.unless, facts, false);
    return applies ? { rule, isError: false } : undefined;
  } catch {
    return errorApplies ? { rule, isError: true } : undefined;
  }
}

function holds(
  condition: Condition | undefined,
  facts: () => ConditionInput,
  otherwise: boolean,
): boolean {
  return condition === undefined ? otherwise : condition(facts());
}

function combine(
  bundle: Bundle,
  judged: readonly Judged[],
  input: DecisionInput,
): Pick<Decision, 'effect' | 'ruleIds' | 'approval' | 'message'> {
  const effect = strictestFirst.find((each) => judged.some(({ rule }) => rule.effect === each));
  const rules = judged.map(({ rule }) => rule).filter((rule) => rule.effect === effect);
  const upper = uppermost(bundle);
  const upperLetsPass = judged.some(({ rule }) => rule.layer === upper && rule.effect !== 'mask');
  if (effect !== undefined && (effect === 'deny' || upperLetsPass)) {
    return { effect, ruleIds: rules.map(({ id }) => id), ...told(effect, rules) };
  }
  if (input.facts.action === 'connect' && isReachable(bundle, input)) {
    return { effect: 'allow', ruleIds: [reachableRule], approval: null, message: 'Allowed.' };
  }
  return { effect: 'deny', ruleIds: [], approval: null, message: 'No rule allows this call.' };
}

/** The layer that must allow by itself. */
function uppermost(bundle: Bundle): Layer {
  return layers.find((layer) => bundle.layers.has(layer)) ?? 'team';
}

/** Upkeep of a connection needs no rule of its own where some rule could let this caller do something. */
function isReachable(bundle: Bundle, input: DecisionInput): boolean {
  return bundle
    .rulesFor(input.server)
    .some(
      (rule) => (rule.effect === 'allow' || rule.effect === 'review') && selectsCaller(rule, input),
    );
}

function told(
  effect: 'allow' | 'deny' | 'review',
  rules: readonly Rule[],
): Pick<Decision, 'approval' | 'message'> {
  const own = rules.map(({ message }) => message).find((message) => message !== undefined);
  const ids = rules.map(({ id }) => id).join(', ');
  const words = { allow: 'Allowed by', deny: 'Denied by', review: 'Held for an approval by' };
  return {
    approval: effect === 'review' ? requirementOf(rules) : null,
    message: own ?? `${words[effect]} ${ids}.`,
  };
}

/** All matching reviews must be satisfied, within the shortest of their times. */
function requirementOf(rules: readonly Rule[]): ApprovalRequirement {
  const approvals = rules.map(({ approval }) => approval).filter((each) => each !== undefined);
  const sets = new Map<string, { groups: string[]; quorum: number }>();
  for (const { groups, min } of approvals) {
    const key = [...groups].toSorted().join(',');
    const quorum = Math.max(min, sets.get(key)?.quorum ?? 0);
    sets.set(key, { groups: [...groups], quorum });
  }
  return {
    sets: [...sets.values()],
    expiresAfterSeconds: Math.min(...approvals.map(({ ttlSeconds }) => ttlSeconds)),
  };
}

/** Built once, and only when a condition asks. */
function conditionInput(bundle: Bundle, input: DecisionInput): () => ConditionInput {
  let built: ConditionInput | undefined;
  return () => (built ??= buildInput(bundle, input));
}

function buildInput(bundle: Bundle, input: DecisionInput): ConditionInput {
  const { principal, facts } = input;
  const names = principal.groups
    .map((id) => bundle.groupNames.get(id))
    .filter((name) => name !== undefined);
  return {
    principal: {
      id: principal.objectId,
      tenant: principal.tenantId,
      kind: principal.kind,
      clientApp: principal.clientApp,
      groups: [...principal.groups, ...names],
      roles: principal.roles,
    },
    call: {
      protocol: input.protocol,
      server: input.server,
      labels: input.labels,
      method: input.method,
      resource: input.resource,
      tool: input.resource,
      action: facts.action,
      objects: facts.objects,
      complete: facts.complete,
      arguments: exposedArguments(input.arguments),
    },
  };
}
