import type { Caller } from './call.js';
import { Refusal } from './refusal.js';

/** The call was given up before it ran: by its client, or by a gateway that stops. */
export function cancelled(
  stage: 'verdict' | 'approval' | 'forward',
  caller: Pick<Caller, 'withdrawn'>,
  cause?: unknown,
): Refusal {
  const by = caller.withdrawn.reason === 'gateway' ? 'gateway' : 'client';
  const message =
    by === 'gateway'
      ? 'The gateway stops; the call was not made.'
      : 'The call was taken back before it ran.';
  return new Refusal('CANCELLED', stage, message, { by }, { cause });
}
