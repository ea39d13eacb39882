import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { demoIdentities } from '../../demo/entra/identities.js';
import { eventually, rest } from '../stack/http.js';
import { type Stack, stacks } from '../stack/stack.js';
import { startWorld, type World } from '../stack/world.js';

const pairs = Array.from({ length: 12 }, (_, index) => index);
const storySchema = z.object({
  events: z.array(
    z.object({
      event: z.object({
        type: z.string(),
        data: z.object({
          resource: z.string(),
          maskedArguments: z.string(),
          principal: z.object({ objectId: z.string() }),
        }),
      }),
    }),
  ),
});

describe('when many callers come at the same moment', () => {
  let world: World;
  let stack: Stack;

  beforeAll(async () => {
    world = await startWorld();
    stack = await stacks.standalone(world);
  }, 90_000);

  afterAll(async () => {
    await stack?.close();
    await world?.close();
  }, 30_000);

  /** Every token is a new one, so that each has to be verified. */
  const deleteCustomer = async (who: 'analyst' | 'engineer', id: string): Promise<string> => {
    const token = await world.token(who);
    const response = await fetch(`${stack.gateway}/mcp/orders`, {
      method: 'POST',
      signal: AbortSignal.timeout(20_000),
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id,
        method: 'tools/call',
        params: { name: 'delete_customer', arguments: { id } },
      }),
    });
    return response.text();
  };

  test('then each call is judged by the rights of its own caller, and recorded under its name', async () => {
    const answers = await Promise.all(
      pairs.flatMap((index) => [
        deleteCustomer('engineer', `T-engineer-${index}`),
        deleteCustomer('analyst', `T-analyst-${index}`),
      ]),
    );

    const asked = answers.map((answer) => (answer.includes('Unknown tool') ? 'unknown' : 'tried'));
    expect(asked).toEqual(pairs.flatMap(() => ['tried', 'unknown']));
    const auditor = await world.token('auditor');
    const { body } = await eventually(async () => {
      const query = 'type=countersign.call.requested.v1&resource=delete_customer';
      const found = await rest(`${stack.audit}/v1/events?${query}`, auditor);
      expect(storySchema.parse(found.body).events).toHaveLength(2 * pairs.length);
      return found;
    });
    for (const { event } of storySchema.parse(body).events) {
      const { maskedArguments, principal } = event.data;
      const who = maskedArguments.includes('engineer') ? 'engineer' : 'analyst';
      expect(principal.objectId).toBe(demoIdentities[who].oid);
    }
  });

  test('then a REST API lets in the one who may read the record, and nobody else', async () => {
    const read = async (who: 'auditor' | 'analyst'): Promise<number> => {
      const token = await world.token(who);
      const response = await fetch(`${stack.audit}/v1/events`, {
        signal: AbortSignal.timeout(20_000),
        headers: { authorization: `Bearer ${token}` },
      });
      await response.arrayBuffer();
      return response.status;
    };

    const statuses = await Promise.all(pairs.flatMap(() => [read('auditor'), read('analyst')]));

    expect(statuses).toEqual(pairs.flatMap(() => [200, 403]));
  });
});
