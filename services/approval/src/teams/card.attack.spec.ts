import { expect, test } from 'vitest';
import { approvalCard } from './card.js';
import { approvalView } from './gateway.suite.js';

/** A name that some pattern of a rule fits, and that no server has. */
const padding = `refund_${'small_amounts_for_support_'.repeat(12)}`;

test('when a grant is asked for, then a card that can be pressed shows each tool, and how many calls', () => {
  const scope = {
    server: 'orders',
    resources: [padding, 'refund_everybody'],
    when: null,
    calls: null,
  };
  const card = approvalCard(
    approvalView({
      kind: 'grant',
      resource: scope.resources.join(', '),
      maskedArguments: '',
      grant: { id: null, scope, until: null, seconds: 28_800 },
    }),
    'approvers',
    'nonce',
  );

  const text = JSON.stringify(card.body);
  const canSign = JSON.stringify(card.actions ?? []).includes('"approve"');
  const isWhole = text.includes('refund_everybody') && text.includes('any number of calls');
  expect(isWhole || !canSign).toBe(true);
});
