import type { Json } from '#masking';
import { isObject, type JsonObject, type Message, objectAt } from './message.js';

/** A message as it goes upstream, and the way back for what the upstream says to it. */
export interface Relabelled {
  readonly message: Message;
  /** The same saying with the client's own id and progress token in place of the gateway's. */
  readonly restore: (said: Json) => Json;
}

/**
 * Gives a request an id and a progress token of the gateway's own. A client may use an id again while an
 * earlier call still runs; upstream, the answers could not be told apart, and one would come out under
 * the mask and the list filter of the other. Id and token are in no digest, so nothing signed changes.
 */
export function relabelled(message: Message, callId: string): Relabelled {
  if (message.kind !== 'request') return { message, restore: (said) => said };
  const params = objectAt(message.body, 'params');
  const meta = objectAt(params, '_meta');
  const { progressToken } = meta;
  const renamed =
    progressToken === undefined
      ? {}
      : { params: { ...params, _meta: { ...meta, progressToken: callId } } };
  const body = { ...message.body, id: callId, ...renamed };
  const restore = (said: Json): Json => {
    if (!isObject(said)) return said;
    if (said['id'] === callId && !('method' in said)) return { ...said, id: message.id };
    return progressToken === undefined ? said : withToken(said, callId, progressToken);
  };
  return { message: { ...message, id: callId, body }, restore };
}

function withToken(said: JsonObject, callId: string, progressToken: Json): JsonObject {
  const params = objectAt(said, 'params');
  if (params['progressToken'] !== callId) return said;
  return { ...said, params: { ...params, progressToken } };
}
