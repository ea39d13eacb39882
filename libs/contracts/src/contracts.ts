import { callAnswered, callMasked } from './answer.events.js';
import {
  approvalClosed,
  approvalEscalated,
  approvalJustified,
  approvalRequested,
  approvalVoted,
  callApproved,
  callExpired,
  callRefused,
  delegationEnded,
  delegationGiven,
  pressRefused,
} from './approval.events.js';
import { auditCheckpointed, auditRead } from './audit.events.js';
import {
  callCancelled,
  callCompleted,
  callFailed,
  callForwarded,
  callRequested,
  callResumed,
  catalogListed,
  definitionSeen,
  sessionClosed,
  sessionOpened,
} from './call.events.js';
import type { EventContract } from './define-event.js';
import { definitionRecorded } from './definition.events.js';
import { grantEnded, grantIssued, grantRequested, grantRevoked } from './grant.events.js';
import { callDecided, catalogDecided, grantDecided, policyPublished } from './verdict.events.js';

/** Every event that the services say, once. */
export const contracts: readonly EventContract[] = [
  callRequested,
  callResumed,
  callForwarded,
  callCompleted,
  callFailed,
  callCancelled,
  catalogListed,
  definitionSeen,
  sessionOpened,
  sessionClosed,
  callDecided,
  catalogDecided,
  grantDecided,
  policyPublished,
  approvalRequested,
  approvalVoted,
  approvalJustified,
  approvalEscalated,
  approvalClosed,
  callApproved,
  callRefused,
  callExpired,
  pressRefused,
  delegationGiven,
  delegationEnded,
  grantRequested,
  grantIssued,
  grantRevoked,
  grantEnded,
  definitionRecorded,
  callAnswered,
  callMasked,
  auditCheckpointed,
  auditRead,
] as readonly EventContract[];

const byType = new Map(contracts.map((contract) => [contract.type, contract]));

/** The contract of an event type, or undefined for a type that nobody declared. */
export function contractOf(type: string): EventContract | undefined {
  return byType.get(type);
}
