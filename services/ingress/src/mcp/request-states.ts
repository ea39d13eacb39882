import type { Principal } from '#contracts';
import type { Json } from '#masking';
import { canonicalJson, type Sealer, sha256 } from '#trust';
import { Refusal } from '../gate/refusal.js';
import { isObject, type Message, objectAt, withMember } from './message.js';

type Request = Extract<Message, { kind: 'request' }>;

/** For whom a state was made. */
export interface StatePlace {
  readonly server: string;
  readonly principal: Principal;
}

/**
 * Request states of servers, for clients (MCP 2026-07-28, multi round-trip requests): the server's own, sealed and
 * bound to server, tenant, object id, client application and the request that it was given for. The server knows all
 * callers by one credential, so that it would go on for any of them with what another began; and what it began for
 * some arguments, it would do under the verdict on others.
 */
export class RequestStates {
  constructor(private readonly sealer: Sealer) {}

  /** What a server says to a request, with a state that its client alone can bring back, and to the same alone. */
  withClientState(said: Json, asked: Message | undefined, place: StatePlace): Json {
    if (!isObject(said) || 'method' in said || asked?.kind !== 'request') return said;
    return withMember(said, 'result', (result) => {
      const { requestState, resultType } = result;
      if (resultType !== 'input_required' || typeof requestState !== 'string') return result;
      return { ...result, requestState: this.sealer.seal(requestState, bindingOf(asked, place)) };
    });
  }

  /** The request with the server's own state. @throws Refusal for a state that was not given for this. */
  withServerState(message: Message, place: StatePlace): Message {
    if (message.kind !== 'request') return message;
    const params = objectAt(message.body, 'params');
    const { requestState } = params;
    if (requestState === undefined) return message;
    const own = { ...params, requestState: this.#open(requestState, message, place) };
    return { ...message, body: { ...message.body, params: own } };
  }

  #open(state: Json, asked: Request, place: StatePlace): string {
    const isText = typeof state === 'string';
    const own = isText ? this.sealer.tryOpen(state, bindingOf(asked, place)) : undefined;
    if (own !== undefined) return own;
    const words = 'The requestState is not of this call; make the call anew.';
    throw new Refusal('CONTINUATION_UNKNOWN', 'intake', words);
  }
}

/** Never the binding of another name: its first member is the purpose. */
function bindingOf({ body, method }: Request, { principal, server }: StatePlace): string {
  const { clientApp, objectId, tenantId } = principal;
  // What differs between the rounds of one request.
  const {
    _meta,
    inputResponses: _answers,
    requestState: _state,
    ...asked
  } = objectAt(body, 'params');
  const what = sha256(canonicalJson([method, asked]));
  return JSON.stringify(['request-state', server, what, tenantId, objectId, clientApp]);
}
