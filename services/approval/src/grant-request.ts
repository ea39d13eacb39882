import { type ApprovalRequirement, derivedId, type EventOf, type grantDecided } from '#contracts';
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
  const { verdict } = decided.data;
  const { approval: requirement } = verdict;
  const { principal, scope, seconds } = grant;
  const digest = sha256(canonicalJson({ scope, seconds }));
  const isThisWish =
    verdict.scopeDigest === digest &&
    verdict.objectId === principal.objectId &&
    verdict.tenantId === principal.tenantId;
  if (verdict.effect === 'deny' || requirement === null || !isThisWish) return undefined;
  return (now) => ({ ...asked(decided, grant, requirement), ...since(now, requirement) });
}

type Timeless = Omit<Extract<Approval, { status: 'pending' }>, 'requestedAt' | 'expiresAt'>;

function asked(
  decided: EventOf<typeof grantDecided>,
  grant: Grant,
  requirement: ApprovalRequirement,
): Timeless {
  const { groupNames, rules, verdict } = decided.data;
  const { scope, seconds } = grant;
  return {
    ...unasked,
    id: derivedId(decided.id, 'approval'),
    kind: 'grant',
    status: 'pending',
    requestKey: sha256(canonicalJson({ grant: grant.id })),
    requester: grant.principal,
    requesterKind: grant.principalKind,
    clientApp: grant.clientApp,
    client: null,
    protocol: 'mcp',
    server: scope.server,
    labels: {},
    method: 'tools/call',
    resource: scope.resources.join(', '),
    digest: verdict.scopeDigest,
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
    scope,
    grantSeconds: seconds,
    grantId: grant.id,
  };
}

function since(now: Date, { expiresAfterSeconds }: ApprovalRequirement) {
  return { requestedAt: now, expiresAt: new Date(now.getTime() + expiresAfterSeconds * 1000) };
}
