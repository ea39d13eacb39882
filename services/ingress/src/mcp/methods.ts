import type { Facts } from '#contracts';
import type { Json } from '#masking';
import { type JsonObject, objectAt } from './message.js';

/** The older era has sessions (up to 2025-11-25), the stateless one has none (2026-07-28). */
export type Era = 'legacy' | 'modern';

/** What the gateway knows of a method or notification. */
export interface MethodEntry {
  readonly eras: readonly Era[];
  /** Who sends it. What a server sends is masked and recorded as part of the answer that it belongs to. */
  readonly from: 'client' | 'server' | 'both';
  /** What it does, as far as the protocol tells; rules read it. */
  readonly action: Facts['action'];
  /** Where its parameters name what it is about; absent where it is about the server as a whole. */
  readonly resource?: (params: JsonObject) => Json | undefined;
}

const both: readonly Era[] = ['legacy', 'modern'];
const legacy: readonly Era[] = ['legacy'];
const modern: readonly Era[] = ['modern'];

const byName: MethodEntry['resource'] = (params) => params['name'];
const byUri: MethodEntry['resource'] = (params) => params['uri'];
/** A reference names a prompt or a resource, by the member that its type says, and no other. */
const byReference: MethodEntry['resource'] = (params) => {
  const { name, type, uri } = objectAt(params, 'ref');
  if (type === 'ref/prompt' && uri === undefined) return name;
  return type === 'ref/resource' && name === undefined ? uri : undefined;
};

/** Keeps up a connection: needs no rule of its own where some rule lets the caller do something. */
const upkeep = (eras: readonly Era[], from: MethodEntry['from'] = 'client'): MethodEntry => ({
  eras,
  from,
  action: 'connect',
});
const reading = (eras: readonly Era[], resource: MethodEntry['resource']): MethodEntry => ({
  eras,
  from: 'client',
  action: 'read',
  ...(resource === undefined ? {} : { resource }),
});

/**
 * Every method and notification of both published schemas and of the tasks extension. What is not here may
 * do anything: only a rule that names it lets it through.
 */
const methods: ReadonlyMap<string, MethodEntry> = new Map(
  Object.entries({
    initialize: upkeep(legacy),
    ping: upkeep(legacy, 'both'),
    'server/discover': upkeep(modern),
    'logging/setLevel': upkeep(legacy),
    'tools/list': upkeep(both),
    'tools/call': { eras: both, from: 'client', action: 'execute', resource: byName },
    'prompts/list': upkeep(both),
    'prompts/get': reading(both, byName),
    'completion/complete': reading(both, byReference),
    'resources/list': upkeep(both),
    'resources/templates/list': upkeep(both),
    'resources/read': reading(both, byUri),
    'resources/subscribe': reading(legacy, byUri),
    'resources/unsubscribe': reading(legacy, byUri),
    'subscriptions/listen': upkeep(modern),
    'tasks/get': upkeep(both, 'both'),
    'tasks/result': upkeep(legacy, 'both'),
    'tasks/update': upkeep(modern),
    'tasks/cancel': upkeep(both, 'both'),
    // It tells of tasks of whoever uses the same credential: only for a rule that names it.
    'tasks/list': { eras: legacy, from: 'both', action: 'execute' },
    'sampling/createMessage': upkeep(both, 'server'),
    'elicitation/create': upkeep(both, 'server'),
    'roots/list': upkeep(both, 'server'),
    'notifications/initialized': upkeep(legacy),
    'notifications/cancelled': upkeep(both, 'both'),
    'notifications/progress': upkeep(both, 'both'),
    'notifications/roots/list_changed': upkeep(legacy),
    'notifications/message': upkeep(both, 'server'),
    'notifications/resources/updated': upkeep(both, 'server'),
    'notifications/resources/list_changed': upkeep(both, 'server'),
    'notifications/tools/list_changed': upkeep(both, 'server'),
    'notifications/prompts/list_changed': upkeep(both, 'server'),
    'notifications/elicitation/complete': upkeep(legacy, 'server'),
    'notifications/tasks/status': upkeep(legacy, 'both'),
    'notifications/subscriptions/acknowledged': upkeep(modern, 'server'),
    'notifications/tasks': upkeep(modern, 'server'),
  } satisfies Record<string, MethodEntry>),
);

/** What is known of a method that a client uses in an era; undefined for any other. */
export function clientMethod(method: string, era: Era): MethodEntry | undefined {
  const entry = methods.get(method);
  return entry?.from !== 'server' && entry?.eras.includes(era) === true ? entry : undefined;
}

/** What is known of a method whoever sends it. */
export function methodEntry(method: string): MethodEntry | undefined {
  return methods.get(method);
}
