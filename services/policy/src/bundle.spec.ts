import { describe, expect, test } from 'vitest';
import { BundleError, compileBundle, idleRules } from './bundle.js';
import { runBundleTests } from './bundle-tests.js';
import { compileCondition, ConditionError } from './condition.js';
import { matchesGlob } from './glob.js';

const file = (rules: readonly unknown[], more: object = {}) => ({
  name: 'test.yaml',
  content: {
    apiVersion: 'countersign/v1',
    kind: 'PolicyBundle',
    metadata: { name: 'test' },
    rules,
    ...more,
  },
});
const compile = (...rules: readonly unknown[]) => compileBundle([file(rules)], {});
const allow = { id: 'a', effect: 'allow' };

describe('a bundle with a mistake is refused, and the message names it', () => {
  test.each<[string, readonly unknown[], RegExp]>([
    ['an unknown member', [{ ...allow, wehn: 'true' }], /wehn/],
    ['an unknown effect', [{ id: 'a', effect: 'permit' }], /effect/],
    ['a repeated id', [allow, allow], /rule id a stands more than once/],
    ['an unknown group', [{ ...allow, match: { groups: ['sre'] } }], /group sre/],
    [
      'a group name of every object',
      [{ ...allow, match: { groups: ['constructor'] } }],
      /group constructor/,
    ],
    [
      'a condition with a typing mistake',
      [{ ...allow, when: 'call.serber == "x"' }],
      /when.*serber/s,
    ],
    ['a condition that is no bool', [{ ...allow, when: 'call.server' }], /string, not bool/],
    [
      'a pattern put together at run time',
      [{ ...allow, when: 'call.server.matches(call.tool)' }],
      /written out/,
    ],
    [
      'a pattern that cannot run in linear time',
      [{ ...allow, when: 'call.server.matches("(a)\\\\1")' }],
      /pattern is not accepted/,
    ],
    [
      'macros nested three deep',
      [{ ...allow, when: 'call.objects.all(a, call.objects.all(b, call.objects.all(c, a == c)))' }],
      /two deep/,
    ],
    ['a review without approvers', [{ id: 'a', effect: 'review' }], /approval/],
    ['a mask rule without a mask', [{ id: 'a', effect: 'mask' }], /mask/],
    [
      'a field path that is none',
      [{ id: 'a', effect: 'mask', mask: { profile: 'none', fields: { 'a..': { op: 'redact' } } } }],
      /mask/,
    ],
    [
      'a time without a unit',
      [{ id: 'a', effect: 'review', approval: { approvers: ['group:x'], ttl: '15' } }],
      /such as 15m/,
    ],
  ])('when it has %s', (_, rules, message) => {
    expect(() => compile(...rules)).toThrow(BundleError);
    expect(() => compile(...rules)).toThrow(message);
  });

  test('when a test in it fails', () => {
    const tests = [
      { name: 'all is denied', input: { server: 'x', tool: 'y' }, expect: { effect: 'deny' } },
    ];
    const bundle = compileBundle([file([allow], { tests })], {});

    expect(() => runBundleTests(bundle, {})).toThrow(
      'test "all is denied": expected deny, got allow by a',
    );
  });

  test('when there is no file at all', () => {
    expect(() => compileBundle([], {})).toThrow('no policy file was found');
  });
});

test('when keys are reordered, then the digest is the same; when anything else changes, it is not', () => {
  const one = compile({ id: 'a', effect: 'allow', match: { server: 'x', tool: 'y' } });
  const same = compile({ match: { tool: 'y', server: 'x' }, effect: 'allow', id: 'a' });
  const other = compile({ id: 'a', effect: 'allow', match: { server: 'x', tool: 'z' } });

  expect(same.digest).toBe(one.digest);
  expect(other.digest).not.toBe(one.digest);
});

test.each([
  { profile: 'standard', feilds: { '$.iban': { op: 'redact' } } },
  { profile: 'standard', fields: { '$.iban': { op: 'keep_last', n: 2, char: '*' } } },
  { profile: 'standard', floor: {} },
])('when a mask holds a member that there is not (%j), then the bundle is refused', (mask) => {
  expect(() => compile({ id: 'm', effect: 'mask', mask })).toThrow(BundleError);
});

test('when a group is written in capitals, then it is the same group', () => {
  const id = 'AAAAAAAA-2222-4333-8444-555555555555';
  const [rule] = compile({ ...allow, match: { groups: [id] } }).rules;

  expect([...(rule?.groups ?? [])]).toEqual([id.toLowerCase()]);
});

test('when a rule is for no configured server, then it is told of; a rule for all is not', () => {
  const bundle = compile(
    allow,
    { ...allow, id: 'typo', match: { server: 'ordres' } },
    { ...allow, id: 'glob', match: { server: ['x', 'ord*'] } },
  );

  expect(idleRules(bundle, ['orders', 'billing'])).toEqual(['typo']);
});

describe('patterns in conditions', () => {
  const principal = { id: 'i', tenant: 't', kind: 'person', clientApp: 'c', groups: [], roles: [] };
  const call = {
    protocol: 'mcp',
    server: 's',
    labels: {},
    method: 'm',
    resource: 'r',
    tool: 'r',
    action: 'read',
    objects: [],
    complete: true,
  };
  const ask = (when: string, args: unknown) =>
    compileCondition(when)({ principal, call: { ...call, arguments: args } });

  test('when a pattern would make a backtracking engine hang, then it is answered at once', () => {
    const startedMs = performance.now();

    expect(ask('call.arguments.s.matches("^(a+)+$")', { s: `${'a'.repeat(20_000)}!` })).toBe(false);
    expect(performance.now() - startedMs).toBeLessThan(5000);
  });

  test('when a pattern is case-insensitive, then it is', () => {
    expect(ask('call.arguments.s.matches("(?i)^drop")', { s: 'DROP table' })).toBe(true);
  });

  test('when a member is missing or has another type, then it throws and does not answer', () => {
    expect(() => ask('call.arguments.s == "x"', {})).toThrow();
    expect(() => ask('call.arguments.s.matches("x")', { s: 1 })).toThrow();
    expect(() => ask('call.arguments', { s: 1 })).toThrow(ConditionError);
  });

  test('when a condition reaches for the prototype, then it finds nothing', () => {
    expect(() => ask('call.arguments.constructor == "x"', {})).toThrow();
  });
});

test.each([
  ['db_*', 'db_query', true],
  ['db_*', 'xdb_query', false],
  ['*', '', true],
  ['*_query', 'db_query', true],
  ['a*b*c', 'aXbYbZc', true],
  ['a*b*c', 'aXc', false],
  ['db.query', 'dbXquery', false],
  ['Read', 'read', false],
  ['é', 'e\u0301', false],
])('when the pattern %s meets %s, then the answer is %s', (pattern, text, expected) => {
  expect(matchesGlob(pattern, text)).toBe(expected);
});
