import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { freePort } from '../../demo/free-port.js';
import { canBreakBrokers } from '../broker/broker.js';
import { eventually, rest } from '../stack/http.js';
import { startWorld, type World } from '../stack/world.js';
import { callTool } from './client.js';
import type { ClientCall } from './history.js';
import { oneCall, startApprover } from './load.js';
import { type OddUpstream, startOddUpstream } from './odd-upstream.js';
import {
  openKafkaStack,
  type OpenKafkaStack,
  openStandalone,
  type OpenStack,
} from './open-stack.js';
import { isReady } from './programs.js';
import { canaries, type SpyUpstream, startSpyUpstream } from './spy-upstream.js';

/** A refusal takes at most its own deadlines and that of writing it down: three publishes and a wait. */
const boundMs = 15_000;
const storySchema = z.object({
  events: z.array(
    z.object({ event: z.object({ type: z.string(), data: z.record(z.string(), z.unknown()) }) }),
  ),
});

interface Surroundings {
  readonly world: World;
  readonly spy: SpyUpstream;
  readonly odd: OddUpstream;
  close(): Promise<void>;
}

async function surroundings(): Promise<Surroundings> {
  const [spy, odd] = await Promise.all([startSpyUpstream(), startOddUpstream()]);
  const world = await startWorld({
    policies: resolve('test/faults/policies'),
    servers: {
      spy: { url: spy.url },
      odd: { url: odd.url },
      gone: { url: `http://127.0.0.1:${await freePort()}/mcp` },
    },
    sections: {
      ingress: {
        verdictTimeoutMs: 1500,
        maskTimeoutMs: 1500,
        upstreamTimeoutMs: 1500,
        holdSilentMs: 4000,
        maxAnswerBytes: 200_000,
      },
    },
  });
  const close = async (): Promise<void> => {
    await Promise.all([spy.close(), odd.close(), world.close()]);
  };
  return { world, spy, odd, close };
}

function refusal(call: ClientCall): { readonly code: string; readonly executed: string } {
  if (call.outcome.kind !== 'refused') {
    throw new Error(`not refused: ${call.outcome.kind} ${call.text.slice(0, 300)}`);
  }
  const { code, executed } = call.outcome;
  return { code, executed };
}

const ms = (calls: readonly ClientCall[]): number =>
  Math.round(Math.max(...calls.map((each) => each.ms)));

/** Calls of one stack, and what the record says of them. */
function callsOf(place: () => { readonly world: World; readonly stack: OpenStack }) {
  const call = async (server: string, tool: string): Promise<ClientCall> => {
    const { world, stack } = place();
    const caller = { url: `${stack.gateway}/mcp/${server}`, token: await world.token('analyst') };
    return callTool(caller, tool, { nonce: `nonce-${randomUUID()}` });
  };
  const answered = async (tool = 'echo'): Promise<void> => {
    await eventually(async () => {
      const last = await call('spy', tool);
      if (last.outcome.kind !== 'answered') throw new Error(`not yet: ${last.text}`);
    }, 60_000);
  };
  const several = async (count: number): Promise<ClientCall[]> => {
    const { world, stack } = place();
    const caller = { url: `${stack.gateway}/mcp/spy`, token: await world.token('analyst') };
    return Promise.all(Array.from({ length: count }, async () => oneCall(caller)));
  };
  const story = async (made: ClientCall): Promise<z.infer<typeof storySchema>['events']> => {
    const { world, stack } = place();
    const [, callId] = /"callId":"([^"]+)"/.exec(made.text) ?? [];
    return eventually(async () => {
      const { body } = await rest(
        `${stack.audit}/v1/calls/${callId}`,
        await world.token('auditor'),
      );
      const { events } = storySchema.parse(body);
      const isOver = events.some(({ event }) => /completed|failed|cancelled/.test(event.type));
      if (!isOver) throw new Error('the story goes on');
      return events;
    }, 90_000);
  };
  return { call, answered, several, story };
}

const failure = (events: z.infer<typeof storySchema>['events']) =>
  events.find(({ event }) => event.type === 'countersign.call.failed.v1')?.event.data;

describe.skipIf(!canBreakBrokers())('on Kafka', () => {
  let around: Surroundings;
  let stack: OpenKafkaStack;
  const { answered, call, several, story } = callsOf(() => ({ world: around.world, stack }));

  beforeAll(async () => {
    around = await surroundings();
    stack = await openKafkaStack(around.world);
  }, 300_000);

  afterAll(async () => {
    await stack?.close();
    await around?.close();
  }, 120_000);

  test.each([
    ['stopped', async () => stack.broker.stop(), async () => stack.broker.resume()],
    ['frozen', async () => stack.broker.freeze(), async () => stack.broker.thaw()],
  ])(
    'when the broker is %s, then calls are refused in time and nothing passes, and afterwards all goes on',
    async (name, breakIt, mendIt) => {
      await answered();
      const before = around.spy.executions().length;

      await breakIt();
      const first = await several(5);
      const second = await several(5);
      const during = around.spy.executions().length;
      const health = await fetch(`${stack.gateway}/readyz`);
      await mendIt();

      const codes = [...first, ...second].map((each) => refusal(each));
      expect(codes).toEqual(codes.map(() => ({ code: 'RECORD_UNAVAILABLE', executed: 'no' })));
      expect(during).toBe(before);
      expect(health.status).toBe(503);
      expect(ms([...first, ...second])).toBeLessThan(boundMs);
      await answered();
      expect(failure(await story(first[0]!))).toMatchObject({
        code: 'RECORD_UNAVAILABLE',
        executed: 'no',
      });
      await isReady(stack.gateway);
      await isReady(stack.audit);
      console.log(
        `broker ${name}: 10 refused RECORD_UNAVAILABLE, slowest ${ms([...first, ...second])} ms, 0 executed`,
      );
    },
  );

  test('when policy is stopped, then calls are refused in time and nothing passes, and afterwards all goes on', async () => {
    await answered();
    const before = around.spy.executions().length;

    await stack.stop('policy');
    const made = await several(5);
    const during = around.spy.executions().length;
    await stack.start('policy');

    const codes = made.map((each) => refusal(each));
    expect(codes).toEqual(codes.map(() => ({ code: 'VERDICT_TIMEOUT', executed: 'no' })));
    expect(during).toBe(before);
    expect(ms(made)).toBeLessThan(boundMs);
    await answered();
    expect(failure(await story(made[0]!))).toMatchObject({
      code: 'VERDICT_TIMEOUT',
      executed: 'no',
    });
    console.log(`policy stopped: 5 refused VERDICT_TIMEOUT, slowest ${ms(made)} ms, 0 executed`);
  });

  test('when masking is stopped, then answers are withheld and the record says that the call was executed', async () => {
    await answered();
    const before = around.spy.executions().length;

    await stack.stop('masking');
    const made = await several(5);
    await stack.start('masking');

    const codes = made.map((each) => refusal(each));
    expect(codes).toEqual(codes.map(() => ({ code: 'ANSWER_WITHHELD', executed: 'yes' })));
    expect(made.map(({ text }) => text).join('')).not.toContain(canaries[0]);
    expect(around.spy.executions().length).toBe(before + 5);
    expect(ms(made)).toBeLessThan(boundMs);
    expect(failure(await story(made[0]!))).toMatchObject({
      code: 'ANSWER_WITHHELD',
      stage: 'mask',
      executed: 'yes',
    });
    await answered();
    console.log(
      `masking stopped: 5 refused ANSWER_WITHHELD, slowest ${ms(made)} ms, 5 executed, 0 shown`,
    );
  });

  test('when approval is stopped, then a call that needs people is refused in time, and others go on', async () => {
    await answered();
    const before = around.spy.executions().length;

    await stack.stop('approval');
    const made = await call('spy', 'signed_echo');
    const during = around.spy.executions().length;
    await answered();
    await stack.start('approval');

    expect(refusal(made)).toEqual({ code: 'APPROVAL_TIMEOUT', executed: 'no' });
    expect(during).toBe(before);
    expect(made.ms).toBeLessThan(boundMs);
    expect(failure(await story(made))).toMatchObject({ code: 'APPROVAL_TIMEOUT', executed: 'no' });
    const approver = startApprover(stack.approvals, await around.world.token('approver'));
    await answered('signed_echo');
    await approver.stop();
    console.log(
      `approval stopped: 1 refused APPROVAL_TIMEOUT after ${ms([made])} ms, 0 executed, unsigned calls go on`,
    );
  });

  outsideTheBus(() => ({ around, stack }));
});

describe('on standalone', () => {
  let around: Surroundings;
  let stack: OpenStack;

  beforeAll(async () => {
    around = await surroundings();
    stack = await openStandalone(around.world);
  }, 120_000);

  afterAll(async () => {
    await stack?.close();
    await around?.close();
  }, 120_000);

  outsideTheBus(() => ({ around, stack }));
});

/** Faults of what both stacks have: a database and upstream servers. */
function outsideTheBus(
  place: () => { readonly around: Surroundings; readonly stack: OpenStack },
): void {
  const { answered, call, several, story } = callsOf(() => ({
    world: place().around.world,
    stack: place().stack,
  }));

  test('when Postgres is stopped, then calls that need people are refused, the others go on, and their record comes later', async () => {
    const { around, stack } = place();
    await answered();

    await stack.postgres.stop();
    const made = await several(5);
    const signed = await call('spy', 'signed_echo');
    const auditor = await around.world.token('auditor');
    const [reading, health] = await Promise.all([
      rest(`${stack.audit}/v1/events`, auditor),
      fetch(`${stack.audit}/readyz`),
    ]);
    await stack.postgres.start();

    expect(made.map((each) => each.outcome.kind)).toEqual(made.map(() => 'answered'));
    expect(refusal(signed)).toEqual({ code: 'APPROVAL_TIMEOUT', executed: 'no' });
    expect(ms([...made, signed])).toBeLessThan(boundMs);
    expect([reading.status, health.status]).toEqual([503, 503]);
    await isReady(stack.audit);
    const nonces = made.map(({ nonce }) => nonce);
    await eventually(async () => {
      const query = 'type=countersign.call.requested.v1&limit=500';
      const { body } = await rest(`${stack.audit}/v1/events?${query}`, auditor);
      for (const nonce of nonces) expect(JSON.stringify(body)).toContain(nonce);
    }, 60_000);
    expect(failure(await story(signed))).toMatchObject({
      code: 'APPROVAL_TIMEOUT',
      executed: 'no',
    });
    const approver = startApprover(stack.approvals, await around.world.token('approver'));
    await answered('signed_echo');
    await approver.stop();
    console.log(
      `Postgres stopped: 5 of 5 unsigned calls answered and recorded later, signed call refused APPROVAL_TIMEOUT after ${ms([signed])} ms`,
    );
  });

  test.each([
    ['silent', 'UPSTREAM_TIMEOUT', 'unknown'],
    ['stalls', 'UPSTREAM_TIMEOUT', 'yes'],
    ['breaks', 'UPSTREAM_UNAVAILABLE', 'unknown'],
    ['html', 'UPSTREAM_UNREADABLE', 'yes'],
    ['bad-gateway', 'UPSTREAM_UNREADABLE', 'unknown'],
    ['half-json', 'UPSTREAM_UNREADABLE', 'yes'],
    ['cut-json', 'UPSTREAM_UNREADABLE', 'yes'],
    ['plain-text', 'UPSTREAM_UNREADABLE', 'yes'],
    ['not-utf8', 'UPSTREAM_UNREADABLE', 'yes'],
    ['duplicate-key', 'UPSTREAM_UNREADABLE', 'yes'],
    ['not-an-object', 'UPSTREAM_UNREADABLE', 'yes'],
    ['empty-body', 'UPSTREAM_UNREADABLE', 'yes'],
    ['endless', 'ANSWER_TOO_LARGE', 'yes'],
    ['endless-event', 'ANSWER_TOO_LARGE', 'yes'],
    ['cut-event', 'UPSTREAM_UNREADABLE', 'yes'],
    ['torn-event', 'UPSTREAM_UNREADABLE', 'yes'],
    ['no-event', 'UPSTREAM_UNREADABLE', 'yes'],
    ['rubbish-event', 'UPSTREAM_UNREADABLE', 'yes'],
  ])(
    'when the upstream answers "%s", then the call is refused as %s, the record says so, and the next call is answered',
    async (tool, code, executed) => {
      const { around } = place();

      const made = await call('odd', tool);
      const next = await call('odd', 'fine');

      expect(refusal(made)).toEqual({ code, executed });
      expect(made.ms).toBeLessThan(boundMs);
      expect(around.odd.asked.filter((each) => each === tool).length).toBeGreaterThan(0);
      expect(failure(await story(made))).toMatchObject({ code, executed, stage: 'upstream' });
      expect(next.outcome.kind).toBe('answered');
    },
  );

  test('when the upstream is down, then the call is refused and was not executed', async () => {
    const made = await call('gone', 'anything');

    expect(refusal(made)).toEqual({ code: 'UPSTREAM_UNAVAILABLE', executed: 'no' });
    expect(failure(await story(made))).toMatchObject({
      code: 'UPSTREAM_UNAVAILABLE',
      executed: 'no',
    });
  });
}
