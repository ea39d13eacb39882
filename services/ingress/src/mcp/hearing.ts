import { isModern, isSubscription } from './era.js';
import { type JsonObject, type Message, objectAt } from './message.js';
import type { Listener, Seat } from './seat.js';

/** A request that the server has not answered. */
export interface Asked {
  readonly message: Extract<Message, { kind: 'request' }>;
  readonly seat: Seat | undefined;
  readonly listener: Listener;
}

/** Who could hear what a server says by itself. */
export interface Room {
  readonly asked: readonly Asked[];
  readonly seats: readonly Seat[];
  /** Whether they are of several callers. */
  readonly isShared: boolean;
}

/** What is done with something that a server says by itself. */
export type Hearing =
  | { readonly kind: 'told'; readonly to: readonly Listener[]; readonly message: JsonObject }
  /** Kept for whoever listens next. */
  | { readonly kind: 'kept' }
  | { readonly kind: 'dropped' }
  /** The gateway answers it. */
  | { readonly kind: 'answered'; readonly answer: JsonObject };

const dropped = { kind: 'dropped' } as const;
const subscriptionMember = 'io.modelcontextprotocol/subscriptionId';

/** Decides who hears a request or notification of a server. */
export function hearingOf(message: JsonObject, room: Room): Hearing {
  const params = objectAt(message, 'params');
  const subscription = objectAt(params, '_meta')[subscriptionMember];
  if (subscription !== undefined) {
    return toldTo(room.asked.find(({ message: { id } }) => id === subscription)?.listener, message);
  }
  const isQuestion = 'id' in message;
  if (room.isShared && isQuestion) return { kind: 'answered', answer: answerTo(message) };
  const { progressToken } = params;
  const byToken = room.asked.find((each) => isTokenOf(each, progressToken));
  if (byToken !== undefined) return toldTo(byToken.listener, message);
  return room.isShared ? inPublic(message, room) : inPrivate(message, room);
}

/** A progress notification or another message that names the token of a request is about that one. */
function isTokenOf({ message }: Asked, token: unknown): boolean {
  const own = objectAt(objectAt(message.body, 'params'), '_meta')['progressToken'];
  return token !== undefined && own === token;
}

/** Among several callers: that something has changed, and nothing else. */
function inPublic(message: JsonObject, { seats }: Room): Hearing {
  const { method } = message;
  const bare = { jsonrpc: '2.0', method: method ?? '' };
  if (isListChange(method)) return { kind: 'told', to: streamsOf(seats), message: bare };
  if (method !== resourceUpdated) return dropped;
  const { uri } = objectAt(message, 'params');
  const watching = seats.filter(({ uris }) => typeof uri === 'string' && uris.has(uri));
  const told = { ...bare, params: { uri: uri ?? '' } };
  return { kind: 'told', to: streamsOf(watching), message: told };
}

/** All are of one caller: the streams, else a request, else whoever listens next. */
function inPrivate(message: JsonObject, room: Room): Hearing {
  const { seats } = room;
  const { method } = message;
  const streams = streamsOf(seats);
  const isForAll = isListChange(method) || method === resourceUpdated;
  if (isForAll && streams.length > 0) return { kind: 'told', to: streams, message };
  const receiver = streams.at(-1) ?? requestMeant(message, room)?.listener;
  if (receiver !== undefined) return toldTo(receiver, message);
  if (seats.length > 0) return { kind: 'kept' };
  return 'id' in message ? { kind: 'answered', answer: answerTo(message) } : dropped;
}

/**
 * The request that a message is said in which names none: the newest of a session. Without one, requests may be of
 * any client that the caller uses, each with a mask of its own, and only one that is alone can be meant.
 */
function requestMeant(said: JsonObject, { asked, seats }: Room): Asked | undefined {
  const able = asked.filter(
    ({ message }) => !isSubscription(message) && !('id' in said && isModern(message)),
  );
  return seats.length > 0 || able.length === 1 ? able.at(-1) : undefined;
}

const resourceUpdated = 'notifications/resources/updated';

function isListChange(method: unknown): boolean {
  return (
    typeof method === 'string' &&
    /^notifications\/(tools|prompts|resources)\/list_changed$/.test(method)
  );
}

function streamsOf(seats: readonly Seat[]): Listener[] {
  return seats.flatMap(({ stream }) => stream ?? []);
}

function toldTo(listener: Listener | undefined, message: JsonObject): Hearing {
  return listener === undefined ? dropped : { kind: 'told', to: [listener], message };
}

/** The answer of the gateway, where nobody in particular is asked. */
function answerTo({ id, method }: JsonObject): JsonObject {
  const head = { jsonrpc: '2.0', id: id ?? null };
  if (method === 'ping') return { ...head, result: {} };
  const message = 'Method not found: nobody in particular could be asked here.';
  return { ...head, error: { code: -32_601, message } };
}
