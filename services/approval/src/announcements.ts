import {
  type Actor,
  approvalClosed,
  approvalEscalated,
  approvalJustified,
  approvalRequested,
  approvalVoted,
  callApproved,
  callExpired,
  callRefused,
  createEvent,
  readEnvelope,
  type Envelope,
  type EventContract,
  type EventOf,
} from '#contracts';
import type { Signer } from '#trust';
import type { Approval, ApprovalStatus, Vote } from './approval.js';
import type { WaitingCallRow } from './approvals.table.js';
import { approversOf, type Outcome } from './transitions.js';

/** Says that people are asked (or were asked already) to sign for this call. */
export function requestedEvent(
  approval: Approval,
  call: Pick<WaitingCallRow, 'callId' | 'ingress'>,
  said: { readonly joined: boolean; readonly cause: Envelope; readonly time: Date },
): EventOf<typeof approvalRequested> {
  const { digest, requester, server, method, resource, facts, maskedArguments } = approval;
  const { requirement, ruleIds, bundle } = approval;
  const data = {
    approvalId: approval.id,
    callId: call.callId,
    ingress: call.ingress,
    joined: said.joined,
    digest,
    requester,
    server,
    method,
    resource,
    facts,
    maskedArguments,
    requirement,
    ruleIds,
    bundle,
    requestedAt: approval.requestedAt.toISOString(),
    expiresAt: approval.expiresAt.toISOString(),
    ...(approval.kind === 'call' ? {} : { kind: approval.kind }),
    ...(approval.definition === null ? {} : { definition: approval.definition }),
    ...(approval.justification === null ? {} : { justification: approval.justification }),
  };
  return createEvent(approvalRequested, data, said);
}

/** When something was said, and what it follows from: the first approval.requested event. */
export interface Said {
  readonly time: Date;
  /** As {@link envelopeText} wrote it. */
  readonly origin: string;
}

/** Tells of a vote. */
export function votedEvent(approval: Approval, vote: Vote, said: Said): EventOf<EventContract> {
  const { cause, callId, time } = contextOf(said);
  const { channel, decision, grantSeconds, onBehalfOf, reason, votedAt, voter } = vote;
  const data = {
    approvalId: approval.id,
    callId,
    voter,
    decision,
    reason,
    channel,
    votedAt,
    ...(grantSeconds === undefined ? {} : { grantSeconds }),
    ...(onBehalfOf === undefined ? {} : { onBehalfOf }),
  };
  return createEvent(approvalVoted, data, { time, cause });
}

/** Tells that the requester said why. */
export function justifiedEvent(approval: Approval, by: Actor, said: Said): EventOf<EventContract> {
  const { cause, callId, time } = contextOf(said);
  const data = {
    approvalId: approval.id,
    callId,
    by,
    justification: approval.justification ?? '',
    at: time.toISOString(),
  };
  return createEvent(approvalJustified, data, { time, cause });
}

/** Tells that further groups are asked. */
export function escalatedEvent(approval: Approval, said: Said): EventOf<EventContract> {
  const { cause, callId, time } = contextOf(said);
  const groups = [...(approval.requirement.escalation?.groups ?? [])];
  const data = { approvalId: approval.id, callId, groups, escalatedAt: time.toISOString() };
  return createEvent(approvalEscalated, data, { time, cause });
}

const ends = ['approved', 'granted', 'refused', 'expired', 'withdrawn', 'reviewed'] as const;
type End = (typeof ends)[number];

/** Tells how an approval ended, if this change ended it: also when no call waits for it. */
export function closedEvent(
  before: ApprovalStatus | undefined,
  approval: Approval,
  said: Said,
): EventOf<EventContract> | undefined {
  const outcome = ends.find((each) => each === approval.status);
  const wasSigned = before === 'leased' && outcome === 'approved';
  if (outcome === undefined || before === outcome || wasSigned) return undefined;
  const { cause, callId, time } = contextOf(said);
  const { by, reason } = wordsOf(approval, outcome);
  const closedAt = time.toISOString();
  const data = { approvalId: approval.id, callId, outcome, by, reason, closedAt };
  return createEvent(approvalClosed, data, { time, cause });
}

function wordsOf(approval: Approval, outcome: End): { by: Actor | null; reason: string } {
  if (approval.status === 'refused' || approval.status === 'withdrawn') {
    return { by: approval.decidedBy, reason: approval.reason };
  }
  const last = outcome === 'expired' ? undefined : approval.votes.at(-1);
  return { by: last?.voter ?? null, reason: last?.reason ?? '' };
}

function contextOf({ origin, time }: Said) {
  const cause = storedEnvelope(origin);
  return { time, cause, callId: cause.subject };
}

/** Tells one waiting call its outcome; the event's cause is the verdict that made it wait. */
export function outcomeEvent(
  approval: Approval,
  outcome: Outcome,
  call: WaitingCallRow,
  said: { readonly signer: Signer; readonly time: Date },
): EventOf<EventContract> {
  const { callId, ingress } = call;
  const context = { time: said.time, cause: storedEnvelope(call.decided) };
  const approvalId = approval.id;
  if (outcome.kind === 'approved') {
    const statement = statementOf(approval, callId, outcome.notAfter, said.time);
    const signature = said.signer.sign('approval', statement);
    return createEvent(callApproved, { callId, ingress, statement, signature }, context);
  }
  if (outcome.kind === 'refused') {
    const { code, by, reason } = outcome;
    return createEvent(callRefused, { callId, ingress, approvalId, code, by, reason }, context);
  }
  const expiredAt = said.time.toISOString();
  return createEvent(callExpired, { callId, ingress, approvalId, expiredAt }, context);
}

/** An envelope as it is kept in a row: the event without its data. */
export function envelopeText(event: Envelope): string {
  return JSON.stringify({ ...event, data: null });
}

/** Reads what {@link envelopeText} wrote. */
function storedEnvelope(text: string): Envelope {
  return readEnvelope(Buffer.from(text, 'utf8'));
}

function statementOf(approval: Approval, callId: string, notAfter: Date, now: Date) {
  const { id, digest, requester, server, method, resource, bundle } = approval;
  const approvedAt = 'decidedAt' in approval ? approval.decidedAt : now;
  return {
    approvalId: id,
    callId,
    digest,
    tenantId: requester.tenantId,
    objectId: requester.objectId,
    server,
    method,
    resource,
    bundle,
    approvers: [...approversOf(approval)],
    approvedAt: approvedAt.toISOString(),
    notAfter: notAfter.toISOString(),
    ...(approval.definition === null ? {} : { definition: approval.definition.digest }),
    ...(approval.grantId === null || approval.grantUntil === null
      ? {}
      : { grant: { id: approval.grantId, until: approval.grantUntil.toISOString() } }),
  };
}
