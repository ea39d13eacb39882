import type { Json } from '#masking';
import { isObject, type RequestId } from '../message.js';

/** Divides the name of a server, which cannot hold it, from the id that the server gave its question. */
const divider = '~';

/** What a server says, with an id for its question that names the server: other servers may use the same. */
export function withServer(said: Json, server: string): Json {
  if (!isObject(said) || !('method' in said) || !('id' in said)) return said;
  return { ...said, id: `${server}${divider}${JSON.stringify(said['id'])}` };
}

/** Whose question a response answers, under the id that its server knows; undefined for one that nobody asked. */
export function questionOf(
  id: RequestId,
): { readonly server: string; readonly id: RequestId } | undefined {
  const at = typeof id === 'string' ? id.indexOf(divider) : -1;
  if (typeof id !== 'string' || at <= 0) return undefined;
  try {
    const own: unknown = JSON.parse(id.slice(at + 1));
    const isId = typeof own === 'string' || typeof own === 'number';
    return isId ? { server: id.slice(0, at), id: own } : undefined;
  } catch {
    return undefined;
  }
}
