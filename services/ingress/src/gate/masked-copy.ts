import { type Json, maskValue } from '#masking';

const recordProfile = {
  profile: 'standard',
  entities: {},
  fields: {},
  binary: 'withhold',
} as const;

/** Larger arguments are not shown; the digest names them. Masking them would hold up every other call. */
const maxShownArguments = 16_384;

/** What the record and people see of arguments, or of a definition, as JSON text; never more than masking lets pass. */
export function maskedCopy(value: Json, maxCharacters = maxShownArguments): string {
  const { length } = JSON.stringify(value);
  if (length > maxCharacters) return JSON.stringify(`[withheld: ${length} characters]`);
  try {
    return JSON.stringify(maskValue(value, recordProfile).value);
  } catch {
    return JSON.stringify('[withheld: cannot be masked]');
  }
}
