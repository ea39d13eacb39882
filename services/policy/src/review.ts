import type { callDecided, callRequested, DataOf } from '#contracts';
import type { Decision } from './decide.js';

/** What people are shown. */
export type Review = NonNullable<DataOf<typeof callDecided>['review']>;

/** People see the call before it runs, or after break-glass let it through. */
export function isShown({ breakGlass, effect }: Decision): boolean {
  return effect === 'review' || breakGlass !== null;
}

/** What the approver is shown of a call. */
export function reviewOf(
  data: DataOf<typeof callRequested>,
  { approval, breakGlass, rules }: Decision,
  names: ReadonlyMap<string, string>,
  definition: Review['definition'],
): Review {
  const { client, facts, justification, labels, maskedArguments, principal } = data;
  const { tenantId, objectId, displayName, clientApp, kind } = principal;
  return {
    requester: { tenantId, objectId, displayName },
    requesterKind: kind,
    clientApp,
    protocol: data.protocol,
    facts,
    maskedArguments,
    labels,
    client,
    rules: [...rules],
    groupNames: namesOf(approval ?? breakGlass, names),
    ...(definition === undefined ? {} : { definition }),
    ...(justification === undefined ? {} : { justification }),
  };
}

/** Names of the groups that are asked, for people to read. */
export function namesOf(
  approval: Decision['approval'],
  names: ReadonlyMap<string, string>,
): Record<string, string> {
  const groups = [
    ...(approval?.sets ?? []).flatMap((set) => set.groups),
    ...(approval?.escalation?.groups ?? []),
  ];
  return Object.fromEntries(
    groups.flatMap((id) => {
      const name = names.get(id);
      return name === undefined ? [] : [[id, name]];
    }),
  );
}
