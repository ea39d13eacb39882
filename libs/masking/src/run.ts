import type { CompiledProfile } from './compile.js';
import { MaskingError } from './error.js';
import type { FieldMatch } from './field-path.js';
import { pointerStep } from './json.js';
import type { Operator } from './profile.js';
import { keyWordsOf } from './key-words.js';

/** Settings of a call to the engine. */
export interface MaskOptions {
  /** The tenant's key for `hash`. Without it `hash` redacts. */
  readonly hashKey?: Buffer | undefined;
  /** How deep values may be nested, JSON inside text included. Default 64. */
  readonly maxDepth?: number | undefined;
  /** How many bytes of UTF-8 all strings and keys may have together. Default 16 MiB. */
  readonly maxBytes?: number | undefined;
  /** Country whose national phone numbers are recognised, ISO 3166-1 alpha-2. Default US. */
  readonly phoneRegion?: string | undefined;
}

/** Where something was masked, and how; never what. */
export interface MaskPosition {
  /** JSON pointer; `#` begins a pointer inside JSON that stands in a text. Masked keys appear masked. */
  readonly pointer: string;
  readonly type: string;
  readonly operator: Operator['op'];
}

/** The way from the root to a node, as a list from its end. */
export interface Path {
  readonly above: Path | undefined;
  readonly step: string;
}

/** What is known about a node while the walk is there. */
export interface Place {
  readonly path: Path | undefined;
  /** Words of the nearest key, see `keyWordsOf`. */
  readonly keyWords: string;
  readonly match: FieldMatch;
  readonly depth: number;
  /** How many texts or encodings had to be opened to get here. */
  readonly opened: number;
  /** Whether `structuredContent` may lie directly below. */
  readonly isRoot: boolean;
}

const maxPositions = 200;
const defaultMaxDepth = 64;
const defaultMaxBytes = 16 * 1024 * 1024;

/** One call to the engine: limits, and what has been found so far. */
export class Run {
  readonly counts: Record<string, number> = {};
  readonly positions: MaskPosition[] = [];
  /** Keys already found to hold nothing; a table repeats its keys in each row. */
  readonly cleanKeys = new Set<string>();
  withheld = 0;
  masked = 0;
  private bytes = 0;
  private readonly keyWords = new Map<string, string>();

  constructor(
    readonly profile: CompiledProfile,
    readonly options: MaskOptions,
  ) {}

  /** A run of its own under the same rules, to find out whether something would be masked. */
  probe(): Run {
    return new Run(this.profile, this.options);
  }

  get phoneRegion(): string {
    return this.options.phoneRegion ?? 'US';
  }

  /** Counts what was masked; positions stop at a cap, counts go on. */
  record(place: Place, type: string, operator: Operator['op']): void {
    this.counts[type] = (this.counts[type] ?? 0) + 1;
    this.masked++;
    if (this.positions.length < maxPositions) {
      this.positions.push({ pointer: pointerOf(place.path), type, operator });
    }
  }

  /** Throws once all strings together are larger than allowed. */
  weigh(text: string): void {
    this.bytes += Buffer.byteLength(text, 'utf8');
    if (this.bytes > (this.options.maxBytes ?? defaultMaxBytes)) {
      throw new MaskingError('MASK_TOO_LARGE');
    }
  }

  /** Throws at a node that lies deeper than allowed. */
  sound(depth: number): void {
    if (depth > (this.options.maxDepth ?? defaultMaxDepth)) throw new MaskingError('MASK_TOO_DEEP');
  }

  /** The words of a key, remembered, because a table repeats its keys in each row. */
  wordsOf(key: string): string {
    let words = this.keyWords.get(key);
    if (words === undefined) {
      words = keyWordsOf(key);
      this.keyWords.set(key, words);
    }
    return words;
  }
}

function pointerOf(path: Path | undefined): string {
  const steps: string[] = [];
  for (let at = path; at; at = at.above) {
    steps.push(at.step === '#' ? '#' : `/${pointerStep(at.step)}`);
  }
  return steps.toReversed().join('');
}
