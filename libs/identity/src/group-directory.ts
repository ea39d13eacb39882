import type { Principal } from '#contracts';

/** Whose membership is asked. */
export type Member = Pick<Principal, 'tenantId' | 'objectId' | 'groups'>;

/** Memberships cannot be had now: nobody is in any group until they can (law 8). */
export class GroupsUnavailable extends Error {
  override readonly name = 'GroupsUnavailable';
}

/** Tells which groups a person is in now. */
export abstract class GroupDirectory {
  /** Those of `groups` (object ids) that the person is in. @throws GroupsUnavailable */
  abstract memberOf(person: Member, groups: readonly string[]): Promise<readonly string[]>;

  /** The same directory without memory of earlier answers: for the moment in which membership decides. */
  fresh(): GroupDirectory {
    return this;
  }
}

/** The groups that the person's own token states: for callers who have just shown it. */
export class TokenGroups extends GroupDirectory {
  override async memberOf(person: Member, groups: readonly string[]): Promise<readonly string[]> {
    return groups.filter((group) => person.groups.includes(group));
  }
}

/** Memberships that the configuration lists: group object id to object ids of people. An unlisted group is empty. */
export class ConfiguredGroups extends GroupDirectory {
  constructor(
    /** The tenant whose object ids they are (law 8). */
    private readonly tenant: string,
    private readonly members: Readonly<Record<string, readonly string[]>>,
  ) {
    super();
  }

  override async memberOf(person: Member, groups: readonly string[]): Promise<readonly string[]> {
    if (person.tenantId !== this.tenant) return [];
    return groups.filter(
      (group) =>
        Object.hasOwn(this.members, group) && this.members[group]?.includes(person.objectId),
    );
  }
}
