import type { Principal } from '#contracts';
import type { RequestId } from './message.js';

/** A request of a client that is still at the gate. */
export interface CallInFlight {
  /** The id under which the upstream knows it. */
  readonly callId: string;
  /** Takes it back, if it has not run yet; false when it has. */
  withdraw(): boolean;
}

/** Which request of which client is where, so that the client can take it back. Memory only. */
export class CallsInFlight {
  readonly #calls = new Map<string, CallInFlight>();

  add(key: string, call: CallInFlight): void {
    this.#calls.set(key, call);
  }

  remove(key: string, call: CallInFlight): void {
    if (this.#calls.get(key) === call) this.#calls.delete(key);
  }

  /** The request of a client that is here; undefined when it has ended or is at another replica. */
  find(key: string): CallInFlight | undefined {
    return this.#calls.get(key);
  }
}

/** Names a request of a client: its id is unique only for this caller, server and session. */
export function flightKey(
  principal: Principal,
  server: string,
  sessionId: string | null,
  id: RequestId,
): string {
  const { tenantId, objectId, clientApp } = principal;
  return JSON.stringify([tenantId, objectId, clientApp, server, sessionId, id]);
}
