import type { Principal } from '#contracts';
import { type Bundle, BundleError } from './bundle.js';
import type { BundleTest } from './bundle-file.js';
import { decide } from './decide.js';

const nobody = '00000000-0000-4000-8000-000000000000';

/** Runs the tests that stand in the bundle. @throws BundleError naming the first that fails. */
export function runBundleTests(bundle: Bundle, groups: Readonly<Record<string, string>>): void {
  for (const { file, test } of bundle.tests) {
    const decision = decide(bundle, inputOf(test, groups));
    const { effect, rule } = test.expect;
    const found = decision.breakGlass === null ? decision.effect : 'break_glass';
    const isAsExpected =
      found === effect && (rule === undefined || decision.ruleIds.includes(rule));
    if (isAsExpected) continue;
    const by = `by ${decision.ruleIds.join(', ') || 'no rule'}`;
    throw new BundleError(`${file}: test "${test.name}": expected ${effect}, got ${found} ${by}`);
  }
}

function inputOf(test: BundleTest, groups: Readonly<Record<string, string>>) {
  const { input } = test;
  const principal: Principal = {
    tenantId: nobody,
    objectId: nobody,
    kind: input.kind,
    clientApp: 'test',
    displayName: null,
    groups: input.groups.map((name) => groups[name] ?? name),
    roles: input.roles,
  };
  const resource = input.resource ?? input.tool ?? '';
  return {
    principal,
    protocol: 'mcp',
    server: input.server,
    labels: input.labels,
    method: input.method,
    resource,
    facts: { action: 'execute' as const, objects: [resource], complete: false },
    arguments: input.arguments,
    breakGlass: input.breakGlass,
  };
}
