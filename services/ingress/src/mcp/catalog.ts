import { type DefinitionKind, definitionNameSchema } from '#contracts';
import type { Json } from '#masking';
import { canonicalJson, sha256 } from '#trust';
import type { Described } from '../gate/call.js';
import { type JsonObject, isObject, objectAt } from './message.js';

interface ListEntry {
  /** Member of the result that holds the items. */
  readonly items: string;
  /** Member of an item that names it. */
  readonly name: string;
  /** The operation an item would be used with. */
  readonly usedWith: string;
  /** What the items are as definitions; absent where they are none that are pinned. */
  readonly kind?: DefinitionKind;
}

const lists = new Map<string, ListEntry>(
  Object.entries({
    'tools/list': { items: 'tools', name: 'name', usedWith: 'tools/call', kind: 'tool' },
    'prompts/list': { items: 'prompts', name: 'name', usedWith: 'prompts/get', kind: 'prompt' },
    'resources/list': { items: 'resources', name: 'uri', usedWith: 'resources/read' },
    'resources/templates/list': {
      items: 'resourceTemplates',
      name: 'uriTemplate',
      usedWith: 'resources/read',
    },
  } satisfies Record<string, ListEntry>),
);

/** Answers in which a server says how it is to be used. */
const introductions: ReadonlySet<string> = new Set(['initialize', 'server/discover']);

/** What a list answer offers, and the operation it is used with. */
export interface Catalog {
  readonly usedWith: string;
  /** Each once. */
  readonly names: readonly string[];
  /** What the server said of each; undefined where that is not pinned. */
  readonly described: Described | undefined;
  /** The answer with only the items whose names are visible, in the same order. */
  keep(visible: ReadonlySet<string>): JsonObject;
}

/**
 * Reads an answer to a method that offers something; undefined when it is none or an error. Items without a name
 * are never kept, nor are pinned ones whose name cannot be kept on record.
 */
export function catalogOf(method: string, answer: JsonObject): Catalog | undefined {
  if (introductions.has(method)) return introductionOf(method, answer);
  const entry = lists.get(method);
  const result = objectAt(answer, 'result');
  const items = entry === undefined ? undefined : result[entry.items];
  if (entry === undefined || items === undefined) return undefined;
  // What is no list offers nothing.
  const named = (Array.isArray(items) ? items : []).flatMap((item) => namedBy(entry, item));
  const byName = Map.groupBy(named, ({ name }) => name);
  const keep = (visible: ReadonlySet<string>): JsonObject => {
    const kept = named.filter(({ name }) => visible.has(name)).map(({ item }) => item);
    return { ...answer, result: { ...result, [entry.items]: kept } };
  };
  return {
    usedWith: entry.usedWith,
    names: [...byName.keys()],
    described: entry.kind && { kind: entry.kind, items: [...byName].map((each) => joined(each)) },
    keep,
  };
}

/** Whether a list is to be fetched as the result of a task, where nobody would know it for one. */
export function isOfferedLater(method: string, answer: JsonObject): boolean {
  if (!introductions.has(method) && !lists.has(method)) return false;
  const { resultType, task } = objectAt(answer, 'result');
  return resultType === 'task' || task !== undefined;
}

/** Instructions are offered like a list of one item that has no name. */
function introductionOf(method: string, answer: JsonObject): Catalog | undefined {
  const result = objectAt(answer, 'result');
  const { instructions, ...rest } = result;
  if (instructions === undefined || instructions === '') return undefined;
  return {
    usedWith: method,
    names: [''],
    described: { kind: 'instructions', items: [describedAs('', instructions)] },
    keep: (visible) => (visible.has('') ? answer : { ...answer, result: rest }),
  };
}

interface Named {
  readonly name: string;
  readonly item: JsonObject;
}

function namedBy({ kind, name: member }: ListEntry, item: Json): Named[] {
  const name = isObject(item) ? item[member] : undefined;
  if (!isObject(item) || typeof name !== 'string') return [];
  const isKept = kind === undefined || definitionNameSchema.safeParse(name).success;
  return isKept ? [{ name, item }] : [];
}

/** Several items of one name are one definition, so that none of them hides behind another. */
function joined([name, all]: readonly [string, readonly Named[]]): Described['items'][number] {
  const items = all.map(({ item }) => item);
  const [only] = items;
  return describedAs(name, only !== undefined && items.length === 1 ? only : items);
}

function describedAs(name: string, definition: Json): Described['items'][number] {
  return { name, definition, digest: sha256(canonicalJson(definition)) };
}
