import { startFields } from './field-path.js';
import { countMembers, countWrittenMembers, type Json, type JsonObject } from './json.js';
import { maskField, maskFreeText, maskUnopened, maxOpened } from './leaf.js';
import type { Place, Run } from './run.js';

type Openable = string | Json[] | JsonObject;
type Walk = (run: Run, node: Json, place: Place) => Json;

/** Masks a text: by its field rule, as JSON where it is JSON, as lines of JSON, or as free text. */
export function maskTextLeaf(run: Run, text: string, place: Place, walk: Walk): string {
  if (text === '') return text;
  if (place.match.operator) return maskField(run, text, place, place.match.operator);
  if (run.profile.isInert) return text;
  const asJson = maskJsonText(run, text, place, walk) ?? maskJsonLines(run, text, place, walk);
  if (asJson !== undefined) return asJson;
  return maskFreeText(run, text, place, (run, text, place) => maskTextLeaf(run, text, place, walk));
}

/** Undefined if the text is no JSON object, array or string. Text in which nothing is masked stays as it is. */
function maskJsonText(run: Run, text: string, place: Place, walk: Walk): string | undefined {
  const parsed = parseJson(text);
  if (parsed === undefined) return undefined;
  if (place.opened >= maxOpened) {
    return typeof parsed === 'string' ? undefined : maskUnopened(run, text, place);
  }
  const masked = walk(run, parsed, {
    path: { above: place.path, step: '#' },
    keyWords: place.keyWords,
    match: startFields(run.profile.fields),
    depth: place.depth + 1,
    opened: place.opened + 1,
    isRoot: true,
  });
  // A repeated key hides a value from the parse, so only a text without one may stay as it is.
  if (masked === parsed && countWrittenMembers(text) === countMembers(parsed)) return text;
  return text.includes('\n') ? JSON.stringify(masked, undefined, 2) : JSON.stringify(masked);
}

/** Each line a document of its own, as exports and logs have it; undefined unless every line is one. */
function maskJsonLines(run: Run, text: string, place: Place, walk: Walk): string | undefined {
  if (!/^\s*[{[]/.test(text) || !text.includes('\n')) return undefined;
  const lines = text.split('\n');
  if (!lines.every(isDocument)) return undefined;
  return lines
    .map((line) => (line.trim() === '' ? line : (maskJsonText(run, line, place, walk) ?? line)))
    .join('\n');
}

function isDocument(line: string): boolean {
  return line.trim() === '' || parseJson(line) !== undefined;
}

function parseJson(text: string): Openable | undefined {
  if (!/^\s*[{["]/.test(text)) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    return isOpenable(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** `JSON.parse` yields JSON; a scalar other than a string is not worth opening. */
function isOpenable(parsed: unknown): parsed is Openable {
  return typeof parsed === 'string' || (typeof parsed === 'object' && parsed !== null);
}
