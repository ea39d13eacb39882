import type { Principal } from '#contracts';
import type { Json } from '#masking';
import { type Sealer, SealBrokenError } from '#trust';
import { Refusal } from '../gate/refusal.js';
import { isObject, type Message, objectAt, withMember } from './message.js';
import type { Operation } from './operation.js';

/** For whom a state was made, and for what. */
export interface StatePlace {
  readonly server: string;
  readonly principal: Principal;
  readonly operation: Pick<Operation, 'method' | 'resource'>;
}

/**
 * Request states of servers, for clients (MCP 2026-07-28, multi round-trip requests): the server's own, sealed and
 * bound to server, tenant, object id, client application, method and resource. The server knows all callers by one
 * credential, so that it would go on for any of them with what another began.
 */
export class RequestStates {
  constructor(private readonly sealer: Sealer) {}

  /** What a server says, with a state that its client alone can bring back. */
  withClientState(said: Json, place: StatePlace): Json {
    if (!isObject(said) || 'method' in said) return said;
    return withMember(said, 'result', (result) => {
      const { requestState, resultType } = result;
      if (resultType !== 'input_required' || typeof requestState !== 'string') return result;
      return { ...result, requestState: this.sealer.seal(requestState, bindingOf(place)) };
    });
  }

  /** The request with the server's own state. @throws Refusal for a state that was not given for this. */
  withServerState(message: Message, place: StatePlace): Message {
    if (message.kind !== 'request') return message;
    const params = objectAt(message.body, 'params');
    const { requestState } = params;
    if (requestState === undefined) return message;
    const own = { ...params, requestState: this.#open(requestState, place) };
    return { ...message, body: { ...message.body, params: own } };
  }

  #open(state: Json, place: StatePlace): string {
    try {
      if (typeof state === 'string') return this.sealer.open(state, bindingOf(place));
    } catch (error) {
      if (!(error instanceof SealBrokenError)) throw error;
    }
    const words = 'The requestState is not of this call; make the call anew.';
    throw new Refusal('CONTINUATION_UNKNOWN', 'intake', words);
  }
}

/** Never the binding of another name: its first member is the purpose. */
function bindingOf({ operation, principal, server }: StatePlace): string {
  const { clientApp, objectId, tenantId } = principal;
  const { method, resource } = operation;
  const who = [tenantId, objectId, clientApp];
  return JSON.stringify(['request-state', server, method, resource, ...who]);
}
