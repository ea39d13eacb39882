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

/** What a list answer offers: the names, and the operation they are used with. */
export interface Catalog {
  readonly usedWith: string;
  readonly names: readonly string[];
  /** The answer with only the items whose names are visible, in the same order. */
  keep(visible: ReadonlySet<string>): JsonObject;
}

/** Reads an answer to a list method; undefined when it is none or an error. Items without a name are never kept. */
export function catalogOf(method: string, answer: JsonObject): Catalog | undefined {
  const entry = lists.get(method);
  const result = objectAt(answer, 'result');
  const items = entry === undefined ? undefined : result[entry.items];
  if (entry === undefined || !Array.isArray(items)) return undefined;
  const nameOf = (item: (typeof items)[number]): string | undefined => {
    const name = isObject(item) ? item[entry.name] : undefined;
    return typeof name === 'string' ? name : undefined;
  };
  const names = items.map(nameOf).filter((name) => name !== undefined);
  const keep = (visible: ReadonlySet<string>): JsonObject => {
    const kept = items.filter((item) => visible.has(nameOf(item) ?? ''));
    return { ...answer, result: { ...result, [entry.items]: kept } };
  };
  return { usedWith: entry.usedWith, names, keep };
}
