import { z } from 'zod';
import { canonicalJson, sha256 } from '#trust';
import { AuditError } from './audit-error.js';
import type { Filters } from './filters.js';

const cursorSchema = z.strictObject({
  xid: z.string().regex(/^\d{1,18}$/),
  seq: z.string().regex(/^\d{1,18}$/),
  of: z.string(),
});

/** A place in the order of persistence: transaction, then number. */
export interface Place {
  readonly xid: string;
  readonly seq: string;
}

/** Before the first row. */
const beginning: Place = { xid: '0', seq: '0' };

/** What a cursor is bound to: the route and its filters. */
export function queryDigest(route: string, filters: Filters): string {
  const { cursor: _cursor, limit: _limit, ...rest } = filters;
  return sha256(canonicalJson({ route, ...rest }));
}

/** An opaque cursor behind a place. */
export function writeCursor({ xid, seq }: Place, of: string): string {
  return Buffer.from(JSON.stringify({ xid, seq, of }), 'utf8').toString('base64url');
}

/** @throws AuditError `CURSOR_INVALID` for a cursor of another query. */
export function readCursor(cursor: string | undefined, of: string): Place {
  if (cursor === undefined) return beginning;
  try {
    const parsed = cursorSchema.parse(
      JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')),
    );
    if (parsed.of === of) return parsed;
  } catch (cause) {
    throw new AuditError('CURSOR_INVALID', { cause });
  }
  throw new AuditError('CURSOR_INVALID');
}
