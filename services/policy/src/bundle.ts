import { z } from 'zod';
import { canonicalJson, sha256 } from '#trust';
import { compileProfile, MaskingError, type MaskProfile, mergeProfiles } from '#masking';
import {
  type ApprovalSource,
  type BundleFile,
  bundleFileSchema,
  type BundleTest,
  type RuleSource,
} from './bundle-file.js';
import { type Condition, compileCondition, ConditionError } from './condition.js';
import { matchesGlob } from './glob.js';

/** Layers from the one that binds all others to the one that may only tighten. */
export const layers = ['global', 'team'] as const;
export type Layer = (typeof layers)[number];

/** A rule, ready to be asked. */
export interface Rule {
  readonly id: string;
  readonly layer: Layer;
  readonly effect: RuleSource['effect'];
  readonly match: RuleSource['match'];
  /** Object ids of groups, any of which fits; undefined fits everybody. */
  readonly groups: ReadonlySet<string> | undefined;
  readonly when: Condition | undefined;
  readonly unless: Condition | undefined;
  readonly approval: RuleApproval | undefined;
  readonly mask: MaskProfile | undefined;
  readonly message: string | undefined;
}

/** Groups of which so many people must sign. */
export interface RuleSet {
  readonly groups: readonly string[];
  readonly quorum: number;
}

/** Whom a rule asks, for how long, and what they may grant. Groups are object ids. */
export interface RuleApproval {
  readonly sets: readonly RuleSet[];
  readonly ttlSeconds: number;
  readonly escalation:
    { readonly afterSeconds: number; readonly groups: readonly string[] } | undefined;
  readonly needsJustification: boolean;
  readonly grant:
    { readonly maxSeconds: number; readonly maxCalls: number | undefined } | undefined;
}

/** All policy files together. Never changed; a reload makes another. */
export interface Bundle {
  /** SHA-256 over the files and the versions of what reads them. */
  readonly digest: string;
  readonly files: readonly string[];
  readonly layers: ReadonlySet<Layer>;
  readonly rules: readonly Rule[];
  /** The mask of answers to which no rule adds one. */
  readonly mask: MaskProfile;
  readonly tests: readonly { readonly file: string; readonly test: BundleTest }[];
  /** Names of group object ids, for conditions. */
  readonly groupNames: ReadonlyMap<string, string>;
  /** The rules whose server selector fits, found once for each server. */
  rulesFor(server: string): readonly Rule[];
}

/** A policy file that is refused: which, where and why. */
export class BundleError extends Error {
  override readonly name = 'BundleError';
  readonly code = 'BUNDLE_INVALID';
}

/** A policy file as read from disk: its name and its parsed YAML. */
export interface PolicyFile {
  readonly name: string;
  readonly content: unknown;
}

/** What reads the rules is part of what they mean. */
const engines = 'cel-js 8.0.0; re2js 2.10.0; countersign policy 2';

/**
 * Compiles policy files into a bundle. @throws BundleError for the first mistake: unknown members,
 * a repeated id, an unknown group, a condition that does not compile.
 */
export function compileBundle(
  files: readonly PolicyFile[],
  groups: Readonly<Record<string, string>>,
): Bundle {
  if (files.length === 0) throw new BundleError('no policy file was found');
  const parsed = files.map((file) => ({ file: file.name, source: parseFile(file) }));
  const rules = parsed.flatMap(({ file, source }) =>
    source.rules.map((rule) => compileRule(file, source.metadata.layer, rule, groups)),
  );
  refuseRepeats(rules);
  const byServer = new Map<string, readonly Rule[]>();
  const contents = files.map((file) => ({ name: file.name, content: file.content }));
  return {
    digest: sha256(canonicalJson({ engines, groups, contents })),
    files: files.map((file) => file.name),
    layers: new Set(parsed.map(({ source }) => source.metadata.layer)),
    rules,
    mask: mergeProfiles(parsed.map(({ source }) => defaultMaskOf(source))),
    tests: parsed.flatMap(({ file, source }) => source.tests.map((test) => ({ file, test }))),
    groupNames: new Map(Object.entries(groups).map(([name, id]) => [id, name])),
    rulesFor: (server) => {
      const known = byServer.get(server);
      if (known !== undefined) return known;
      const found = rules.filter((rule) => fits(rule.match.server, server));
      byServer.set(server, found);
      return found;
    },
  };
}

/** Ids of rules whose server selector fits none of these servers: misspelt, or left behind. */
export function idleRules(bundle: Bundle, servers: readonly string[]): readonly string[] {
  const useful = new Set(servers.flatMap((server) => bundle.rulesFor(server)));
  return bundle.rules.filter((rule) => !useful.has(rule)).map((rule) => rule.id);
}

/** True when a selector is absent or one of its patterns fits. */
export function fits(selector: readonly string[] | undefined, value: string): boolean {
  return selector === undefined || selector.some((pattern) => matchesGlob(pattern, value));
}

function parseFile(file: PolicyFile): BundleFile {
  const parsed = bundleFileSchema.safeParse(file.content);
  if (parsed.success) return parsed.data;
  throw new BundleError(`${file.name}:\n${z.prettifyError(parsed.error)}`);
}

function compileRule(
  file: string,
  layer: Layer,
  source: RuleSource,
  names: Readonly<Record<string, string>>,
): Rule {
  const place = `${file}: rule ${source.id}`;
  const { approval } = source;
  return {
    id: source.id,
    layer,
    effect: source.effect,
    match: source.match,
    groups:
      source.match.groups === undefined
        ? undefined
        : new Set(source.match.groups.map((group) => groupId(place, group, names))),
    when: condition(place, 'when', source.when),
    unless: condition(place, 'unless', source.unless),
    approval: approval === undefined ? undefined : compileApproval(place, approval, names),
    mask: source.mask === undefined ? undefined : checkedMask(place, source.mask),
    message: source.message,
  };
}

function compileApproval(
  place: string,
  source: ApprovalSource,
  names: Readonly<Record<string, string>>,
): RuleApproval {
  const ids = (approvers: readonly string[]): string[] =>
    approvers.map((each) => groupId(place, each.slice('group:'.length), names));
  const { also, approvers, escalate, grant, justification, min, ttl } = source;
  return {
    sets: [{ approvers, min }, ...also].map((set) => ({
      groups: ids(set.approvers),
      quorum: set.min,
    })),
    ttlSeconds: ttl,
    escalation:
      escalate === undefined
        ? undefined
        : { afterSeconds: escalate.after, groups: ids(escalate.approvers) },
    needsJustification: justification === 'required',
    grant: grant === undefined ? undefined : { maxSeconds: grant.for, maxCalls: grant.calls },
  };
}

function condition(
  place: string,
  member: string,
  source: string | undefined,
): Condition | undefined {
  if (source === undefined) return undefined;
  try {
    return compileCondition(source);
  } catch (cause) {
    if (!(cause instanceof ConditionError)) throw cause;
    throw new BundleError(`${place}: ${member}: ${cause.message}`, { cause });
  }
}

/** Groups are decided by object id; a name that nobody configured is a mistake, not an empty group. */
function groupId(place: string, group: string, names: Readonly<Record<string, string>>): string {
  const id = (Object.hasOwn(names, group) ? names[group] : undefined) ?? group;
  if (z.uuid().safeParse(id).success) return id.toLowerCase();
  throw new BundleError(`${place}: the group ${group} is neither configured nor an object id`);
}

function checkedMask(place: string, mask: MaskProfile): MaskProfile {
  try {
    compileProfile(mask);
    return mask;
  } catch (cause) {
    if (!(cause instanceof MaskingError)) throw cause;
    throw new BundleError(`${place}: mask: ${cause.message}`, { cause });
  }
}

function defaultMaskOf(source: BundleFile): MaskProfile {
  return { entities: {}, fields: {}, binary: 'withhold', ...source.defaults.mask };
}

function refuseRepeats(rules: readonly Rule[]): void {
  const seen = new Set<string>();
  for (const { id } of rules) {
    if (seen.has(id)) throw new BundleError(`the rule id ${id} stands more than once`);
    seen.add(id);
  }
}
