export { callAnswered, callMasked } from './answer.events.js';
export {
  approvalClosed,
  approvalEscalated,
  approvalJustified,
  approvalRequested,
  approvalStatementSchema,
  approvalVoted,
  callApproved,
  callExpired,
  callRefused,
  delegationEnded,
  delegationGiven,
  pressRefused,
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
  callResumed,
  catalogListed,
  definitionSeen,
  sessionClosed,
  sessionOpened,
} from './call.events.js';
export {
  actorSchema,
  clientSchema,
  definitionKindSchema,
  definitionSchema,
  digestSchema,
  factsSchema,
  judgedDefinitionSchema,
  labelsSchema,
  principalSchema,
  type Actor,
  type Definition,
  type DefinitionKind,
  type Facts,
  type Pin,
  type Principal,
  type Standing,
} from './call-shapes.js';
export { redactFields, type Classification } from './classification.js';
export { contractOf, contracts } from './contracts.js';
export { definitionKey, definitionNameSchema, type DefinitionPlace } from './definition-key.js';
export {
  definitionRecorded,
  maxAcceptedDigests,
  maxDefinitionsPerServer,
} from './definition.events.js';
export { defineEvent, type DataOf, type EventContract, type Publisher } from './define-event.js';
export {
  ContractError,
  createEvent,
  readEnvelope,
  readEvent,
  type Envelope,
  type EventOf,
} from './envelope.js';
export {
  grantEnded,
  grantIssued,
  grantRequested,
  grantRevoked,
  grantScopeSchema,
  type GrantScope,
} from './grant.events.js';
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
  grantDecided,
  policyPublished,
  maskObligationSchema,
  shownRuleSchema,
  type ApprovalRequirement,
  type GrantVerdict,
  type MaskObligation,
  type Verdict,
} from './verdict.events.js';
