import type { Actor, Principal } from '#contracts';
import type { Approval, Vote } from './approval.js';
import { ApprovalError } from './approval-error.js';

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
  /** Added to a lease's end before it counts as lapsed: for a report of its use still under way. */
  readonly graceSeconds: number;
  /** False while reports of use may be lagging behind: then nothing that was leased is leased again. */
  readonly mayReissue: boolean;
}

/** One person's press. */
export interface Press {
  readonly decision: 'approve' | 'refuse';
  readonly reason: string;
  readonly channel: string;
}

type Open = Extract<Approval, { status: 'approved' | 'leased' }>;

/** Whether somebody may know that the approval exists: its requester, and members of its approver groups. */
export function maySee(approval: Approval, viewer: Principal): boolean {
  return isRequester(approval, viewer) || setsOf(approval, viewer).length > 0;
}

/**
 * Casts a vote. One refusal refuses; each set of the requirement needs its quorum of distinct people.
 * The same person's same vote again changes nothing.
 * @throws ApprovalError
 */
export function vote(approval: Approval, by: Principal, press: Press, at: Date): Approval {
  const sets = eligibleSets(approval, by);
  const earlier = approval.votes.find((each) => isSame(each.voter, by));
  if (earlier?.decision === press.decision) return approval;
  if (approval.status === 'expired') throw new ApprovalError('APPROVAL_EXPIRED');
  if (approval.status !== 'pending') throw new ApprovalError('APPROVAL_ALREADY_DECIDED');
  if (at >= approval.expiresAt) throw new ApprovalError('APPROVAL_EXPIRED');
  if (earlier !== undefined) throw new ApprovalError('APPROVAL_ALREADY_VOTED');
  const voter = actorOf(by);
  const votes = [...approval.votes, { ...press, voter, votedAt: at.toISOString(), sets }];
  if (press.decision === 'refuse') {
    const { reason } = press;
    return { ...approval, votes, status: 'refused', decidedAt: at, decidedBy: voter, reason };
  }
  if (!isSatisfied(approval, votes)) return { ...approval, votes };
  return { ...approval, votes, status: 'approved', decidedAt: at };
}

/** The requester takes the request back, as long as no call was let go on. @throws ApprovalError */
export function withdraw(approval: Approval, by: Principal, at: Date): Approval {
  if (!isRequester(approval, by)) throw new ApprovalError('NOT_THE_REQUESTER');
  if (approval.status === 'withdrawn') return approval;
  if (approval.status === 'expired') throw new ApprovalError('APPROVAL_EXPIRED');
  if (approval.status !== 'pending' && approval.status !== 'approved') {
    throw new ApprovalError('APPROVAL_ALREADY_DECIDED');
  }
  if (at >= approval.expiresAt) throw new ApprovalError('APPROVAL_EXPIRED');
  return { ...approval, status: 'withdrawn', decidedAt: at };
}

/** The time has passed for what is not in use. Anything else stays as it is. */
export function expire(approval: Approval, at: Date): Approval {
  if (approval.status !== 'pending' && approval.status !== 'approved') return approval;
  return at < approval.expiresAt ? approval : { ...approval, status: 'expired', decidedAt: at };
}

/** The call went upstream: the approval serves no other, whatever its state says by now. */
export function use(approval: Approval, callId: string, at: Date): Approval {
  if (approval.status === 'used') return approval;
  const decidedAt = approval.status === 'pending' ? at : approval.decidedAt;
  return { ...approval, status: 'used', decidedAt, leaseCallId: callId, usedAt: at };
}

/** The leased call ended without going upstream, so its lease is free at once. */
export function release(approval: Approval, callId: string): Approval {
  if (approval.status !== 'leased' || approval.leaseCallId !== callId) return approval;
  return unleased(approval);
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
  if (approval.status === 'pending') return { approval, outcomes: [] };
  if (approval.status === 'approved') return lease(approval, waiting, at, rules);
  if (approval.status !== 'leased') {
    return { approval, outcomes: waiting.map((callId) => closing(callId, approval)) };
  }
  if (!hasLapsed(approval, at, rules)) return { approval, outcomes: [] };
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

function hasLapsed(
  approval: Extract<Approval, { status: 'leased' }>,
  at: Date,
  rules: LeaseRules,
): boolean {
  const end = approval.leaseNotAfter.getTime() + rules.graceSeconds * 1000;
  return rules.mayReissue && at.getTime() >= end;
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
  approval: Exclude<Approval, Open | { status: 'pending' }>,
): Outcome {
  if (approval.status === 'used') return superseded(callId);
  if (approval.status === 'expired') return { kind: 'expired', callId };
  if (approval.status === 'refused') {
    const { decidedBy: by, reason } = approval;
    return { kind: 'refused', callId, code: 'APPROVAL_REFUSED', by, reason };
  }
  const reason = 'The requester took the request back.';
  return { kind: 'refused', callId, code: 'WITHDRAWN', by: approval.requester, reason };
}

/** Law 9: a person of the approver group, and not the one who asked. @throws ApprovalError */
function eligibleSets(approval: Approval, by: Principal): number[] {
  if (by.kind !== 'person') throw new ApprovalError('APPROVER_NOT_A_PERSON');
  if (isRequester(approval, by)) throw new ApprovalError('APPROVER_IS_REQUESTER');
  const sets = setsOf(approval, by);
  if (sets.length === 0) throw new ApprovalError('APPROVER_NOT_IN_GROUP');
  return sets;
}

function setsOf(approval: Approval, by: Principal): number[] {
  if (by.tenantId !== approval.requester.tenantId) return [];
  return approval.requirement.sets.flatMap((set, index) =>
    set.groups.some((group) => by.groups.includes(group)) ? [index] : [],
  );
}

function isSatisfied(approval: Approval, votes: readonly Vote[]): boolean {
  return approval.requirement.sets.every((set, index) => {
    const signed = votes.filter((each) => each.decision === 'approve' && each.sets.includes(index));
    const people = new Set(signed.map(({ voter }) => `${voter.tenantId}/${voter.objectId}`));
    return people.size >= set.quorum;
  });
}

function isRequester(approval: Approval, by: Principal): boolean {
  return isSame(approval.requester, by);
}

function isSame(
  one: Pick<Actor, 'tenantId' | 'objectId'>,
  other: Pick<Actor, 'tenantId' | 'objectId'>,
): boolean {
  return one.tenantId === other.tenantId && one.objectId === other.objectId;
}
