import { type Message, objectAt } from './message.js';

/** The protocol revision without sessions; told per request by its body. */
export const modernVersion = '2026-07-28';

/** True for a message of the stateless era (2026-07-28): its `_meta` names the protocol version. */
export function isModern(message: Message | undefined): boolean {
  if (message === undefined) return false;
  const meta = objectAt(objectAt(message.body, 'params'), '_meta');
  return typeof meta['io.modelcontextprotocol/protocolVersion'] === 'string';
}
