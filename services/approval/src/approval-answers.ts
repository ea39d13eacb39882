import { Problem } from '#runtime';
import { isOutage } from '#storage';
import { ApprovalError, type ApprovalErrorCode } from './approval-error.js';

/** Status and words of every refusal over REST. A code without an answer does not compile. */
const answers = {
  APPROVAL_NOT_FOUND: [404, 'There is no such approval.'],
  APPROVAL_ALREADY_DECIDED: [409, 'The approval is decided already.'],
  APPROVAL_ALREADY_VOTED: [409, 'Somebody has voted already; neither votes nor reasons change.'],
  APPROVAL_EXPIRED: [410, 'The approval has expired.'],
  APPROVER_IS_REQUESTER: [403, 'Nobody signs their own request.'],
  APPROVER_NOT_A_PERSON: [403, 'Only a person may sign.'],
  APPROVER_NOT_IN_GROUP: [403, 'You are in none of the approver groups.'],
  NOT_THE_REQUESTER: [403, 'Only the requester may do this.'],
  JUSTIFICATION_MISSING: [409, 'The requester has not said why yet; nobody can sign before.'],
  GRANT_NOT_OFFERED: [400, 'The rule does not offer a grant of this length.'],
  GRANT_NOT_FOUND: [404, 'There is no such grant.'],
  GRANT_NOT_LIVE: [409, 'The grant does not live, or not any more.'],
  GROUPS_UNAVAILABLE: [503, 'Group memberships cannot be checked now; nothing was changed.'],
  TOO_MANY_REQUESTS: [429, 'Too many requests of yours wait already.'],
  DELEGATE_IS_ONESELF: [400, 'Name somebody else.'],
  DELEGATION_NOT_FOUND: [404, 'There is no such delegation of yours.'],
  DEFINITION_NOT_FOUND: [404, 'No such definition has been seen.'],
  DEFINITION_SUPERSEDED: [409, 'The server has said something else since; look at it first.'],
  READER_ROLE_REQUIRED: [
    403,
    'The app role Countersign.Admin or Countersign.Auditor of the home tenant is needed.',
  ],
  ADMIN_ROLE_REQUIRED: [403, 'The app role Countersign.Admin of the home tenant is needed.'],
  CURSOR_INVALID: [400, 'The cursor belongs to another query.'],
} as const satisfies Record<ApprovalErrorCode, readonly [number, string]>;

/** Runs what may be refused; refusals and outages become problems (RFC 9457). @throws Problem */
export async function answered<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ApprovalError) {
      const [status, detail] = answers[error.code];
      throw new Problem(status, error.code, detail, { cause: error });
    }
    if (!isOutage(error)) throw error;
    const detail = 'Approvals cannot be reached now; nothing was changed.';
    throw new Problem(503, 'APPROVALS_UNAVAILABLE', detail, { cause: error });
  }
}
