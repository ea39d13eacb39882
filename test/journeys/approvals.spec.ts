import { copyFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { eventually, rest } from '../stack/http.js';
import { connect } from '../stack/mcp.js';
import { type Stack, stackNames, stacks } from '../stack/stack.js';
import { startWorld, type World } from '../stack/world.js';

const approvalsSchema = z.object({
  approvals: z.array(z.object({ id: z.string(), callId: z.string().optional() })),
});
const pendingSchema = z.looseObject({
  isError: z.literal(true),
  _meta: z.object({
    'countersign/refusal': z.looseObject({
      code: z.string(),
      approvalId: z.string().optional(),
      executed: z.string(),
    }),
  }),
});

describe.each(stackNames)('on %s', (kind) => {
  let world: World;
  let stack: Stack;
  let order: string;
  let count = 0;

  beforeAll(async () => {
    const policies = await mkdtemp(join(tmpdir(), 'countersign-policies-'));
    await copyFile(resolve('test/journeys/approvals.yaml'), join(policies, 'approvals.yaml'));
    world = await startWorld({
      policies,
      sections: { ingress: { holdSilentMs: 1500, holdWithProgressMs: 20_000 } },
    });
    stack = await stacks[kind](world);
  });

  afterAll(async () => {
    await stack?.close();
    await world?.close();
  });

  beforeEach(() => {
    order = `A-${kind}-${(count += 1)}`;
  });

  const executions = (): number =>
    world.orders.executions.filter((each) => JSON.stringify(each.arguments).includes(order)).length;

  const client = async () => connect(`${stack.gateway}/mcp/orders`, await world.token('analyst'));

  const refund = () => ({ name: 'refund_order', arguments: { order, amount: 5 } });

  const openApproval = async (): Promise<string> =>
    eventually(async () => {
      const token = await world.token('approver');
      const { body } = await rest(`${stack.approvals}/v1/approvals?status=pending`, token);
      const found = JSON.stringify(body).includes(order)
        ? approvalsSchema.parse(body).approvals
        : [];
      const [first] = found;
      if (first === undefined) throw new Error('no approval is open yet');
      return first.id;
    });

  const decide = async (
    id: string,
    decision: 'approve' | 'refuse',
    reason: string,
  ): Promise<number> => {
    const answer = await rest(
      `${stack.approvals}/v1/approvals/${id}/decision`,
      await world.token('approver'),
      {
        method: 'POST',
        body: { decision, reason },
      },
    );
    return answer.status;
  };

  test('when the client cannot wait, then it is told so, and its retry after the signature runs, once', async () => {
    const caller = await client();

    const pending = pendingSchema.parse(await caller.callTool(refund()));
    const id = await openApproval();
    expect(pending._meta['countersign/refusal']).toMatchObject({
      code: 'APPROVAL_PENDING',
      approvalId: id,
      executed: 'no',
    });
    expect(await decide(id, 'approve', '')).toBe(200);
    const result = await caller.callTool(refund());

    expect(JSON.stringify(result)).toContain('5 EUR paid back');
    expect(executions()).toBe(1);
    // Approval learns from the record that the signature was used; from then on a new one is asked for.
    const again = await eventually(async () => {
      const asked = pendingSchema.parse(await caller.callTool(refund()));
      expect(asked._meta['countersign/refusal'].approvalId).not.toBe(id);
      return asked;
    });
    expect(executions()).toBe(1);
    await decide(String(again._meta['countersign/refusal'].approvalId), 'refuse', 'enough');
    await caller.close();
  });

  test('when the retry comes before the signature, then it joins and nobody is asked twice', async () => {
    const caller = await client();

    const first = pendingSchema.parse(await caller.callTool(refund()));
    const waiting = caller.callTool(refund(), undefined, { onprogress: () => undefined });
    const id = await openApproval();
    expect(first._meta['countersign/refusal'].approvalId).toBe(id);
    await decide(id, 'approve', 'yes');

    expect(JSON.stringify(await waiting)).toContain('5 EUR paid back');
    expect(executions()).toBe(1);
    await caller.close();
  });

  test('when the approver refuses with a reason, then the caller learns it and nothing runs', async () => {
    const caller = await client();
    const waiting = caller.callTool(refund(), undefined, { onprogress: () => undefined });

    await decide(await openApproval(), 'refuse', 'not without a receipt');

    expect(await waiting).toMatchObject({
      isError: true,
      content: [{ text: 'Refused by Petra Approver: not without a receipt' }],
      _meta: { 'countersign/refusal': { code: 'APPROVAL_REFUSED', executed: 'no' } },
    });
    expect(executions()).toBe(0);
    await caller.close();
  });

  test('when nobody signs in time, then the call expires and nothing runs', async () => {
    const caller = await client();
    const call = { name: 'delete_customer', arguments: { id: order } };

    const result = await caller.callTool(call, undefined, { onprogress: () => undefined });

    expect(result).toMatchObject({
      _meta: { 'countersign/refusal': { code: 'APPROVAL_EXPIRED' } },
    });
    expect(executions()).toBe(0);
    await caller.close();
  });

  test('when the client takes its call back, then a later signature runs nothing', async () => {
    const caller = await client();
    const abort = new AbortController();
    const waiting = caller.callTool(refund(), undefined, {
      signal: abort.signal,
      onprogress: () => undefined,
    });
    const id = await openApproval();

    abort.abort();
    await expect(waiting).rejects.toThrow();
    const cancelled = await eventually(async () => {
      const query = 'type=countersign.call.cancelled.v1';
      const { body } = await rest(
        `${stack.audit}/v1/events?${query}`,
        await world.token('auditor'),
      );
      expect(JSON.stringify(body)).toContain('"stage":"approval"');
      return true;
    });
    expect(cancelled).toBe(true);
    expect(await decide(id, 'approve', 'too late')).toBe(200);

    const other = await client();
    await other.listTools();
    expect(executions()).toBe(0);
    await other.close();
    await caller.close();
  });

  test('when the approver is not in the group, is the requester, or is a program, then the press is refused', async () => {
    const caller = await client();
    const waiting = caller.callTool(refund(), undefined, { onprogress: () => undefined });
    const id = await openApproval();
    const press = async (name: 'analyst' | 'engineer' | 'ci' | 'auditor') =>
      rest(`${stack.approvals}/v1/approvals/${id}/decision`, await world.token(name), {
        method: 'POST',
        body: { decision: 'approve', reason: 'me' },
      });

    expect(await press('analyst')).toMatchObject({
      status: 403,
      body: { code: 'APPROVER_IS_REQUESTER' },
    });
    expect((await press('engineer')).status).toBe(404);
    expect((await press('auditor')).status).toBe(404);
    expect([403, 404]).toContain((await press('ci')).status);
    expect(executions()).toBe(0);
    await decide(id, 'refuse', 'done');
    await waiting;
    await caller.close();
  });
});
