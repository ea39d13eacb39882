import { z } from 'zod';
import {
  actorSchema,
  clientSchema,
  digestSchema,
  factsSchema,
  judgedDefinitionSchema,
  labelsSchema,
} from './call-shapes.js';
import { publicField, sensitiveField } from './classification.js';
import { defineEvent } from './define-event.js';

const topic = 'countersign.verdicts.v1';
const publishedBy = 'policy';

/** What must be masked in the answer; the engine's profile, see libs/masking. */
export const maskObligationSchema = z.object({
  profile: z.enum(['standard', 'secrets', 'none']),
  entities: z.record(z.string(), z.looseObject({ op: z.string() })),
  fields: z.record(z.string(), z.looseObject({ op: z.string() })),
  binary: z.enum(['pass', 'withhold']),
  /** Operators that hold even where a field rule says less. */
  floor: z.record(z.string(), z.looseObject({ op: z.string() })).optional(),
});
export type MaskObligation = z.infer<typeof maskObligationSchema>;

/** Who must sign before the call may run. All listed sets must be satisfied. */
export const approvalRequirementSchema = z.object({
  /** Each set: any of these groups (object ids), and how many distinct people of them. */
  sets: z.array(z.object({ groups: z.array(z.string()).min(1), quorum: z.int().min(1) })).min(1),
  expiresAfterSeconds: z.int().min(1),
  /** From so many seconds after the request on, people of these groups may sign in place of any set's. */
  escalation: z
    .object({ afterSeconds: z.int().min(1), groups: z.array(z.string()).min(1) })
    .optional(),
  /** Nobody can sign before the requester has said why. */
  justification: z.literal('required').optional(),
  /** What an approver may grant in place of a single call; absent where the rules allow single calls only. */
  grant: z.object({ maxSeconds: z.int().min(1), maxCalls: z.int().min(1).optional() }).optional(),
});
export type ApprovalRequirement = z.infer<typeof approvalRequirementSchema>;

/** The policy's signed word on one call. */
const verdictSchema = z.object({
  callId: z.uuid(),
  digest: digestSchema,
  tenantId: z.uuid(),
  objectId: z.uuid(),
  server: z.string(),
  method: z.string(),
  resource: z.string(),
  effect: z.enum(['allow', 'deny', 'review']),
  ruleIds: z.array(z.string()),
  /** Rules whose condition could not be evaluated: never a reason to allow. */
  erroredRuleIds: z.array(z.string()),
  mask: maskObligationSchema,
  approval: approvalRequirementSchema.nullable(),
  /** SHA-256 over the canonical JSON of what the approver is shown; null where nobody is asked. */
  reviewDigest: digestSchema.nullable(),
  /** True where no rule could ever allow this resource: answered as if it did not exist. */
  hidden: z.boolean(),
  /** For the caller to read. */
  message: z.string(),
  /** SHA-256 of the policy bundle that decided. */
  bundle: z.string(),
  decidedAt: z.iso.datetime(),
  /** The verdict is void after this time. */
  notAfter: z.iso.datetime(),
  /** Digest of the tool's definition; absent where the gateway has not seen it listed. */
  definition: digestSchema.optional(),
  /** Live grants of the caller whose scope covers the call: approval settles whether one is used. */
  grantIds: z.array(z.uuid()).optional(),
  /** Break-glass let the call through: it is to be reviewed by these people. */
  breakGlass: approvalRequirementSchema.optional(),
  /** The signed approval whose call this verdict releases; absent in the verdict on the request. */
  releases: z.uuid().optional(),
  /** The one open approval that the call may wait for. */
  joins: z.uuid().optional(),
  /** Of a call that keeps up a connection: some rule may hold calls of this caller there for people. */
  asksPeople: z.literal(true).optional(),
});
export type Verdict = z.infer<typeof verdictSchema>;

/** A rule as people are shown it. */
export const shownRuleSchema = z.object({ id: z.string(), message: z.string().nullable() });

/** Policy judged a call. Ingress acts on the signed statement alone. */
export const callDecided = defineEvent({
  type: 'countersign.call.decided.v1',
  topic,
  publishedBy,
  key: (data) => data.callId,
  addressee: (data) => data.ingress,
  data: z.object({
    callId: publicField(z.uuid()),
    ingress: publicField(z.string()),
    verdict: publicField(verdictSchema),
    /** Ed25519 over the canonical JSON of `verdict`, base64url. */
    signature: publicField(z.string()),
    /** What the approver is shown; only where people are asked. */
    review: sensitiveField(
      z
        .object({
          requester: actorSchema,
          requesterKind: z.enum(['person', 'workload', 'agent']),
          clientApp: z.string(),
          protocol: z.string(),
          facts: factsSchema,
          maskedArguments: z.string(),
          labels: labelsSchema.optional(),
          client: clientSchema.nullable().optional(),
          definition: judgedDefinitionSchema.optional(),
          justification: z.string().optional(),
          rules: z.array(shownRuleSchema).optional(),
          /** Names of the approver groups that have one, by object id. */
          groupNames: z.record(z.string(), z.string()).optional(),
        })
        .nullable(),
    ),
  }),
});

/** Which of the listed resources the caller may see. */
export const catalogDecided = defineEvent({
  type: 'countersign.catalog.decided.v1',
  topic,
  publishedBy,
  key: (data) => data.callId,
  discriminator: (data) => String(data.part),
  addressee: (data) => data.ingress,
  data: z.object({
    callId: publicField(z.uuid()),
    ingress: publicField(z.string()),
    part: publicField(z.int().min(0)),
    visible: publicField(z.array(z.string())),
    /** Those that are left out because their definitions are not accepted; absent where none are. */
    held: publicField(z.array(z.string()).optional()),
    bundle: publicField(z.string()),
  }),
});

/** The policy's signed word on a grant that somebody asks for ahead of need. */
const grantVerdictSchema = z.object({
  grantId: z.uuid(),
  tenantId: z.uuid(),
  objectId: z.uuid(),
  /** SHA-256 over the canonical JSON of the scope that was asked for. */
  scopeDigest: digestSchema,
  effect: z.enum(['review', 'deny']),
  ruleIds: z.array(z.string()),
  approval: approvalRequirementSchema.nullable(),
  message: z.string(),
  bundle: z.string(),
  decidedAt: z.iso.datetime(),
});
export type GrantVerdict = z.infer<typeof grantVerdictSchema>;

/** Policy said whether a grant may be asked of people, and of whom. */
export const grantDecided = defineEvent({
  type: 'countersign.grant.decided.v1',
  topic,
  publishedBy,
  key: (data) => data.verdict.grantId,
  data: z.object({
    verdict: publicField(grantVerdictSchema),
    /** Ed25519 over the canonical JSON of `verdict`, base64url. */
    signature: publicField(z.string()),
    rules: publicField(z.array(shownRuleSchema)),
    groupNames: publicField(z.record(z.string(), z.string())),
  }),
});

/** A policy bundle came into force, or was refused and the one before stays. */
export const policyPublished = defineEvent({
  type: 'countersign.policy.published.v1',
  topic,
  publishedBy,
  key: (data) => data.bundle,
  discriminator: (data) => `${data.instance}:${data.at}`,
  data: z.object({
    bundle: publicField(z.string()),
    instance: publicField(z.string()),
    outcome: publicField(z.enum(['loaded', 'refused'])),
    rules: publicField(z.int().min(0)),
    files: publicField(z.array(z.string())),
    /** Names the file and the mistake; null when loaded. */
    error: publicField(z.string().nullable()),
    at: publicField(z.iso.datetime()),
  }),
});
