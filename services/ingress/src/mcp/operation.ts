import type { Facts } from '#contracts';
import type { Json } from '#masking';
import { type JsonObject, type Message, objectAt } from './message.js';

/** A message in the words that all protocols share. */
export interface Operation {
  readonly method: string;
  readonly resource: string;
  readonly kind: 'statement' | 'session';
  readonly arguments: Json;
  readonly extras: Json;
  readonly facts: Facts;
}

/** Where a method names what it is about, and what it does as far as the protocol tells. */
interface MethodEntry {
  readonly action: Facts['action'];
  readonly resource?: (params: JsonObject) => Json | undefined;
}

const byName: MethodEntry['resource'] = (params) => params['name'];
const byUri: MethodEntry['resource'] = (params) => params['uri'];
const byReference: MethodEntry['resource'] = (params) => {
  const reference = objectAt(params, 'ref');
  return reference['name'] ?? reference['uri'];
};
const upkeep: MethodEntry = { action: 'connect' };
const reading: MethodEntry = { action: 'read', resource: byUri };

/**
 * Every method that a client may send as a message and that is known; any other counts as one that may
 * do anything. The gateway's own operations (`session/close`) are not among them.
 */
const methods = new Map<string, MethodEntry>(
  Object.entries({
    initialize: upkeep,
    ping: upkeep,
    'server/discover': upkeep,
    'logging/setLevel': upkeep,
    'tools/list': upkeep,
    'resources/list': upkeep,
    'resources/templates/list': upkeep,
    'prompts/list': upkeep,
    'notifications/initialized': upkeep,
    'notifications/cancelled': upkeep,
    'notifications/progress': upkeep,
    'notifications/roots/list_changed': upkeep,
    'tools/call': { action: 'execute', resource: byName },
    'prompts/get': { action: 'read', resource: byName },
    'completion/complete': { action: 'read', resource: byReference },
    'resources/read': reading,
    'resources/subscribe': reading,
    'resources/unsubscribe': reading,
  } satisfies Record<string, MethodEntry>),
);

const unknownMethod: MethodEntry = { action: 'execute' };

/** Members of `_meta` that differ between a call and its retry and change nothing about it. */
const volatileMeta = new Set(['progressToken', 'traceparent', 'tracestate', 'baggage']);

/** What a message asks for. A response of the client to the server is an operation too. */
export function operationOf(message: Message): Operation {
  if (message.kind === 'response') return upkeepOperation('client/response', message.body);
  const entry = methods.get(message.method) ?? unknownMethod;
  const params = objectAt(message.body, 'params');
  const named = entry.resource?.(params);
  const resource = typeof named === 'string' ? named : '';
  return {
    method: message.method,
    resource,
    kind: 'statement',
    ...split(message.method, params, message.body),
    facts: {
      action: entry.action,
      objects: resource === '' ? [] : [resource],
      complete: entry.action === 'connect' || entry.action === 'read',
    },
  };
}

/** The operation of an HTTP verb that carries no message: opening a stream, closing a session. */
export function upkeepOperation(method: string, body: Json = {}): Operation {
  return {
    method,
    resource: '',
    kind: method === 'session/stream' ? 'session' : 'statement',
    arguments: body,
    extras: {},
    facts: { action: 'connect', objects: [], complete: true },
  };
}

/** Separates what rules read from what merely goes along; both are in the digest. */
function split(
  method: string,
  params: JsonObject,
  body: JsonObject,
): { readonly arguments: Json; readonly extras: Json } {
  const { jsonrpc: _version, id: _id, method: _method, params: _params, ...envelope } = body;
  const { _meta, ...plain } = params;
  const meta = Object.fromEntries(
    Object.entries(objectAt(params, '_meta')).filter(([name]) => !volatileMeta.has(name)),
  );
  if (method !== 'tools/call') return { arguments: plain, extras: { envelope, meta } };
  const { name: _name, arguments: toolArguments, ...rest } = plain;
  return { arguments: toolArguments ?? {}, extras: { envelope, meta, rest } };
}
