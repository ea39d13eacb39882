import type { Actor, ApprovalRequirement, Principal } from '#contracts';
import type { Approval, Vote } from './approval.js';
import { ApprovalError } from './approval-error.js';

/** The part of a vote that a requirement looks at. */
export type Signature = Pick<Vote, 'voter' | 'groups' | 'onBehalfOf'>;

/** Every group that may sign at some time: of the sets, and of the escalation. */
export function askedGroups(requirement: ApprovalRequirement): string[] {
  const groups = requirement.sets.flatMap((set) => set.groups);
  return [...new Set([...groups, ...(requirement.escalation?.groups ?? [])])];
}

/** When further groups may sign; undefined where the requirement names none. */
export function escalatesAt(
  approval: Pick<Approval, 'requirement' | 'requestedAt'>,
): Date | undefined {
  const { escalation } = approval.requirement;
  if (escalation === undefined) return undefined;
  return new Date(approval.requestedAt.getTime() + escalation.afterSeconds * 1000);
}

/** The groups that may sign at this time. */
export function groupsAt(
  approval: Pick<Approval, 'requirement' | 'requestedAt'>,
  at: Date,
): readonly string[] {
  const further = escalatesAt(approval);
  if (further !== undefined && at >= further) return askedGroups(approval.requirement);
  return [...new Set(approval.requirement.sets.flatMap((set) => set.groups))];
}

/** Whether somebody may know that the approval exists: its requester, and members of groups that are asked now. */
export function maySee(approval: Approval, viewer: Principal, at: Date): boolean {
  return isRequester(approval, viewer) || isAsked(approval, viewer, at);
}

/**
 * Law 9: a person of an approver group, and not the one who asked. Returns the groups for which the person counts.
 * @throws ApprovalError
 */
export function groupsFor(approval: Approval, by: Principal, at: Date): string[] {
  if (by.kind !== 'person') throw new ApprovalError('APPROVER_NOT_A_PERSON');
  if (isRequester(approval, by)) throw new ApprovalError('APPROVER_IS_REQUESTER');
  const groups = ownGroups(approval, by, at);
  if (groups.length === 0) throw new ApprovalError('APPROVER_NOT_IN_GROUP');
  return groups;
}

/**
 * Whether these people together satisfy every set. Each person takes one seat, of whichever set: nobody signs
 * twice, and nobody signs beside the one whose place they took. Members of escalation groups can take any seat.
 */
export function isSatisfied(
  requirement: ApprovalRequirement,
  signatures: readonly Signature[],
): boolean {
  const people = [...new Map(signatures.map((each) => [seatHolder(each), each])).values()];
  const seats = requirement.sets.flatMap((set) =>
    Array.from({ length: set.quorum }, () => set.groups),
  );
  const further = requirement.escalation?.groups ?? [];
  const fits = (person: Signature, groups: readonly string[]): boolean =>
    person.groups.some((group) => groups.includes(group) || further.includes(group));
  const takenBy = new Map<number, Signature>();
  return seats.every((_, seat) => isSeated(seat, { seats, people, fits, takenBy }, new Set()));
}

/** How many of a set's seats these people could take by themselves: for people to read. */
export function signedFor(
  set: ApprovalRequirement['sets'][number],
  requirement: ApprovalRequirement,
  signatures: readonly Signature[],
): number {
  const further = requirement.escalation?.groups ?? [];
  const able = signatures.filter(({ groups }) =>
    groups.some((group) => set.groups.includes(group) || further.includes(group)),
  );
  return Math.min(set.quorum, new Set(able.map((each) => seatHolder(each))).size);
}

/** Same tenant, same object id (law 8). */
export function isSame(
  one: Pick<Actor, 'tenantId' | 'objectId'>,
  other: Pick<Actor, 'tenantId' | 'objectId'>,
): boolean {
  return one.tenantId === other.tenantId && one.objectId === other.objectId;
}

/** Whether this is who asked. */
export function isRequester(
  approval: Pick<Approval, 'requester'>,
  by: Pick<Actor, 'tenantId' | 'objectId'>,
): boolean {
  return isSame(approval.requester, by);
}

function isAsked(approval: Approval, viewer: Principal, at: Date): boolean {
  return ownGroups(approval, viewer, at).length > 0;
}

function ownGroups(approval: Approval, by: Principal, at: Date): string[] {
  if (by.tenantId !== approval.requester.tenantId) return [];
  return groupsAt(approval, at).filter((group) => by.groups.includes(group));
}

function seatHolder({ onBehalfOf, voter }: Signature): string {
  const { objectId, tenantId } = onBehalfOf ?? voter;
  return `${tenantId}/${objectId}`;
}

interface Table {
  readonly seats: readonly (readonly string[])[];
  readonly people: readonly Signature[];
  readonly fits: (person: Signature, groups: readonly string[]) => boolean;
  readonly takenBy: Map<number, Signature>;
}

/** Finds somebody for a seat, moving others where that makes room (augmenting paths of bipartite matching). */
function isSeated(seat: number, table: Table, tried: Set<Signature>): boolean {
  const { fits, people, seats, takenBy } = table;
  for (const person of people) {
    if (tried.has(person) || !fits(person, seats[seat] ?? [])) continue;
    tried.add(person);
    const [current] = [...takenBy].find(([, each]) => each === person) ?? [];
    if (current !== undefined && !isSeated(current, table, tried)) continue;
    takenBy.set(seat, person);
    return true;
  }
  return false;
}
