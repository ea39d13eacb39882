import { Refusal } from './refusal.js';

/** The caller took the call back before it ran. */
export function cancelled(stage: 'verdict' | 'approval', cause: unknown): Refusal {
  return new Refusal('CANCELLED', stage, 'The call was taken back before it ran.', {}, { cause });
}
