import { z } from 'zod';
import { ApprovalError } from './approval-error.js';

const cursorSchema = z.strictObject({ before: z.string().regex(/^\d{1,18}$/), of: z.string() });

/** An opaque cursor at a place in the order of persistence, good for one query. */
export function writeCursor(before: string, of: string): string {
  return Buffer.from(JSON.stringify({ before, of }), 'utf8').toString('base64url');
}

/** @throws ApprovalError `CURSOR_INVALID` for a cursor of another query */
export function readCursor(cursor: string, of: string): string {
  try {
    const parsed = cursorSchema.parse(
      JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')),
    );
    if (parsed.of === of) return parsed.before;
  } catch (cause) {
    throw new ApprovalError('CURSOR_INVALID', { cause });
  }
  throw new ApprovalError('CURSOR_INVALID');
}
