import { isDigitAt, standsAlone, type Candidate, type Detector, type Finding } from './detector.js';

const context = [
  'ssn',
  'ssns',
  'social security',
  'socialsecurity',
  'social',
  'tax id',
  'tin',
  'itin',
];

/** Ranges that the Social Security Administration never issues. */
function isIssued(digits: string): boolean {
  const area = digits.slice(0, 3);
  if (area === '000' || area === '666' || area >= '900') return false;
  return digits.slice(3, 5) !== '00' && digits.slice(5) !== '0000';
}

function refineSsn({ text, start, end }: Candidate): Finding | undefined {
  if (!standsAlone(text, { start, end })) return undefined;
  if (isJoined(text, start - 1, -1) || isJoined(text, end, 1)) return undefined;
  const value = text.slice(start, end);
  if (value.length === 11 && value.charAt(3) !== value.charAt(6)) return undefined;
  return isIssued(value.replaceAll(/\D/g, '')) ? { start, end } : undefined;
}

/** A dash or dot and a further digit make it a part of a longer number. */
function isJoined(text: string, at: number, step: 1 | -1): boolean {
  return ['-', '.'].includes(text.charAt(at)) && isDigitAt(text, at + step);
}

/** Social security numbers as they are written. */
export const ssn: Detector = {
  type: 'US_SSN',
  score: 0.85,
  needs: { stretch: 9 },
  pattern: /\d{3}[ .-]\d{2}[ .-]\d{4}/g,
  refine: refineSsn,
  context,
  vectors: {
    match: ['SSN «219-09-9999».', '«219 09 9999»', 'ssn:«219.09.9999»'],
    noMatch: [
      '000-12-3456',
      '666-12-3456',
      '912-12-3456',
      '219-00-9999',
      '219-09 9999',
      '1-219-09-9999',
    ],
  },
};

/** Nine bare digits are one only where the words around say so. */
export const bareSsn: Detector = {
  type: 'US_SSN',
  score: 0.2,
  needs: { stretch: 9 },
  pattern: /\d{9}/g,
  refine: refineSsn,
  context,
  vectors: {
    match: [
      'ssn 219099999'.replace('219', '«219') + '»',
      'her social security number is «219099999»',
    ],
    noMatch: ['order 219099999', 'ssn 000123456', 'lessn 219099999'],
  },
};
