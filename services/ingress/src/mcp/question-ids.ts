import type { Json } from '#masking';
import { type Sealer } from '#trust';
import { Refusal } from '../gate/refusal.js';
import type { EventPlace } from './event-ids.js';
import { isObject, type JsonObject, type Message, withMember } from './message.js';

type Response = Extract<Message, { kind: 'response' }>;

/**
 * Ids of what servers ask their clients (sampling, elicitation, roots), for clients: the server's own, sealed and bound
 * to server, session, tenant, object id and client application. A server without sessions could not tell who answers:
 * whoever guessed an id would answer in another's name. The same id each time, since a question can be taken back.
 */
export class QuestionIds {
  constructor(private readonly sealer: Sealer) {}

  /** What a server says, with ids that its client alone can answer under. */
  withClientId(said: Json, place: EventPlace): Json {
    if (!isObject(said) || !('method' in said)) return said;
    if ('id' in said) return withId(said, 'id', (id) => this.#seal(id, place));
    if (said['method'] !== 'notifications/cancelled') return said;
    return withMember(said, 'params', (params) =>
      withId(params, 'requestId', (id) => this.#seal(id, place)),
    );
  }

  /** What the client answers, under the server's own id. @throws Refusal where nobody asked this client. */
  withServerId(message: Response, place: EventPlace): Response {
    const id = this.#open(message.id, place);
    return { ...message, id, body: { ...message.body, id } };
  }

  #seal(id: string | number, place: EventPlace): string {
    return this.sealer.sealSame(JSON.stringify(id), bindingOf(place));
  }

  #open(id: string | number, place: EventPlace): string | number {
    const opened = this.sealer.tryOpen(String(id), bindingOf(place));
    const own: unknown = JSON.parse(opened ?? 'null');
    if (typeof own === 'string' || typeof own === 'number') return own;
    throw new Refusal('PARAMS_REFUSED', 'intake', 'Nobody asked this.');
  }
}

/** An id that is none stays as it is: no client can answer under it. */
function withId(
  holder: JsonObject,
  member: string,
  change: (id: string | number) => string,
): JsonObject {
  const id = holder[member];
  const isId = typeof id === 'string' || typeof id === 'number';
  return isId ? { ...holder, [member]: change(id) } : holder;
}

/** Never the binding of another name: its first member is the purpose. */
function bindingOf({ principal, server, sessionId }: EventPlace): string {
  const { clientApp, objectId, tenantId } = principal;
  return JSON.stringify(['question', server, sessionId, tenantId, objectId, clientApp]);
}
