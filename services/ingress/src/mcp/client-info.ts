import type { Json } from '#masking';
import { isObject, type Message, objectAt } from './message.js';

/** What a client says of itself. Untrusted: to be shown, and to choose how it is kept waiting. */
export interface ClientInfo {
  readonly name: string;
  readonly version: string;
}

/** What a client says of itself in this message (`initialize`, or any of the stateless era); null if nothing. */
export function clientInfoOf(message: Message | undefined): ClientInfo | null {
  const params = message === undefined ? {} : objectAt(message.body, 'params');
  const meta = objectAt(params, '_meta');
  const info = params['clientInfo'] ?? meta['io.modelcontextprotocol/clientInfo'];
  if (!isObject(info)) return null;
  return { name: shortText(info['name'], 200), version: shortText(info['version'], 100) };
}

/** Text that a client says of itself, cut: it goes into every record. */
function shortText(value: Json | undefined, maxLength: number): string {
  return typeof value === 'string'
    ? value.slice(0, maxLength).toWellFormed().replaceAll('\0', '')
    : '';
}
