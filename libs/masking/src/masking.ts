import { compileProfile, type CompiledProfile } from './compile.js';
import { MaskingError } from './error.js';
import type { Json } from './json.js';
import type { MaskProfile } from './profile.js';
import { Run, type MaskOptions, type MaskPosition } from './run.js';
import { rootPlace, walk } from './walk.js';

interface Findings {
  /** How often each type was masked; `FIELD` counts field rules, `BASE64` encoded values. */
  counts: Record<string, number>;
  /** Where, for the record; at most 200, and never a value. */
  positions: MaskPosition[];
  /** How many binary payloads were withheld. */
  withheld: number;
}

/** A masked value and what was found in it. */
export interface MaskResult extends Findings {
  value: Json;
}

/** A masked text and what was found in it. */
export interface MaskTextResult extends Findings {
  text: string;
}

/**
 * Masks every string, object key and number of a JSON value. What holds nothing to mask is returned as it is, not
 * copied. Throws nothing but `MaskingError`, and whoever gets one must withhold the value.
 */
export function maskValue(
  value: Json,
  profile: MaskProfile | CompiledProfile,
  options: MaskOptions = {},
): MaskResult {
  return guarded(profile, options, (run) => {
    const masked = walk(run, value, rootPlace(run));
    return { value: masked, ...findings(run) };
  });
}

/** Masks a text, also one that is JSON or holds JSON in its strings. Throws nothing but `MaskingError`. */
export function maskText(
  text: string,
  profile: MaskProfile | CompiledProfile,
  options: MaskOptions = {},
): MaskTextResult {
  return guarded(profile, options, (run) => {
    const masked = walk(run, text, rootPlace(run));
    if (typeof masked !== 'string') throw new MaskingError('MASK_NOT_JSON');
    return { text: masked, ...findings(run) };
  });
}

function findings(run: Run): Findings {
  return { counts: run.counts, positions: run.positions, withheld: run.withheld };
}

function guarded<T>(
  profile: MaskProfile | CompiledProfile,
  options: MaskOptions,
  mask: (run: Run) => T,
): T {
  try {
    return mask(new Run(compileProfile(profile), options));
  } catch (error) {
    if (error instanceof MaskingError) throw error;
    // The cause could carry a piece of the value in its message, so only its kind goes on.
    throw new MaskingError('MASK_FAILED', error instanceof Error ? error.name : typeof error);
  }
}
