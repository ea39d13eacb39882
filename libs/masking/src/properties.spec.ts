import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { maskText, maskValue, MaskingError, type Json, type MaskProfile } from './index.js';

const standard: MaskProfile = { profile: 'standard', entities: {}, fields: {}, binary: 'withhold' };
const hashed: MaskProfile = {
  ...standard,
  entities: {
    EMAIL: { op: 'hash' },
    PHONE: { op: 'mask' },
    IBAN: { op: 'keep_first', n: 4 },
    US_SSN: { op: 'keep_last', n: 4 },
  },
  fields: { '$..note': { op: 'hash' }, '$..name': { op: 'keep_first', n: 1 } },
};
const options = { hashKey: Buffer.from('a key for tests only') };

/** Values that must never come out, as a detector meets them. */
const canaries = [
  'canary.person@example.com',
  '4012888888881881',
  '219-09-9998',
  'GB29NWBK60161331926819',
  '198.51.100.23',
  `ghp_${'c4N4'.repeat(9)}`,
  '+442079460958',
  'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl',
] as const;

const canary = fc.constantFrom(...canaries);
const hidings: readonly ((value: string) => string)[] = [
  (value) => value,
  (value) => ` ${value} `,
  (value) => `see (${value}), please`,
  (value) => JSON.stringify({ v: value }),
  (value) => JSON.stringify([JSON.stringify({ [value]: value })], undefined, 2),
  (value) => `{"k":"${value}","k":null}`,
  (value) => Buffer.from(`value: ${value}, and so on`).toString('base64'),
  (value) => `log ${Buffer.from(`value: ${value}, and so on`).toString('base64')} end`,
  (value) => `a\t${value}\tb\n`,
];
const leaf = fc.tuple(canary, fc.constantFrom(...hidings)).map(([value, hide]) => hide(value));
const anyJson = fc.json({ maxDepth: 2 }).map((text): Json => JSON.parse(text));
const { tree } = fc.letrec<{ tree: Json; node: Json }>((tie) => ({
  tree: fc.oneof({ maxDepth: 4 }, leaf, tie('node')),
  node: fc.oneof(
    fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
    fc.dictionary(
      fc.oneof(
        canary,
        fc.string({ maxLength: 8 }),
        fc.constantFrom('text', 'structuredContent', '__proto__', 'value', 'note', 'name'),
      ),
      tie('tree'),
      {
        minKeys: 1,
        maxKeys: 3,
      },
    ),
    fc.tuple(leaf, anyJson).map(([text, json]): Json => [text, json]),
  ),
}));

/** Everything that a reader could get at: the text, and what base64 and JSON in it stand for. */
function opened(value: Json): string {
  let text = JSON.stringify(value);
  for (let layer = 0; layer < 4; layer++) {
    text =
      text.replaceAll('\\', '') +
      [...text.matchAll(/[A-Za-z0-9+/]{24,}={0,2}/g)]
        .map(([piece]) => Buffer.from(piece, 'base64').toString('latin1'))
        .join(' ');
  }
  return text;
}

test.each([
  ['standard', standard],
  ['mixed operators', hashed],
])('when a canary lies anywhere in a value, then it does not come out: %s', (_, profile) => {
  fc.assert(
    fc.property(tree, (value) => {
      const result = maskValue(value, profile, options);
      const text = opened(result.value) + JSON.stringify(result.positions);
      for (const each of canaries) expect(text).not.toContain(each);
    }),
    { numRuns: 150 },
  );
});

test.each([
  ['standard', standard],
  ['mixed operators', hashed],
])(
  'when a masked value is masked again, then nothing changes and nothing is counted: %s',
  (_, profile) => {
    fc.assert(
      fc.property(tree, (value) => {
        const once = maskValue(value, profile, options).value;
        const twice = maskValue(once, profile, options);
        expect(JSON.stringify(twice.value)).toBe(JSON.stringify(once));
        expect(twice.counts).toEqual({});
      }),
      { numRuns: 150 },
    );
  },
);

function shape(value: Json): unknown {
  if (Array.isArray(value)) return value.map(shape);
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value;
  return Object.values(value).map(shape);
}

test('when any JSON is masked, then its structure and types are kept', () => {
  fc.assert(
    fc.property(fc.oneof(tree, anyJson), (value) => {
      const masked = maskValue(value, { ...standard, binary: 'pass' }).value;
      expect(shape(masked)).toEqual(shape(value));
    }),
    { numRuns: 200 },
  );
});

test('when any text is masked, then it throws nothing but its own error', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.anything(), (text, anything) => {
      expect(typeof maskText(text, hashed, options).text).toBe('string');
      try {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a careless caller could do
        maskValue(anything as Json, standard);
      } catch (error) {
        expect(error).toBeInstanceOf(MaskingError);
      }
    }),
    { numRuns: 200 },
  );
});

test('when JSON text is masked, then it is still JSON', () => {
  fc.assert(
    fc.property(tree, fc.constantFrom(0, 2), (value, indent) => {
      const { text } = maskText(JSON.stringify([value], undefined, indent), standard);
      expect(() => JSON.parse(text) as unknown).not.toThrow();
    }),
    { numRuns: 100 },
  );
});
