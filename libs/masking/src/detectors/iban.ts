import { isWordAt, type Candidate, type Detector, type Finding } from './detector.js';

/** Length by country, from the IBAN registry. */
const lengths: Readonly<Record<string, number>> = Object.fromEntries(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 ' +
    'EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 ' +
    'IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 ' +
    'NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 ' +
    'SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/** The check digits of an IBAN without blanks, upper-case (ISO/IEC 7064, mod 97-10). */
function passesMod97(iban: string): boolean {
  let rest = 0;
  for (const char of iban.slice(4) + iban.slice(0, 4)) {
    const value = Number.parseInt(char, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}

/** The country fixes the length, so words that follow in capitals are left out. */
function refineIban({ text, start, end }: Candidate): Finding | undefined {
  const wanted = lengths[text.slice(start, start + 2).toUpperCase()];
  if (wanted === undefined || isWordAt(text, start - 1)) return undefined;
  let iban = '';
  let stop = start;
  for (; stop < end && iban.length < wanted; stop++) {
    if (isWordAt(text, stop)) iban += text.charAt(stop);
  }
  if (iban.length !== wanted || isWordAt(text, stop)) return undefined;
  if (!passesMod97(iban.toUpperCase()) || isInUuid(text, start, stop)) return undefined;
  return { start, end: stop };
}

const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;

/** One identifier in three thousand has a valid account number inside, and a masked identifier is of no use. */
function isInUuid(text: string, start: number, end: number): boolean {
  const from = Math.max(0, end - 36);
  return [...text.slice(from, start + 36).matchAll(uuid)].some(
    (found) => from + found.index <= start && end <= from + found.index + 36,
  );
}

/** International bank account numbers, checked by country length and check digits. */
export const iban: Detector = {
  type: 'IBAN',
  score: 1,
  needs: { digits: 10 },
  pattern: /[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}/gi,
  refine: refineIban,
  vectors: {
    match: [
      'to «DE89 3704 0044 0532 0130 00» AND MORE',
      '«GB29NWBK60161331926819»',
      'iban=«nl91abna0417164300»',
      '«NO93 8601 1117 947»',
    ],
    noMatch: [
      'DE89 3704 0044 0532 0130 01',
      'ZZ89370400440532013000',
      'DE89\t3704 0044 0532 0130 00',
      'a2df25ea-5900-4831-be33-c563a09451c6',
      'order 71dc2c90-ad07-4d34-b1a4-7392ca98dc34!',
    ],
  },
};
