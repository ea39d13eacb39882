import type { Facts } from '#contracts';
import type { Json } from '#masking';
import { Refusal } from '../gate/refusal.js';
import { isModern, withoutTasks } from './era.js';
import { isObject, type JsonObject, type Message, objectAt } from './message.js';
import { clientMethod, type MethodEntry } from './methods.js';

/** A message in the words that all protocols share. */
export interface Operation {
  readonly method: string;
  readonly resource: string;
  readonly kind: 'statement' | 'session';
  readonly arguments: Json;
  readonly extras: Json;
  readonly facts: Facts;
}

const unknownMethod: Pick<MethodEntry, 'action' | 'resource'> = { action: 'execute' };

const maxNameLength = 2048;
const maxVolatileLength = 1024;

/** Members of `_meta` that differ between a call and its retry and change nothing about it. */
export const volatileMeta = new Set(['progressToken', 'traceparent', 'tracestate', 'baggage']);

/**
 * What a message asks for. A response of the client to the server is an operation too.
 * @throws Refusal when it could be read in two ways.
 */
export function operationOf(message: Message): Operation {
  if (message.kind === 'response') return upkeepOperation('client/response', message.body);
  const era = isModern(message) ? 'modern' : 'legacy';
  const entry = clientMethod(message.method, era) ?? unknownMethod;
  const params = objectAt(message.body, 'params');
  const resource = entry.resource === undefined ? '' : nameIn(entry.resource(params));
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

/** What is judged must be what the server will use: nothing that another program could read as a name. */
function nameIn(named: Json | undefined): string {
  const isName =
    typeof named === 'string' &&
    named !== '' &&
    named.length <= maxNameLength &&
    !named.includes('\0');
  if (isName) return named;
  throw refuse('The request must name what it is about by one text of reasonable length.');
}

function refuse(message: string): Refusal {
  return new Refusal('PARAMS_REFUSED', 'intake', message);
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
  const meta = signedMeta(_meta);
  if (method !== 'tools/call') return { arguments: plain, extras: { envelope, meta } };
  const { name: _name, arguments: toolArguments, ...rest } = plain;
  return {
    arguments: toolArguments === undefined ? {} : toolArguments,
    extras: { envelope, meta, rest },
  };
}

/** The members of `_meta` that are signed: all but those that differ between a call and its retry. */
function signedMeta(meta: Json | undefined): JsonObject {
  if (meta === undefined) return {};
  if (!isObject(meta)) throw refuse('_meta must be an object.');
  const all = Object.entries(meta);
  const isPlain = all.every(([name, value]) => !volatileMeta.has(name) || isShort(value));
  if (!isPlain) throw refuse('A progress token or trace context must be a short text or a number.');
  return withoutTasks(Object.fromEntries(all.filter(([name]) => !volatileMeta.has(name))));
}

function isShort(value: Json): boolean {
  return (
    typeof value === 'number' || (typeof value === 'string' && value.length <= maxVolatileLength)
  );
}
