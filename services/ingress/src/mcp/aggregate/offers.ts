import type { Json } from '#masking';
import { isModern, modernVersion } from '../era.js';
import { isObject, type JsonObject, type Message, objectAt } from '../message.js';
import { joinedName } from './tool-names.js';

/** Versions of the older era that are agreed to (MCP, up to 2025-11-25); the last unless a client wants another. */
const legacyVersions = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'];
const serverInfo = { name: 'countersign', title: 'Countersign', version: '0.1.0' };
const capabilities = { tools: {} };

/** How much of one server's list is asked for, in pages, characters and milliseconds; the rest is left out. */
const most = { pages: 50, characters: 4_194_304, ms: 10_000 };

/** What the stateless era wants to be told with every list: it is this caller's alone, and may change at once. */
const uncached = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };

/** The result of `initialize`. */
export function initialized(version: Json | undefined): JsonObject {
  const isKnown = typeof version === 'string' && legacyVersions.includes(version);
  const agreed = isKnown ? version : (legacyVersions.at(-1) ?? '');
  return { protocolVersion: agreed, capabilities, serverInfo };
}

/** The result of `server/discover`. */
export function discovered(): JsonObject {
  const _meta = { 'io.modelcontextprotocol/serverInfo': serverInfo };
  return { ...uncached, supportedVersions: [modernVersion], capabilities, _meta };
}

/** The tools of several servers as one list, under joined names and in the order of the servers. */
export function listedTogether(
  message: Message,
  lists: readonly { readonly server: string; readonly tools: readonly JsonObject[] }[],
): JsonObject {
  const tools = lists.flatMap(({ server, tools: own }) =>
    own.flatMap((tool) => {
      const { name } = tool;
      return typeof name === 'string'
        ? [{ ...tool, name: joinedName({ server, tool: name }) }]
        : [];
    }),
  );
  return { ...(isModern(message) ? uncached : {}), tools };
}

/** All tools of one server, page by page; none where it does not answer. */
export async function toolsOf(
  message: Message,
  ask: (page: Message) => Promise<Json | undefined>,
): Promise<JsonObject[]> {
  const tools: JsonObject[] = [];
  let cursor: Json | undefined;
  const startedMs = performance.now();
  let characters = 0;
  for (let page = 0; page < most.pages; page += 1) {
    const answer = await ask(pageOf(message, cursor));
    const result = isObject(answer) ? objectAt(answer, 'result') : {};
    const { nextCursor, tools: listed = [] } = result;
    characters += JSON.stringify(listed).length;
    if (characters > most.characters) break;
    tools.push(...(Array.isArray(listed) ? listed.filter((each) => isObject(each)) : []));
    cursor = nextCursor;
    if (typeof cursor !== 'string' || performance.now() - startedMs > most.ms) break;
  }
  return tools;
}

function pageOf(message: Message, cursor: Json | undefined): Message {
  const { cursor: _cursor, ...params } = objectAt(message.body, 'params');
  const paged = typeof cursor === 'string' ? { ...params, cursor } : params;
  return { ...message, body: { ...message.body, params: paged } };
}
