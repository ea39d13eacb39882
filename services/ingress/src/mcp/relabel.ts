import type { Json } from '#masking';
import {
  isObject,
  type JsonObject,
  type Message,
  objectAt,
  type RequestId,
  withMember,
} from './message.js';

/** Under which names a request goes upstream, and which its client gave it. */
export interface Label {
  /** The gateway's id for it, and its progress token where the client wants one. */
  readonly callId: string;
  readonly id: RequestId;
  readonly progressToken?: string | number | undefined;
}

const subscriptionMember = 'io.modelcontextprotocol/subscriptionId';

/** The label of a request; undefined for a message that wants no answer. */
export function labelOf(message: Message | undefined, callId: string): Label | undefined {
  if (message?.kind !== 'request') return undefined;
  const { progressToken } = objectAt(objectAt(message.body, 'params'), '_meta');
  const isToken = typeof progressToken === 'string' || typeof progressToken === 'number';
  return { callId, id: message.id, ...(isToken ? { progressToken } : {}) };
}

/**
 * The request with an id and a progress token of the gateway's own. A client may use an id again while an
 * earlier call still runs; upstream, the answers could not be told apart, and one would come out under
 * the mask and the list filter of the other. Id and token are in no digest, so nothing signed changes.
 */
export function relabelled(message: Message, label: Label | undefined): Message {
  if (message.kind !== 'request' || label === undefined) return message;
  const { callId, progressToken } = label;
  const params = objectAt(message.body, 'params');
  const meta = { ...objectAt(params, '_meta'), progressToken: callId };
  const renamed = progressToken === undefined ? {} : { params: { ...params, _meta: meta } };
  return { ...message, id: callId, body: { ...message.body, id: callId, ...renamed } };
}

/** What a server said, with the client's own names in place of the gateway's. */
export function restored(said: Json, label: Label): Json {
  if (!isObject(said)) return said;
  if ('method' in said) return withMember(said, 'params', (params) => named(params, label));
  if (said['id'] !== label.callId) return said;
  const answer = { ...said, id: label.id };
  return withMember(answer, 'result', (result) => ofSubscription(result, label));
}

function named(params: JsonObject, label: Label): JsonObject {
  const { callId, progressToken } = label;
  const isOurs = progressToken !== undefined && params['progressToken'] === callId;
  return ofSubscription(isOurs ? { ...params, progressToken } : params, label);
}

/** Messages of a subscription name the request that opened it (MCP 2026-07-28, subscriptions/listen). */
function ofSubscription(holder: JsonObject, { callId, id }: Label): JsonObject {
  const meta = objectAt(holder, '_meta');
  if (meta[subscriptionMember] !== callId) return holder;
  return { ...holder, _meta: { ...meta, [subscriptionMember]: id } };
}
