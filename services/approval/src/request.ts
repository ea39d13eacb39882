import { randomBytes } from 'node:crypto';
import { type callDecided, derivedId, type EventOf } from '#contracts';
import { canonicalJson, sha256 } from '#trust';
import type { Approval } from './approval.js';

/** A call that people are to sign, or to look at afterwards, as a trustworthy verdict describes it. */
export interface Request {
  readonly callId: string;
  readonly ingress: string;
  readonly decided: EventOf<typeof callDecided>;
  /** Live grants that policy found to cover the call. */
  readonly grantIds: readonly string[];
  /** The one approval that the call may wait for; undefined where it may open one. */
  readonly joins: string | undefined;
  /** The approval that this request opens if none is open. */
  readonly approvalAt: (now: Date) => Approval;
}

/**
 * Reads the request out of a verdict; undefined where the event asks nobody, or where its unsigned
 * parts do not fit the signed verdict. The signature is the caller's to check.
 */
export function requestOf(decided: EventOf<typeof callDecided>): Request | undefined {
  const { callId, ingress, verdict, review } = decided.data;
  const requirement = verdict.effect === 'review' ? verdict.approval : verdict.breakGlass;
  if (verdict.effect === 'deny' || !requirement || review === null) return undefined;
  const { requester, ...shown } = review;
  const isSameCaller =
    requester.objectId === verdict.objectId && requester.tenantId === verdict.tenantId;
  if (verdict.callId !== callId || !isSameCaller) return undefined;
  if (verdict.reviewDigest !== sha256(canonicalJson(review))) return undefined;
  const { server, method, resource, digest, bundle, ruleIds } = verdict;
  const what = { server, method, resource, digest, bundle };
  const { tenantId, objectId } = requester;
  const { requesterKind, clientApp } = shown;
  // Who asks, through what, and what is demanded: an approval given on less never serves one that needs more.
  const asks = { tenantId, objectId, requesterKind, clientApp };
  const requestKey = sha256(canonicalJson({ ...what, ...asks, requirement, ruleIds }));
  const approvalAt = (now: Date): Approval => ({
    ...what,
    ...unasked,
    id: derivedId(decided.id, 'approval'),
    ...stateOf(verdict.effect === 'review'),
    requestKey,
    requester,
    requesterKind,
    clientApp,
    client: shown.client ?? null,
    protocol: shown.protocol,
    labels: shown.labels ?? {},
    definition: shown.definition ?? null,
    ruleIds,
    rules: shown.rules ?? ruleIds.map((id) => ({ id, message: null })),
    groupNames: shown.groupNames ?? {},
    facts: shown.facts,
    maskedArguments: shown.maskedArguments,
    justification: shown.justification ?? null,
    requirement,
    nonce: newNonce(),
    requestedAt: now,
    expiresAt: new Date(now.getTime() + requirement.expiresAfterSeconds * 1000),
  });
  const grantIds = verdict.effect === 'review' ? (verdict.grantIds ?? []) : [];
  return { callId, ingress, decided, grantIds, joins: verdict.joins, approvalAt };
}

/** 128 bits that only the copies of an approval carry. */
export function newNonce(): string {
  return randomBytes(16).toString('base64url');
}

/** What nobody has said yet. */
export const unasked = {
  version: 1,
  votes: [],
  escalatedAt: null,
  abandonedAt: null,
  scope: null,
  grantSeconds: null,
  grantId: null,
  grantUntil: null,
};

function stateOf(isHeld: boolean) {
  return isHeld
    ? ({ kind: 'call', status: 'pending' } as const)
    : ({ kind: 'break-glass', status: 'unreviewed' } as const);
}
