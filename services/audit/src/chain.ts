import { sha256 } from '#trust';

/** What stands before the first row of every chain. */
export const genesis = '0'.repeat(64);

/** How a record was kept: `kept` with its redacted text, or for a reason by its hash alone. */
export type RowState = 'kept' | 'unknown' | 'unreadable' | 'unstorable';

/** What a chain commits to of one record. */
export interface Link {
  readonly topic: string;
  readonly partition: number;
  /** Counts the logs that the partition has had: offsets begin anew where the bus was replaced. */
  readonly generation: number;
  readonly offset: string;
  /** When the bus took it, milliseconds since 1970. */
  readonly timestampMs: string;
  readonly key: string;
  readonly state: RowState;
  /** SHA-256 of the record's bytes as they were on the bus. */
  readonly rawHash: string;
  /** The stored text; null where the record was not kept. */
  readonly event: string | null;
}

/** A stored row of one chain. */
export interface ChainRow extends Link {
  /** Counts from 1 without a gap. */
  readonly position: string;
  readonly hash: string;
}

/** Where a chain ends. */
export interface Head {
  readonly rows: string;
  readonly hash: string;
}

/** What a check of one chain found. */
export type Finding =
  | { readonly kind: 'intact'; readonly head: Head }
  | { readonly kind: 'row-changed' | 'row-missing' | 'row-misplaced'; readonly position: string }
  | { readonly kind: 'tail-missing' | 'head-differs'; readonly head: Head };

/** The hash of a row: over the hash before it and everything the row says. Each part carries its length. */
function hashOf(previous: string, link: Link): string {
  const { topic, offset, timestampMs, key, state, rawHash, event } = link;
  const place = [topic, String(link.partition), String(link.generation), offset];
  const text = event === null ? '' : sha256(event);
  const parts = [previous, ...place, timestampMs, key, state, rawHash, text];
  return sha256(parts.map((part) => `${Buffer.byteLength(part)}:${part}`).join(''));
}

/** Appends links to a chain, in their order. */
export function extend<L extends Link>(
  head: Head,
  links: readonly L[],
): { readonly rows: readonly (L & ChainRow)[]; readonly head: Head } {
  let { hash } = head;
  let position = BigInt(head.rows);
  const rows = links.map((link) => {
    hash = hashOf(hash, link);
    position += 1n;
    return { ...link, hash, position: String(position) };
  });
  return { rows, head: { rows: String(position), hash } };
}

/**
 * Recomputes a whole chain from its rows, in order of position, and compares it with a head that was
 * kept elsewhere (a signed checkpoint, or the chain's own). Rows after that head are checked too.
 */
export function verify(rows: readonly ChainRow[], kept: Head): Finding {
  let hash = genesis;
  let before: ChainRow | undefined;
  let reached = BigInt(kept.rows) === 0n && kept.hash === genesis;
  for (const [index, row] of rows.entries()) {
    const { position } = row;
    if (BigInt(position) !== BigInt(index + 1)) {
      return { kind: 'row-missing', position: String(index + 1) };
    }
    if (!follows(row, before)) return { kind: 'row-misplaced', position };
    hash = hashOf(hash, row);
    if (hash !== row.hash) return { kind: 'row-changed', position };
    if (position === kept.rows && hash !== kept.hash) return { kind: 'head-differs', head: kept };
    reached ||= position === kept.rows;
    before = row;
  }
  if (!reached) return { kind: 'tail-missing', head: kept };
  return { kind: 'intact', head: { rows: String(rows.length), hash } };
}

function follows(row: ChainRow, before: ChainRow | undefined): boolean {
  if (before === undefined || row.generation > before.generation) return true;
  return row.generation === before.generation && BigInt(row.offset) > BigInt(before.offset);
}
