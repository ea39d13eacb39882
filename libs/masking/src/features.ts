import type { Features } from './detectors/detector.js';

/** What one pass over a text tells; `isPlain` means that nothing in it needs normalising. */
export interface TextFeatures extends Features {
  readonly isPlain: boolean;
}

const digitBit = 1;
const runBit = 2;
const stretchBit = 4;
const escapeBit = 8;
const colonShift = 4;
const atShift = 5;

/** What each UTF-16 unit is good for; one table, so that a character costs one look-up. */
const kinds = new Uint8Array(0x10000).fill(escapeBit, 0x80);
mark('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+/=.~:', runBit);
mark('0123456789', digitBit);
mark('0123456789 ./()+-', stretchBit);
mark('\\%&', escapeBit);
mark(':', 1 << colonShift);
mark('@', 1 << atShift);

function mark(chars: string, bit: number): void {
  for (const char of chars) {
    const code = char.charCodeAt(0);
    kinds[code] = (kinds[code] ?? 0) | bit;
  }
}

/** Looks at each character once. */
export function featuresOf(text: string): TextFeatures {
  let [digits, ats, colons, stretch, longestStretch, runStart, longestRun] = [0, 0, 0, 0, 0, 0, 0];
  let isPlain = true;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const kind = kinds[code] ?? 0;
    if (kind & digitBit) {
      digits++;
      stretch++;
      continue;
    }
    if (!(kind & stretchBit)) {
      longestStretch = Math.max(longestStretch, stretch);
      stretch = 0;
    }
    colons += (kind >> colonShift) & 1;
    if (kind & runBit) continue;
    longestRun = Math.max(longestRun, at - runStart);
    runStart = at + 1;
    ats += (kind >> atShift) & 1;
    if (kind & escapeBit) isPlain &&= !mayHide(text, at, code);
  }
  longestStretch = Math.max(longestStretch, stretch);
  longestRun = Math.max(longestRun, text.length - runStart);
  return { digits, ats, colons, longestRun, stretch: longestStretch, isPlain };
}

/** What follows each character that may begin an escape. */
const escapes: ReadonlyMap<number, string> = new Map([
  [0x5c, 'uxnrt'],
  [0x25, '234567'],
  [0x26, '#'],
]);

/** Accented letters below this hide nothing, except for these few signs. */
const firstOddCode = 0x34f;
const oddSigns = new Set([0xa0, 0xad, 0xb2, 0xb3, 0xb9]);
const curlyQuotes = new Set([0x2018, 0x2019, 0x201c, 0x201d]);

/** True for the beginning of an escape and for characters that `normalise` may fold. */
function mayHide(text: string, at: number, code: number): boolean {
  const followers = escapes.get(code);
  if (followers !== undefined) {
    const next = text.charAt(at + 1);
    return next !== '' && followers.includes(next);
  }
  return code < firstOddCode ? oddSigns.has(code) : !curlyQuotes.has(code);
}
