import type { ApprovalRequirement, Facts, Principal } from '#contracts';
import { type MaskProfile, mergeProfiles } from '#masking';
import { type Bundle, fits, type Layer, layers, type Rule } from './bundle.js';
import { requirementOf } from './requirement.js';
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
  /** The caller demands to be let through at once, and to answer for it later. */
  readonly breakGlass?: boolean | undefined;
}

/** A rule as people are shown it. */
export interface ShownRule {
  readonly id: string;
  readonly message: string | null;
}

/** The policy's answer. */
export interface Decision {
  readonly effect: 'allow' | 'deny' | 'review';
  /** The rules that decided, in words. */
  readonly rules: readonly ShownRule[];
  readonly ruleIds: readonly string[];
  readonly erroredRuleIds: readonly string[];
  readonly mask: MaskProfile;
  readonly approval: ApprovalRequirement | null;
  /** Who reviews a call that break-glass let through; null where it did not. */
  readonly breakGlass: ApprovalRequirement | null;
  readonly hidden: boolean;
  readonly message: string;
  /** Of a call that keeps up a connection: some rule may hold calls of this caller there for people. */
  readonly asksPeople?: true;
}

interface Judged {
  readonly rule: Rule;
  readonly isError: boolean;
}

/** The rule named when a caller may keep up a connection because some rule lets it do something there. */
const reachableRule = 'builtin:reachable';

/**
 * Break-glass stands above review, so that it can pass it by, and below deny. It counts only where the
 * caller demands it.
 */
const strictestFirst = ['deny', 'break_glass', 'review', 'allow'] as const;
type DecidingEffect = (typeof strictestFirst)[number];

/**
 * The strictest matching rule wins, so the order of rules and files never matters; no match is a
 * denial. The uppermost layer must allow by itself; a lower one can only tighten. A condition that
 * cannot be evaluated never allows, and always denies, reviews or masks.
 */
export function decide(bundle: Bundle, input: DecisionInput): Decision {
  const selected = bundle.rulesFor(input.server).filter((rule) => selects(rule, input));
  const facts = conditionInput(bundle, input);
  const asked = selected.filter(
    (rule) => rule.effect !== 'break_glass' || mayBreakGlass(bundle, rule, input),
  );
  const judged = asked.map((rule) => judge(rule, facts)).filter((each) => each !== undefined);
  const deciding = combine(bundle, judged, input);
  const masks = judged.map(({ rule }) => rule.mask).filter((mask) => mask !== undefined);
  return {
    ...deciding,
    erroredRuleIds: judged.filter(({ isError }) => isError).map(({ rule }) => rule.id),
    mask: masks.length === 0 ? bundle.mask : mergeProfiles([bundle.mask, ...masks]),
    hidden: deciding.effect === 'deny' && !couldBeAllowed(bundle, selected),
    ...(asksPeople(bundle, input) ? { asksPeople: true } : {}),
  };
}

/** It must be demanded, stand in the layer that binds all others, and is for people unless the rule names others. */
function mayBreakGlass(bundle: Bundle, rule: Rule, input: DecisionInput): boolean {
  const isForCaller = input.principal.kind === 'person' || rule.match.kinds !== undefined;
  return input.breakGlass === true && rule.layer === uppermost(bundle) && isForCaller;
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

/** Whether a rule is about this caller, server, operation and resource; its conditions are not asked. */
export function selects(rule: Rule, input: Omit<DecisionInput, 'arguments'>): boolean {
  return (
    (!opensAtOnce.has(rule.effect) || rule.match.method !== undefined || isNamed(input)) &&
    fits(rule.match.method, input.method) &&
    fits(rule.match.resource ?? rule.match.tool, input.resource) &&
    selectsCaller(rule, input)
  );
}

/**
 * True where the call says what it is about or only keeps up a connection. An operation of unknown effect
 * that names nothing is allowed only by a rule that names methods.
 */
function isNamed({ facts, resource }: Pick<DecisionInput, 'facts' | 'resource'>): boolean {
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

/** Whether any arguments could make it allowed. A deny rule without condition hides; one that reads arguments cannot. */
export function couldBeAllowed(bundle: Bundle, selected: readonly Rule[]): boolean {
  const isAllowedBySome = selected.some(
    ({ effect, layer }) => layer === uppermost(bundle) && canOpen.has(effect),
  );
  const isDeniedAlways = selected.some(
    ({ effect, unless, when }) => effect === 'deny' && when === undefined && unless === undefined,
  );
  return isAllowedBySome && !isDeniedAlways;
}

/** Effects that let a call go on without a signature before it. */
const opensAtOnce: ReadonlySet<Rule['effect']> = new Set(['allow', 'break_glass']);

/** Effects that can let a call go on, at once or after a signature. */
const canOpen: ReadonlySet<Rule['effect']> = new Set(['allow', 'review', 'break_glass']);

/** Whether a rule applies; undefined when it does not. */
function judge(rule: Rule, facts: () => ConditionInput): Judged | undefined {
  const errorApplies = !opensAtOnce.has(rule.effect);
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

function combine(bundle: Bundle, judged: readonly Judged[], input: DecisionInput): Told {
  const effect = strictestFirst.find((each) => judged.some(({ rule }) => rule.effect === each));
  const rules = judged.map(({ rule }) => rule).filter((rule) => rule.effect === effect);
  const upper = uppermost(bundle);
  const upperLetsPass = judged.some(({ rule }) => rule.layer === upper && rule.effect !== 'mask');
  if (effect !== undefined && (effect === 'deny' || upperLetsPass)) {
    return told(effect, rules);
  }
  const nobody = { rules: [], approval: null, breakGlass: null };
  if (input.facts.action === 'connect' && isReachable(bundle, input)) {
    return { effect: 'allow', ruleIds: [reachableRule], message: 'Allowed.', ...nobody };
  }
  return { effect: 'deny', ruleIds: [], message: 'No rule allows this call.', ...nobody };
}

/** The layer that must allow by itself. */
function uppermost(bundle: Bundle): Layer {
  return layers.find((layer) => bundle.layers.has(layer)) ?? 'team';
}

/** Upkeep of a connection needs no rule of its own where some rule could let this caller do something. */
function isReachable(bundle: Bundle, input: DecisionInput): boolean {
  return bundle
    .rulesFor(input.server)
    .some((rule) => canOpen.has(rule.effect) && selectsCaller(rule, input));
}

function asksPeople(bundle: Bundle, input: DecisionInput): boolean {
  if (input.facts.action !== 'connect') return false;
  return bundle
    .rulesFor(input.server)
    .some((rule) => rule.effect === 'review' && selectsCaller(rule, input));
}

type Told = Omit<Decision, 'erroredRuleIds' | 'mask' | 'hidden' | 'asksPeople'>;

function told(effect: DecidingEffect, rules: readonly Rule[]): Told {
  const own = rules.map(({ message }) => message).find((message) => message !== undefined);
  const ids = rules.map(({ id }) => id);
  const words = {
    allow: 'Allowed by',
    deny: 'Denied by',
    review: 'Held for an approval by',
    break_glass: 'Let through on break-glass by',
  };
  return {
    effect: effect === 'break_glass' ? 'allow' : effect,
    ruleIds: ids,
    rules: rules.map(({ id, message }) => ({ id, message: message ?? null })),
    approval: effect === 'review' ? requirementOf(rules) : null,
    breakGlass: effect === 'break_glass' ? requirementOf(rules) : null,
    message: own ?? `${words[effect]} ${ids.join(', ')}.`,
  };
}

/** What conditions read; built once, and only when one asks. */
export function conditionInput(bundle: Bundle, input: DecisionInput): () => ConditionInput {
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
