import { type callDecided, derivedId, type EventOf } from '#contracts';
import { canonicalJson, sha256 } from '#trust';
import type { Approval } from './approval.js';

/** A call under review, as a trustworthy verdict describes it. */
export interface Request {
  readonly callId: string;
  readonly ingress: string;
  readonly decided: EventOf<typeof callDecided>;
  /** The approval that this request opens if none is open. */
  readonly approvalAt: (now: Date) => Approval;
}

/**
 * Reads the request out of a verdict; undefined where the event asks nobody, or where its unsigned
 * parts do not fit the signed verdict. The signature is the caller's to check.
 */
export function requestOf(decided: EventOf<typeof callDecided>): Request | undefined {
  const { callId, ingress, verdict, review } = decided.data;
  const { approval: requirement } = verdict;
  if (verdict.effect !== 'review' || requirement === null || review === null) return undefined;
  const { requester, ...shown } = review;
  const isSameCaller =
    requester.objectId === verdict.objectId && requester.tenantId === verdict.tenantId;
  if (verdict.callId !== callId || !isSameCaller) return undefined;
  if (verdict.reviewDigest !== sha256(canonicalJson(review))) return undefined;
  const { server, method, resource, digest, bundle, ruleIds } = verdict;
  const what = { server, method, resource, digest, bundle };
  const { tenantId, objectId } = requester;
  // Who asks, through what, and what is demanded: an approval given on less never serves one that needs more.
  const asks = {
    tenantId,
    objectId,
    requesterKind: shown.requesterKind,
    clientApp: shown.clientApp,
  };
  const requestKey = sha256(canonicalJson({ ...what, ...asks, requirement, ruleIds }));
  const approvalAt = (now: Date): Approval => ({
    ...what,
    ...shown,
    id: derivedId(decided.id, 'approval'),
    status: 'pending',
    requestKey,
    requester,
    ruleIds,
    requirement,
    votes: [],
    requestedAt: now,
    expiresAt: new Date(now.getTime() + requirement.expiresAfterSeconds * 1000),
  });
  return { callId, ingress, decided, approvalAt };
}
