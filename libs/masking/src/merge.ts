import { effectiveOperators, baseProfiles, type MaskProfile, type Operator } from './profile.js';
import { isStronger, stronger, strongerOperators } from './strength.js';

/** Masks nothing; the neutral element of merging. */
const nothing: MaskProfile = { profile: 'none', entities: {}, fields: {}, binary: 'pass' };

/**
 * One profile that masks at least what each of the given ones masks, whatever their order: the strictest base,
 * for each entity and field the strongest operator, and withhold before pass. No profiles means no masks.
 */
export function mergeProfiles(profiles: readonly MaskProfile[]): MaskProfile {
  return profiles.reduce(mergeTwo, nothing);
}

function mergeTwo(one: MaskProfile, other: MaskProfile): MaskProfile {
  const strictest = Math.max(
    baseProfiles.indexOf(one.profile),
    baseProfiles.indexOf(other.profile),
  );
  const profile = baseProfiles[strictest] ?? 'standard';
  const fields = mergeFields(one.fields, other.fields);
  const floor = [one, other]
    .map((each) => floorOf(each, fields))
    .reduce(strongerOperators, strongerOperators(one.floor ?? {}, other.floor ?? {}));
  return {
    profile,
    entities: onlyChanged(
      profile,
      strongerOperators(effectiveOperators(one), effectiveOperators(other)),
    ),
    fields,
    binary: one.binary === 'withhold' || other.binary === 'withhold' ? 'withhold' : 'pass',
    ...(Object.keys(floor).length > 0 && { floor }),
  };
}

/** A profile that lacks one of the merged field rules asked for its detectors there, and keeps them. */
function floorOf(profile: MaskProfile, fields: MaskProfile['fields']): MaskProfile['entities'] {
  const lacksOne = Object.keys(fields).some((path) => !Object.hasOwn(profile.fields, path));
  return lacksOne ? effectiveOperators(profile) : {};
}

function mergeFields(
  one: MaskProfile['fields'],
  other: MaskProfile['fields'],
): MaskProfile['fields'] {
  const merged = new Map<string, Operator>(Object.entries(one));
  for (const [path, operator] of Object.entries(other)) {
    const present = merged.get(path);
    merged.set(path, present ? stronger(present, operator) : operator);
  }
  return Object.fromEntries([...merged].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Leaves out what the base says anyway, so that equal profiles look equal. */
function onlyChanged(
  profile: MaskProfile['profile'],
  operators: MaskProfile['entities'],
): MaskProfile['entities'] {
  const base = effectiveOperators({ profile, entities: {} });
  return Object.fromEntries(
    Object.entries(operators).filter(([type, operator]) => {
      const usual = Object.entries(base).find(([each]) => each === type)?.[1];
      return !usual || isStronger(operator, usual) || isStronger(usual, operator);
    }),
  );
}
