import type { EntityType } from '../profile.js';

/** What one cheap pass over a text tells, so that most detectors need not look at it. */
export interface Features {
  readonly digits: number;
  /** The most digits in one stretch of digits, blanks and the signs that numbers are written with. */
  readonly stretch: number;
  readonly ats: number;
  readonly colons: number;
  /** The longest run of characters that tokens and base64 are made of. */
  readonly longestRun: number;
}

/** What surrounds a text: words of the JSON key it stands under, and settings. */
export interface Surroundings {
  /** The key's words, lower-case, with a blank before, between and after; a single blank if there is no key. */
  readonly keyWords: string;
  /** Country whose national phone numbers are recognised, ISO 3166-1 alpha-2. */
  readonly phoneRegion: string;
}

/** A piece of a text; `end` is the position after its last character. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What a pattern matched, to be judged by a detector's `refine`. */
export interface Candidate extends Span {
  readonly text: string;
  readonly surroundings: Surroundings;
  /** Whether one of the detector's context words stands before it or in its key; found out when asked. */
  readonly inContext: () => boolean;
}

/** A candidate that holds, perhaps shortened; `score` replaces the detector's own. */
export interface Finding extends Span {
  readonly score?: number;
}

/** How one kind of value is recognised, as data. */
export interface Detector {
  readonly type: EntityType;
  /** Between 0 and 1; a finding below one half is dropped, and a context word adds 0.35. */
  readonly score: number;
  /** Least features a text must have to be worth a look. */
  readonly needs?: Partial<Features>;
  /** One of these must occur in the text. */
  readonly literals?: readonly string[];
  /** Must match somewhere in the text; a cheap test before the dear one, where case varies. */
  readonly hint?: RegExp;
  /** RE2 subset: no look-around, no back-reference, every quantifier bounded. A group is the value itself. */
  readonly pattern?: RegExp;
  /** Finds candidates where a bounded pattern cannot. */
  readonly scan?: (text: string, surroundings: Surroundings) => Iterable<Finding>;
  /** Checks a candidate; undefined drops it. */
  readonly refine?: (candidate: Candidate) => Finding | undefined;
  /** Whole words, lower-case; several words stand in one entry with blanks between. */
  readonly context?: readonly string[];
  /** Examples, run as tests. What must be found stands between « and ». */
  readonly vectors: { readonly match: readonly string[]; readonly noMatch: readonly string[] };
}

/** True if the character is an ASCII letter or digit; false beyond the ends of the text. */
export function isWordAt(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return isDigitCode(code) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
}

/** True if the character is an ASCII digit; false beyond the ends of the text. */
export function isDigitAt(text: string, at: number): boolean {
  return isDigitCode(text.charCodeAt(at));
}

function isDigitCode(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** True if neither end of the span touches a letter or digit outside it. */
export function standsAlone(text: string, span: Span): boolean {
  return !isWordAt(text, span.start - 1) && !isWordAt(text, span.end);
}
