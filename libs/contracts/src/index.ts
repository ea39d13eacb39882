export { callAnswered, callMasked } from './answer.events.js';
export {
  approvalRequested,
  approvalStatementSchema,
  approvalVoted,
  callApproved,
  callExpired,
  callRefused,
  type ApprovalStatement,
} from './approval.events.js';
export { auditCheckpointed, auditRead } from './audit.events.js';
export { PartAssembly, toChunks, type Chunk } from './chunks.js';
export {
  callCancelled,
  callCompleted,
  callFailed,
  callForwarded,
  callRequested,
  catalogListed,
  sessionClosed,
  sessionOpened,
} from './call.events.js';
export {
  actorSchema,
  digestSchema,
  factsSchema,
  principalSchema,
  type Actor,
  type Facts,
  type Principal,
} from './call-shapes.js';
export { redactFields, type Classification } from './classification.js';
export { contractOf, contracts } from './contracts.js';
export { defineEvent, type DataOf, type EventContract, type Publisher } from './define-event.js';
export {
  ContractError,
  createEvent,
  readEnvelope,
  readEvent,
  type Envelope,
  type EventOf,
} from './envelope.js';
export { derivedId } from './ids.js';
export {
  deadLetterRetentionMs,
  deadLetterTopic,
  maxRecordBytes,
  partitionsPerTopic,
  topics,
  type Retention,
  type Topic,
} from './topics.js';
export {
  approvalRequirementSchema,
  callDecided,
  catalogDecided,
  policyPublished,
  type ApprovalRequirement,
  type MaskObligation,
  type Verdict,
} from './verdict.events.js';
