import type { Json } from '#masking';
import { isObject, type JsonObject, type Message, objectAt } from './message.js';

/** The protocol revision without sessions; told per request by its body. */
export const modernVersion = '2026-07-28';

/** The extension by which an answer may be a task to come back for (ext-tasks 2026-07-28). */
export const tasksExtension = 'io.modelcontextprotocol/tasks';

const capabilitiesMember = 'io.modelcontextprotocol/clientCapabilities';

/** The protocol version that a message of the stateless era names; undefined in the older one. */
export function versionOf(message: Message | undefined): string | undefined {
  const version = metaOf(message)['io.modelcontextprotocol/protocolVersion'];
  return typeof version === 'string' ? version : undefined;
}

/** True for a message of the stateless era (2026-07-28): its `_meta` names the protocol version. */
export function isModern(message: Message | undefined): boolean {
  return versionOf(message) !== undefined;
}

/** True for a request whose client takes a task for an answer, and says no more than that. Told by each request anew. */
export function declaresTasks(message: Message | undefined): boolean {
  const capabilities = objectAt(metaOf(message), capabilitiesMember);
  return isModern(message) && isPlain(objectAt(capabilities, 'extensions')[tasksExtension]);
}

/** True for a request whose answer is a stream that stays open (MCP 2026-07-28, `subscriptions/listen`). */
export function isSubscription(message: Message | undefined): boolean {
  return message?.kind === 'request' && message.method === 'subscriptions/listen';
}

/** The resources of whose changes a subscription is to tell; text alone names one. */
export function watchedResources(message: Message | undefined): readonly string[] {
  if (message === undefined || !isSubscription(message)) return [];
  const { resourceSubscriptions } = objectAt(objectAt(message.body, 'params'), 'notifications');
  if (!Array.isArray(resourceSubscriptions)) return [];
  return resourceSubscriptions.filter((each) => typeof each === 'string');
}

/**
 * The `_meta` of a request without the declaration of tasks. A call that is made again for a task is made
 * without it, or its answer could be another task; so it is in no digest. Whatever says more than that is signed:
 * nothing that a server could read goes to it unsigned.
 */
export function withoutTasks(meta: JsonObject): JsonObject {
  const capabilities = objectAt(meta, capabilitiesMember);
  const { [tasksExtension]: declared, ...extensions } = objectAt(capabilities, 'extensions');
  if (!isPlain(declared)) return meta;
  return { ...meta, [capabilitiesMember]: { ...capabilities, extensions } };
}

function isPlain(declared: Json | undefined): boolean {
  return isObject(declared) && Object.keys(declared).length === 0;
}

function metaOf(message: Message | undefined): JsonObject {
  return message === undefined ? {} : objectAt(objectAt(message.body, 'params'), '_meta');
}
