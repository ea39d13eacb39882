import { z } from 'zod';
import {
  actorSchema,
  createEvent,
  type DataOf,
  definitionKindSchema,
  definitionRecorded,
  type definitionSeen,
  digestSchema,
  type Envelope,
  maxAcceptedDigests,
} from '#contracts';
import { ApprovalError } from './approval-error.js';

/** A definition as its row tells. */
export const definitionSchema = z.object({
  seq: z.string(),
  server: z.string(),
  kind: definitionKindSchema,
  /** Empty for instructions. */
  name: z.string(),
  /** Digests that may be used, newest first. */
  accepted: z.array(digestSchema),
  /** The masked copy of the one that was accepted last, as JSON text; null where none was. */
  acceptedCopy: z.string().nullable(),
  acceptedAt: z.date().nullable(),
  /** Null where nobody was asked. */
  acceptedBy: actorSchema.nullable(),
  latest: digestSchema,
  latestCopy: z.string(),
  /** Counts what was told of it. */
  revision: z.int(),
  firstSeenAt: z.date(),
  /** When the latest was seen first, and last. */
  changedAt: z.date(),
  seenAt: z.date(),
});
export type Definition = z.infer<typeof definitionSchema>;

/** A definition without its place in the order of persistence. */
export type DefinitionState = Omit<Definition, 'seq'>;

type Seen = DataOf<typeof definitionSeen>;
type Recorded = DataOf<typeof definitionRecorded>;

/** What became of a definition, and what is to be told of it; nothing where all of that is known. */
export interface DefinitionChange {
  readonly definition: DefinitionState;
  readonly cause: Recorded['cause'] | undefined;
}

/**
 * A server described something. The first description is accepted on sight where the configuration lets it; any
 * other waits for a person, even where it may be used meanwhile.
 */
export function seen(
  before: DefinitionState | undefined,
  { digest, kind, maskedDefinition, name, pin, server }: Seen,
  now: Date,
): DefinitionChange {
  const isFirst = before === undefined || before.accepted.length === 0;
  const isKnown = before?.latest === digest;
  const definition: DefinitionState = {
    ...(before ?? { ...unaccepted, server, kind, name, firstSeenAt: now }),
    latest: digest,
    latestCopy: maskedDefinition,
    changedAt: isKnown ? before.changedAt : now,
    seenAt: now,
  };
  if (isFirst && pin.new === 'pass') {
    return toTell(withAccepted(definition, null, now), 'first-use');
  }
  if (isKnown) return { definition, cause: undefined };
  return toTell(definition, before === undefined ? 'first-use' : 'changed');
}

/** A person accepts the latest description: the one that was looked at, or none. @throws ApprovalError */
export function accept(
  before: DefinitionState,
  digest: string,
  by: Recorded['by'],
  now: Date,
): DefinitionChange {
  if (before.latest !== digest) throw new ApprovalError('DEFINITION_SUPERSEDED');
  return toTell(withAccepted(before, by, now), 'accepted');
}

/** `held`: what the server said last is not accepted. */
export function stateOf({ accepted, latest }: DefinitionState): Recorded['state'] {
  return accepted.includes(latest) ? 'accepted' : 'held';
}

/** Tells how a definition stands now. */
export function recordedEvent(
  definition: DefinitionState,
  cause: Recorded['cause'],
  now: Date,
  origin?: Envelope,
) {
  const { accepted, acceptedBy, kind, latest, name, revision, server } = definition;
  const data = {
    server,
    kind,
    name,
    latest,
    cause,
    revision,
    accepted: [...accepted],
    state: stateOf(definition),
    by: cause === 'accepted' ? acceptedBy : null,
    recordedAt: now.toISOString(),
  };
  return createEvent(definitionRecorded, data, { time: now, cause: origin });
}

function toTell(definition: DefinitionState, cause: Recorded['cause']): DefinitionChange {
  return { definition: { ...definition, revision: definition.revision + 1 }, cause };
}

const unaccepted = {
  accepted: [],
  acceptedCopy: null,
  acceptedAt: null,
  acceptedBy: null,
  revision: 0,
};

function withAccepted(
  definition: DefinitionState,
  acceptedBy: Recorded['by'],
  acceptedAt: Date,
): DefinitionState {
  const { accepted, latest, latestCopy } = definition;
  const others = accepted.filter((digest) => digest !== latest);
  return {
    ...definition,
    accepted: [latest, ...others].slice(0, maxAcceptedDigests),
    acceptedCopy: latestCopy,
    acceptedAt,
    acceptedBy,
  };
}
