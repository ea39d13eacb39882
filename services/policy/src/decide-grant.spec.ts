import { expect, test } from 'vitest';
import type { Principal } from '#contracts';
import { compileBundle } from './bundle.js';
import { decideGrant, type GrantWish } from './decide-grant.js';

const owners = 'a0000000-0000-4000-8000-000000000003';
const principal: Principal = {
  tenantId: '11111111-2222-4333-8444-555555555555',
  objectId: 'b0000000-0000-4000-8000-000000000001',
  kind: 'person',
  clientApp: 'app',
  displayName: null,
  groups: [],
  roles: [],
};
const approval = { approvers: ['group:owners'], grant: { for: '30m', calls: 5 } };
const refunds = {
  id: 'refunds',
  effect: 'review',
  match: { server: 'orders', tool: 'refund_*' },
  approval,
};
const servers = { orders: { labels: { environment: 'production' } } };

const decided = (
  rules: readonly unknown[],
  change: Partial<GrantWish['scope']> = {},
  seconds = 600,
) =>
  decideGrant(
    compileBundle(
      [
        {
          name: 'test.yaml',
          content: {
            apiVersion: 'countersign/v1',
            kind: 'PolicyBundle',
            metadata: { name: 'test' },
            rules,
          },
        },
      ],
      { owners },
    ),
    {
      principal,
      seconds,
      scope: { server: 'orders', resources: ['refund_order'], when: null, calls: 5, ...change },
    },
    servers,
  );

test('when every tool is held by a rule that allows grants, then people are asked', () => {
  expect(decided([refunds])).toMatchObject({
    effect: 'review',
    ruleIds: ['refunds'],
    approval: { sets: [{ groups: [owners], quorum: 1 }], grant: { maxSeconds: 1800, maxCalls: 5 } },
  });
});

const labelled = {
  id: 'production',
  effect: 'review',
  match: { labels: { environment: 'production' } },
  approval: { approvers: ['group:owners'] },
};
const denied = { id: 'never', effect: 'deny', match: { tool: 'refund_order' } };
const conditional = { ...refunds, id: 'large', when: 'call.arguments.amount > 10' };

test.each<[string, readonly unknown[], Partial<GrantWish['scope']>, number, RegExp]>([
  ['a tool is denied', [refunds, denied], {}, 600, /No rule allows you refund_order/],
  ['no rule names a tool', [refunds], { resources: ['refund_order', 'other'] }, 600, /you other/],
  ['nothing is held', [{ id: 'a', effect: 'allow' }], {}, 600, /needs no signature/],
  ['a rule of the server’s labels allows no grants', [refunds, labelled], {}, 600, /by production/],
  ['it is asked for too long', [refunds], {}, 1801, /At most 1800 s/],
  ['it is asked for too often', [refunds], { calls: 6 }, 600, /At most 5 calls/],
  ['it names no number where the rule has one', [refunds], { calls: null }, 600, /At most 5 calls/],
  ['the condition does not compile', [refunds], { when: 'call.amount >' }, 600, /condition is not/],
  ['there is no such server', [refunds], { server: 'toString' }, 600, /no such server/],
])('when %s, then it is refused in words', (_, rules, scope, seconds, words) => {
  const decision = decided(rules, scope, seconds);

  expect(decision).toMatchObject({ effect: 'deny', approval: null });
  expect(decision.message).toMatch(words);
});

test('when a rule reads arguments, then it counts, for nobody knows them yet', () => {
  expect(decided([conditional])).toMatchObject({ effect: 'review', ruleIds: ['large'] });
});
