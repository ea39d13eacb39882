import type { Span } from './detectors/detector.js';

/** Text as the detectors see it, with the way back to the text as it stands. */
export interface NormalText {
  readonly text: string;
  /** What was folded, in order; everything between stands as it was. */
  readonly folds: readonly Fold[];
}

interface Fold {
  /** Position and length in the normal text. */
  readonly at: number;
  readonly length: number;
  /** Position and length in the original. */
  readonly originalAt: number;
  readonly originalLength: number;
}

/** All that may need folding begins with one of these. */
const foldable = /[\\%&\u0080-\uffff]/g;

/** Escapes that a reader downstream will resolve: JSON's, a URL's and HTML's. */
const escape =
  /\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})|%([2-7][0-9A-Fa-f])|&#x([0-9A-Fa-f]{2,4});|&#(\d{2,5});|\\([nrt])/y;

/**
 * Folds away what hides a value from a pattern and not from a reader: invisible characters, full-width and
 * mathematical letters and digits, odd blanks and dashes, and escapes.
 */
export function normalise(text: string): NormalText {
  const pieces: string[] = [];
  const folds: Fold[] = [];
  let from = 0;
  let at = 0;
  for (const { index } of text.matchAll(foldable)) {
    if (index < from) continue;
    const [char, originalLength] = fold(text, index, text.codePointAt(index) ?? 0);
    if (char === text.slice(index, index + originalLength)) continue;
    at += index - from;
    pieces.push(text.slice(from, index), char);
    folds.push({ at, length: char.length, originalAt: index, originalLength });
    at += char.length;
    from = index + originalLength;
  }
  pieces.push(text.slice(from));
  return { text: pieces.join(''), folds };
}

/** The piece of the original that a piece of the normal text stands for; a folded character counts as a whole. */
export function originalSpan(normal: NormalText, span: Span): Span {
  return { start: originalOf(normal, span.start)[0], end: originalOf(normal, span.end - 1)[1] };
}

/** Where the character at a position of the normal text begins and ends in the original. */
function originalOf(
  { folds }: NormalText,
  position: number,
): readonly [start: number, end: number] {
  let low = 0;
  let high = folds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((folds[middle]?.at ?? 0) <= position) low = middle + 1;
    else high = middle;
  }
  const last = folds[low - 1];
  if (!last) return [position, position + 1];
  const end = last.originalAt + last.originalLength;
  if (position < last.at + last.length) return [last.originalAt, end];
  const start = end + position - last.at - last.length;
  return [start, start + 1];
}

function fold(text: string, at: number, code: number): readonly [char: string, length: number] {
  if (code < 0x80) return foldAscii(text, at, code);
  const length = code > 0xffff ? 2 : 1;
  if (isInvisible(code)) return ['', length];
  if (isBlank(code)) return [' ', length];
  if ((code >= 0x2010 && code <= 0x2015) || code === 0x2212) return ['-', length];
  const digit = foreignDigit(code);
  if (digit !== undefined) return [digit, length];
  const char = text.slice(at, at + length);
  return [isCompatibilityForm(code) ? asciiForm(char) : char, length];
}

function foldAscii(
  text: string,
  at: number,
  code: number,
): readonly [char: string, length: number] {
  if (code === 0x5c || code === 0x25 || code === 0x26) {
    escape.lastIndex = at;
    const match = escape.exec(text);
    if (match) return [unescaped(match), match[0].length];
  }
  return [text.charAt(at), 1];
}

function unescaped(match: RegExpExecArray): string {
  const [, json, byte, url, htmlHex, html, control] = match;
  if (control !== undefined) return control === 't' ? '\t' : '\n';
  const hex = json ?? byte ?? url ?? htmlHex;
  const char = String.fromCharCode(
    hex === undefined ? Number.parseInt(html ?? '20', 10) : Number.parseInt(hex, 16),
  );
  return isInvisible(char.charCodeAt(0)) ? '' : asciiForm(char);
}

function asciiForm(char: string): string {
  const form = char.normalize('NFKC');
  return /^[\x20-\x7e]+$/.test(form) ? form : char;
}

const invisible: readonly (readonly [from: number, to: number])[] = [
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x180b, 0x180e],
  [0x200b, 0x200f],
  [0x202a, 0x202e],
  [0x2060, 0x206f],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xe0000, 0xe0fff],
];

function isInvisible(code: number): boolean {
  return code >= 0xad && invisible.some(([from, to]) => code >= from && code <= to);
}

function isBlank(code: number): boolean {
  return code === 0xa0 || (code >= 0x2000 && code <= 0x200a) || code === 0x202f || code === 0x3000;
}

/** Decimal digits of other scripts whose compatibility form is not ASCII: Arabic, Persian, Devanagari, Bengali. */
function foreignDigit(code: number): string | undefined {
  const zero = [0x660, 0x6f0, 0x966, 0x9e6].find((first) => code >= first && code <= first + 9);
  return zero === undefined ? undefined : String(code - zero);
}

function isCompatibilityForm(code: number): boolean {
  if (code >= 0xff01 && code <= 0xff5e) return true;
  if (code >= 0x1d400 && code <= 0x1d7ff) return true;
  return (code >= 0x2070 && code <= 0x24ff) || code === 0xfe52 || code === 0xfe6b || code === 0xb2;
}
