import type { Candidate, Detector, Features, Finding, Surroundings } from './detectors/detector.js';
import { MaskingError } from './error.js';
import { featuresOf, type TextFeatures } from './features.js';
import { keyWordsOf } from './key-words.js';
import { normalise, originalSpan } from './normalise.js';
import { resolve, type Hit, type RawHit } from './overlap.js';

/**
 * Candidates of one detector in one text. Text made to look like numbers everywhere would otherwise hold
 * up everybody else for seconds.
 */
const maxTries = 20_000;
const threshold = 0.5;
const contextBonus = 0.35;
/** About five words. */
const contextLength = 48;

/** Everything the detectors recognise in a text, in order and without overlaps. Positions are those of the text given. */
export function detect(
  text: string,
  detectors: readonly Detector[],
  surroundings: Surroundings,
  features: TextFeatures = featuresOf(text),
): readonly Hit[] {
  const hits: RawHit[] = [];
  search({ text, detectors, surroundings, features }, hits);
  if (!features.isPlain) {
    // Both views count: one may join what the other shows apart.
    const normal = normalise(text);
    const found: RawHit[] = [];
    search(
      { text: normal.text, detectors, surroundings, features: featuresOf(normal.text) },
      found,
    );
    for (const hit of found) hits.push({ ...hit, ...originalSpan(normal, hit) });
  }
  return resolve(hits);
}

interface Search {
  readonly text: string;
  readonly detectors: readonly Detector[];
  readonly surroundings: Surroundings;
  readonly features: Features;
}

function search({ text, detectors, surroundings, features }: Search, hits: RawHit[]): void {
  for (const { needs, members } of groupsOf(detectors)) {
    if (!hasFeatures(needs, features)) continue;
    for (const detector of members) {
      if (isWorthALook(detector, text)) collect(detector, text, surroundings, hits);
    }
  }
}

function collect(
  detector: Detector,
  text: string,
  surroundings: Surroundings,
  hits: RawHit[],
): void {
  for (const finding of findings(detector, text, surroundings)) {
    const score = finding.score ?? detector.score;
    if (score >= threshold && finding.end > finding.start) {
      hits.push({ start: finding.start, end: finding.end, type: detector.type, score });
    }
  }
}

/** Detectors that need the same features, so that most of them are passed over at once. */
interface Group {
  readonly needs: Features;
  readonly members: Detector[];
}

const groups = new WeakMap<readonly Detector[], readonly Group[]>();

function groupsOf(detectors: readonly Detector[]): readonly Group[] {
  let grouped = groups.get(detectors);
  if (!grouped) {
    const byNeeds = new Map<string, Group>();
    for (const detector of detectors) {
      const needs = { digits: 0, stretch: 0, ats: 0, colons: 0, longestRun: 0, ...detector.needs };
      const key = Object.values(needs).join(' ');
      const group = byNeeds.get(key) ?? { needs, members: [] };
      group.members.push(detector);
      byNeeds.set(key, group);
    }
    grouped = [...byNeeds.values()];
    groups.set(detectors, grouped);
  }
  return grouped;
}

function isWorthALook({ literals, hint }: Detector, text: string): boolean {
  if (literals && !literals.some((literal) => text.includes(literal))) return false;
  return hint?.test(text) ?? true;
}

function hasFeatures(needs: Features, features: Features): boolean {
  return (
    features.digits >= needs.digits &&
    features.stretch >= needs.stretch &&
    features.ats >= needs.ats &&
    features.colons >= needs.colons &&
    features.longestRun >= needs.longestRun
  );
}

function* findings(
  detector: Detector,
  text: string,
  surroundings: Surroundings,
): Iterable<Finding> {
  if (detector.scan) yield* detector.scan(text, surroundings);
  const { pattern } = detector;
  if (!pattern) return;
  let tries = 0;
  for (let from = 0; ;) {
    tries += 1;
    if (tries > maxTries) throw new MaskingError('MASK_TOO_COSTLY');
    pattern.lastIndex = from;
    const match = pattern.exec(text);
    if (!match) return;
    const finding = judge(detector, candidateOf({ detector, text, surroundings }, match));
    // A refused candidate may hide another one that begins inside it.
    from = Math.max(match.index + 1, finding?.end ?? 0);
    if (finding) yield finding;
  }
}

function judge(detector: Detector, candidate: Candidate): Finding | undefined {
  const { start, end } = candidate;
  const finding: Finding | undefined = detector.refine
    ? detector.refine(candidate)
    : { start, end };
  if (!finding) return undefined;
  const score = (finding.score ?? detector.score) + (candidate.inContext() ? contextBonus : 0);
  return { start: finding.start, end: finding.end, score: Math.min(1, score) };
}

function candidateOf(
  {
    detector,
    text,
    surroundings,
  }: { detector: Detector; text: string; surroundings: Surroundings },
  match: RegExpExecArray,
): Candidate {
  const [start, end] = match.indices?.[1] ?? [match.index, match.index + match[0].length];
  const { context } = detector;
  let known: boolean | undefined;
  const inContext = (): boolean => (known ??= hasContext(context, text, start, surroundings));
  return { text, surroundings, start, end, inContext };
}

function hasContext(
  context: readonly string[] | undefined,
  text: string,
  start: number,
  { keyWords }: Surroundings,
): boolean {
  if (!context) return false;
  const before = text.slice(Math.max(0, start - contextLength), start);
  // Names in programs are read word by word; `phoneNumber` holds the word phone.
  const words = /[a-z][A-Z]/.test(before) ? keyWordsOf(before) : before;
  return contextPattern(context).test(`${keyWords}${words}`);
}

const contextPatterns = new WeakMap<readonly string[], RegExp>();

function contextPattern(context: readonly string[]): RegExp {
  let pattern = contextPatterns.get(context);
  if (!pattern) {
    const words = context.map((each) => each.replaceAll(' ', '[^a-z0-9]')).join('|');
    pattern = new RegExp(`(?:^|[^a-z0-9])(?:${words})(?:[^a-z0-9]|$)`, 'i');
    contextPatterns.set(context, pattern);
  }
  return pattern;
}
