import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { z } from 'zod';

const ruleSchema = z.object({
  id: z.string(),
  nodes: z.array(z.object({ html: z.string() })),
});
const resultSchema = z.object({ violations: z.array(ruleSchema), passes: z.array(ruleSchema) });

/** What axe says of a page. */
export interface Accessibility {
  /** One line for each rule that is broken, with the elements that break it. */
  readonly violations: readonly string[];
  /** How many rules found something to look at and nothing to blame. */
  readonly passes: number;
}

/** Looks at a page with all rules of axe. The page's content policy must be bypassed for the script. */
export async function accessibilityOf(page: Page): Promise<Accessibility> {
  await page.evaluate(axe.source);
  const { passes, violations } = resultSchema.parse(await page.evaluate('axe.run(document)'));
  return {
    violations: violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`,
    ),
    passes: passes.length,
  };
}
