import { z } from 'zod';

/** A text that Postgres can keep: no NUL, no lone surrogate. */
export const storable = z.string().refine((text) => !text.includes('\0') && text.isWellFormed(), {
  error: 'holds characters that cannot be kept',
});
