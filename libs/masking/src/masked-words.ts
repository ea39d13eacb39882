import { maskValue } from './masking.js';

const recordProfile = {
  profile: 'standard',
  entities: {},
  fields: {},
  binary: 'withhold',
} as const;

/** What the record and other people see of what somebody wrote; never more than masking lets pass. */
export function maskedWords(words: string): string {
  try {
    const { value } = maskValue(words, recordProfile);
    if (typeof value === 'string') return value;
  } catch {
    // Said below.
  }
  return '[withheld: cannot be masked]';
}
