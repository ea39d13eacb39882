import type { Detector, Finding } from './detector.js';

const partChars = /[A-Za-z0-9_-]/;
const minPartLength = 8;
const maxParts = 5;

/** Parts may be long, so they are measured instead of matched; each character is looked at once. */
function* scanTokens(text: string): Iterable<Finding> {
  let at = text.indexOf('eyJ');
  while (at >= 0) {
    let next = at + 3;
    if (at === 0 || !partChars.test(text.charAt(at - 1))) {
      const ends = partEnds(text, at);
      next = ends.at(-1) ?? next;
      if (isToken(at, ends)) yield { start: at, end: next };
    }
    at = text.indexOf('eyJ', next);
  }
}

function isToken(
  start: number,
  [header = start, payload = start, ...more]: readonly number[],
): boolean {
  return more.length > 0 && header - start >= minPartLength && payload - header > 2;
}

/** The end of each part that follows the one before by a dot; signed tokens have three, encrypted ones five. */
function partEnds(text: string, start: number): readonly number[] {
  const ends: number[] = [];
  let at = start;
  while (ends.length < maxParts) {
    while (at < text.length && partChars.test(text.charAt(at))) at++;
    ends.push(at);
    if (text.charAt(at) !== '.') break;
    at++;
  }
  return ends;
}

/** JSON Web Tokens, signed or encrypted. */
export const jwt: Detector = {
  type: 'JWT',
  score: 1,
  needs: { longestRun: 14 },
  literals: ['eyJ'],
  scan: scanTokens,
  vectors: {
    match: [
      'Bearer «eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl»',
      '"«eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.»"',
    ],
    noMatch: ['eyJhbGciOiJIUzI1NiJ9', 'eyJ.eyJ.x', 'heyJude.song.mp3'],
  },
};
