import { type CallsInFlight, flightKey } from './calls-in-flight.js';
import type { Intake } from './intake.js';
import { objectAt } from './message.js';
import { operationOf } from './operation.js';

/**
 * What is left to do of a request. A cancellation of a call that waits here ends the wait and goes no
 * further; of one that runs, it goes on under the id that the upstream knows; of any other, nothing is
 * left to cancel: undefined.
 */
export function withoutCancelled(intake: Intake, inFlight: CallsInFlight): Intake | undefined {
  const { message, principal, server, session } = intake;
  if (message?.kind !== 'notification' || message.method !== 'notifications/cancelled') {
    return intake;
  }
  const params = objectAt(message.body, 'params');
  const { requestId } = params;
  if (typeof requestId !== 'string' && typeof requestId !== 'number') return undefined;
  const key = flightKey(principal, server.name, session?.sessionId ?? null, requestId);
  const call = inFlight.find(key);
  if (call === undefined || call.withdraw()) return undefined;
  const body = { ...message.body, params: { ...params, requestId: call.callId } };
  const renamed = { ...message, body };
  return { ...intake, message: renamed, operation: operationOf(renamed) };
}
