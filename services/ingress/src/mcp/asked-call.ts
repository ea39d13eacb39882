import type { AskedCall } from '../gate/call.js';
import type { Intake } from './intake.js';
import { pinsOf } from './pinned-methods.js';

/** A request as the gate takes it. */
export function askedCall(
  callId: string,
  intake: Intake,
  definition: AskedCall['definition'],
): AskedCall {
  const { client, demands, earlier, operation, principal, server, session } = intake;
  return {
    ...operation,
    callId,
    protocol: 'mcp',
    server: server.name,
    labels: server.labels,
    sessionId: session?.sessionId ?? null,
    parentCallId: earlier?.callId ?? null,
    leastMask: earlier?.mask,
    principal,
    client,
    definition,
    ...pinsOf(operation.method, server.definitions),
    ...continuationOf(intake),
    ...demands,
  };
}

/** The approval that a call was told to wait for, and why it was asked for at first. */
function continuationOf({ continues }: Intake): Pick<AskedCall, 'joins' | 'justification'> {
  if (continues === undefined) return {};
  if (continues.kind === 'leg') return { joins: continues.leg.approvalId };
  const { approvalId, justification } = continues.task;
  return { joins: approvalId, justification };
}
