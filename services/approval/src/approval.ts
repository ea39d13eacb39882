import { z } from 'zod';
import {
  actorSchema,
  approvalRequirementSchema,
  clientSchema,
  digestSchema,
  factsSchema,
  grantScopeSchema,
  judgedDefinitionSchema,
  labelsSchema,
  shownRuleSchema,
} from '#contracts';

/** One person's word. `groups` are those of the requirement that the person was in at the press. */
const voteSchema = z.object({
  voter: actorSchema,
  decision: z.enum(['approve', 'refuse']),
  reason: z.string(),
  channel: z.string(),
  votedAt: z.iso.datetime(),
  groups: z.array(z.string()),
  /** Seconds that the voter granted; absent for this once. */
  grantSeconds: z.int().min(1).optional(),
  /** Whose place the voter took; absent where it is the voter's own. */
  onBehalfOf: actorSchema.optional(),
});
export type Vote = z.infer<typeof voteSchema>;

const requestShape = {
  id: z.uuid(),
  kind: z.enum(['call', 'grant', 'break-glass']),
  /** Grows with every change. */
  version: z.int().min(1),
  /** Same principal, server, method, resource, digest and bundle: the same request. */
  requestKey: digestSchema,
  requester: actorSchema,
  requesterKind: z.enum(['person', 'workload', 'agent']),
  clientApp: z.string(),
  client: clientSchema.nullable(),
  protocol: z.string(),
  server: z.string(),
  labels: labelsSchema,
  method: z.string(),
  resource: z.string(),
  digest: digestSchema,
  /** The tool as it was last listed; null where it never was. */
  definition: judgedDefinitionSchema.nullable(),
  bundle: z.string(),
  ruleIds: z.array(z.string()),
  rules: z.array(shownRuleSchema),
  groupNames: z.record(z.string(), z.string()),
  facts: factsSchema,
  maskedArguments: z.string(),
  justification: z.string().nullable(),
  requirement: approvalRequirementSchema,
  votes: z.array(voteSchema),
  /** Proves that a press comes from a copy of this approval. */
  nonce: z.string(),
  requestedAt: z.date(),
  /** Nothing that is not in use lives longer, approved or not; of break-glass: when it should be reviewed. */
  expiresAt: z.date(),
  /** When further groups were asked. */
  escalatedAt: z.date().nullable(),
  /** Since when no caller waits any more although nobody told it to come again. */
  abandonedAt: z.date().nullable(),
  /** What is asked for (kind `grant`), or what a grant in use covers. */
  scope: grantScopeSchema.nullable(),
  /** How long a grant is asked for, seconds; null for other kinds. */
  grantSeconds: z.int().min(1).nullable(),
  /** The grant that this asks for, led to, or was covered by. */
  grantId: z.uuid().nullable(),
  /** When that grant ends; null while it is not issued. */
  grantUntil: z.date().nullable(),
};

/** One request for human signatures, in one of its states. */
export const approvalSchema = z.discriminatedUnion('status', [
  z.object({ ...requestShape, status: z.literal('pending') }),
  /** Signed; no call is waiting, so a retry gets it at once. */
  z.object({ ...requestShape, status: z.literal('approved'), decidedAt: z.date() }),
  /** Given to one call, which may use it until `leaseNotAfter`. */
  z.object({
    ...requestShape,
    status: z.literal('leased'),
    decidedAt: z.date(),
    leaseCallId: z.uuid(),
    leaseNotAfter: z.date(),
  }),
  z.object({
    ...requestShape,
    status: z.literal('used'),
    decidedAt: z.date(),
    leaseCallId: z.uuid(),
    usedAt: z.date(),
  }),
  /** A grant asked for ahead of need was signed. */
  z.object({ ...requestShape, status: z.literal('granted'), decidedAt: z.date() }),
  z.object({
    ...requestShape,
    status: z.literal('refused'),
    decidedAt: z.date(),
    decidedBy: actorSchema,
    reason: z.string(),
  }),
  z.object({ ...requestShape, status: z.literal('expired'), decidedAt: z.date() }),
  /** `decidedBy` is null where nobody took it back, but its caller is gone or the tool has changed. */
  z.object({
    ...requestShape,
    status: z.literal('withdrawn'),
    decidedAt: z.date(),
    decidedBy: actorSchema.nullable(),
    reason: z.string(),
  }),
  /** Break-glass let the call through; nobody has looked at it yet. */
  z.object({ ...requestShape, status: z.literal('unreviewed') }),
  z.object({ ...requestShape, status: z.literal('reviewed'), decidedAt: z.date() }),
]);
export type Approval = z.infer<typeof approvalSchema>;
export type ApprovalStatus = Approval['status'];

/** States in which the same request joins instead of opening a new approval. */
export const openStatuses = ['pending', 'approved', 'leased'] as const;
