import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Principal } from '#contracts';
import { compileBundle } from './bundle.js';
import { decide, type DecisionInput, visible } from './decide.js';

const groups = {
  analysts: 'a0000000-0000-4000-8000-000000000001',
  dba: 'a0000000-0000-4000-8000-000000000002',
  owners: 'a0000000-0000-4000-8000-000000000003',
};
type GroupName = keyof typeof groups;

const file = (rules: readonly unknown[], more: object = {}, name = 'test') => ({
  name: `${name}.yaml`,
  content: {
    apiVersion: 'countersign/v1',
    kind: 'PolicyBundle',
    metadata: { name },
    rules,
    ...more,
  },
});
const bundle = (...rules: readonly unknown[]) => compileBundle([file(rules)], groups);

const input = (
  change: Partial<Omit<DecisionInput, 'principal'>> & { groups?: readonly GroupName[] } = {},
): DecisionInput => {
  const { groups: names = ['analysts'], ...rest } = change;
  const principal: Principal = {
    tenantId: '11111111-2222-4333-8444-555555555555',
    objectId: 'b0000000-0000-4000-8000-000000000001',
    kind: 'person',
    clientApp: 'app',
    displayName: null,
    groups: names.map((name) => groups[name]),
    roles: [],
  };
  return {
    principal,
    protocol: 'mcp',
    server: 'pg',
    labels: {},
    method: 'tools/call',
    resource: 'db_query',
    facts: { action: 'execute', objects: ['db_query'], complete: false },
    arguments: { sql: 'select 1' },
    ...rest,
  };
};

const allow = { id: 'allow-all', effect: 'allow', match: { server: 'pg' } };
const approval = { approvers: ['group:owners'], min: 1, ttl: '10m' };

describe('what a decision is', () => {
  test('when no rule matches, then the call is denied and the resource hidden', () => {
    expect(decide(bundle({ ...allow, match: { server: 'other' } }), input())).toMatchObject({
      effect: 'deny',
      ruleIds: [],
      hidden: true,
    });
  });

  test('when several effects match, then the strictest wins', () => {
    const review = { id: 'review', effect: 'review', match: { tool: 'db_*' }, approval };
    const deny = { id: 'deny', effect: 'deny', when: 'call.arguments.sql.startsWith("drop")' };

    expect(decide(bundle(allow, review), input())).toMatchObject({ effect: 'review' });
    expect(
      decide(bundle(deny, review, allow), input({ arguments: { sql: 'drop table t' } })),
    ).toMatchObject({ effect: 'deny', ruleIds: ['deny'], hidden: false });
  });

  test('when a review matches, then it says who must sign, how many, and for how long', () => {
    const first = { id: 'r1', effect: 'review', approval: { ...approval, min: 2 } };
    const second = { id: 'r2', effect: 'review', approval: { ...approval, ttl: '2m' } };

    expect(decide(bundle(first, second), input()).approval).toEqual({
      sets: [{ groups: [groups.owners], quorum: 2 }],
      expiresAfterSeconds: 120,
    });
  });

  test('when a rule names groups, then it matches only their members, by object id or by name', () => {
    const rules = bundle({ ...allow, match: { groups: ['dba', groups.owners] } });

    expect(decide(rules, input({ groups: ['owners'] })).effect).toBe('allow');
    expect(decide(rules, input({ groups: ['analysts'] })).effect).toBe('deny');
    expect(decide(rules, input({ groups: [] })).effect).toBe('deny');
  });

  test('when unless holds, then the rule does not apply', () => {
    const rule = { id: 'deny', effect: 'deny', unless: '"dba" in principal.groups' };

    expect(decide(bundle(allow, rule), input({ groups: ['dba'] })).effect).toBe('allow');
    expect(decide(bundle(allow, rule), input()).effect).toBe('deny');
  });
});

describe('a condition that cannot be evaluated', () => {
  const missing = 'call.arguments.amount > 10';

  test.each([
    ['allow', 'deny'],
    ['deny', 'deny'],
    ['review', 'review'],
  ])(
    'when it stands in a rule with effect %s, then the call is not let through',
    (effect, outcome) => {
      const rule = { id: 'r', effect, when: missing, ...(effect === 'review' ? { approval } : {}) };
      const others = effect === 'allow' ? [] : [allow];

      expect(decide(bundle(...others, rule), input()).effect).toBe(outcome);
    },
  );

  test('when it stands in an unless of a deny, then the deny holds and is named', () => {
    const rule = { id: 'deny', effect: 'deny', unless: missing };

    expect(decide(bundle(allow, rule), input())).toMatchObject({
      effect: 'deny',
      erroredRuleIds: ['deny'],
    });
  });

  test('when arguments are larger than conditions may read, then rules that read them count as errors', () => {
    const rule = { id: 'deny', effect: 'deny', when: 'call.arguments.sql.contains("drop")' };
    const large = input({ arguments: { sql: 'x'.repeat(70_000) } });

    expect(decide(bundle(allow, rule), large).effect).toBe('deny');
  });
});

describe('layers', () => {
  const inLayer = (layer: string, ...rules: readonly unknown[]) =>
    file(rules, { metadata: { name: layer, layer } }, layer);

  test('when only the lower layer allows, then the call is denied', () => {
    const other = { ...allow, id: 'other', match: { server: 'other' } };
    const files = [inLayer('global', other), inLayer('team', allow)];

    expect(decide(compileBundle(files, groups), input()).effect).toBe('deny');
  });

  test('when the lower layer is stricter, then it tightens', () => {
    const review = { id: 'review', effect: 'review', approval };
    const files = [inLayer('global', allow), inLayer('team', review)];

    expect(decide(compileBundle(files, groups), input()).effect).toBe('review');
  });
});

describe('upkeep of a connection', () => {
  const connect = {
    method: 'initialize',
    resource: '',
    facts: { action: 'connect' as const, objects: [], complete: true },
  };
  const toolOnly = {
    ...allow,
    match: { server: 'pg', method: 'tools/call', tool: 'db_*', groups: ['analysts'] },
  };

  test('when some rule could let the caller do something there, then it needs no rule of its own', () => {
    expect(decide(bundle(toolOnly), input(connect))).toMatchObject({
      effect: 'allow',
      ruleIds: ['builtin:reachable'],
    });
  });

  test('when no rule could, or one denies, then it is denied', () => {
    const deny = { id: 'deny', effect: 'deny', match: { method: 'initialize' } };

    expect(decide(bundle(toolOnly), input({ ...connect, groups: ['dba'] })).effect).toBe('deny');
    expect(decide(bundle(toolOnly), input({ ...connect, server: 'other' })).effect).toBe('deny');
    expect(decide(bundle(toolOnly, deny), input(connect)).effect).toBe('deny');
  });
});

test('when a list is shown, then it has what some rule may allow and no rule always denies', () => {
  const rules = bundle(
    { ...allow, match: { tool: 'db_*' } },
    { id: 'never', effect: 'deny', match: { tool: 'db_drop' } },
    {
      id: 'sometimes',
      effect: 'deny',
      match: { tool: 'db_query' },
      when: 'call.arguments.sql == "x"',
    },
  );

  expect(visible(rules, input(), ['db_query', 'db_drop', 'other'])).toEqual(['db_query']);
});

describe('masks', () => {
  test('when no rule speaks of masks, then the default of the bundle holds: standard, binary withheld', () => {
    expect(decide(bundle(allow), input()).mask).toMatchObject({
      profile: 'standard',
      binary: 'withhold',
    });
  });

  test('when several mask rules match, then the strongest operator of each field holds', () => {
    const first = {
      id: 'm1',
      effect: 'mask',
      mask: { profile: 'none', fields: { '$.a': { op: 'keep_last', n: 2 } } },
    };
    const second = {
      id: 'm2',
      effect: 'mask',
      mask: { profile: 'none', fields: { '$.a': { op: 'redact' } } },
    };
    const none = file([allow, first, second], { defaults: { mask: 'none' } });

    expect(decide(compileBundle([none], groups), input()).mask.fields).toEqual({
      '$.a': { op: 'redact' },
    });
  });
});

const ruleArbitrary = fc.record({
  effect: fc.constantFrom('allow', 'deny', 'review'),
  server: fc.constantFrom('pg', 'other', '*'),
  tool: fc.constantFrom('db_*', 'db_query', 'x'),
  group: fc.constantFrom('analysts', 'dba', undefined),
  when: fc.constantFrom(undefined, 'true', 'false', 'call.arguments.missing == 1'),
});
const strictness = { allow: 0, review: 1, deny: 2 };

const toRule = (
  each: typeof ruleArbitrary extends fc.Arbitrary<infer T> ? T : never,
  index: number,
) => ({
  id: `r${index}`,
  effect: each.effect,
  match: {
    server: each.server,
    tool: each.tool,
    ...(each.group === undefined ? {} : { groups: [each.group] }),
  },
  ...(each.when === undefined ? {} : { when: each.when }),
  ...(each.effect === 'review' ? { approval } : {}),
});

test('when rules are reordered, then no decision changes', () => {
  fc.assert(
    fc.property(fc.array(ruleArbitrary, { maxLength: 6 }), (each) => {
      const rules = each.map(toRule);
      const forwards = decide(bundle(...rules), input());
      const backwards = decide(bundle(...rules.toReversed()), input());

      expect(backwards.effect).toBe(forwards.effect);
      expect(backwards.ruleIds.toSorted()).toEqual(forwards.ruleIds.toSorted());
    }),
  );
});

test('when a deny or a review is added, then no decision becomes weaker', () => {
  fc.assert(
    fc.property(fc.array(ruleArbitrary, { maxLength: 5 }), ruleArbitrary, (each, added) => {
      fc.pre(added.effect !== 'allow');
      const rules = each.map(toRule);
      const before = decide(bundle(allow, ...rules), input()).effect;
      const after = decide(bundle(allow, ...rules, toRule(added, 99)), input()).effect;

      expect(strictness[after]).toBeGreaterThanOrEqual(strictness[before]);
    }),
  );
});

describe('break-glass', () => {
  const review = { id: 'review', effect: 'review', match: { tool: 'db_*' }, approval };
  const glass = {
    id: 'glass',
    effect: 'break_glass',
    match: { server: 'pg', groups: ['dba'] },
    approval,
  };
  const dba = { groups: ['dba'] as const };

  test('when somebody of its group demands it, then a review is passed by and people look afterwards', () => {
    const decided = decide(bundle(review, glass), input({ ...dba, breakGlass: true }));

    expect(decided).toMatchObject({
      effect: 'allow',
      ruleIds: ['glass'],
      approval: null,
      breakGlass: { sets: [{ groups: [groups.owners], quorum: 1 }] },
    });
  });

  test('when it is not demanded, then it counts for nothing', () => {
    expect(decide(bundle(review, glass), input(dba))).toMatchObject({ effect: 'review' });
    expect(decide(bundle(glass), input(dba))).toMatchObject({ effect: 'deny', breakGlass: null });
  });

  test('when somebody else demands it, then the call is judged as any other', () => {
    const decided = decide(bundle(review, glass), input({ breakGlass: true }));

    expect(decided).toMatchObject({ effect: 'review', breakGlass: null });
  });

  test('when a rule denies, then break-glass does not help', () => {
    const deny = { id: 'deny', effect: 'deny', match: { server: 'pg' } };
    const decided = decide(bundle(deny, review, glass), input({ ...dba, breakGlass: true }));

    expect(decided).toMatchObject({ effect: 'deny', breakGlass: null });
  });

  test('when its condition cannot be evaluated, then it does not open', () => {
    const broken = { ...glass, when: 'call.arguments.none == 1' };
    const decided = decide(bundle(review, broken), input({ ...dba, breakGlass: true }));

    expect(decided).toMatchObject({ effect: 'review', breakGlass: null });
  });

  test('when it stands in a lower layer, then it does not pass the review of the upper one by', () => {
    const global = file([review], { metadata: { name: 'global', layer: 'global' } }, 'global');
    const team = file([glass], {}, 'team');
    const layered = compileBundle([global, team], groups);

    expect(decide(layered, input({ ...dba, breakGlass: true }))).toMatchObject({
      effect: 'review',
    });
  });

  test('when it names no group, then the bundle is refused', () => {
    expect(() => bundle({ ...glass, match: { server: 'pg' } })).toThrow(/must name the groups/);
  });
});

describe('what reviews demand together', () => {
  const rule = (id: string, more: object) => ({
    id,
    effect: 'review',
    match: { server: 'pg' },
    approval: { ...approval, ...more },
  });
  const demand = (...rules: readonly unknown[]) => decide(bundle(...rules), input()).approval;

  test('when a rule demands signatures of two sets, then both are in the requirement', () => {
    const also = [{ approvers: ['group:dba'], min: 2 }];

    expect(demand(rule('a', { also }))?.sets).toEqual([
      { groups: [groups.owners], quorum: 1 },
      { groups: [groups.dba], quorum: 2 },
    ]);
  });

  test('when only one of two rules offers escalation and grants, then neither holds', () => {
    const offers = { escalate: { after: '2m', approvers: ['group:dba'] }, grant: { for: '30m' } };

    expect(demand(rule('a', offers))).toMatchObject({
      escalation: { afterSeconds: 120, groups: [groups.dba] },
      grant: { maxSeconds: 1800 },
    });
    const both = demand(rule('a', offers), rule('b', {}));
    expect(both).not.toHaveProperty('escalation');
    expect(both).not.toHaveProperty('grant');
  });

  test('when both offer, then the later escalation and the smaller grant hold', () => {
    const a = { escalate: { after: '2m', approvers: ['group:dba'] }, grant: { for: '30m' } };
    const b = {
      escalate: { after: '5m', approvers: ['group:dba'] },
      grant: { for: '10m', calls: 3 },
      justification: 'required',
    };

    expect(demand(rule('a', a), rule('b', b))).toMatchObject({
      escalation: { afterSeconds: 300 },
      grant: { maxSeconds: 600, maxCalls: 3 },
      justification: 'required',
    });
  });

  test('when the escalation would come after the end, then the bundle is refused', () => {
    const late = { ttl: '5m', escalate: { after: '5m', approvers: ['group:dba'] } };

    expect(() => bundle(rule('a', late))).toThrow(/escalate\.after must be shorter/);
  });
});
