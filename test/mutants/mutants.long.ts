import { describe, expect, inject, test } from 'vitest';
import { mutants } from './mutants.js';
import { runSpec } from './run-spec.js';

const bySpec = [...Map.groupBy(mutants, ({ spec }) => spec)];
/** A mutant that does not even run has not been noticed by anybody. */
const isBroken = /^(Reference|Syntax)Error|is not (a function|defined)/m;

describe.each(bySpec)('%s', (spec, own) => {
  const databaseUrl = inject('postgresUrl');

  test('when no guard is gone, then every test that has to notice passes', async () => {
    const names = [...new Set(own.map((mutant) => mutant.test))];

    const run = await runSpec(spec, names, { databaseUrl });

    expect(run.troubles).toEqual([]);
    expect(run.tests.filter(({ status }) => status !== 'passed')).toEqual([]);
    const isThere = (name: string): boolean => run.tests.some((each) => each.name.includes(name));
    expect(names.filter((name) => !isThere(name))).toEqual([]);
    expect(run.isGreen).toBe(true);
  });

  test.each(own.map((mutant) => [mutant.law, mutant.name, mutant] as const))(
    'law %i: when %s, then a test notices',
    async (_law, _name, mutant) => {
      const run = await runSpec(spec, [mutant.test], { databaseUrl, mutant: mutant.name });

      expect(run.troubles).toEqual([]);
      const failed = run.tests.filter(({ status }) => status === 'failed');
      expect(failed.length, `what passes all the same: ${mutant.test}`).toBeGreaterThan(0);
      const messages = failed.flatMap(({ messages }) => messages);
      expect(messages.filter((message) => isBroken.test(message))).toEqual([]);
      expect(run.isGreen).toBe(false);
    },
  );
});
