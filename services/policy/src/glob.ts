/**
 * Matches `text` against a pattern in which `*` stands for any characters. Linear in practice: on a
 * mismatch only the last star is tried further. Exact code points, no case folding.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let at = 0;
  let from = 0;
  let star = -1;
  let starFrom = 0;
  while (from < text.length) {
    if (pattern[at] === '*') {
      star = at++;
      starFrom = from;
    } else if (pattern[at] === text[from] && at < pattern.length) {
      at += 1;
      from += 1;
    } else if (star >= 0) {
      at = star + 1;
      from = ++starFrom;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at += 1;
  return at === pattern.length;
}
