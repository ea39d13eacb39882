import type { Json } from '#masking';
import { type JsonObject, isObject, objectAt } from './message.js';

interface ListEntry {
  /** Member of the result that holds the items. */
  readonly items: string;
  /** Member of an item that names it. */
  readonly name: string;
  /** The operation an item would be used with. */
  readonly usedWith: string;
}

const lists = new Map<string, ListEntry>(
  Object.entries({
    'tools/list': { items: 'tools', name: 'name', usedWith: 'tools/call' },
    'prompts/list': { items: 'prompts', name: 'name', usedWith: 'prompts/get' },
    'resources/list': { items: 'resources', name: 'uri', usedWith: 'resources/read' },
    'resources/templates/list': {
      items: 'resourceTemplates',
      name: 'uriTemplate',
      usedWith: 'resources/read',
    },
  } satisfies Record<string, ListEntry>),
);

/** An item of a list, as its server described it. */
interface ListedItem {
  readonly name: string;
  readonly definition: JsonObject;
}

/** What a list answer offers, and the operation it is used with. */
export interface Catalog {
  readonly usedWith: string;
  readonly items: readonly ListedItem[];
  /** The answer with only the items whose names are visible, in the same order. */
  keep(visible: ReadonlySet<string>): JsonObject;
}

/** Reads an answer to a list method; undefined when it is none or an error. Items without a name are never kept. */
export function catalogOf(method: string, answer: JsonObject): Catalog | undefined {
  const entry = lists.get(method);
  const result = objectAt(answer, 'result');
  const items = entry === undefined ? undefined : result[entry.items];
  if (entry === undefined || !Array.isArray(items)) return undefined;
  const named = items.map((item) => namedBy(entry.name, item));
  const keep = (visible: ReadonlySet<string>): JsonObject => {
    const kept = named.flatMap((each) => (each && visible.has(each.name) ? [each.definition] : []));
    return { ...answer, result: { ...result, [entry.items]: kept } };
  };
  return { usedWith: entry.usedWith, items: named.filter((each) => each !== undefined), keep };
}

function namedBy(member: string, item: Json): ListedItem | undefined {
  const name = isObject(item) ? item[member] : undefined;
  return isObject(item) && typeof name === 'string' ? { name, definition: item } : undefined;
}
