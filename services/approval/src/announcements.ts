import {
  approvalRequested,
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
import type { Approval } from './approval.js';
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
  };
  return createEvent(approvalRequested, data, said);
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
export function storedEnvelope(text: string): Envelope {
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
  };
}
