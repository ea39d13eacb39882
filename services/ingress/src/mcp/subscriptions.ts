import { Refusal } from '../gate/refusal.js';
import type { Conversation } from './conversation.js';
import { type JsonObject, type Message, objectAt } from './message.js';
import type { Seat } from './seat.js';

/** Where a request is asked; without a session in the stateless era. */
export interface Where {
  readonly conversation: Conversation;
  readonly seat: Seat | undefined;
}

/** A message that wants an answer. */
export type Asking = Extract<Message, { kind: 'request' }>;

/** @throws Refusal when the session is told of as many resources as is kept in mind. */
export function checkRoom(message: Asking, { seat }: Where): void {
  const uri = uriOf(message, 'resources/subscribe');
  if (uri === undefined || seat === undefined || seat.hasRoomFor(uri)) return;
  const words = 'This session has subscribed to more resources than are kept in mind.';
  throw new Refusal('OVERLOADED', 'upstream', words);
}

/** The answer to a session that gives up what another one is told of still: the server must not hear of that. */
export function answerHere(message: Asking, { conversation, seat }: Where): JsonObject | undefined {
  const uri = uriOf(message, 'resources/unsubscribe');
  if (uri === undefined || seat === undefined) return undefined;
  if (!conversation.isWatched(uri, seat)) return undefined;
  return { jsonrpc: '2.0', id: message.id, result: {} };
}

/** Keeps in mind what a session is to be told of, as the answer says. */
export function noteSubscription(message: Asking, answer: JsonObject, seat: Seat): void {
  if (!('result' in answer)) return;
  const subscribed = uriOf(message, 'resources/subscribe');
  const unsubscribed = uriOf(message, 'resources/unsubscribe');
  if (subscribed !== undefined) seat.subscribe(subscribed);
  if (unsubscribed !== undefined) seat.unsubscribe(unsubscribed);
}

function uriOf({ body, method }: Asking, meant: string): string | undefined {
  const { uri } = objectAt(body, 'params');
  return method === meant && typeof uri === 'string' ? uri : undefined;
}
