/** How a topic keeps its records. */
export type Retention =
  | { readonly kind: 'delete'; readonly milliseconds: number }
  | { readonly kind: 'compact'; readonly milliseconds?: number };

const minute = 60_000;
const day = 24 * 60 * minute;

/**
 * All topics and how long they keep what was said. Every topic of a call has the same number of
 * partitions and is keyed by call id; that number never changes on a live system, or keys would move.
 */
export const topics = {
  'countersign.calls.v1': { kind: 'delete', milliseconds: 7 * day },
  'countersign.verdicts.v1': { kind: 'delete', milliseconds: 7 * day },
  'countersign.approvals.v1': { kind: 'delete', milliseconds: 30 * day },
  'countersign.grants.v1': { kind: 'compact' },
  'countersign.definitions.v1': { kind: 'compact' },
  'countersign.answers.v1': { kind: 'delete', milliseconds: 10 * minute },
  'countersign.results.v1': { kind: 'delete', milliseconds: 7 * day },
  'countersign.checkpoints.v1': { kind: 'compact', milliseconds: 90 * day },
} as const satisfies Record<string, Retention>;

/** The name of a topic that events are published to. */
export type Topic = keyof typeof topics;

/** Partitions of every topic: the unit of scale, and on one broker the fastest number measured. */
export const partitionsPerTopic = 6;

/**
 * Largest record in bytes, key, value and headers: a request event carries its arguments twice, sealed
 * and masked. Every topic allows it; larger answers are cut into parts.
 */
export const maxRecordBytes = 4_194_304 - 65_536;

/** How long a dead letter is kept, in milliseconds. */
export const deadLetterRetentionMs = 30 * day;

/** Where an event goes that no handler could read or finish. */
export function deadLetterTopic(topic: string): string {
  return `${topic}.dead`;
}
