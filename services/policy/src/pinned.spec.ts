import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Pin, Standing } from '#contracts';
import type { Decision } from './decide.js';
import { type FoundStanding, isHeld, standingOf, withDefinition } from './pinned.js';

const [first, second, third] = ['a', 'b', 'c'].map((each) => each.repeat(64));
const pin = (change: Partial<Pin> = {}): Pin => ({
  kind: 'tool',
  new: 'pass',
  changed: 'hold',
  ...change,
});
const use = (change: Partial<Pin> = {}) => ({ server: 'orders', name: 'refund', pin: pin(change) });

const decision = (effect: Decision['effect'], change: Partial<Decision> = {}): Decision => ({
  effect,
  rules: [{ id: 'r', message: null }],
  ruleIds: ['r'],
  erroredRuleIds: [],
  mask: { profile: 'standard', entities: {}, fields: {}, binary: 'pass' },
  approval: null,
  breakGlass: null,
  hidden: false,
  message: 'r',
  ...change,
});
const people = { sets: [{ groups: ['g'], quorum: 1 }], expiresAfterSeconds: 60 };

describe('how a definition stands', () => {
  const accepted = { accepted: [second!, first!], latest: second! };
  const held = { accepted: [first!], latest: second! };
  const waiting = { accepted: [], latest: first! };

  test.each<[string, Parameters<typeof standingOf>, FoundStanding]>([
    ['nobody has seen it', [undefined, undefined, false], 'unknown'],
    ['only this gateway has seen it', [undefined, first, false], 'new'],
    ['it was seen and accepted by nobody', [waiting, first, false], 'new'],
    ['it is the accepted one', [accepted, second, false], 'accepted'],
    ['it is an earlier accepted one', [accepted, first, false], 'accepted'],
    [
      'this gateway has not seen it and the latest is accepted',
      [accepted, undefined, false],
      'accepted',
    ],
    [
      'this gateway has not seen it and the latest is not accepted',
      [held, undefined, false],
      'changed',
    ],
    [
      'this gateway has seen an accepted one, and another gateway something else',
      [held, first, false],
      'changed',
    ],
    ['this gateway has seen something else', [accepted, third, false], 'changed'],
    [
      'the latest is not accepted but this one, listed just now, is',
      [held, first, true],
      'accepted',
    ],
    ['what is listed just now is not accepted', [accepted, third, true], 'changed'],
    ['its record is damaged', ['unreadable', first, false], 'unreadable'],
  ])('when %s, then it is so', (_, given, standing) => {
    expect(standingOf(...given)).toBe(standing);
  });
});

describe('what is held', () => {
  test.each<[Standing | 'unreadable', Partial<Pin>, boolean]>([
    ['accepted', { new: 'hold', changed: 'hold' }, false],
    ['new', {}, false],
    ['new', { new: 'hold' }, true],
    ['unknown', {}, false],
    ['unknown', { new: 'hold' }, true],
    ['changed', {}, true],
    ['changed', { changed: 'pass' }, false],
    ['unreadable', {}, true],
    ['unreadable', { new: 'hold', changed: 'pass' }, true],
    ['unreadable', { changed: 'pass' }, false],
  ])('when it is %s under %j, then held is %s', (standing, setting, held) => {
    expect(isHeld(pin(setting), standing)).toBe(held);
  });
});

describe('what becomes of a decision', () => {
  test('when the definition is held, then the call is denied in the open, with words that name what to do', () => {
    const decided = withDefinition(decision('allow', { breakGlass: people }), use(), 'changed');

    expect(decided).toMatchObject({
      effect: 'deny',
      ruleIds: ['builtin:definition'],
      approval: null,
      breakGlass: null,
      hidden: false,
      message:
        'The definition of tool refund of orders changed since it was accepted. An administrator looks at it and accepts it: npx countersign tools accept orders refund',
    });
  });

  test('when a review would ask people, then nobody is asked while the definition is held', () => {
    const decided = withDefinition(decision('review', { approval: people }), use(), 'changed');

    expect(decided).toMatchObject({ effect: 'deny', approval: null });
  });

  test('when the definition may pass, then the decision is untouched', () => {
    const review = decision('review', { approval: people });

    expect(withDefinition(review, use({ changed: 'pass' }), 'changed')).toBe(review);
  });

  test('when a call is denied, then it stays denied as it was, whatever the definition', () => {
    const settings = fc.record({
      new: fc.constantFrom<Pin['new']>('pass', 'hold'),
      changed: fc.constantFrom<Pin['changed']>('pass', 'hold'),
    });
    const standings = fc.constantFrom<FoundStanding>(
      'accepted',
      'new',
      'changed',
      'unknown',
      'unreadable',
    );
    fc.assert(
      fc.property(settings, standings, (setting, standing) => {
        const denied = decision('deny', { hidden: true });
        expect(withDefinition(denied, use(setting), standing)).toBe(denied);
      }),
    );
  });

  test.each([
    ['a$(touch x)', `'a$(touch x)'`],
    [`a'b`, String.raw`'a'\''b'`],
    ['a b', `'a b'`],
  ])('when a server calls its tool %s, then the command to copy is quoted', (name, quoted) => {
    const { message } = withDefinition(decision('allow'), { ...use(), name }, 'changed');

    expect(message).toMatch(/accept orders .*$/);
    expect(message.endsWith(`accept orders ${quoted}`)).toBe(true);
  });

  test.each(['--all', '-h', '--kind=prompt'])(
    'when a server calls its tool %s, then the command to copy does not take it for an option',
    (name) => {
      const { message } = withDefinition(decision('allow'), { ...use(), name }, 'changed');

      expect(message).toContain(': npx countersign tools accept -- orders ');
    },
  );

  test('when a prompt is held, then the words say which kind', () => {
    const { message } = withDefinition(
      decision('allow'),
      use({ kind: 'prompt', new: 'hold' }),
      'new',
    );

    expect(message).toContain(
      'The definition of prompt refund of orders is new and accepted by nobody.',
    );
    expect(message.endsWith('accept --kind prompt orders refund')).toBe(true);
  });
});
