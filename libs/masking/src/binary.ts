import { decodeText, isBase64, isPrintable } from './base64.js';
import { isJsonObject, setOwn, type Json, type JsonObject } from './json.js';
import type { Place, Run } from './run.js';

/** Marks, under `_meta`, content that policy held back. */
const withheldKey = 'countersign/withheld';
const withheldNote = 'binary content withheld by policy';
const textTypes =
  /^(?:text\/|application\/(?:json|xml|yaml|x-yaml|toml|sql|javascript|ecmascript|graphql|x-ndjson|x-sh|x-www-form-urlencoded|csv)\b)|\+(?:json|xml|yaml)\b/i;

/** The member that carries the bytes of an MCP image, audio or blob, if the object is one. */
export function payloadMember(node: JsonObject): 'data' | 'blob' | undefined {
  const type = textMember(node, 'type');
  if ((type === 'image' || type === 'audio') && textMember(node, 'data') !== undefined)
    return 'data';
  const blob = textMember(node, 'blob');
  return blob !== undefined && isBase64(blob) ? 'blob' : undefined;
}

/** An own member that is a string; names such as `constructor` must not find what every object inherits. */
function textMember(node: JsonObject, key: string): string | undefined {
  const value = Object.hasOwn(node, key) ? node[key] : undefined;
  return typeof value === 'string' ? value : undefined;
}

/**
 * The payload as it may leave: text is decoded, masked and encoded again; anything else follows the binary rule,
 * and undefined means withheld.
 */
export function maskPayload(
  run: Run,
  node: JsonObject,
  { payload, place }: { readonly payload: string; readonly place: Place },
  maskText: (run: Run, text: string, place: Place) => string,
): string | undefined {
  const isText = textTypes.test(textMember(node, 'mimeType') ?? '');
  const { binary } = run.profile;
  if (payload === '' || (!isText && binary === 'withhold')) return payload === '' ? '' : undefined;
  const text = readablePayload(payload, isText);
  if (text === undefined) return binary === 'pass' ? payload : undefined;
  const masked = maskText(run, text, place);
  return masked === text ? payload : Buffer.from(masked, 'utf8').toString('base64');
}

/** A type may lie, so whatever reads as text is text. */
function readablePayload(payload: string, isText: boolean): string | undefined {
  const text = isBase64(payload) ? decodeText(payload) : undefined;
  return text !== undefined && (isText || isPrintable(text)) ? text : undefined;
}

/** The object with the note that its payload was withheld; its own `_meta` stays. */
export function withNote(node: JsonObject): JsonObject {
  const meta: JsonObject = {};
  const present: Json | undefined = Object.hasOwn(node, '_meta') ? node['_meta'] : undefined;
  if (isJsonObject(present)) {
    for (const [key, value] of Object.entries(present)) setOwn(meta, key, value);
  }
  setOwn(meta, withheldKey, withheldNote);
  const noted: JsonObject = {};
  for (const [key, value] of Object.entries(node)) setOwn(noted, key, value);
  setOwn(noted, '_meta', meta);
  return noted;
}
