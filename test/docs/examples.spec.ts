import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Example, examplesIn, load } from './examples.js';

const documents = [
  'README.md',
  'compose/README.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const examples = documents.flatMap((document) =>
  examplesIn(readFileSync(document, 'utf8')).map((example) => ({ document, ...example })),
);

const readme = examples.find(({ document }) => document === 'README.md');
const config = readme?.config ?? '';
const policies = readme?.policies ?? [];
/** A policy that names no group, so that it fits every configuration. */
const anyPolicy = 'apiVersion: countersign/v1\nkind: PolicyBundle\nmetadata: { name: any }\n';
const around = { config, policies: [anyPolicy] };

test('when the documents are read, then there are examples in those that should have some', () => {
  const shown = new Set(examples.map(({ document }) => document));

  expect(shown).toContain('README.md');
  expect(shown).toContain('docs/configuration.md');
  expect(shown).toContain('docs/policy.md');
  expect(shown).toContain('docs/entra.md');
});

test.each(examples)(
  'when the example of $document under "$heading" is used as it stands, then a gateway takes it',
  async (example) => {
    await expect(load(example, around)).resolves.toBeUndefined();
  },
);

/** The decisions that the README's example is meant to give. */
const refundTests = `${anyPolicy}tests:
  - name: a small refund passes
    input: { groups: [sre], server: orders, tool: refund_order, arguments: { amount: 10 } }
    expect: { effect: allow, rule: refund }
  - name: a large refund waits
    input: { groups: [sre], server: orders, tool: refund_order, arguments: { amount: 11 } }
    expect: { effect: review, rule: large-refund }
  - name: others get nothing
    input: { groups: [orders-owners], server: orders, tool: find_customer }
    expect: { effect: deny }
`;

test("when the README's policy decides, then small refunds pass, large ones wait, others get nothing", async () => {
  const tested = { heading: '', config, policies: [...policies, refundTests] };

  await expect(load(tested, around)).resolves.toBeUndefined();
});

describe('an example goes stale', () => {
  const broken = (from: string, to: string): Example => {
    const change = (text: string): string => text.replace(from, to);
    return { heading: '', config: change(config), policies: policies.map(change) };
  };

  test.each<[string, string, string, RegExp]>([
    ['a tenant id that is none', '11111111-2222-4333-8444-', '11111111-2222-3333-4444-', /tenants/],
    ['a key that there is not', 'publicUrl:', 'publicURL:', /publicURL/],
    ['a group that nobody configured', 'sre:', 'operators:', /group sre/],
    ['an effect that there is not', 'effect: review', 'effect: hold', /effect/],
    ['a condition that does not compile', 'call.arguments', 'call.argument', /argument/],
  ])('when it has %s, then it is refused', async (_, from, to, message) => {
    await expect(load(broken(from, to), around)).rejects.toThrow(message);
  });

  test('when a test in a policy file fails, then it is refused', async () => {
    const wrong = refundTests.replace('effect: review', 'effect: allow');
    const tested = { heading: '', config, policies: [...policies, wrong] };

    await expect(load(tested, around)).rejects.toThrow('a large refund waits');
  });

  test('when a block is no whole file, then it does not pass unread', () => {
    expect(() => examplesIn('# Here\n\n```yaml\nservers: {}\n```\n')).toThrow('no whole file');
  });
});
