import { RE2JS } from 're2js';
import { describe, expect, test } from 'vitest';
import { detect } from './detect.js';
import { allDetectors } from './detectors/all.js';
import { noKey } from './key-words.js';

const surroundings = { keyWords: noKey, phoneRegion: 'US' };

describe.each(
  allDetectors.map(
    (detector) => [`${detector.type} ${detector.literals?.[0] ?? ''}`, detector] as const,
  ),
)('%s', (_, detector) => {
  test.each(detector.vectors.match.map((vector) => [vector]))(
    'when %j is read, then the marked part is found',
    (vector) => {
      const start = vector.indexOf('«');
      const text = vector.replaceAll(/[«»]/g, '');

      const hits = detect(text, [detector], surroundings);

      expect(hits).toMatchObject([{ type: detector.type, start, end: vector.indexOf('»') - 1 }]);
    },
  );

  test.each(detector.vectors.noMatch.map((vector) => [vector]))(
    'when %j is read, then nothing is found',
    (vector) => {
      expect(detect(vector, [detector], surroundings)).toEqual([]);
    },
  );

  test('when its pattern is read by RE2, then it is accepted, and no quantifier is open', () => {
    const source = detector.pattern?.source ?? '';

    expect(() => RE2JS.compile(source)).not.toThrow();
    expect(source.replaceAll(/\[(?:[^\]\\]|\\.)*\]|\\./g, '_')).not.toMatch(/[*+]|,\}/);
  });
});

test('when findings overlap, then one hit covers all of them and the better names it', () => {
  const text = 'password=postgres://app:Zx81kQp0@db.example';

  const hits = detect(text, allDetectors, surroundings);

  expect(hits).toHaveLength(1);
  expect(hits[0]).toMatchObject({ type: 'BASIC_AUTH_URL' });
});
