import { z } from 'zod';
import {
  actorSchema,
  createEvent,
  grantEnded,
  grantRequested,
  grantScopeSchema,
  type GrantScope,
  type Principal,
} from '#contracts';
import { type Approval, approvalSchema } from './approval.js';
import { isSame, isSatisfied } from './eligibility.js';

const votesSchema = approvalSchema.options[0].shape.votes;

/** A grant from the wish to its end, as its row tells. */
export const grantSchema = z.object({
  id: z.uuid(),
  status: z.enum(['asked', 'pending', 'refused', 'live', 'revoked', 'ended']),
  principal: actorSchema,
  principalKind: z.enum(['person', 'workload', 'agent']),
  clientApp: z.string(),
  scope: grantScopeSchema,
  seconds: z.int(),
  justification: z.string(),
  extends: z.uuid().nullable(),
  approvalId: z.uuid().nullable(),
  askedGroups: z.array(z.string()),
  votes: votesSchema,
  requestedAt: z.date(),
  issuedAt: z.date().nullable(),
  grantedUntil: z.date().nullable(),
  callsLeft: z.int().nullable(),
  endedAt: z.date().nullable(),
  endedBy: actorSchema.nullable(),
  message: z.string(),
});
export type Grant = z.infer<typeof grantSchema>;

/** The columns of a {@link Grant}, in SQL. */
export const grantColumns = `id, status, principal, principal_kind as "principalKind", client_app as "clientApp", scope, seconds, justification, extends,
  approval_id as "approvalId", asked_groups as "askedGroups", votes,
  requested_at as "requestedAt", issued_at as "issuedAt", granted_until as "grantedUntil",
  calls_left as "callsLeft", ended_at as "endedAt", ended_by as "endedBy", message`;

/** What somebody asks for ahead of need. */
export interface Wish {
  readonly id: string;
  readonly scope: GrantScope;
  readonly seconds: number;
  readonly justification: string;
  readonly extends?: string | undefined;
}

/** The key by which the grants of a person or program are found. */
export function holderOf({ objectId, tenantId }: { tenantId: string; objectId: string }): string {
  return `${tenantId}/${objectId}`;
}

/** What "approve for a time" of one call gives: this person, this server, this tool. */
export function scopeOf(approval: Approval): GrantScope {
  const { requirement, resource, server } = approval;
  return { server, resources: [resource], when: null, calls: requirement.grant?.maxCalls ?? null };
}

/** Whether a grant is for this caller and tool, and both it and its signatures satisfy what is demanded now. */
export function covers(grant: Grant, approval: Approval): boolean {
  return (
    isSame(grant.principal, approval.requester) &&
    grant.principalKind === approval.requesterKind &&
    isWithin(grant, approval.requirement.grant) &&
    grant.scope.server === approval.server &&
    grant.scope.resources.includes(approval.resource) &&
    isSatisfied(approval.requirement, grant.votes)
  );
}

/** Asks policy whether people may be asked. */
export function wishEvent(principal: Principal, wish: Wish, now: Date) {
  const { id, ...rest } = wish;
  const data = {
    grantId: id,
    principal,
    scope: rest.scope,
    seconds: rest.seconds,
    justification: rest.justification,
    requestedAt: now.toISOString(),
    ...(rest.extends === undefined ? {} : { extends: rest.extends }),
  };
  return createEvent(grantRequested, data, { time: now });
}

/** Tells that a grant came to its own end. */
export function endEvent(grantId: string, cause: 'time' | 'calls', at: Date) {
  const data = { grantId, cause, endedAt: at.toISOString() };
  return createEvent(grantEnded, data, { time: at });
}

/** A rule that offers less by now is not met by what it offered before. */
function isWithin({ scope, seconds }: Grant, offer: Approval['requirement']['grant']): boolean {
  if (offer === undefined || seconds > offer.maxSeconds) return false;
  const { maxCalls = Number.POSITIVE_INFINITY } = offer;
  return (scope.calls ?? Number.POSITIVE_INFINITY) <= maxCalls;
}
