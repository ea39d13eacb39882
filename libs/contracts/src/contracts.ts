import { callAnswered, callMasked } from './answer.events.js';
import {
  approvalRequested,
  approvalVoted,
  callApproved,
  callExpired,
  callRefused,
} from './approval.events.js';
import { auditCheckpointed, auditRead } from './audit.events.js';
import {
  callCancelled,
  callCompleted,
  callFailed,
  callForwarded,
  callRequested,
  catalogListed,
  sessionClosed,
  sessionOpened,
} from './call.events.js';
import type { EventContract } from './define-event.js';
import { grantIssued, grantRevoked } from './grant.events.js';
import { callDecided, catalogDecided, policyPublished } from './verdict.events.js';

/** Every event that the services say, once. */
export const contracts: readonly EventContract[] = [
  callRequested,
  callForwarded,
  callCompleted,
  callFailed,
  callCancelled,
  catalogListed,
  sessionOpened,
  sessionClosed,
  callDecided,
  catalogDecided,
  policyPublished,
  approvalRequested,
  approvalVoted,
  callApproved,
  callRefused,
  callExpired,
  grantIssued,
  grantRevoked,
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
