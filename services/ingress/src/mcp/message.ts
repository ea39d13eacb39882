import { z } from 'zod';
import type { Json } from '#masking';

/** A JSON-RPC id. `null` is refused, so that an answer always has one place to go. */
export type RequestId = string | number;

/** A JSON object. */
export type JsonObject = { [key: string]: Json };

/** One JSON-RPC 2.0 message, members that nobody knows included. */
export type Message =
  | {
      readonly kind: 'request';
      readonly id: RequestId;
      readonly method: string;
      readonly body: JsonObject;
    }
  | { readonly kind: 'notification'; readonly method: string; readonly body: JsonObject }
  | { readonly kind: 'response'; readonly id: RequestId; readonly body: JsonObject };

const idSchema = z.union([z.string().max(1024), z.int()]);
const paramsSchema = z.union([z.record(z.string(), z.unknown()), z.undefined()]);
const methodSchema = z.string().min(1).max(256);

/** Reads a parsed body as exactly one message; undefined when it is not one (an array, a stray `result`). */
export function readMessage(value: Json): Message | undefined {
  if (!isObject(value) || value['jsonrpc'] !== '2.0') return undefined;
  return 'method' in value ? readCall(value) : readResponse(value);
}

function readCall(body: JsonObject): Message | undefined {
  const method = methodSchema.safeParse(body['method']);
  const isCall = method.success && paramsSchema.safeParse(body['params']).success;
  if (!isCall || 'result' in body || 'error' in body) return undefined;
  if (!('id' in body)) return readNotification(method.data, body);
  const id = idSchema.safeParse(body['id']);
  return id.success ? { kind: 'request', id: id.data, method: method.data, body } : undefined;
}

/** Anything else without an id asks for an effect and wants no answer: nobody could be told of a refusal. */
function readNotification(method: string, body: JsonObject): Message | undefined {
  return method.startsWith('notifications/') ? { kind: 'notification', method, body } : undefined;
}

function readResponse(body: JsonObject): Message | undefined {
  const id = idSchema.safeParse(body['id']);
  const hasOne = 'result' in body !== 'error' in body;
  return id.success && hasOne ? { kind: 'response', id: id.data, body } : undefined;
}

/** Takes a request back that was sent before. */
export function cancellationOf(requestId: RequestId): Extract<Message, { kind: 'notification' }> {
  const method = 'notifications/cancelled';
  const body = { jsonrpc: '2.0', method, params: { requestId } };
  return { kind: 'notification', method, body };
}

/** True for a JSON object; arrays and null are none. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object at a member, or an empty one. */
export function objectAt(value: JsonObject, member: string): JsonObject {
  const found = value[member];
  return isObject(found) ? found : {};
}

/** The message with a member changed that is an object; the very same message where nothing changes. */
export function withMember(
  message: JsonObject,
  member: 'params' | 'result',
  change: (value: JsonObject) => JsonObject,
): JsonObject {
  const value = message[member];
  if (!isObject(value)) return message;
  const changed = change(value);
  return changed === value ? message : { ...message, [member]: changed };
}

/** True for a part that tells of a failure: a JSON-RPC error, or a tool error (`isError`). */
export function saysError(content: Json): boolean {
  if (!isObject(content)) return false;
  return 'error' in content || objectAt(content, 'result')['isError'] === true;
}
