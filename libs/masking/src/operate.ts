import { createHmac } from 'node:crypto';
import type { Operator } from './profile.js';

/** Stands for a hidden character in what partial operators show. */
const hidden = '•';
const separator = /[ \-./]/;

/** A value to be hidden, with the type that names it and the tenant's key for `hash`. */
export interface Sighting {
  readonly value: string;
  readonly type: string;
  readonly hashKey?: Buffer | undefined;
}

/** What takes the value's place. Applied to its own result, each operator changes nothing. */
export function operate(sighting: Sighting, operator: Operator): string {
  const { value, type } = sighting;
  switch (operator.op) {
    case 'redact':
      return label(type);
    case 'mask':
      return (operator.char ?? '*').repeat(charsOf(value).length);
    case 'keep_first':
      return keepFirst(value, operator.n);
    case 'keep_last':
      return reversed(keepFirst(reversed(value), operator.n));
    case 'email_partial':
      return partialEmail(value);
    case 'hash':
      return hash(sighting);
    default:
      // An operator that nobody knows hides everything.
      return label(type);
  }
}

/** The label that a redacted value leaves behind, for example `[EMAIL]`. */
export function label(type: string): string {
  return type === 'FIELD' ? '[REDACTED]' : `[${type}]`;
}

/** Whole code points, so that no half of a surrogate pair is left over. */
function charsOf(value: string): string[] {
  return Array.from(value);
}

function reversed(value: string): string {
  return charsOf(value).toReversed().join('');
}

/** Never more than a third of the value is shown, so that short values stay hidden. */
function keepFirst(value: string, n: number): string {
  const chars = charsOf(value);
  let visible = Math.min(n, Math.floor(chars.length / 3));
  return chars
    .map((char) => {
      if (separator.test(char)) return char;
      return visible-- > 0 ? char : hidden;
    })
    .join('');
}

function partialEmail(value: string): string {
  const at = value.lastIndexOf('@');
  if (at < 1) return hidden.repeat(charsOf(value).length);
  const [first = hidden] = value;
  const shown = at > 2 && first !== hidden ? first : '';
  return `${shown}${hidden.repeat(3)}${value.slice(at)}`;
}

/** 96 bits of HMAC-SHA-256 over type and value, each with its length before it, so that the two cannot slide into each other. */
function hash({ value, type, hashKey }: Sighting): string {
  // Without a key equal values could be found by trying; hiding the value altogether is the safe side.
  if (!hashKey || hashKey.length === 0) return label(type);
  const mac = createHmac('sha256', hashKey);
  for (const part of [type, normalised(value, type)]) {
    mac.update(`${Buffer.byteLength(part)}:${part}`);
  }
  return `[${type}:${mac.digest('hex').slice(0, 24)}]`;
}

function normalised(value: string, type: string): string {
  switch (type) {
    case 'EMAIL':
      return value.toLowerCase();
    case 'CREDIT_CARD':
    case 'PHONE':
    case 'US_SSN':
      return value.replaceAll(/\D/g, '');
    case 'IBAN':
      return value.replaceAll(/[ -]/g, '').toUpperCase();
    default:
      return value;
  }
}
