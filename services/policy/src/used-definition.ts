import type { callRequested, catalogListed, DataOf } from '#contracts';
import type { Bundle } from './bundle.js';
import { visible } from './decide.js';
import type { LiveDefinitions } from './live-definitions.js';
import type { PinnedUse } from './pinned.js';
import type { Review } from './review.js';

type Requested = DataOf<typeof callRequested>;

/** What a call uses; undefined where that has no definition that is pinned. */
export function useOf({ pin, resource, server }: Requested): PinnedUse | undefined {
  return pin && { server, name: resource, pin };
}

/** The definition as the approver is shown it. Where the gateway that asks has not seen it, it is the latest that any has. */
export function judgedDefinition(
  data: Requested,
  definitions: Pick<LiveDefinitions, 'ofCall'>,
): Review['definition'] {
  const { definition } = data;
  const use = useOf(data);
  if (use === undefined) return definition;
  const { latest, standing } = definitions.ofCall(use, definition?.digest);
  // What cannot be compared is told as what differs.
  const told = standing === 'unreadable' ? 'changed' : standing;
  if (definition !== undefined) return { ...definition, standing: told };
  return latest === undefined ? undefined : { digest: latest, hints: {}, standing: told };
}

/** Which items of a list the caller may see, and which of them wait for somebody to accept their definitions. */
export function visibleOf(
  bundle: Bundle,
  listed: DataOf<typeof catalogListed>,
  definitions: Pick<LiveDefinitions, 'isListedHeld'>,
): { visible: string[]; held?: string[] } {
  const allowed = allowedOf(bundle, listed);
  const { digests = [], pin, resources, server } = listed;
  if (pin === undefined) return { visible: allowed };
  const digestOf = new Map(resources.map((name, index) => [name, digests[index]]));
  const isHeld = (name: string): boolean =>
    definitions.isListedHeld({ server, name, pin }, digestOf.get(name));
  const held = new Set(allowed.filter((name) => isHeld(name)));
  if (held.size === 0) return { visible: allowed };
  return { visible: allowed.filter((name) => !held.has(name)), held: [...held] };
}

/** Whoever may talk to a server may read how to use it: no rule is about instructions. */
function allowedOf(bundle: Bundle, listed: DataOf<typeof catalogListed>): string[] {
  if (listed.pin?.kind === 'instructions') return [...listed.resources];
  const { labels, method, principal, protocol, resources, server } = listed;
  const facts = { action: 'execute' as const, objects: [], complete: false };
  return visible(bundle, { labels, method, principal, protocol, server, facts }, resources);
}
