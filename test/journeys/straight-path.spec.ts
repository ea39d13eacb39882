import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { eventually, rest } from '../stack/http.js';
import { connect } from '../stack/mcp.js';
import { type Stack, stackNames, stacks } from '../stack/stack.js';
import { ordersToken, startWorld, type World } from '../stack/world.js';

const callsSchema = z.object({ calls: z.array(z.object({ callId: z.string() })) });
const storySchema = z.object({
  events: z.array(z.object({ event: z.object({ type: z.string() }) })),
});
const approvalsSchema = z.object({ approvals: z.array(z.object({ id: z.string() })) });

describe.each(stackNames)('on %s', (kind) => {
  let world: World;
  let stack: Stack;

  beforeAll(async () => {
    world = await startWorld();
    stack = await stacks[kind](world);
  }, 90_000);

  afterAll(async () => {
    await stack?.close();
    await world?.close();
  }, 30_000);

  const callIds = async (tool: string): Promise<string[]> => {
    const token = await world.token('auditor');
    const { body } = await rest(`${stack.audit}/v1/calls?resource=${tool}`, token);
    return callsSchema.parse(body).calls.map((each) => each.callId);
  };

  const story = async (callId: string): Promise<string[]> => {
    const token = await world.token('auditor');
    const { body } = await rest(`${stack.audit}/v1/calls/${callId}`, token);
    return storySchema
      .parse(body)
      .events.map(({ event }) => event.type.replace(/^countersign\.|\.v1$/g, ''));
  };

  test('when a rule allows a call, then it runs, its answer is masked, and the whole story is on record', async () => {
    const client = await connect(`${stack.gateway}/mcp/orders`, await world.token('analyst'));

    const result = await client.callTool({ name: 'find_customer', arguments: { name: 'Maria' } });

    expect(JSON.stringify(result)).toContain('Maria Keller');
    expect(JSON.stringify(result)).not.toMatch(/maria\.keller|536-22-1789|4111 1111|901820/);
    expect(world.orders.executions.at(-1)).toEqual({
      tool: 'find_customer',
      arguments: { name: 'Maria' },
      authorization: `Bearer ${ordersToken}`,
    });
    const types = await eventually(async () => {
      const [callId = ''] = await callIds('find_customer');
      const found = await story(callId);
      expect(found).toContain('call.completed');
      return found;
    });
    expect(types).toEqual(
      expect.arrayContaining(['call.requested', 'call.decided', 'call.forwarded', 'call.masked']),
    );
    await client.close();
  });

  test('when a list is asked for, then it shows only what the caller may use', async () => {
    const client = await connect(`${stack.gateway}/mcp/orders`, await world.token('analyst'));

    const { tools } = await client.listTools();

    expect(tools.map((tool) => tool.name).toSorted()).toEqual([
      'echo',
      'find_customer',
      'refund_order',
    ]);
    await client.close();
  });

  test('when a rule denies a call, then the upstream never hears of it and the refusal is on record', async () => {
    const client = await connect(`${stack.gateway}/mcp/orders`, await world.token('engineer'));
    const before = world.orders.executions.length;

    const refused = await client.callTool({ name: 'delete_customer', arguments: { id: 'C-1001' } });

    expect(refused).toMatchObject({
      isError: true,
      content: [{ type: 'text', text: 'Real customers are never deleted through a tool.' }],
      _meta: { 'countersign/refusal': { code: 'DENIED', executed: 'no' } },
    });
    expect(world.orders.executions.length).toBe(before);
    await eventually(async () => {
      const [callId = ''] = await callIds('delete_customer');
      expect(await story(callId)).toEqual(['call.requested', 'call.decided', 'call.failed']);
    });
    await client.close();
  });

  test('when a tool is hidden from the caller, then calling it looks as if it did not exist', async () => {
    const client = await connect(`${stack.gateway}/mcp/orders`, await world.token('analyst'));
    const call = async (name: string) => client.callTool({ name, arguments: { id: 'T-1' } });

    await expect(call('delete_customer')).rejects.toThrow('Unknown tool: delete_customer');
    await expect(call('no_such_tool')).rejects.toThrow('Unknown tool: no_such_tool');
    await client.close();
  });

  test('when a rule asks for a signature, then the call waits until an approver has signed', async () => {
    const client = await connect(`${stack.gateway}/mcp/orders`, await world.token('analyst'));
    const before = world.orders.executions.length;
    const waiting = client.callTool({
      name: 'refund_order',
      arguments: { order: `A-${kind}`, amount: 20 },
    });

    const approverToken = await world.token('approver');
    const id = await eventually(async () => {
      const { body } = await rest(`${stack.approvals}/v1/approvals?status=pending`, approverToken);
      const [found] = approvalsSchema.parse(body).approvals;
      if (found === undefined) throw new Error('no approval is open yet');
      return found.id;
    });
    expect(world.orders.executions.length).toBe(before);
    const decision = await rest(`${stack.approvals}/v1/approvals/${id}/decision`, approverToken, {
      method: 'POST',
      body: { decision: 'approve', reason: 'customer was charged twice' },
    });

    expect(decision.status).toBe(200);
    expect(JSON.stringify(await waiting)).toContain('20 EUR paid back');
    expect(world.orders.executions.length).toBe(before + 1);
    await eventually(async () => {
      const [callId = ''] = await callIds('refund_order');
      const types = await story(callId);
      expect(types).toEqual(
        expect.arrayContaining([
          'approval.requested',
          'approval.voted',
          'call.approved',
          'call.completed',
        ]),
      );
    });
    await client.close();
  });
});
