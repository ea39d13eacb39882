import { type Json, maskValue } from '#masking';

const recordProfile = {
  profile: 'standard',
  entities: {},
  fields: {},
  binary: 'withhold',
} as const;

/** What the record and an approver see of arguments, as JSON text; never more than masking lets pass. */
export function maskedCopy(value: Json): string {
  try {
    return JSON.stringify(maskValue(value, recordProfile).value);
  } catch {
    return JSON.stringify('[withheld: cannot be masked]');
  }
}
