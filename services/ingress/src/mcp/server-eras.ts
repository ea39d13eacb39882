import type { Json } from '#masking';
import type { Server } from '../servers.js';
import { isModern } from './era.js';
import { isObject, type Message, objectAt } from './message.js';

/** Errors by which a server of the stateless era refuses (MCP 2026-07-28, error codes). */
const modernErrors: ReadonlySet<Json | undefined> = new Set([
  -32_700, -32_600, -32_601, -32_602, -32_603, -32_020, -32_021, -32_022,
]);

/** Refusals of this request or this moment, which servers of either era give: in time, size or number. */
const passing: ReadonlySet<number> = new Set([408, 413, 414, 421, 425, 429, 431]);

/**
 * Which servers speak the older era alone, as their answers to messages of the stateless one have shown.
 * Memory only. Until a server has shown it, it is taken for one that speaks both: a client of both begins
 * with `server/discover`, and that goes through as it is. One that is configured otherwise is another server.
 */
export class ServerEras {
  readonly #legacy = new WeakSet<Server>();

  isLegacy(server: Server): boolean {
    return this.#legacy.has(server);
  }

  /** Learns from an answer; `content` is undefined where it was no JSON. */
  learn(
    server: Server,
    asked: Message | undefined,
    status: number,
    content: Json | undefined,
  ): void {
    if (asked?.kind !== 'request' || !isModern(asked)) return;
    const isLegacy = speaksOlder(asked.method, status, content);
    if (isLegacy === true) this.#legacy.add(server);
    if (isLegacy === false) this.#legacy.delete(server);
  }
}

/** Undefined where the answer does not tell. */
function speaksOlder(
  method: string,
  status: number,
  content: Json | undefined,
): boolean | undefined {
  if (isObject(content) && isObject(content['result'])) {
    return content['result']['resultType'] === undefined ? undefined : false;
  }
  const { code } = isObject(content) ? objectAt(content, 'error') : {};
  if (method === 'server/discover' && code === -32_601) return true;
  if (status < 400 || status >= 500 || passing.has(status)) return undefined;
  return !modernErrors.has(code);
}
