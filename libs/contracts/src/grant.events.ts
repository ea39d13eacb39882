import { z } from 'zod';
import { actorSchema, principalSchema } from './call-shapes.js';
import { publicField, sensitiveField } from './classification.js';
import { defineEvent } from './define-event.js';

const topic = 'countersign.grants.v1';
const publishedBy = 'approval';

/** What a grant is for. */
export const grantScopeSchema = z.object({
  server: z.string(),
  resources: z.array(z.string()).min(1),
  /** Condition on the arguments, in the policy's expression language; null means none. */
  when: z.string().nullable(),
  /** How many calls it covers; null means no count. */
  calls: z.int().min(1).nullable(),
});
export type GrantScope = z.infer<typeof grantScopeSchema>;

/** Somebody asks for a grant ahead of need; policy says whether people may be asked. */
export const grantRequested = defineEvent({
  type: 'countersign.grant.requested.v1',
  topic,
  publishedBy,
  key: (data) => data.grantId,
  data: z.object({
    grantId: publicField(z.uuid()),
    principal: publicField(principalSchema),
    scope: publicField(grantScopeSchema),
    seconds: publicField(z.int().min(1)),
    justification: sensitiveField(z.string()),
    requestedAt: publicField(z.iso.datetime()),
    /** The grant that this one goes on from. */
    extends: publicField(z.uuid().optional()),
  }),
});

/** A principal may do what `scope` says, without being asked again, until an absolute time. */
export const grantIssued = defineEvent({
  type: 'countersign.grant.issued.v1',
  topic,
  publishedBy,
  key: (data) => data.grantId,
  data: z.object({
    grantId: publicField(z.uuid()),
    approvalId: publicField(z.uuid()),
    principal: publicField(actorSchema),
    scope: publicField(grantScopeSchema),
    approvers: publicField(z.array(actorSchema).min(1)),
    issuedAt: publicField(z.iso.datetime()),
    grantedUntil: publicField(z.iso.datetime()),
  }),
});

/** The right ended before its time. */
export const grantRevoked = defineEvent({
  type: 'countersign.grant.revoked.v1',
  topic,
  publishedBy,
  key: (data) => data.grantId,
  data: z.object({
    grantId: publicField(z.uuid()),
    by: publicField(actorSchema),
    reason: publicField(z.string()),
    revokedAt: publicField(z.iso.datetime()),
  }),
});

/** The right came to its own end: its time was over, or its calls were used. */
export const grantEnded = defineEvent({
  type: 'countersign.grant.ended.v1',
  topic,
  publishedBy,
  key: (data) => data.grantId,
  data: z.object({
    grantId: publicField(z.uuid()),
    cause: publicField(z.enum(['time', 'calls'])),
    endedAt: publicField(z.iso.datetime()),
  }),
});
