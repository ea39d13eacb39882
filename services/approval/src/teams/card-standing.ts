import type { ApprovalState, ApprovalView, GrantOffer } from '../approval-view.js';

/** How a card says where an approval stands. */
export interface Standing {
  readonly title: string;
  readonly style: 'accent' | 'good' | 'warning' | 'attention' | 'default';
}

/** A state without words does not compile. A copy is not drawn anew when a signed call is leased and run. */
const standings = {
  pending: { title: 'Approval needed', style: 'accent' },
  approved: { title: 'Approved', style: 'good' },
  leased: { title: 'Approved', style: 'good' },
  used: { title: 'Approved', style: 'good' },
  granted: { title: 'Granted', style: 'good' },
  refused: { title: 'Denied', style: 'attention' },
  expired: { title: 'Expired – not approved', style: 'warning' },
  withdrawn: { title: 'Withdrawn by the requester', style: 'default' },
  unreviewed: { title: 'Ran at once on break-glass; please review', style: 'attention' },
  reviewed: { title: 'Ran on break-glass; reviewed', style: 'good' },
} as const satisfies Record<ApprovalState, Standing>;

const requesterStandings: Partial<Record<ApprovalState, Standing>> = {
  pending: { title: 'Waiting for approval', style: 'accent' },
  unreviewed: { title: 'Ran at once on break-glass; a review is pending', style: 'warning' },
};

/** The banner of a card. */
export function standingOf(view: ApprovalView, audience: 'approvers' | 'requester'): Standing {
  const own = audience === 'requester' ? requesterStandings[view.state] : undefined;
  return own ?? standings[view.state];
}

/** What may be granted in place of the single call that is asked for. */
export function offerOf(view: ApprovalView): GrantOffer | null {
  return view.kind === 'call' ? view.grantOffer : null;
}
