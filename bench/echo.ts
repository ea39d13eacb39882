const words =
  'the quick gateway holds every call until policy has judged it and masking has read the answer ';
const letters = 'abcdefghij';
const bytes = 1024;
let count = 0;

/** A text of 1 KB that differs each time and holds nothing to mask. */
export function nextText(): string {
  count += 1;
  const mark = String(count).replaceAll(/\d/g, (digit) => letters.charAt(Number(digit)));
  return `${mark} ${words.repeat(12)}`.slice(0, bytes);
}
