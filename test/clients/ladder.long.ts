import { copyFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Stack, stacks } from '../stack/stack.js';
import { startWorld, type World } from '../stack/world.js';
import { Approver } from './approver.js';
import { type ModernUpstream, startModernUpstream } from './modern-upstream.js';
import { patients } from './patience.js';

/** What an approver takes to come back from lunch. */
const approvalMs = 180_000;

let world: World;
let stack: Stack;
let payments: ModernUpstream;

beforeAll(async () => {
  const policies = await mkdtemp(join(tmpdir(), 'countersign-policies-'));
  await copyFile(resolve('test/clients/ladder.yaml'), join(policies, 'ladder.yaml'));
  payments = await startModernUpstream();
  world = await startWorld({ policies, servers: { payments: { url: payments.url } } });
  stack = await stacks.standalone(world);
});

afterAll(async () => {
  await stack?.close();
  await world?.close();
  await payments?.close();
});

const runs = (order: string): number =>
  payments.paid.filter((each) => each === order).length +
  world.orders.executions.filter((each) => JSON.stringify(each.arguments).includes(order)).length;

test.concurrent.for(Object.entries(patients))(
  'when people take three minutes to sign, then a %s completes its call, once',
  { timeout: 330_000 },
  async ([name, complete]) => {
    const order = `L-${Object.keys(patients).indexOf(name)}`;
    const isLegacy = name.startsWith('sdk v1');
    const approver = new Approver(world, stack);
    const call = {
      url: `${stack.gateway}/mcp/${isLegacy ? 'orders' : 'payments'}`,
      token: await world.token('analyst'),
      tool: isLegacy ? 'refund_order' : 'pay',
      order,
      timeoutMs: 60_000,
      retryMs: 20_000,
      onWaiting: () => undefined,
    };

    const completed = complete(call);
    const id = await approver.pendingFor(order);
    await pause(approvalMs);
    const pressed = await approver.press(id, 'approve');

    expect(pressed).toBe(200);
    expect(await completed).toMatch(isLegacy ? /5 EUR paid back/ : new RegExp(`${order} is paid`));
    expect(runs(order)).toBe(1);
  },
);
