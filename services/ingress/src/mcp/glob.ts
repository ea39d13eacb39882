/**
 * Whether a text matches a pattern in which `*` stands for any characters. The text is a client's, so
 * the time is bounded by the product of both lengths: on a mismatch only the last star gives way.
 */
export function matches(pattern: string, text: string): boolean {
  let at = 0;
  let star: { readonly at: number; from: number } | undefined;
  let from = 0;
  while (from < text.length) {
    if (pattern[at] === '*') {
      star = { at, from };
      at += 1;
    } else if (pattern[at] === text[from]) {
      at += 1;
      from += 1;
    } else if (star === undefined) {
      return false;
    } else {
      star.from += 1;
      ({ from } = star);
      at = star.at + 1;
    }
  }
  return /^\**$/.test(pattern.slice(at));
}
