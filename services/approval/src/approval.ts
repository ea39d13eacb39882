import { z } from 'zod';
import { actorSchema, approvalRequirementSchema, digestSchema, factsSchema } from '#contracts';

/** One person's word. `sets` are the requirement's sets whose groups the person was in at the press. */
const voteSchema = z.object({
  voter: actorSchema,
  decision: z.enum(['approve', 'refuse']),
  reason: z.string(),
  channel: z.string(),
  votedAt: z.iso.datetime(),
  sets: z.array(z.int().min(0)),
});
export type Vote = z.infer<typeof voteSchema>;

const requestShape = {
  id: z.uuid(),
  /** Same principal, server, method, resource, digest and bundle: the same request. */
  requestKey: digestSchema,
  requester: actorSchema,
  requesterKind: z.enum(['person', 'workload', 'agent']),
  clientApp: z.string(),
  protocol: z.string(),
  server: z.string(),
  method: z.string(),
  resource: z.string(),
  digest: digestSchema,
  bundle: z.string(),
  ruleIds: z.array(z.string()),
  facts: factsSchema,
  maskedArguments: z.string(),
  requirement: approvalRequirementSchema,
  votes: z.array(voteSchema),
  requestedAt: z.date(),
  /** Nothing that is not in use lives longer, approved or not. */
  expiresAt: z.date(),
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
  z.object({
    ...requestShape,
    status: z.literal('refused'),
    decidedAt: z.date(),
    decidedBy: actorSchema,
    reason: z.string(),
  }),
  z.object({ ...requestShape, status: z.literal('expired'), decidedAt: z.date() }),
  z.object({ ...requestShape, status: z.literal('withdrawn'), decidedAt: z.date() }),
]);
export type Approval = z.infer<typeof approvalSchema>;
export type ApprovalStatus = Approval['status'];

/** States in which the same request joins instead of opening a new approval. */
export const openStatuses = ['pending', 'approved', 'leased'] as const;
