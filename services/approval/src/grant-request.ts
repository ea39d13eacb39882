import { derivedId, type EventOf, type grantDecided } from '#contracts';
import { canonicalJson, sha256 } from '#trust';
import type { Approval } from './approval.js';
import type { Grant } from './grant.js';
import { newNonce, unasked } from './request.js';

/**
 * The approval that a wish for a grant opens, as a trustworthy verdict describes it; undefined where policy
 * refuses it, or speaks of another scope than was asked for.
 */
export function wishApproval(
  decided: EventOf<typeof grantDecided>,
  grant: Grant,
): ((now: Date) => Approval) | undefined {
  const { groupNames, rules, verdict } = decided.data;
  const { approval: requirement } = verdict;
  const { principal, scope, seconds } = grant;
  const digest = sha256(canonicalJson({ scope, seconds }));
  const isThisWish =
    verdict.scopeDigest === digest &&
    verdict.objectId === principal.objectId &&
    verdict.tenantId === principal.tenantId;
  if (verdict.effect === 'deny' || requirement === null || !isThisWish) return undefined;
  return (now) => ({
    ...unasked,
    id: derivedId(decided.id, 'approval'),
    kind: 'grant',
    status: 'pending',
    requestKey: sha256(canonicalJson({ grant: grant.id })),
    requester: principal,
    requesterKind: grant.principalKind,
    clientApp: grant.clientApp,
    client: null,
    protocol: 'mcp',
    server: scope.server,
    labels: {},
    method: 'tools/call',
    resource: scope.resources.join(', '),
    digest,
    definition: null,
    bundle: verdict.bundle,
    ruleIds: verdict.ruleIds,
    rules,
    groupNames,
    facts: { action: 'execute', objects: [...scope.resources], complete: false },
    maskedArguments: '',
    justification: grant.justification,
    requirement,
    nonce: newNonce(),
    requestedAt: now,
    expiresAt: new Date(now.getTime() + requirement.expiresAfterSeconds * 1000),
    scope,
    grantSeconds: seconds,
    grantId: grant.id,
  });
}
