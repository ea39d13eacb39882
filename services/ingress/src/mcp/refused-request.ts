import { Refusal } from '../gate/refusal.js';
import type { RefusedRequest } from '../gate/refusal-record.js';
import type { Learned } from './intake.js';

/** What was known of a request when it was refused. */
export function refusedRequest(
  callId: string,
  { operation, principal, server }: Learned,
  remoteAddress: string | null,
): RefusedRequest {
  return {
    callId,
    server: server?.name ?? null,
    method: operation?.method ?? null,
    resource: operation?.resource ?? null,
    principal: principal ?? null,
    remoteAddress,
  };
}

/** Whatever keeps a request from being handled is a refusal. */
export function refusalOfRequest(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const message = 'The request could not be handled.';
  return new Refusal('REQUEST_UNREADABLE', 'intake', message, { executed: 'no' }, { cause: error });
}
