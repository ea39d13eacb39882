import type { Json } from '#masking';
import { Refusal } from '../gate/refusal.js';
import { isObject, type Message, objectAt } from './message.js';
import { decoded } from './mirrored-headers.js';

/** As JSON writes numbers: no other base, and no zeros in front, which some read as octal. */
const decimal = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/**
 * Compares the headers that repeat arguments of a tool with the arguments (MCP 2026-07-28, `x-mcp-header`):
 * whoever routes by a header must not read another value than the one that was judged.
 * @throws Refusal when one is missing, differs, or repeats what is not there.
 */
export function checkArguments(
  headers: Readonly<Record<string, string>>,
  message: Message | undefined,
  params: ReadonlyMap<string, readonly string[]>,
): void {
  if (message === undefined) return;
  const given = objectAt(objectAt(message.body, 'params'), 'arguments');
  for (const [name, path] of params) {
    if (agrees(headers[name], valueAt(given, path))) continue;
    const words = `${name} is missing or does not agree with the body.`;
    throw new Refusal('REQUEST_HEADERS_REFUSED', 'intake', words);
  }
}

function valueAt(given: Json, path: readonly string[]): Json | undefined {
  let value: Json | undefined = given;
  for (const name of path) {
    value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  return value;
}

/** What is absent, null or no plain value has no header. Numbers are equal by value: 42.0 is 42. */
function agrees(header: string | undefined, value: Json | undefined): boolean {
  switch (typeof value) {
    case 'string':
      return header !== undefined && decoded(header) === value;
    case 'boolean':
      return header === String(value);
    case 'number':
      return header !== undefined && decimal.test(header) && Number(header) === value;
    default:
      return header === undefined;
  }
}
