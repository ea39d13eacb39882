/** How much of a text is shown. */
export interface TextLimits {
  readonly maxCodePoints: number;
  readonly maxLines: number;
}

/**
 * Characters that hide, reorder or end text: controls, formats (bidirectional and zero-width among them), tags,
 * lone surrogates, private use, line and paragraph separators, blank letters, whatever Unicode ignores by default.
 */
const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;
const hiddenButNewline =
  /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** Marks that pile up on one letter, or that would sit on what stands before the text. */
const piledMarks = /(?<=^|\n|\p{M}{4})\p{M}/gu;

/** Each `{{` costs a piece of its own in a card, so that only so many are shown as they are. */
const maxBracePairs = 8;

/** Hostile text on one line: normalised (NFC), what cannot be seen written as `\u{…}`, cut with a mark. */
export function visibleLine(text: string, maxCodePoints: number): string {
  return shortened(text, hidden, maxCodePoints);
}

/** The same over several lines; what goes beyond the limits is told in a mark at the end. */
export function visibleLines(text: string, limits: TextLimits): readonly string[] {
  const lines = shortened(text, hiddenButNewline, limits.maxCodePoints).split('\n');
  const beyond = lines.length - limits.maxLines;
  return beyond <= 0 ? lines : [...lines.slice(0, limits.maxLines), `[+${beyond} lines]`];
}

/** A text in pieces of which none holds `{{`, so that no renderer expands `{{DATE(…)}}`; joined, they are the text. */
export function bracesApart(text: string): readonly string[] {
  return text.split(/(?<=\{)(?=\{)/u);
}

function visible(text: string, unseen: RegExp): string {
  let pairs = 0;
  return text
    .normalize('NFC')
    .replace(unseen, escaped)
    .replace(piledMarks, escaped)
    .replace(/(?<=\{)\{/gu, (brace) => {
      pairs += 1;
      return pairs > maxBracePairs ? escaped(brace) : brace;
    });
}

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/**
 * By code point and after escaping, so that no escape hides what follows and no character is halved. Of a very long
 * text only a beginning is looked at: eight units of UTF-16 hold a code point even after normalisation.
 */
function shortened(text: string, unseen: RegExp, maxCodePoints: number): string {
  const unread = Math.max(0, text.length - maxCodePoints * 8);
  const shown = visible(unread === 0 ? text : text.slice(0, -unread), unseen);
  if (unread === 0 && shown.length <= maxCodePoints) return shown;
  const points = Array.from(shown);
  const beyond = points.length - maxCodePoints + unread;
  return beyond <= 0 ? shown : `${points.slice(0, maxCodePoints).join('')}[+${beyond} chars]`;
}
