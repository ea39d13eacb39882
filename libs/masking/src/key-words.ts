/** No key at all. */
export const noKey = ' ';

/** What stands for a masked part of a key says nothing about the value below it. */
const label = /\[[A-Z0-9_]+(?::[0-9a-f]{24})?\](?:_\d+)?/g;

/**
 * The words of a name, lower-case, with blanks before, between and after: `customerSSN` and `customer_ssn` both
 * give ` customer ssn `. Context words can then be looked for whole.
 */
export function keyWordsOf(name: string): string {
  const words = name
    .slice(0, 256)
    .replaceAll(label, ' ')
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/[^A-Za-z0-9]+/g, ' ')
    .toLowerCase()
    .trim();
  return words === '' ? noKey : ` ${words} `;
}
