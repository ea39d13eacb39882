import { z } from 'zod';
import { allDetectors } from './detectors/all.js';
import type { Detector } from './detectors/detector.js';
import { MaskingError } from './error.js';
import { parseFieldPath, type FieldRule } from './field-path.js';
import {
  effectiveOperators,
  maskProfileSchema,
  type EntityOperators,
  type MaskProfile,
  type Operator,
} from './profile.js';

/** A profile made ready: paths taken apart, detectors chosen. Holds no text and may be kept. */
export class CompiledProfile {
  readonly fields: readonly FieldRule[];
  readonly detectors: readonly Detector[];
  readonly floorDetectors: readonly Detector[];
  readonly binary: MaskProfile['binary'];
  private readonly operators: ReadonlyMap<string, Operator>;
  private readonly floor: ReadonlyMap<string, Operator>;

  constructor(profile: MaskProfile) {
    const entities = effectiveOperators(profile);
    this.fields = Object.entries(profile.fields).map(([path, operator]) => ({
      steps: parseFieldPath(path),
      operator,
    }));
    this.detectors = detectorsFor(entities);
    this.floorDetectors = detectorsFor(profile.floor ?? {});
    this.binary = profile.binary;
    this.operators = new Map(Object.entries(entities));
    this.floor = new Map(Object.entries(profile.floor ?? {}));
  }

  /** True if text can pass through unseen. */
  get isInert(): boolean {
    return this.detectors.length === 0 && this.fields.length === 0;
  }

  /** What is done to a recognised type; redact for types without an operator of their own. */
  operatorFor(type: string): Operator {
    return this.operators.get(type) ?? { op: 'redact' };
  }

  /** The operator that a recognised type demands even under a field rule. */
  floorFor(type: string): Operator {
    return this.floor.get(type) ?? { op: 'redact' };
  }
}

const compiled = new WeakMap<MaskProfile, CompiledProfile>();

/**
 * Checks a profile and its field paths and makes it ready, once per object; a profile must not be changed
 * afterwards. Throws a `MaskingError` that names the offending path or key.
 */
export function compileProfile(profile: MaskProfile | CompiledProfile): CompiledProfile {
  if (profile instanceof CompiledProfile) return profile;
  const present = compiled.get(profile);
  if (present) return present;
  const parsed = maskProfileSchema.safeParse(profile);
  if (!parsed.success) {
    throw new MaskingError('MASK_PROFILE_INVALID', z.prettifyError(parsed.error));
  }
  const fresh = new CompiledProfile(parsed.data);
  compiled.set(profile, fresh);
  return fresh;
}

function detectorsFor(entities: EntityOperators): readonly Detector[] {
  return allDetectors.filter(({ type }) => entities[type] !== undefined);
}
