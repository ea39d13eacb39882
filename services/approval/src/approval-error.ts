/** Why an approval is not what somebody wants of it. Published codes: never renamed, never reused. */
export type ApprovalErrorCode =
  | 'APPROVAL_NOT_FOUND'
  | 'APPROVAL_ALREADY_DECIDED'
  | 'APPROVAL_ALREADY_VOTED'
  | 'APPROVAL_EXPIRED'
  | 'APPROVER_IS_REQUESTER'
  | 'APPROVER_NOT_A_PERSON'
  | 'APPROVER_NOT_IN_GROUP'
  | 'NOT_THE_REQUESTER'
  | 'JUSTIFICATION_MISSING'
  | 'GRANT_NOT_OFFERED'
  | 'GRANT_NOT_FOUND'
  | 'GRANT_NOT_LIVE'
  | 'GROUPS_UNAVAILABLE'
  | 'TOO_MANY_REQUESTS'
  | 'DELEGATE_IS_ONESELF'
  | 'DELEGATION_NOT_FOUND'
  | 'DEFINITION_NOT_FOUND'
  | 'DEFINITION_SUPERSEDED'
  | 'READER_ROLE_REQUIRED'
  | 'ADMIN_ROLE_REQUIRED'
  | 'CURSOR_INVALID';

/** A wish that the rules refuse. */
export class ApprovalError extends Error {
  override readonly name = 'ApprovalError';
  constructor(
    readonly code: ApprovalErrorCode,
    options?: ErrorOptions,
  ) {
    super(code, options);
  }
}
