import type { Actor, Principal } from '#contracts';
import type { Approval, Vote } from './approval.js';
import { ApprovalError } from './approval-error.js';
import { escalatesAt, groupsFor, isRequester, isSame, isSatisfied } from './eligibility.js';

/** What a waiting call is told. */
export type Outcome =
  | { readonly kind: 'approved'; readonly callId: string; readonly notAfter: Date }
  | {
      readonly kind: 'refused';
      readonly callId: string;
      readonly code: 'APPROVAL_REFUSED' | 'SUPERSEDED' | 'WITHDRAWN';
      readonly by: Actor | null;
      readonly reason: string;
    }
  | { readonly kind: 'expired'; readonly callId: string };

/** How long a lease holds and when a lapsed one may be given again. */
export interface LeaseRules {
  readonly leaseSeconds: number;
  /** Added to a lease's end before it counts as lapsed: clocks differ. */
  readonly graceSeconds: number;
  /** Every report of use that was made until then has been handled. */
  readonly handledUpTo: Date;
}

/** One person's press. */
export interface Press {
  readonly decision: 'approve' | 'refuse';
  readonly reason: string;
  readonly channel: string;
  /** Seconds to grant in place of a single call; absent for this once. */
  readonly grantSeconds?: number | undefined;
  /** Whose place the presser takes; absent where it is their own. */
  readonly onBehalfOf?: Actor | undefined;
}

type Open = Extract<Approval, { status: 'approved' | 'leased' }>;
type Undecided = Extract<Approval, { status: 'pending' | 'unreviewed' }>;

/**
 * Casts a vote. One refusal refuses; each set of the requirement needs its quorum of distinct people.
 * The same person's same vote again changes nothing.
 * @throws ApprovalError
 */
export function vote(approval: Approval, by: Principal, press: Press, at: Date): Approval {
  const groups = groupsFor(approval, by, at);
  const earlier = approval.votes.find((each) => isSame(each.voter, by));
  if (earlier?.decision === press.decision) return approval;
  const open = undecided(approval, at);
  if (earlier !== undefined) throw new ApprovalError('APPROVAL_ALREADY_VOTED');
  checkPress(approval, press);
  const { grantSeconds, onBehalfOf, ...word } = press;
  const cast: Vote = {
    ...word,
    voter: actorOf(by),
    votedAt: at.toISOString(),
    groups,
    ...(grantSeconds === undefined ? {} : { grantSeconds }),
    ...(onBehalfOf === undefined ? {} : { onBehalfOf }),
  };
  return decided({ ...open, votes: [...open.votes, cast] }, cast, at);
}

/** The requester, or whoever runs the gateway, takes the request back, as long as no call was let go on. @throws ApprovalError */
export function withdraw(
  approval: Approval,
  by: Principal,
  at: Date,
  right: 'requester' | 'admin' = 'requester',
): Approval {
  if (right === 'requester' && !isRequester(approval, by)) {
    throw new ApprovalError('NOT_THE_REQUESTER');
  }
  if (approval.status === 'withdrawn') return approval;
  if (approval.status === 'expired') throw new ApprovalError('APPROVAL_EXPIRED');
  if (approval.status !== 'pending' && approval.status !== 'approved') {
    throw new ApprovalError('APPROVAL_ALREADY_DECIDED');
  }
  if (at >= approval.expiresAt) throw new ApprovalError('APPROVAL_EXPIRED');
  const reason =
    right === 'requester' ? 'The requester took the request back.' : 'Revoked by an administrator.';
  return { ...approval, status: 'withdrawn', decidedAt: at, decidedBy: actorOf(by), reason };
}

/** Nobody will use it: its caller is gone, or what it asks for has changed. Anything decided or in use stays as it is. */
export function drop(approval: Approval, reason: string, at: Date): Approval {
  if (approval.status !== 'pending' && approval.status !== 'approved') return approval;
  return { ...approval, status: 'withdrawn', decidedAt: at, decidedBy: null, reason };
}

/** The requester says why. @throws ApprovalError */
export function justify(
  approval: Approval,
  by: Principal,
  justification: string,
  at: Date,
): Approval {
  if (!isRequester(approval, by)) throw new ApprovalError('NOT_THE_REQUESTER');
  if (approval.justification === justification) return approval;
  if (approval.status !== 'pending') throw new ApprovalError('APPROVAL_ALREADY_DECIDED');
  if (at >= approval.expiresAt) throw new ApprovalError('APPROVAL_EXPIRED');
  // Who has signed has read the words of then.
  if (approval.votes.length > 0) throw new ApprovalError('APPROVAL_ALREADY_VOTED');
  return { ...approval, justification };
}

/** Asks further groups once their time has come. Anything else stays as it is. */
export function escalate(approval: Approval, at: Date): Approval {
  const time = escalatesAt(approval);
  const isDue = time !== undefined && at >= time && approval.escalatedAt === null;
  return approval.status === 'pending' && isDue ? { ...approval, escalatedAt: at } : approval;
}

/** The grant that the signatures give, seconds; undefined where they are for a single call. */
export function grantedSeconds(approval: Approval): number | undefined {
  const { grant } = approval.requirement;
  if (approval.kind === 'grant') return approval.grantSeconds ?? undefined;
  const approvals = approval.votes.filter(({ decision }) => decision === 'approve');
  const seconds = approvals.map(({ grantSeconds }) => grantSeconds ?? 0);
  const least = Math.min(...seconds, grant?.maxSeconds ?? 0);
  return seconds.length > 0 && least > 0 ? least : undefined;
}

/** The time has passed for what is not in use. Anything else stays as it is. */
export function expire(approval: Approval, at: Date): Approval {
  if (approval.status !== 'pending' && approval.status !== 'approved') return approval;
  return at < approval.expiresAt ? approval : { ...approval, status: 'expired', decidedAt: at };
}

/** The call went upstream: the approval serves no other, whatever its state says by now. */
export function use(approval: Approval, callId: string, at: Date): Approval {
  if (approval.status === 'used') return approval;
  const decidedAt = 'decidedAt' in approval ? approval.decidedAt : at;
  return { ...approval, status: 'used', decidedAt, leaseCallId: callId, usedAt: at };
}

/** The leased call ended without going upstream, so its lease is free at once. */
export function release(approval: Approval, callId: string): Approval {
  if (approval.status !== 'leased' || approval.leaseCallId !== callId) return approval;
  return unleased(approval);
}

/** Its caller is gone: unless somebody comes for it soon, it is dropped. */
export function abandon(approval: Approval, at: Date): Approval {
  const isWaiting = approval.status === 'pending' || approval.status === 'approved';
  return isWaiting && approval.abandonedAt === null ? { ...approval, abandonedAt: at } : approval;
}

/** Drops what was abandoned for longer than the patience lasts. */
export function forget(approval: Approval, at: Date, patienceSeconds: number): Approval {
  const { abandonedAt } = approval;
  if (abandonedAt === null || at.getTime() - abandonedAt.getTime() < patienceSeconds * 1000) {
    return approval;
  }
  return drop(approval, 'The caller went away.', at);
}

/**
 * What the waiting calls (oldest first) are told in the approval's present state, and the state after.
 * An approved one is leased to the newest waiting call; the others are refused as superseded.
 */
export function settle(
  approval: Approval,
  waiting: readonly string[],
  at: Date,
  rules: LeaseRules,
): { readonly approval: Approval; readonly outcomes: readonly Outcome[] } {
  if (approval.status === 'pending' || isOfNoCall(approval)) return { approval, outcomes: [] };
  if (approval.status === 'approved' && at < approval.expiresAt) {
    return lease(approval, waiting, at, rules);
  }
  if (approval.status === 'approved') return settle(expire(approval, at), waiting, at, rules);
  if (approval.status !== 'leased') {
    return { approval, outcomes: waiting.map((callId) => closing(callId, approval)) };
  }
  if (!hasLapsed(approval, rules)) return { approval, outcomes: [] };
  return settle(expire(unleased(approval), at), waiting, at, rules);
}

/** Who signed. */
export function approversOf(approval: Approval): readonly Actor[] {
  return approval.votes.filter((each) => each.decision === 'approve').map((each) => each.voter);
}

/** A person as a record names them. */
export function actorOf(principal: Principal): Actor {
  const { tenantId, objectId, displayName } = principal;
  return { tenantId, objectId, displayName };
}

type OfNoCall = Extract<Approval, { status: 'granted' | 'unreviewed' | 'reviewed' }>;

/** States that no call waits for. */
function isOfNoCall(approval: Approval): approval is OfNoCall {
  return ['granted', 'unreviewed', 'reviewed'].includes(approval.status);
}

function lease(
  approval: Open,
  waiting: readonly string[],
  at: Date,
  rules: LeaseRules,
): { approval: Approval; outcomes: Outcome[] } {
  const newest = waiting.at(-1);
  if (newest === undefined) return { approval, outcomes: [] };
  const notAfter = new Date(at.getTime() + rules.leaseSeconds * 1000);
  const outcomes: Outcome[] = waiting.slice(0, -1).map((callId) => superseded(callId));
  return {
    approval: { ...approval, status: 'leased', leaseCallId: newest, leaseNotAfter: notAfter },
    outcomes: [...outcomes, { kind: 'approved', callId: newest, notAfter }],
  };
}

function hasLapsed(approval: Extract<Approval, { status: 'leased' }>, rules: LeaseRules): boolean {
  const endMs = approval.leaseNotAfter.getTime() + rules.graceSeconds * 1000;
  return rules.handledUpTo.getTime() >= endMs;
}

function unleased(approval: Extract<Approval, { status: 'leased' }>): Approval {
  const { leaseCallId: _call, leaseNotAfter: _end, ...rest } = approval;
  return { ...rest, status: 'approved' };
}

function superseded(callId: string): Outcome {
  const reason = 'Another call of the same request used the approval.';
  return { kind: 'refused', callId, code: 'SUPERSEDED', by: null, reason };
}

/** What a call is told whose approval will never be its own. */
function closing(
  callId: string,
  approval: Exclude<Approval, Open | OfNoCall | { status: 'pending' }>,
): Outcome {
  if (approval.status === 'used') return superseded(callId);
  if (approval.status === 'expired') return { kind: 'expired', callId };
  if (approval.status === 'refused') {
    const { decidedBy: by, reason } = approval;
    return { kind: 'refused', callId, code: 'APPROVAL_REFUSED', by, reason };
  }
  const { decidedBy: by, reason } = approval;
  return { kind: 'refused', callId, code: 'WITHDRAWN', by, reason };
}

/** What the votes make of an approval. */
function decided(approval: Undecided, last: Vote, at: Date): Approval {
  const approvals = approval.votes.filter((each) => each.decision === 'approve');
  const isEnough = isSatisfied(approval.requirement, approvals);
  if (approval.status === 'unreviewed') {
    const isReviewed = last.decision === 'refuse' || isEnough;
    return isReviewed ? { ...approval, status: 'reviewed', decidedAt: at } : approval;
  }
  if (last.decision === 'refuse') {
    const { reason, voter: decidedBy } = last;
    return { ...approval, status: 'refused', decidedAt: at, decidedBy, reason };
  }
  if (!isEnough) return approval;
  const status = approval.kind === 'grant' ? 'granted' : 'approved';
  return { ...approval, status, decidedAt: at };
}

/** The approval, if it can still be decided. @throws ApprovalError */
function undecided(approval: Approval, at: Date): Undecided {
  if (approval.status === 'unreviewed') return approval;
  if (approval.status === 'expired') throw new ApprovalError('APPROVAL_EXPIRED');
  if (approval.status !== 'pending') throw new ApprovalError('APPROVAL_ALREADY_DECIDED');
  if (at >= approval.expiresAt) throw new ApprovalError('APPROVAL_EXPIRED');
  return approval;
}

/** @throws ApprovalError for a press that the rule does not offer. */
function checkPress(approval: Approval, { decision, grantSeconds }: Press): void {
  if (decision === 'refuse') return;
  const { grant, justification } = approval.requirement;
  if (justification === 'required' && (approval.justification ?? '').trim() === '') {
    throw new ApprovalError('JUSTIFICATION_MISSING');
  }
  if (grantSeconds === undefined) return;
  const isOffered = approval.kind === 'call' && grantSeconds <= (grant?.maxSeconds ?? 0);
  if (!isOffered) throw new ApprovalError('GRANT_NOT_OFFERED');
}
