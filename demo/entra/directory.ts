import { type DemoIdentity, demoIdentities } from './identities.js';

/** Parts of the stand-in that can be taken away. */
export type StandInPart = 'graph' | 'token';

/** Who is in which group now, as tokens and Graph tell it. */
export class Directory {
  readonly #changed = new Map<string, readonly string[]>();
  readonly #out = new Set<StandInPart>();

  /** From now on the person is in these groups (object ids) and no other. */
  setGroups(oid: string, groups: readonly string[]): void {
    this.#changed.set(oid, groups);
  }

  /** Takes a part away, or gives it back. */
  setOutage(part: StandInPart, isOut: boolean): void {
    if (isOut) this.#out.add(part);
    else this.#out.delete(part);
  }

  isOut(part: StandInPart): boolean {
    return this.#out.has(part);
  }

  /** The identity with the groups that it has now. */
  now(identity: DemoIdentity): DemoIdentity {
    return { ...identity, groups: this.#changed.get(identity.oid) ?? identity.groups };
  }

  /** Undefined for nobody of the demo. */
  groupsOf(oid: string): readonly string[] | undefined {
    const identity = Object.values<DemoIdentity>(demoIdentities).find((each) => each.oid === oid);
    return identity === undefined ? undefined : this.now(identity).groups;
  }
}
