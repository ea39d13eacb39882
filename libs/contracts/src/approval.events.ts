import { z } from 'zod';
import { actorSchema, digestSchema, factsSchema, judgedDefinitionSchema } from './call-shapes.js';
import { publicField, sensitiveField } from './classification.js';
import { defineEvent } from './define-event.js';
import { approvalRequirementSchema } from './verdict.events.js';

const topic = 'countersign.approvals.v1';
const publishedBy = 'approval';

/** People are asked to sign a call. */
export const approvalRequested = defineEvent({
  type: 'countersign.approval.requested.v1',
  topic,
  publishedBy,
  key: (data) => data.callId,
  addressee: (data) => data.ingress,
  data: z.object({
    approvalId: publicField(z.uuid()),
    callId: publicField(z.uuid()),
    ingress: publicField(z.string()),
    /** True where the same request was open already: nobody is asked twice. */
    joined: publicField(z.boolean()),
    digest: publicField(digestSchema),
    requester: publicField(actorSchema),
    server: publicField(z.string()),
    method: publicField(z.string()),
    resource: publicField(z.string()),
    facts: publicField(factsSchema),
    maskedArguments: sensitiveField(z.string()),
    requirement: publicField(approvalRequirementSchema),
    ruleIds: publicField(z.array(z.string())),
    bundle: publicField(z.string()),
    requestedAt: publicField(z.iso.datetime()),
    expiresAt: publicField(z.iso.datetime()),
    /** What is asked for; absent for a call. With `grant`, `callId` is the grant's id. */
    kind: publicField(z.enum(['call', 'grant', 'break-glass']).optional()),
    definition: publicField(judgedDefinitionSchema.optional()),
    justification: sensitiveField(z.string().optional()),
  }),
});

/** The requester said why, after people were asked. */
export const approvalJustified = defineEvent({
  type: 'countersign.approval.justified.v1',
  topic,
  publishedBy,
  key: (data) => data.callId,
  discriminator: (data) => `${data.approvalId}:${data.at}`,
  data: z.object({
    approvalId: publicField(z.uuid()),
    callId: publicField(z.uuid()),
    by: publicField(actorSchema),
    justification: sensitiveField(z.string()),
    at: publicField(z.iso.datetime()),
  }),
});

/** Nobody signed for so long that further groups are asked. */
export const approvalEscalated = defineEvent({
  type: 'countersign.approval.escalated.v1',
  topic,
  publishedBy,
  key: (data) => data.callId,
  discriminator: (data) => data.approvalId,
  data: z.object({
    approvalId: publicField(z.uuid()),
    callId: publicField(z.uuid()),
    groups: publicField(z.array(z.string())),
    escalatedAt: publicField(z.iso.datetime()),
  }),
});

/** An approval came to its end, whether or not a call waited for it. */
export const approvalClosed = defineEvent({
  type: 'countersign.approval.closed.v1',
  topic,
  publishedBy,
  key: (data) => data.callId,
  discriminator: (data) => `${data.approvalId}:${data.outcome}`,
  data: z.object({
    approvalId: publicField(z.uuid()),
    callId: publicField(z.uuid()),
    outcome: publicField(
      z.enum(['approved', 'granted', 'refused', 'expired', 'withdrawn', 'reviewed']),
    ),
    /** Who brought it about; null where time did. */
    by: publicField(actorSchema.nullable()),
    reason: sensitiveField(z.string()),
    closedAt: publicField(z.iso.datetime()),
  }),
});

/** Somebody may sign in somebody's place. */
export const delegationGiven = defineEvent({
  type: 'countersign.delegation.given.v1',
  topic,
  publishedBy,
  key: (data) => data.delegationId,
  data: z.object({
    delegationId: publicField(z.uuid()),
    from: publicField(actorSchema),
    /** Object id, in the same tenant. */
    toId: publicField(z.uuid()),
    givenAt: publicField(z.iso.datetime()),
    endsAt: publicField(z.iso.datetime()),
  }),
});

/** A delegation was ended before its time. */
export const delegationEnded = defineEvent({
  type: 'countersign.delegation.ended.v1',
  topic,
  publishedBy,
  key: (data) => data.delegationId,
  data: z.object({
    delegationId: publicField(z.uuid()),
    by: publicField(actorSchema),
    endedAt: publicField(z.iso.datetime()),
  }),
});

/** Somebody wanted to decide, withdraw or justify, and it did not count. `detail` says what was wanted, or claimed. */
export const pressRefused = defineEvent({
  type: 'countersign.press.refused.v1',
  topic,
  publishedBy,
  key: (data) => data.pressId,
  data: z.object({
    pressId: publicField(z.uuid()),
    channel: publicField(z.string()),
    code: publicField(z.string()),
    detail: sensitiveField(z.string()),
    approvalId: publicField(z.uuid().nullable()),
    tenantId: publicField(z.string().nullable()),
    objectId: publicField(z.string().nullable()),
    remoteAddress: publicField(z.string().nullable()),
    at: publicField(z.iso.datetime()),
  }),
});

/** Somebody of an approver group signed or refused. */
export const approvalVoted = defineEvent({
  type: 'countersign.approval.voted.v1',
  topic,
  publishedBy,
  key: (data) => data.callId,
  discriminator: (data) => `${data.approvalId}:${data.voter.tenantId}:${data.voter.objectId}`,
  data: z.object({
    approvalId: publicField(z.uuid()),
    callId: publicField(z.uuid()),
    voter: publicField(actorSchema),
    decision: publicField(z.enum(['approve', 'refuse'])),
    reason: sensitiveField(z.string()),
    /** Where the vote was cast: `rest`, `page`, `teams`. */
    channel: publicField(z.string()),
    votedAt: publicField(z.iso.datetime()),
    /** Seconds that the voter granted; absent for this once. */
    grantSeconds: publicField(z.int().min(1).optional()),
    /** Whose place the voter took; absent where it was their own. */
    onBehalfOf: publicField(actorSchema.optional()),
  }),
});

/** The approval service's signed word: humans signed this call, for this principal, until a time. */
export const approvalStatementSchema = z.object({
  approvalId: z.uuid(),
  callId: z.uuid(),
  digest: digestSchema,
  tenantId: z.uuid(),
  objectId: z.uuid(),
  server: z.string(),
  method: z.string(),
  resource: z.string(),
  bundle: z.string(),
  approvers: z.array(actorSchema).min(1),
  approvedAt: z.iso.datetime(),
  /** A lease: void after this time, and only then free for a retry. */
  notAfter: z.iso.datetime(),
  /** Digest of the tool's definition that was signed; absent where none was known. */
  definition: digestSchema.optional(),
  /** The grant that covers the call, in place of a signature for it alone, and when the grant ends. */
  grant: z.object({ id: z.uuid(), until: z.iso.datetime() }).optional(),
});
export type ApprovalStatement = z.infer<typeof approvalStatementSchema>;

/** A held call may go on. Issued for one call id. */
export const callApproved = defineEvent({
  type: 'countersign.call.approved.v1',
  topic,
  publishedBy,
  key: (data) => data.callId,
  addressee: (data) => data.ingress,
  data: z.object({
    callId: publicField(z.uuid()),
    ingress: publicField(z.string()),
    statement: publicField(approvalStatementSchema),
    /** Ed25519 over the canonical JSON of `statement`, base64url. */
    signature: publicField(z.string()),
  }),
});

/** A held call must not run. */
export const callRefused = defineEvent({
  type: 'countersign.call.refused.v1',
  topic,
  publishedBy,
  key: (data) => data.callId,
  addressee: (data) => data.ingress,
  data: z.object({
    callId: publicField(z.uuid()),
    ingress: publicField(z.string()),
    approvalId: publicField(z.uuid()),
    /** `SUPERSEDED`: another call of the same request used the one approval. */
    code: publicField(z.enum(['APPROVAL_REFUSED', 'SUPERSEDED', 'WITHDRAWN'])),
    by: publicField(actorSchema.nullable()),
    reason: sensitiveField(z.string()),
  }),
});

/** Nobody signed in time. */
export const callExpired = defineEvent({
  type: 'countersign.call.expired.v1',
  topic,
  publishedBy,
  key: (data) => data.callId,
  addressee: (data) => data.ingress,
  data: z.object({
    callId: publicField(z.uuid()),
    ingress: publicField(z.string()),
    approvalId: publicField(z.uuid()),
    expiredAt: publicField(z.iso.datetime()),
  }),
});
