/** JSON as parsed. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A JSON object as parsed; its keys come from outside and may be any string. */
export type JsonObject = { [key: string]: Json };

/** True for an object that is neither null nor a list. */
export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Sets an own member even when it is called `__proto__`, where plain assignment would change the prototype. */
export function setOwn(target: JsonObject, key: string, value: Json): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
    return;
  }
  target[key] = value;
}

/** One step of a JSON pointer, escaped as RFC 6901 says. */
export function pointerStep(key: string | number): string {
  return String(key).replaceAll('~', '~0').replaceAll('/', '~1');
}

/** How many members all objects of a parsed value have together. */
export function countMembers(value: Json): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + countMembers(item), 0);
  if (!isJsonObject(value)) return 0;
  const members = Object.values(value);
  return members.reduce<number>((sum, member) => sum + countMembers(member), members.length);
}

/**
 * How many members are written in valid JSON text. More than `countMembers` of its parse means that a key was
 * repeated, and that a value stands in the text which the parse does not show.
 */
export function countWrittenMembers(text: string): number {
  let members = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (inString && char === 0x5c) at++;
    else if (char === 0x22) inString = !inString;
    else if (char === 0x3a && !inString) members++;
  }
  return members;
}
