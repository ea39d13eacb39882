import type { Json } from '#masking';
import { isObject, type JsonObject, objectAt } from './message.js';

/** Bounds on what is read of a schema: its server may write anything. */
const maxParams = 64;
const maxDepth = 16;
const maxProperties = 4096;
const maxNameLength = 128;

/** RFC 9110 §5.6.2. */
const token = /^[\w!#$%&'*+.^`|~-]+$/;
/** The text of the revision has no `number`; its own test suite and SDKs do. */
const types: ReadonlySet<Json | undefined> = new Set(['string', 'integer', 'boolean', 'number']);

interface Place {
  readonly path: readonly string[];
  readonly schema: JsonObject;
}

/**
 * The arguments that a client repeats in headers (`x-mcp-header`, MCP 2026-07-28): by lower-case header name, the
 * names of the properties that lead there. Only what `properties` alone lead to counts. One annotation that breaks the
 * rules makes the whole declaration void: clients are to drop such a tool, so there is nothing to compare.
 */
export function headerParamsOf(
  inputSchema: Json | undefined,
): ReadonlyMap<string, readonly string[]> {
  const params = new Map<string, readonly string[]>();
  const open: Place[] = isObject(inputSchema)
    ? propertiesOf({ path: [], schema: inputSchema })
    : [];
  for (let at = 0; at < open.length; at += 1) {
    const place = open[at];
    if (place === undefined || open.length > maxProperties) return new Map();
    const annotation = place.schema['x-mcp-header'];
    if (annotation !== undefined) {
      const header = headerOf(annotation, place.schema);
      if (header === undefined || params.has(header) || params.size === maxParams) return new Map();
      params.set(header, place.path);
    }
    if (place.path.length < maxDepth) open.push(...propertiesOf(place));
  }
  return params;
}

function headerOf(annotation: Json, { type }: JsonObject): string | undefined {
  if (typeof annotation !== 'string' || annotation.length > maxNameLength) return undefined;
  return token.test(annotation) && types.has(type)
    ? `mcp-param-${annotation.toLowerCase()}`
    : undefined;
}

function propertiesOf({ path, schema }: Place): Place[] {
  return Object.entries(objectAt(schema, 'properties')).flatMap(([name, property]) =>
    isObject(property) ? [{ path: [...path, name], schema: property }] : [],
  );
}
