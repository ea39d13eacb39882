import { randomBytes } from 'node:crypto';
import {
  type Actor,
  type ApprovalRequirement,
  type callDecided,
  derivedId,
  type EventOf,
} from '#contracts';
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

type Decided = EventOf<typeof callDecided>;
type Review = NonNullable<Decided['data']['review']>;

/** What people are to be asked, out of a verdict whose parts agree. */
interface Question {
  readonly requirement: ApprovalRequirement;
  readonly review: Review;
}

/**
 * Reads the request out of a verdict; undefined where the event asks nobody, or where its unsigned
 * parts do not fit the signed verdict. The signature is the caller's to check.
 */
export function requestOf(decided: Decided): Request | undefined {
  const question = questionOf(decided);
  if (question === undefined) return undefined;
  const { callId, ingress, verdict } = decided.data;
  return {
    callId,
    ingress,
    decided,
    grantIds: verdict.effect === 'review' ? (verdict.grantIds ?? []) : [],
    // What runs already joins nothing: it is looked at in its own right.
    joins: verdict.effect === 'review' ? verdict.joins : undefined,
    approvalAt: (now) => approvalOf(decided, question, now),
  };
}

function questionOf({ data }: Decided): Question | undefined {
  const { callId, review, verdict } = data;
  const requirement = verdict.effect === 'review' ? verdict.approval : verdict.breakGlass;
  if (verdict.effect === 'deny' || !requirement || review === null) return undefined;
  const { requester } = review;
  const isSameCaller =
    requester.objectId === verdict.objectId && requester.tenantId === verdict.tenantId;
  if (verdict.callId !== callId || !isSameCaller) return undefined;
  if (verdict.reviewDigest !== sha256(canonicalJson(review))) return undefined;
  return { requirement, review };
}

function approvalOf(decided: Decided, { requirement, review }: Question, now: Date): Approval {
  const { verdict } = decided.data;
  const { bundle, digest, method, resource, ruleIds, server } = verdict;
  return {
    ...unasked,
    bundle,
    digest,
    method: kept(method),
    resource: kept(resource),
    ruleIds,
    server,
    requirement,
    id: derivedId(decided.id, 'approval'),
    ...stateOf(verdict.effect === 'review'),
    requestKey: requestKeyOf(decided, { requirement, review }),
    requester: keptActor(review.requester),
    requesterKind: review.requesterKind,
    clientApp: review.clientApp,
    client: review.client ? keptClient(review.client) : null,
    protocol: review.protocol,
    labels: review.labels ?? {},
    definition: review.definition ?? null,
    rules: review.rules ?? ruleIds.map((id) => ({ id, message: null })),
    groupNames: review.groupNames ?? {},
    facts: { ...review.facts, objects: review.facts.objects.map((each) => kept(each)) },
    maskedArguments: kept(review.maskedArguments),
    justification: review.justification === undefined ? null : kept(review.justification),
    nonce: newNonce(),
    requestedAt: now,
    expiresAt: new Date(now.getTime() + requirement.expiresAfterSeconds * 1000),
  };
}

/** Who asks, through what, for what, and what is demanded: an approval given on less never serves one that needs more. */
function requestKeyOf(decided: Decided, { requirement, review }: Question): string {
  const { bundle, digest, method, resource, ruleIds, server } = decided.data.verdict;
  const { clientApp, requesterKind } = review;
  const { objectId, tenantId } = review.requester;
  const what = { server, method, resource, digest, bundle };
  const asks = { tenantId, objectId, requesterKind, clientApp };
  return sha256(canonicalJson({ ...what, ...asks, requirement, ruleIds }));
}

/** A foreign text as Postgres can keep it: whatever a caller writes, people are asked all the same. */
function kept(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

function keptActor(actor: Actor): Actor {
  const { displayName } = actor;
  return { ...actor, displayName: displayName === null ? null : kept(displayName) };
}

function keptClient({ name, version }: { name: string; version: string }) {
  return { name: kept(name), version: kept(version) };
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
