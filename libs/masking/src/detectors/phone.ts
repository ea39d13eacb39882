import { isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/max';
import {
  isDigitAt,
  isWordAt,
  type Candidate,
  type Detector,
  type Finding,
  type Surroundings,
} from './detector.js';

const context = [
  'phone',
  'phones',
  'telephone',
  'tel',
  'mobile',
  'cell',
  'cellphone',
  'fax',
  'call',
  'calling',
  'called',
  'dial',
  'reach',
  'sms',
  'whatsapp',
  'hotline',
  'answering',
  'msisdn',
  'telefon',
  'phone number',
  'mobile number',
];
const contextBehind = /^[ \-,(]{1,2}(?:office|fax|mobile|cell|home|work)(?:[^a-z0-9_:=]|$)/i;
const dateLike =
  /^\(?(?:(?:19|20)\d{2}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d{2})(?!\d)/;
const nanp = /^(?:(?:\+1|001|1)[ .-]?)?(?:\(\d{3}\)[ .-]?|\d{3}[ .-])\d{3}[ .-]\d{4}$/;
const extension = /[ ]?(?:x|ext\.?|#)[ ]?\d{1,6}/iy;
const maxCuts = 3;

/** A run of digits may go on behind the number, so up to three of its last groups are cut away before it is given up. */
function refinePhone(candidate: Candidate): Finding | undefined {
  const { text, start } = candidate;
  if (isPartOfWord(text, start)) return undefined;
  let { end } = candidate;
  for (let cut = 0; cut <= maxCuts && end > start; cut++) {
    const score = isWordAt(text, end) && !startsExtension(text, end) ? 0 : scoreOf(candidate, end);
    if (score > 0) return { start, end: extended(text, end), score };
    end = endOfPreviousGroup(text, start, end);
  }
  return undefined;
}

function isPartOfWord(text: string, start: number): boolean {
  if (isWordAt(text, start - 1)) return true;
  return (
    /[.\-/:_$€£#]/.test(text.charAt(start - 1)) &&
    (isWordAt(text, start - 2) || !/[-:]/.test(text.charAt(start - 1)))
  );
}

function startsExtension(text: string, end: number): boolean {
  extension.lastIndex = end;
  return extension.test(text);
}

function extended(text: string, end: number): number {
  return startsExtension(text, end) && !isWordAt(text, extension.lastIndex)
    ? extension.lastIndex
    : end;
}

function endOfPreviousGroup(text: string, start: number, end: number): number {
  let at = end - 1;
  while (at > start && isDigitAt(text, at)) at--;
  while (at > start && !isDigitAt(text, at)) at--;
  return at + 1;
}

/** 0 for what is no phone number. */
function scoreOf(candidate: Candidate, end: number): number {
  const value = candidate.text.slice(candidate.start, end);
  const digits = value.replaceAll(/\D/g, '').length;
  if (digits < 7 || digits > 15 || dateLike.test(value)) return 0;
  if (nanp.test(value)) return 0.7;
  if (value.length === digits) return isBareNumber(candidate, end) ? 0.55 : 0;
  return isWritten(candidate, value) || (areGroups(value) && isCalledPhone(candidate, end))
    ? 0.9
    : 0;
}

/** International with a plus, or as national numbers are dialled: the area in brackets, or a leading zero. */
function isWritten({ surroundings }: Candidate, value: string): boolean {
  if (!value.startsWith('+') && !(/^[(0]/.test(value) && areGroups(value))) return false;
  return isValid(value, surroundings);
}

/** Ids, times and amounts are bare digits too, so the words around must say what it is. */
function isBareNumber(candidate: Candidate, end: number): boolean {
  if (!isCalledPhone(candidate, end)) return false;
  const { text, start, surroundings } = candidate;
  return end - start >= 9 || isValid(text.slice(start, end), surroundings);
}

function isCalledPhone({ text, inContext }: Candidate, end: number): boolean {
  return contextBehind.test(text.slice(end, end + 12)) || inContext();
}

/** One kind of separator and groups of two or more digits; not `10 - 20 / 3`. */
function areGroups(value: string): boolean {
  return (
    /^\+?\(?\d{1,5}\)?(?:[ .\-/]?\d{2,8}){1,6}$/.test(value) &&
    !/\d[./]\d.*[ -]\d.*[./]\d/.test(value)
  );
}

function isValid(value: string, { phoneRegion }: Surroundings): boolean {
  const region = isSupportedCountry(phoneRegion) ? phoneRegion : 'US';
  return parsePhoneNumberFromString(value, region)?.isValid() ?? false;
}

/** Telephone numbers: international, North American as written, and national ones of the configured region. */
export const phone: Detector = {
  type: 'PHONE',
  score: 0.5,
  needs: { stretch: 7 },
  pattern: /(?:\+\d|\(\+?\d|\d)(?:[ ./()-]{0,2}\d){6,17}/g,
  refine: refinePhone,
  context,
  vectors: {
    match: [
      'call «+44 20 7946 0958» now',
      '«(212) 555-0142»',
      '«212-555-0142»x123'.replace('»x123', 'x123»'),
      'tel: «2125550142»',
      '«001-212-555-0142»',
      'office «+49 30 901820»',
    ],
    noMatch: [
      '2024-01-15 10:30',
      '2125550142',
      '15.01.2024 1030',
      '1.2.3.4',
      '12 34',
      'id 7-212-5550142',
      'id=0012345678 phone=x',
    ],
  },
};
