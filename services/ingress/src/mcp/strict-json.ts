import type { Json } from '#masking';

/** Why bytes are not JSON that two parsers would read alike. */
export type JsonFault =
  | 'NOT_UTF8'
  | 'SYNTAX'
  | 'DUPLICATE_KEY'
  | 'FORBIDDEN_KEY'
  | 'UNSAFE_NUMBER'
  | 'LONE_SURROGATE'
  | 'TOO_DEEP'
  | 'TOO_LONG';

/** How large JSON may be, besides its bytes. */
export interface JsonLimits {
  /** Arrays and objects inside of each other. */
  readonly maxDepth: number;
  /** Elements of one array, or members of one object. */
  readonly maxArrayLength: number;
}

/** JSON that is refused, because another parser might read it differently or it is a trap. */
export class UnreadableJson extends Error {
  override readonly name = 'UnreadableJson';
  constructor(readonly fault: JsonFault) {
    super(`the JSON is refused: ${fault}`);
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const numberPattern = /-?\d+(\.\d+)?([eE][+-]?\d+)?/y;

/**
 * Parses JSON once and for all: what this returns, serialised again, is what goes on.
 * @throws UnreadableJson for other encodings, duplicate keys, `__proto__`, numbers that do not survive,
 * lone surrogates, and what is deeper or longer than allowed.
 */
export function parseStrictJson(bytes: Uint8Array, limits: JsonLimits): Json {
  const text = decode(bytes);
  const value = parse(text);
  new Scan(text, limits).run();
  return value;
}

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new UnreadableJson('NOT_UTF8');
  }
}

function parse(text: string): Json {
  try {
    const value: Json = JSON.parse(text);
    return value;
  } catch {
    throw new UnreadableJson('SYNTAX');
  }
}

/** One pass over text that is known to be JSON, for what `JSON.parse` lets through. */
class Scan {
  #at = 0;
  /** What is open, outermost first: its commas, and the keys of an object; null for an array. */
  readonly #open: { readonly keys: Set<string> | null; commas: number }[] = [];

  constructor(
    private readonly text: string,
    private readonly limits: JsonLimits,
  ) {}

  run(): void {
    while (this.#at < this.text.length) this.#step(this.text.charCodeAt(this.#at));
  }

  #step(code: number): void {
    switch (code) {
      case 0x22: // "
        this.#string();
        return;
      case 0x7b: // {
        this.#enter(new Set());
        return;
      case 0x5b: // [
        this.#enter(null);
        return;
      case 0x7d: // }
      case 0x5d: // ]
        this.#open.pop();
        this.#at += 1;
        return;
      case 0x2c: // ,
        this.#comma();
        return;
      default:
        if (code === 0x2d || (code >= 0x30 && code <= 0x39)) this.#number();
        else this.#at += 1;
    }
  }

  #enter(keys: Set<string> | null): void {
    this.#open.push({ keys, commas: 0 });
    if (this.#open.length > this.limits.maxDepth) throw new UnreadableJson('TOO_DEEP');
    this.#at += 1;
  }

  #comma(): void {
    const open = this.#open.at(-1);
    if (open !== undefined) {
      open.commas += 1;
      if (open.commas >= this.limits.maxArrayLength) throw new UnreadableJson('TOO_LONG');
    }
    this.#at += 1;
  }

  #string(): void {
    const start = this.#at;
    let end = this.text.indexOf('"', start + 1);
    while (this.#isEscaped(end)) end = this.text.indexOf('"', end + 1);
    this.#at = end + 1;
    const raw = this.text.slice(start, end + 1);
    const value = raw.includes('\\') ? String(JSON.parse(raw)) : raw.slice(1, -1);
    if (!value.isWellFormed()) throw new UnreadableJson('LONE_SURROGATE');
    const keys = this.#open.at(-1)?.keys;
    if (keys instanceof Set && this.#isKey()) this.#key(keys, value);
  }

  #isEscaped(quote: number): boolean {
    let backslashes = 0;
    while (this.text.charCodeAt(quote - 1 - backslashes) === 0x5c) backslashes += 1;
    return backslashes % 2 === 1;
  }

  #isKey(): boolean {
    let next = this.#at;
    while (' \t\n\r'.includes(this.text.charAt(next)) && next < this.text.length) next += 1;
    return this.text.charCodeAt(next) === 0x3a;
  }

  #key(keys: Set<string>, key: string): void {
    if (key === '__proto__') throw new UnreadableJson('FORBIDDEN_KEY');
    if (keys.has(key)) throw new UnreadableJson('DUPLICATE_KEY');
    keys.add(key);
  }

  #number(): void {
    numberPattern.lastIndex = this.#at;
    const [literal = '', fraction, exponent] = numberPattern.exec(this.text) ?? [];
    this.#at += Math.max(literal.length, 1);
    const value = Number(literal);
    const isInteger = fraction === undefined && exponent === undefined;
    const survives = isInteger ? Number.isSafeInteger(value) : Number.isFinite(value);
    if (!survives) throw new UnreadableJson('UNSAFE_NUMBER');
  }
}
