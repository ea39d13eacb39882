import { z } from 'zod';
import { actorSchema } from './call-shapes.js';
import { publicField } from './classification.js';
import { defineEvent } from './define-event.js';

const topic = 'countersign.grants.v1';
const publishedBy = 'approval';

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
    scope: publicField(
      z.object({
        server: z.string(),
        resources: z.array(z.string()).min(1),
        /** Condition on the arguments, in the policy's expression language; null means none. */
        when: z.string().nullable(),
        /** How many calls it covers; null means no count. */
        calls: z.int().min(1).nullable(),
      }),
    ),
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
