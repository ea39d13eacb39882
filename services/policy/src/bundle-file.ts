import { z } from 'zod';
import { maskProfileSchema } from '#masking';

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$/);
const pattern = z.string().min(1).max(500);
const patterns = z.union([pattern, z.array(pattern).min(1)]).transform((value) => [value].flat());

const secondsOf = new Map([
  ['s', 1],
  ['m', 60],
  ['h', 3600],
]);

/** `15m`, `90s`, `2h`: seconds. */
const durationSchema = z
  .string()
  .regex(/^\d{1,5}[smh]$/, 'write a number and s, m or h, such as 15m')
  .transform((text) => Number(text.slice(0, -1)) * (secondsOf.get(text.slice(-1)) ?? 1));

const matchSchema = z
  .strictObject({
    server: patterns.optional(),
    labels: z.record(z.string(), z.string()).optional(),
    protocol: z.string().optional(),
    method: patterns.optional(),
    resource: patterns.optional(),
    /** The MCP word for a resource that is a tool. */
    tool: patterns.optional(),
    /** Any of these groups, by configured name or object id. */
    groups: z.array(z.string()).min(1).optional(),
    kinds: z
      .array(z.enum(['person', 'workload', 'agent']))
      .min(1)
      .optional(),
  })
  .refine((match) => match.tool === undefined || match.resource === undefined, {
    message: 'give either tool or resource',
  });

/** `group:<name or object id>`; any of them. */
const groupList = z.array(z.string().regex(/^group:.+/, 'write group:<name>')).min(1);
const quorum = z.int().min(1).max(10).default(1);

const approvalSchema = z.strictObject({
  /** Any of these groups may sign. */
  approvers: groupList,
  /** How many people of them must. */
  min: quorum,
  /** Further signatures that are needed besides: of security as well as of the owners. */
  also: z.array(z.strictObject({ approvers: groupList, min: quorum })).default([]),
  ttl: durationSchema.prefault('15m'),
  /** Who may sign in anybody's place once nobody has for so long. */
  escalate: z.strictObject({ after: durationSchema, approvers: groupList }).optional(),
  /** Whether the requester must say why before anybody can sign. */
  justification: z.enum(['required', 'optional']).default('optional'),
  /** What an approver may grant in place of a single call: for how long, how often. */
  grant: z
    .strictObject({ for: durationSchema, calls: z.int().min(1).max(10_000).optional() })
    .optional(),
});
export type ApprovalSource = z.infer<typeof approvalSchema>;

/** Effects for which people sign: before the call, or after it. */
const asksPeople: ReadonlySet<string> = new Set(['review', 'break_glass']);

function escalatesInTime({ escalate, ttl }: ApprovalSource): boolean {
  return escalate === undefined || escalate.after < ttl;
}

const ruleSchema = z
  .strictObject({
    id: name,
    effect: z.enum(['allow', 'deny', 'review', 'mask', 'break_glass']),
    match: matchSchema.prefault({}),
    when: z.string().max(4000).optional(),
    unless: z.string().max(4000).optional(),
    approval: approvalSchema.optional(),
    mask: maskProfileSchema.omit({ floor: true }).optional(),
    /** For the caller to read. */
    message: z.string().max(500).optional(),
  })
  .refine((rule) => asksPeople.has(rule.effect) === (rule.approval !== undefined), {
    message: 'a review and a break_glass need approval, and nothing else may have it',
  })
  .refine((rule) => rule.effect !== 'break_glass' || rule.match.groups !== undefined, {
    message: 'a break_glass must name the groups that it is for',
  })
  .refine(({ approval }) => approval?.escalate === undefined || escalatesInTime(approval), {
    message: 'escalate.after must be shorter than ttl',
  })
  .refine((rule) => (rule.effect === 'mask') === (rule.mask !== undefined), {
    message: 'a mask rule needs mask, and nothing else may have it',
  });

const testSchema = z.strictObject({
  name: z.string().min(1),
  input: z.strictObject({
    groups: z.array(z.string()).default([]),
    roles: z.array(z.string()).default([]),
    labels: z.record(z.string(), z.string()).default({}),
    /** The caller demands to be let through at once. */
    breakGlass: z.boolean().default(false),
    kind: z.enum(['person', 'workload', 'agent']).default('person'),
    server: z.string(),
    method: z.string().default('tools/call'),
    tool: z.string().optional(),
    resource: z.string().optional(),
    arguments: z.record(z.string(), z.json()).default({}),
  }),
  expect: z.strictObject({
    effect: z.enum(['allow', 'deny', 'review', 'break_glass']),
    rule: z.string().optional(),
  }),
});

const defaultMask = z.union([
  z.enum(['standard', 'secrets', 'none']).transform((profile) => ({ profile })),
  maskProfileSchema.omit({ floor: true }),
]);

/** One policy file as it is written. */
export const bundleFileSchema = z.strictObject({
  apiVersion: z.literal('countersign/v1'),
  kind: z.literal('PolicyBundle'),
  metadata: z.strictObject({
    name,
    version: z.int().min(0).default(0),
    layer: z.enum(['global', 'team']).default('team'),
  }),
  defaults: z
    .strictObject({
      effect: z.literal('deny').default('deny'),
      mask: defaultMask.prefault('standard'),
    })
    .prefault({}),
  rules: z.array(ruleSchema).default([]),
  tests: z.array(testSchema).default([]),
});
export type BundleFile = z.infer<typeof bundleFileSchema>;
export type RuleSource = BundleFile['rules'][number];
export type BundleTest = BundleFile['tests'][number];
