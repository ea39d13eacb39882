import type { Actor, ApprovalRequirement } from '#contracts';
import type { Approval } from './approval.js';
import type { ApprovalView, NamedGroup, SignatureSet } from './approval-view.js';
import { groupsAt, signedFor } from './eligibility.js';
import { scopeOf } from './grant.js';
import type { Precedents } from './precedents.js';
import { riskOf } from './risk.js';
import { approversOf } from './transitions.js';

/** What a view needs besides the approval. */
export interface ViewContext {
  /** Where the page of approvals is: an origin. */
  readonly pageUrl: string;
  readonly precedents: Precedents;
  /** Groups of the reader; empty for a copy that many read. */
  readonly readerGroups: readonly string[];
  readonly at: Date;
}

/** What is shown of an approval. */
export function viewOf(approval: Approval, context: ViewContext): ApprovalView {
  const named = (id: string): NamedGroup => ({ id, name: approval.groupNames[id] ?? null });
  const { maskedArguments, requirement } = approval;
  const asked = groupsAt(approval, context.at);
  return {
    ...common(approval),
    state: approval.status,
    maskedArguments: approval.kind === 'grant' ? '' : maskedArguments,
    sets: setsOf(approval, asked, named),
    because: asked.filter((group) => context.readerGroups.includes(group)).map((id) => named(id)),
    isJustificationRequired: requirement.justification === 'required',
    risk: riskOf(approval),
    definitionStanding: standingOf(approval),
    drift: driftOf(approval, context.precedents),
    similar: context.precedents.similar,
    votes: approval.votes.map(({ grantSeconds, votedAt, ...vote }) => ({
      ...vote,
      votedAt: new Date(votedAt),
      grantSeconds: grantSeconds ?? null,
    })),
    decision: decisionOf(approval),
    grantOffer: offerOf(approval),
    grant: grantOf(approval),
    url: `${context.pageUrl}/approvals/${approval.id}`,
  };
}

/** The members that are shown as they are kept. */
function common(approval: Approval) {
  return {
    id: approval.id,
    kind: approval.kind,
    version: approval.version,
    requester: approval.requester,
    requesterKind: approval.requesterKind,
    clientApp: approval.clientApp,
    client: approval.client,
    protocol: approval.protocol,
    server: approval.server,
    labels: approval.labels,
    method: approval.method,
    resource: approval.resource,
    digest: approval.digest,
    bundle: approval.bundle,
    rules: approval.rules,
    justification: approval.justification,
    requestedAt: approval.requestedAt,
    expiresAt: approval.expiresAt,
  };
}

function setsOf(
  approval: Approval,
  asked: readonly string[],
  named: (id: string) => NamedGroup,
): SignatureSet[] {
  const { requirement } = approval;
  const signatures = approval.votes.filter(({ decision }) => decision === 'approve');
  const sets = requirement.sets.map((set) => ({
    groups: set.groups.map((id) => named(id)),
    quorum: set.quorum,
    signed: signedFor(set, requirement, signatures),
    isEscalation: false,
  }));
  const further = furtherGroups(requirement, asked);
  if (further.length === 0) return sets;
  const groups = further.map((id) => named(id));
  return [...sets, { groups, quorum: 1, signed: 0, isEscalation: true }];
}

/** The groups that are asked only since the escalation. */
function furtherGroups(requirement: ApprovalRequirement, asked: readonly string[]): string[] {
  const first = requirement.sets.flatMap((set) => set.groups);
  const { escalation } = requirement;
  if (escalation === undefined) return [];
  return escalation.groups.filter((id) => asked.includes(id) && !first.includes(id));
}

function standingOf({ definition }: Approval): ApprovalView['definitionStanding'] {
  const standing = definition?.standing;
  return standing === 'new' || standing === 'changed' ? standing : null;
}

function driftOf(approval: Approval, { lastDefinition }: Precedents): ApprovalView['drift'] {
  const { definition } = approval;
  if (definition === null || lastDefinition === null) return null;
  const isSame = definition.digest === lastDefinition.digest;
  return isSame ? null : { lastApprovedAt: lastDefinition.approvedAt };
}

function decisionOf(approval: Approval): ApprovalView['decision'] {
  if (!('decidedAt' in approval)) return null;
  const at = approval.decidedAt;
  if (approval.status === 'refused' || approval.status === 'withdrawn') {
    const { decidedBy, reason } = approval;
    return { by: decidedBy === null ? [] : [decidedBy], at, reason };
  }
  if (approval.status === 'expired') return { by: [], at, reason: '' };
  const by: readonly Actor[] =
    approval.status === 'reviewed'
      ? approval.votes.map(({ voter }) => voter)
      : approversOf(approval);
  return { by, at, reason: approval.votes.at(-1)?.reason ?? '' };
}

function offerOf(approval: Approval): ApprovalView['grantOffer'] {
  const { grant } = approval.requirement;
  const isOffered = approval.kind === 'call' && approval.status === 'pending';
  if (grant === undefined || !isOffered) return null;
  return { scope: scopeOf(approval), maxSeconds: grant.maxSeconds };
}

function grantOf(approval: Approval): ApprovalView['grant'] {
  const { grantId: id, grantSeconds: seconds, grantUntil: until, kind } = approval;
  if (kind !== 'grant' && until === null) return null;
  return { id, scope: approval.scope ?? scopeOf(approval), until, seconds };
}
