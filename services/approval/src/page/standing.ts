import type { Principal } from '#contracts';
import type { ApprovalView } from '../approval-view.js';
import { isOpen } from '../wish.js';

/**
 * How a reader stands to an approval. It only chooses what is offered: whether a press counts is decided by the desk.
 */
export type Standing =
  /** May sign now. */
  | 'signer'
  /** Asked for it, and can take it back or say why. */
  | 'requester'
  /** Has signed or refused already. */
  | 'voted'
  /** Is in none of the groups that are asked. */
  | 'onlooker'
  /** Nothing is left to do. */
  | 'closed';

/** @param reader who looks. */
export function standingOf(view: ApprovalView, reader: Principal): Standing {
  if (!isOpen(view)) return 'closed';
  if (isSame(view.requester, reader)) return 'requester';
  if (view.votes.some(({ voter }) => isSame(voter, reader))) return 'voted';
  return view.because.length > 0 ? 'signer' : 'onlooker';
}

/** One person is one pair of tenant and object id (law 8). */
export function isSame(
  one: { readonly tenantId: string; readonly objectId: string },
  other: { readonly tenantId: string; readonly objectId: string },
): boolean {
  return one.tenantId === other.tenantId && one.objectId === other.objectId;
}
