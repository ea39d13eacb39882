import { findEncoded, minEncodedLength } from './base64.js';
import { hasIssuer } from './detectors/card.js';
import { isSecretKey } from './detectors/secret-key.js';
import { detect } from './detect.js';
import { featuresOf, type TextFeatures } from './features.js';
import { noKey } from './key-words.js';
import { operate, label } from './operate.js';
import { resolve, type Hit, type RawHit } from './overlap.js';
import { entityTypes, type Operator } from './profile.js';
import type { Place, Run } from './run.js';
import { stronger } from './strength.js';

/** How many layers of JSON in text or of base64 are opened. */
export const maxOpened = 3;

const labels = new RegExp(
  `^\\[(?:REDACTED|BASE64|NESTED_JSON|(?:FIELD|${entityTypes.join('|')})(?::[0-9a-f]{24})?|${entityTypes.join('|')})\\]$`,
);

/** Masks a text in reading order. `look` masks what a piece of base64 stands for, to see whether it is clean. */
export function maskFreeText(
  run: Run,
  text: string,
  place: Place,
  look: (run: Run, text: string, place: Place) => string,
): string {
  const surroundings = { keyWords: place.keyWords, phoneRegion: run.phoneRegion };
  const features = featuresOf(text);
  const found = detect(text, run.profile.detectors, surroundings, features);
  const encoded = mayBeEncoded(text, features) ? encodedHits(run, text, place, look) : [];
  const hits = encoded.length > 0 ? resolve([...found, ...encoded]) : found;
  return replace(run, text, place, hits);
}

/** A long run, or a text without blanks, which may be base64 in short lines. */
function mayBeEncoded(text: string, { longestRun }: TextFeatures): boolean {
  return longestRun >= minEncodedLength || (text.length >= minEncodedLength && !text.includes(' '));
}

/** A piece of base64 is redacted as a whole if anything in what it stands for would be masked. */
function encodedHits(
  run: Run,
  text: string,
  place: Place,
  look: (run: Run, text: string, place: Place) => string,
): readonly RawHit[] {
  if (place.opened >= maxOpened) return [];
  return findEncoded(text)
    .filter(({ decoded }) => {
      const probe = run.probe();
      look(probe, decoded, { ...place, opened: place.opened + 1 });
      return probe.masked > 0 || probe.withheld > 0;
    })
    .map(({ start, end }) => ({ start, end, type: 'BASE64', score: 0.9 }));
}

function replace(run: Run, text: string, place: Place, hits: readonly Hit[]): string {
  let masked = '';
  let from = 0;
  for (const hit of hits) {
    const value = text.slice(hit.start, hit.end);
    const operator = hit.types.map((type) => run.profile.operatorFor(type)).reduce(stronger);
    const put = labels.test(value)
      ? value
      : operate({ value, type: hit.type, hashKey: run.options.hashKey }, operator);
    if (put !== value) run.record(place, hit.type, operator.op);
    masked += text.slice(from, hit.start) + put;
    from = hit.end;
  }
  return from === 0 ? text : masked + text.slice(from);
}

/** Masks a whole text by a field rule, or by a stronger operator that a detector demands regardless of it. */
export function maskField(run: Run, text: string, place: Place, rule: Operator): string {
  if (labels.test(text)) return text;
  const surroundings = { keyWords: place.keyWords, phoneRegion: run.phoneRegion };
  const operator = detect(text, run.profile.floorDetectors, surroundings)
    .flatMap(({ types }) => types.map((type) => run.profile.floorFor(type)))
    .reduce(stronger, rule);
  const masked = operate({ value: text, type: 'FIELD', hashKey: run.options.hashKey }, operator);
  if (masked !== text) run.record(place, 'FIELD', operator.op);
  return masked;
}

/** A number stays a number: 0 where a field rule or a detector hides it. */
export function maskNumber(run: Run, value: number, place: Place): number {
  if (value === 0) return value;
  if (place.match.operator) {
    run.record(place, 'FIELD', place.match.operator.op);
    return 0;
  }
  const type = numberType(run, Math.abs(value), place);
  if (type === undefined) return value;
  run.record(place, type, run.profile.operatorFor(type).op);
  return 0;
}

function numberType(run: Run, value: number, { keyWords }: Place): string | undefined {
  if (!Number.isInteger(value) || value >= 1e19 || value < leastNumber(keyWords)) return undefined;
  const digits = String(value);
  if (!Number.isSafeInteger(value)) return unsafeNumberType(run, digits);
  const [hit] = detect(digits, run.profile.detectors, { keyWords, phoneRegion: run.phoneRegion });
  return hit && hit.end - hit.start === digits.length ? hit.type : undefined;
}

/** Below this a number under such a key is an amount or an id. */
function leastNumber(keyWords: string): number {
  if (keyWords === noKey) return 1e12;
  return isSecretKey(keyWords) ? 1e3 : 1e5;
}

/** The digits were rounded when the number was parsed, so the check digit cannot clear it. */
function unsafeNumberType(run: Run, digits: string): string | undefined {
  const detectsCards = run.profile.detectors.some(({ type }) => type === 'CREDIT_CARD');
  return detectsCards && hasIssuer(digits) ? 'CREDIT_CARD' : undefined;
}

/** Hides what is text and JSON too deep to be opened. */
export function maskUnopened(run: Run, text: string, place: Place): string {
  if (run.profile.isInert) return text;
  run.record(place, 'NESTED_JSON', 'redact');
  return label('NESTED_JSON');
}
