import type { ApprovalErrorCode } from '../approval-error.js';
import type { AdaptiveCard } from './card.js';
import type { PressRefusalCode } from './press.js';

/** What an invoke is answered with; Teams reads it from the body of a 200. */
export interface InvokeAnswer {
  readonly statusCode: 200;
  readonly type: string;
  readonly value: unknown;
}

/** Why the rules of the approval could not even be asked. */
export type PressTrouble = 'APPROVALS_UNAVAILABLE' | 'PRESS_TOO_SLOW';

const outdated = 'This card is not valid any more. Open the details for the present state.';

/** Why a press did not count. */
export type PressCode = ApprovalErrorCode | PressRefusalCode | PressTrouble;

/** Codes of the approval that no press leads to have no words. */
const words: Partial<Record<ApprovalErrorCode, string>> &
  Record<PressRefusalCode | PressTrouble, string> = {
  PRESS_UNREADABLE: 'This press cannot be read.',
  ACTION_UNKNOWN: 'This button is not known.',
  TRIGGER_REFUSED: outdated,
  // The same words for all three: which of them was wrong is for the record alone.
  APPROVAL_NOT_FOUND: outdated,
  NONCE_REFUSED: outdated,
  COPY_REFUSED: outdated,
  ACTOR_REFUSED: 'Only a person of this organisation may sign.',
  REASON_MISSING: 'To deny, write the reason first. The request is still pending.',
  REASON_REFUSED: 'This reason cannot be kept: at most 2000 characters, and no control characters.',
  APPROVAL_ALREADY_DECIDED: 'This is decided already.',
  APPROVAL_ALREADY_VOTED: 'You have signed already; the request waits for others.',
  APPROVAL_EXPIRED: 'This has expired and was not approved.',
  APPROVER_IS_REQUESTER: 'Nobody signs their own request.',
  APPROVER_NOT_A_PERSON: 'Only a person may sign.',
  APPROVER_NOT_IN_GROUP: 'You are in none of the groups that are asked.',
  JUSTIFICATION_MISSING: 'The requester has to give a reason first.',
  GRANT_NOT_OFFERED: 'The rule does not allow an approval for a time.',
  GROUPS_UNAVAILABLE: 'Your membership cannot be verified now. The request is still pending.',
  APPROVALS_UNAVAILABLE: 'Approvals cannot be reached now; nothing was changed.',
  PRESS_TOO_SLOW: 'Not confirmed yet. Look at the card again in a moment.',
};

/** A line that appears beside the card; the card stays as it is. */
export function toast(code: PressCode): InvokeAnswer {
  return {
    statusCode: 200,
    type: 'application/vnd.microsoft.activity.message',
    value: words[code] ?? 'This press was not accepted.',
  };
}

/** The card that takes the place of the one that was pressed, for the person who pressed. */
export function cardAnswer(card: AdaptiveCard): InvokeAnswer {
  return { statusCode: 200, type: 'application/vnd.microsoft.card.adaptive', value: card };
}

/** Something that nobody foresaw. */
export const failedAnswer: InvokeAnswer = {
  statusCode: 200,
  type: 'application/vnd.microsoft.error',
  value: { code: 'INTERNAL', message: 'Something went wrong on our side; nothing was confirmed.' },
};
