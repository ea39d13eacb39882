import { isDigitAt, isWordAt, type Candidate, type Detector, type Finding } from './detector.js';

/** The check digit of payment cards (ISO/IEC 7812-1). */
function passesLuhn(digits: string): boolean {
  let sum = 0;
  let double = false;
  for (let at = digits.length - 1; at >= 0; at--) {
    let digit = digits.charCodeAt(at) - 0x30;
    if (double) digit = digit > 4 ? digit * 2 - 9 : digit * 2;
    sum += digit;
    double = !double;
  }
  return sum % 10 === 0;
}

/** First and last leading digits of a card network, with the lengths it issues. */
const issuers: readonly (readonly [from: string, to: string, lengths: readonly number[]])[] = [
  ['4', '4', [13, 16, 19]],
  ['51', '55', [16]],
  ['2221', '2720', [16]],
  ['34', '34', [15]],
  ['37', '37', [15]],
  ['300', '305', [14, 16, 17, 18, 19]],
  ['309', '309', [14, 16, 17, 18, 19]],
  ['36', '36', [14, 15, 16, 17, 18, 19]],
  ['38', '39', [14, 16, 17, 18, 19]],
  ['3528', '3589', [16, 17, 18, 19]],
  ['1800', '1800', [15]],
  ['2131', '2131', [15]],
  ['2200', '2204', [16, 17, 18, 19]],
  ['6011', '6011', [16, 17, 18, 19]],
  ['644', '659', [16, 17, 18, 19]],
  ['60', '60', [16]],
  ['62', '62', [16, 17, 18, 19]],
  ['81', '82', [16, 17, 18, 19]],
  ['50', '50', [13, 14, 15, 16, 17, 18, 19]],
  ['56', '58', [13, 14, 15, 16, 17, 18, 19]],
  ['63', '63', [13, 14, 15, 16, 17, 18, 19]],
  ['67', '67', [13, 14, 15, 16, 17, 18, 19]],
  ['9792', '9792', [16]],
];

/** True if some card network issues numbers of this length that begin so. */
export function hasIssuer(digits: string): boolean {
  return issuers.some(([from, to, lengths]) => {
    const prefix = digits.slice(0, from.length);
    return prefix >= from && prefix <= to && lengths.includes(digits.length);
  });
}

/** True for a complete card number without separators. */
function isCardNumber(digits: string): boolean {
  return hasIssuer(digits) && passesLuhn(digits);
}

/** A run may go on behind the card (expiry date, code), so shorter ends are tried at each group's end. */
function refineCard({ text, start, end }: Candidate): Finding | undefined {
  if (isWordAt(text, start - 1) || isFraction(text, start)) return undefined;
  for (let stop = end; stop >= start + 13; stop--) {
    if (isWordAt(text, stop) || !isDigitAt(text, stop - 1)) continue;
    const groups = text.slice(start, stop).split(/[ .-]/);
    if (areCardGroups(groups) && isCardNumber(groups.join(''))) return { start, end: stop };
  }
  return undefined;
}

/** The digits behind a decimal point are no card, however long. */
function isFraction(text: string, start: number): boolean {
  return text.charAt(start - 1) === '.' && isDigitAt(text, start - 2);
}

/** Cards are printed as 4-4-4-4, 4-6-5 and the like; a list of small numbers is no card. */
function areCardGroups(groups: readonly string[]): boolean {
  if (groups.length === 1) return true;
  return groups[0]?.length === 4 && groups.every(({ length }) => length >= 3 && length <= 7);
}

/** Payment cards, checked by issuer and check digit. */
export const card: Detector = {
  type: 'CREDIT_CARD',
  score: 1,
  needs: { stretch: 13 },
  // Separators are horizontal: a tab or a line end would bridge two cells of a table.
  pattern: /\d(?:[ .-]?\d){12,18}/g,
  refine: refineCard,
  vectors: {
    match: [
      'paid with «4111 1111 1111 1111» 12/27',
      '«5555-5555-5555-4444»',
      'order 1 «4012888888881881»',
      '«378282246310005»',
      '«3782 822463 10005»',
      'card_«6011111111111117»',
      '{"n":«4111111111111111»}',
    ],
    noMatch: [
      '4111 1111 1111 1112',
      '4111\t1111\t1111\t1111',
      '4111 1111\n1111 1111',
      '0.4111111111111111',
      'a4111111111111111',
      '1732400000000',
      '4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1',
    ],
  },
};
