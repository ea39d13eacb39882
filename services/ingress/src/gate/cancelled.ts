import type { Caller } from './call.js';
import { Refusal } from './refusal.js';

/**
 * The call was given up before it ran: by its client, or by a gateway that stops. A client that comes
 * back has given up nothing: its call goes on waiting in the approval that it joins (`joins`).
 */
export function cancelled(
  stage: 'verdict' | 'approval' | 'forward',
  caller: Pick<Caller, 'withdrawn'>,
  joins?: string,
  cause?: unknown,
): Refusal {
  const reason: unknown = caller.withdrawn.reason;
  if (reason === 'later' && joins !== undefined) {
    const message = `The call waits for an approval (${joins}).`;
    return new Refusal('APPROVAL_PENDING', stage, message, { approvalId: joins }, { cause });
  }
  const by = reason === 'gateway' ? 'gateway' : 'client';
  const message =
    by === 'gateway'
      ? 'The gateway stops; the call was not made.'
      : 'The call was taken back before it ran.';
  return new Refusal('CANCELLED', stage, message, { by }, { cause });
}
