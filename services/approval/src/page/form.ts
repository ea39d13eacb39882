import { z } from 'zod';
import { PageRefusal } from './page-refusal.js';

/** Text that Postgres can keep. */
export const storableText = z
  .string()
  .refine((text) => !text.includes('\0') && text.isWellFormed(), {
    error: 'holds characters that cannot be kept',
  });

/** What a form or an address says. @throws PageRefusal `FORM_INVALID` that names the field, never its value */
export function readForm<T>(schema: z.ZodType<T>, given: unknown): T {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ message, path }) => `${path.join('.')}: ${message}`);
  throw new PageRefusal('FORM_INVALID', `Something in the form does not fit. ${faults.join('; ')}`);
}
