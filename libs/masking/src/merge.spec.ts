import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { entityTypes, maskValue, mergeProfiles, type MaskProfile, type Operator } from './index.js';
import { stronger } from './strength.js';

const email = 'ada.lovelace@example.com';

function profile(overrides: Partial<MaskProfile> = {}): MaskProfile {
  return { profile: 'none', entities: {}, fields: {}, binary: 'pass', ...overrides };
}

const operators = fc.oneof(
  fc.constantFrom<Operator>(
    { op: 'redact' },
    { op: 'mask' },
    { op: 'hash' },
    { op: 'email_partial' },
  ),
  fc.record({ op: fc.constantFrom('keep_first' as const, 'keep_last' as const), n: fc.nat(6) }),
);
const profiles: fc.Arbitrary<MaskProfile> = fc.record({
  profile: fc.constantFrom('none', 'secrets', 'standard'),
  entities: fc.dictionary(fc.constantFrom(...entityTypes), operators, { maxKeys: 4 }),
  fields: fc.dictionary(fc.constantFrom('$.a', '$..a', '$.b[*]', '$.c'), operators, { maxKeys: 3 }),
  binary: fc.constantFrom('pass', 'withhold'),
});

test('when profiles are merged, then the stricter of each part wins', () => {
  const merged = mergeProfiles([
    profile({ profile: 'secrets', entities: { EMAIL: { op: 'keep_last', n: 4 } } }),
    profile({ entities: { EMAIL: { op: 'mask' } }, binary: 'withhold' }),
  ]);

  expect(merged).toMatchObject({
    profile: 'secrets',
    entities: { EMAIL: { op: 'mask' } },
    binary: 'withhold',
  });
});

test('when one profile relaxes an entity that another masks by default, then the default holds', () => {
  const merged = mergeProfiles([
    profile({ profile: 'standard', entities: { EMAIL: { op: 'email_partial' } } }),
    profile({ profile: 'standard' }),
  ]);

  expect(merged.entities).toEqual({});
});

test('when one profile relaxes a field and another does not know it, then detectors hold under the rule', () => {
  const relaxed = profile({ profile: 'standard', fields: { '$.a': { op: 'email_partial' } } });
  const merged = mergeProfiles([relaxed, profile({ profile: 'standard' })]);

  expect(maskValue({ a: email }, mergeProfiles([relaxed])).value).toEqual({
    a: 'a•••@example.com',
  });
  expect(maskValue({ a: email }, merged).value).toEqual({ a: '[REDACTED]' });
});

test('when no profile is given, then nothing is masked', () => {
  expect(mergeProfiles([])).toEqual(profile());
});

test('when profiles are merged in any order and grouping, then the result is the same', () => {
  fc.assert(
    fc.property(profiles, profiles, profiles, (a, b, c) => {
      const merged = mergeProfiles([a, b, c]);
      expect(mergeProfiles([c, a, b])).toEqual(merged);
      expect(mergeProfiles([b, c, a])).toEqual(merged);
      expect(mergeProfiles([a, mergeProfiles([b, c])])).toEqual(merged);
      expect(mergeProfiles([mergeProfiles([a, b]), c])).toEqual(merged);
      expect(mergeProfiles([merged, a])).toEqual(merged);
    }),
    { numRuns: 200 },
  );
});

test('when profiles are merged, then no operator and no base becomes weaker', () => {
  fc.assert(
    fc.property(profiles, profiles, (a, b) => {
      const merged = mergeProfiles([a, b]);
      for (const each of [a, b]) {
        for (const [path, operator] of Object.entries(each.fields)) {
          const now = merged.fields[path];
          expect(now && stronger(now, operator)).toEqual(now);
        }
        expect(mergeProfiles([merged, each])).toEqual(merged);
      }
    }),
    { numRuns: 200 },
  );
});

/** What is shown of an address is letters; masks and labels have none in lower case. */
function shown(masked: string): string[] {
  return [...masked.matchAll(/[a-z.]{3,}@?[a-z.]*/g)].map(([part]) => part);
}

test('when one profile hides a character of a value, then the merged profile does not show it', () => {
  const value = { a: email, b: [email], c: 'x', d: email };
  fc.assert(
    fc.property(profiles, profiles, (a, b) => {
      const merged = JSON.stringify(maskValue(value, mergeProfiles([a, b])).value);
      for (const each of [a, b]) {
        const alone = JSON.stringify(maskValue(value, each).value);
        if (!alone.includes(email)) expect(merged).not.toContain(email);
        if (shown(alone).length === 0) expect(shown(merged)).toEqual([]);
      }
    }),
    { numRuns: 200 },
  );
});
