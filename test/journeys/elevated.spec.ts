import { copyFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { DemoIdentityName } from '../../demo/entra/identities.js';
import { Approver } from '../clients/approver.js';
import { ask, type Extras, type ModernAnswer } from '../clients/modern-client.js';
import { type ModernUpstream, startModernUpstream } from '../clients/modern-upstream.js';
import { eventually, rest } from '../stack/http.js';
import { type Stack, stackNames, stacks } from '../stack/stack.js';
import { startWorld, type World } from '../stack/world.js';

const storySchema = z.object({
  events: z.array(
    z.object({
      event: z.object({ type: z.string(), data: z.looseObject({ grantId: z.uuid().optional() }) }),
    }),
  ),
});

describe.each(stackNames)('on %s', (kind) => {
  let world: World;
  let stack: Stack;
  let payments: ModernUpstream;
  let approver: Approver;
  let order: string;
  let count = 0;

  beforeAll(async () => {
    const policies = await mkdtemp(join(tmpdir(), 'countersign-policies-'));
    await copyFile(resolve('test/journeys/elevated.yaml'), join(policies, 'elevated.yaml'));
    payments = await startModernUpstream();
    world = await startWorld({
      policies,
      servers: { payments: { url: payments.url } },
      sections: { ingress: { legMs: 500 } },
    });
    stack = await stacks[kind](world);
    approver = new Approver(world, stack);
  });

  afterAll(async () => {
    await stack?.close();
    await world?.close();
    await payments?.close();
  });

  beforeEach(() => {
    order = `E-${kind}-${(count += 1)}-`;
  });

  const call = async (
    tool = 'pay',
    extras: Extras = {},
    who: DemoIdentityName = 'analyst',
  ): Promise<ModernAnswer> => {
    const client = { url: `${stack.gateway}/mcp/payments`, token: await world.token(who) };
    return ask(client, 'tools/call', { name: tool, arguments: { order } }, extras);
  };

  const eventsOf = async ({ headers }: ModernAnswer) => {
    const url = `${stack.audit}/v1/calls/${headers.get('x-countersign-call') ?? ''}`;
    const { body } = await rest(url, await world.token('auditor'));
    return storySchema.parse(body).events.map(({ event }) => event);
  };

  /** The grant that a call ran under, as the record has it. */
  const grantOf = async (answer: ModernAnswer): Promise<string> =>
    eventually(async () => {
      const events = await eventsOf(answer);
      const forwarded = events.find(({ type }) => type === 'countersign.call.forwarded.v1');
      return z.uuid().parse(forwarded?.data.grantId);
    });

  /** A grant for so many seconds, given with the signature on a call. */
  const elevate = async (seconds: number): Promise<ModernAnswer> => {
    const waiting = call('pay', { meta: { progressToken: 1 } });
    const id = await approver.pendingFor(order);
    expect(await approver.press(id, 'approve', 'go on', seconds)).toBe(200);
    const answer = await waiting;
    expect(JSON.stringify(answer.result)).toContain('is paid');
    return answer;
  };

  test('when an approver grants it for a while, then further calls need nobody until it is revoked', async () => {
    await elevate(300);
    order = `${order}more-`;

    const more = await eventually(async () => {
      const answer = await call();
      expect(JSON.stringify(answer.result)).toContain('is paid');
      return answer;
    });
    const grantId = await grantOf(more);
    expect(await approver.revoke(grantId)).toBe(200);

    order = `${order}again-`;
    const { result } = await call();
    expect(result).toMatchObject({ resultType: 'input_required' });
    expect(payments.paid.filter((each) => each === order)).toEqual([]);
    expect(await approver.press(await approver.pendingFor(order), 'refuse', 'done')).toBe(200);
  });

  const cut = {
    result: {
      isError: true,
      _meta: { 'countersign/refusal': { code: 'GRANT_ENDED', executed: 'unknown' } },
    },
  };
  const isCutOff = async (answer: ModernAnswer): Promise<void> => {
    expect(answer).toMatchObject(cut);
    await eventually(() => {
      expect(payments.brokenOff.filter((each) => each.includes(order))).toHaveLength(1);
    });
    await eventually(async () => {
      const events = await eventsOf(answer);
      const failed = events.find(({ type }) => type === 'countersign.call.failed.v1');
      expect(failed?.data).toMatchObject({
        code: 'GRANT_ENDED',
        stage: 'upstream',
        executed: 'unknown',
      });
    });
  };

  test('when a grant is revoked while a call runs under it, then the call is cut off', async () => {
    const granted = await elevate(300);
    const grantId = await grantOf(granted);

    const before = payments.paid.length;
    const waiting = call('pay_slowly', { meta: { progressToken: 2 } });
    const isUnderGrant = async (): Promise<boolean> => {
      await eventually(() => expect(payments.paid.length).toBeGreaterThan(before));
      return true;
    };
    // A grant is for the tool it was given on: this one is given a grant of its own.
    const id = await approver.pendingFor(order);
    expect(await approver.press(id, 'approve', '', 300)).toBe(200);
    expect(await isUnderGrant()).toBe(true);
    const grants = await rest(`${stack.approvals}/v1/grants`, await world.token('approver'));
    const ids = z
      .object({ grants: z.array(z.object({ id: z.uuid(), approvalId: z.uuid().nullable() })) })
      .parse(grants.body);
    const own = ids.grants.find(({ approvalId }) => approvalId === id);
    expect(own?.id).not.toBe(grantId);
    expect(await approver.revoke(String(own?.id))).toBe(200);

    await isCutOff(await waiting);
    expect(await approver.revoke(grantId)).toBe(200);
  });

  test('when the time of a grant is over while a call runs under it, then the call is cut off', async () => {
    const waiting = call('pay_slowly', { meta: { progressToken: 3 } });
    const id = await approver.pendingFor(order);

    expect(await approver.press(id, 'approve', '', 2)).toBe(200);

    await isCutOff(await waiting);
  });

  test('when somebody who may breaks the glass and says why, then the call runs at once', async () => {
    const meta = {
      'countersign/break-glass': true,
      'countersign/justification': 'the shop burns',
    };

    const { result } = await call('pay', { meta }, 'engineer');

    expect(JSON.stringify(result)).toContain('is paid');
    expect(payments.heard.at(-1)?.body).not.toMatch(/break-glass|the shop burns/);
  });

  test('when somebody who may not demands it, then people are asked all the same', async () => {
    const meta = {
      'countersign/break-glass': true,
      'countersign/justification': 'the shop burns',
      progressToken: 4,
    };

    const waiting = call('pay', { meta });
    const id = await approver.pendingFor(order);
    expect(await approver.press(id, 'refuse', 'it does not')).toBe(200);

    expect((await waiting).result).toMatchObject({ isError: true });
    expect(payments.paid.filter((each) => each === order)).toEqual([]);
  });
});
