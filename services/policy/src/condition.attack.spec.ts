import { expect, test } from 'vitest';
import { compileBundle } from './bundle.js';
import { decideGrant } from './decide-grant.js';

/** Wishes that policy refuses, each with patterns of its own, in 4000 characters. */
const condition = (wish: number): string =>
  Array.from({ length: 80 }, (_, index) => `call.tool.matches("${wish}x${index}[^a]{999}")`).join(
    ' || ',
  );

test('when somebody keeps asking for grants that policy refuses, then policy does not keep what they wrote', () => {
  const content = {
    apiVersion: 'countersign/v1',
    kind: 'PolicyBundle',
    metadata: { name: 'test' },
    rules: [{ id: 'all', effect: 'allow', match: { server: 'pg' } }],
  };
  const bundle = compileBundle([{ name: 'test.yaml', content }], {});
  const ask = (wish: number): void => {
    const when = condition(wish);
    expect(when.length).toBeLessThanOrEqual(4000);
    const scope = { server: 'pg', resources: ['db_query'], when, calls: null };
    const principal = {
      tenantId: '11111111-2222-4333-8444-555555555555',
      objectId: 'b0000000-0000-4000-8000-000000000001',
      kind: 'person' as const,
      clientApp: 'app',
      displayName: null,
      groups: [],
      roles: [],
    };
    expect(
      decideGrant(bundle, { principal, scope, seconds: 60 }, { pg: { labels: {} } }).effect,
    ).toBe('deny');
  };
  ask(0);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;

  for (let wish = 1; wish <= 10; wish += 1) ask(wish);

  globalThis.gc?.();
  const grown = process.memoryUsage().heapUsed - before;
  expect(grown / 1024 / 1024, 'MiB for ten wishes').toBeLessThan(20);
});
