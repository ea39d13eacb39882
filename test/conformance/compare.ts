/** One check of a suite as it came out. */
export interface Check {
  readonly scenario: string;
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly message: string;
}

/** A check that came out differently through the gateway; `undefined` where it was not made. */
export interface Difference {
  readonly scenario: string;
  readonly check: string;
  readonly direct: Check | undefined;
  readonly through: Check | undefined;
}

/** Every check whose outcome is not the same in both runs. Checks of one name are told apart by their order. */
export function differencesOf(direct: readonly Check[], through: readonly Check[]): Difference[] {
  const before = byKey(direct);
  const after = byKey(through);
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys].flatMap((key) => {
    const [one, other] = [before.get(key), after.get(key)];
    if (one?.status === other?.status) return [];
    const { id, name, scenario } = one ?? other!;
    return [{ scenario, check: `${id} (${name})`, direct: one, through: other }];
  });
}

/** How many checks ended with a status. */
export function count(checks: readonly Check[], status: string): number {
  return checks.filter((check) => check.status === status).length;
}

function byKey(checks: readonly Check[]): Map<string, Check> {
  const groups = Map.groupBy(checks, ({ id, name, scenario }) => `${scenario} ${id} ${name}`);
  return new Map(
    [...groups].flatMap(([key, same]) => same.map((check, at) => [`${key} ${at}`, check] as const)),
  );
}
