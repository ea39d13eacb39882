import { maskPayload, payloadMember, withNote } from './binary.js';
import { MaskingError } from './error.js';
import { descend, joinMatches, startFields } from './field-path.js';
import { setOwn, type Json, type JsonObject } from './json.js';
import { noKey } from './key-words.js';
import { maskFreeText, maskNumber } from './leaf.js';
import type { Place, Run } from './run.js';
import { maskTextLeaf } from './text.js';

const minKeyLength = 6;

/** Where a walk begins. */
export function rootPlace(run: Run): Place {
  return {
    path: undefined,
    keyWords: noKey,
    match: startFields(run.profile.fields),
    depth: 0,
    opened: 0,
    isRoot: true,
  };
}

/** Masks a value and all below it. What holds nothing to mask is returned itself, not a copy. */
export function walk(run: Run, node: Json, place: Place): Json {
  run.sound(place.depth);
  switch (typeof node) {
    case 'string':
      return maskString(run, node, place);
    case 'number':
      return maskNumber(run, node, place);
    case 'boolean':
      return maskBoolean(run, node, place);
    case 'object':
      if (node === null) return null;
      return Array.isArray(node) ? walkArray(run, node, place) : walkObject(run, node, place);
    default:
      throw new MaskingError('MASK_NOT_JSON');
  }
}

function maskString(run: Run, text: string, place: Place): string {
  if (place.opened === 0) run.weigh(text);
  return maskTextLeaf(run, text, place, walk);
}

function maskBoolean(run: Run, value: boolean, place: Place): boolean {
  if (!value || !place.match.operator) return value;
  run.record(place, 'FIELD', place.match.operator.op);
  return false;
}

function walkArray(run: Run, items: Json[], place: Place): Json[] {
  let isChanged = false;
  const masked = items.map((item, at) => {
    const result = walk(
      run,
      item,
      below(run, place, { key: at, name: String(at), context: undefined }),
    );
    isChanged ||= result !== item;
    return result;
  });
  return isChanged ? masked : items;
}

function walkObject(run: Run, node: JsonObject, place: Place): JsonObject {
  const payload = payloadMember(node);
  const masked: JsonObject = {};
  let isChanged = false;
  let isWithheld = false;
  for (const [key, name] of maskKeys(run, Object.keys(node), place)) {
    const value = node[key] ?? null;
    const at = below(run, place, { key, name, context: contextOf(node, key) });
    const result = key === payload ? maskBytes(run, node, value, at) : walk(run, value, at);
    isWithheld ||= result === undefined;
    isChanged ||= result !== value || name !== key;
    setOwn(masked, name, result === undefined ? '' : result);
  }
  if (isWithheld) return withNote(masked);
  return isChanged ? masked : node;
}

function maskBytes(run: Run, node: JsonObject, value: Json, place: Place): Json | undefined {
  const payload = typeof value === 'string' ? value : '';
  run.weigh(payload);
  const opened = { ...place, opened: place.opened + 1 };
  const bytes = maskPayload(run, node, { payload, place: opened }, maskPayloadText);
  if (bytes === undefined) run.withheld++;
  return bytes;
}

function maskPayloadText(run: Run, text: string, place: Place): string {
  return maskTextLeaf(run, text, place, walk);
}

interface Descent {
  readonly key: string | number;
  /** The key as it may be shown. */
  readonly name: string;
  /** The name that gives the value its meaning, where it is not the key. */
  readonly context: string | undefined;
}

function below(run: Run, place: Place, { key, name, context }: Descent): Place {
  const match = descend(place.match, key);
  const isOwnRoot = place.isRoot && key === 'structuredContent';
  return {
    path: { above: place.path, step: name },
    keyWords: typeof key === 'number' ? place.keyWords : run.wordsOf(context ?? name),
    match: isOwnRoot ? joinMatches(match, startFields(run.profile.fields)) : match,
    depth: place.depth + 1,
    opened: place.opened,
    isRoot: place.isRoot && place.path?.step !== 'result' && key === 'result',
  };
}

/** In `{name: 'DB_PASSWORD', value: '…'}` the name says what the value is. */
function contextOf(node: JsonObject, key: string): string | undefined {
  if (key !== 'value' && key !== 'Value') return undefined;
  const named = ['name', 'key', 'Name', 'Key'].find(
    (each) => Object.hasOwn(node, each) && typeof node[each] === 'string',
  );
  const name = named === undefined ? undefined : node[named];
  return typeof name === 'string' ? name : undefined;
}

/** The keys in order, each with the name it is shown under; names stay unique within the object. */
function maskKeys(
  run: Run,
  keys: readonly string[],
  place: Place,
): readonly (readonly [string, string])[] {
  const shown = keys.map((key) => maskKey(run, key, place));
  if (shown.every((name, at) => name === keys[at])) return keys.map((key) => [key, key]);
  const taken = new Set(shown.filter((name, at) => name === keys[at]));
  const counts = new Map<string, number>();
  return keys.map((key, at) => {
    const wanted = shown[at] ?? key;
    if (wanted === key) return [key, key];
    let count = counts.get(wanted) ?? 1;
    const numbered = (): string => (count === 1 ? wanted : `${wanted}_${count}`);
    while (taken.has(numbered())) count++;
    taken.add(numbered());
    counts.set(wanted, count);
    return [key, numbered()];
  });
}

function maskKey(run: Run, key: string, place: Place): string {
  if (place.opened === 0) run.weigh(key);
  if (key.length < minKeyLength || run.profile.isInert || run.cleanKeys.has(key)) return key;
  const keyPlace = { ...place, keyWords: noKey, match: { open: [], operator: undefined } };
  const masked = maskFreeText(run, key, keyPlace, maskPayloadText);
  if (masked === key) run.cleanKeys.add(key);
  return masked;
}
