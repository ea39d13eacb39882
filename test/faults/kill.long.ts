import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canBreakBrokers } from '../broker/broker.js';
import { eventually } from '../stack/http.js';
import { startWorld, type World } from '../stack/world.js';
import { anomaliesOf, openCalls } from './checker.js';
import type { ClientCall, History } from './history.js';
import { oneCall, run, startApprover } from './load.js';
import { buildPrograms, isReady } from './programs.js';
import { RawTopics } from './raw-topics.js';
import { readRecord } from './record-rows.js';
import { serviceNames, type ServiceName, type SplitStack, startSplitStack } from './split-stack.js';
import { canaries, type SpyUpstream, startSpyUpstream } from './spy-upstream.js';
import { told } from './figures.js';

const calls = 1000;
const callers = 8;
const signedEvery = 25;
const callsAfterwards = 50;
/** Publish, verdict, hold, publish, upstream, mask and the record of the refusal, each at its limit, on a busy machine. */
const refusalBoundMs = 30_000;
const settleMs = 150_000;

type Victim = ServiceName | 'broker';
const victims: readonly Victim[] = ['policy', 'masking', 'approval', 'audit', 'ingress', 'broker'];

describe.skipIf(!canBreakBrokers())('when a process is killed during a run of 1,000 calls', () => {
  beforeAll(async () => buildPrograms(serviceNames), 300_000);

  describe.each(victims)('and it is %s', (victim) => {
    let world: World;
    let spy: SpyUpstream;
    let stack: SplitStack;

    beforeAll(async () => {
      spy = await startSpyUpstream();
      world = await startWorld({
        policies: resolve('test/faults/policies'),
        servers: { spy: { url: spy.url } },
        sections: {
          ingress: { verdictTimeoutMs: 2000, maskTimeoutMs: 2000, holdSilentMs: 8000 },
        },
      });
      stack = await startSplitStack(world);
    }, 300_000);

    afterAll(async () => {
      await stack?.close();
      await spy?.close();
      await world?.close();
    }, 120_000);

    test('then nothing passes without its record, nothing leaves unmasked, nothing is lost or doubled', async () => {
      const caller = { url: `${stack.urls.ingress}/mcp/spy`, token: await world.token('analyst') };
      const approver = startApprover(stack.urls.approval, await world.token('approver'));

      const during = await run({
        caller,
        calls,
        callers,
        signedEvery,
        event: { afterCalls: calls / 3, happens: async () => killAndRestart(stack, victim) },
        reachable: async () => isReady(stack.urls.ingress),
      });
      await isReady(stack.urls.ingress);
      const probes = await answeredAgain(async () => oneCall(caller));
      const afterwards = await run({
        caller,
        calls: callsAfterwards,
        callers,
        signedEvery,
        event: { afterCalls: callsAfterwards, happens: async () => undefined },
        reachable: async () => undefined,
      });
      await approver.stop();

      const { history, deadLetters } = await settled(stack, spy, [
        ...during,
        ...probes,
        ...afterwards,
      ]);
      console.log(told(victim, history, { calls: during.length, deadLetters }));
      expect(anomaliesOf(history).slice(0, 20)).toEqual([]);
      expect(during).toHaveLength(calls);
      expect(afterwards.filter((each) => each.outcome.kind !== 'answered')).toEqual([]);
      expect(during.filter((each) => each.outcome.kind === 'answered').length).toBeGreaterThan(500);
    }, 900_000);
  });
});

async function killAndRestart(stack: SplitStack, victim: Victim): Promise<void> {
  if (victim === 'broker') {
    await stack.broker.kill();
    await stack.broker.resume();
    return;
  }
  await stack.programs[victim].kill();
  await stack.programs[victim].start();
  await isReady(stack.urls[victim]);
}

/** Calls until one is answered; nobody touches the stack meanwhile. */
async function answeredAgain(call: () => Promise<ClientCall>): Promise<ClientCall[]> {
  const made: ClientCall[] = [];
  await eventually(async () => {
    const last = await call();
    made.push(last);
    if (last.outcome.kind !== 'answered') throw new Error(`not yet: ${last.text}`);
  }, 60_000);
  return made;
}

/** Waits until the story of every call is told and stored, or for as long as that may take. */
async function settled(
  stack: SplitStack,
  spy: SpyUpstream,
  made: readonly ClientCall[],
): Promise<{ history: History; deadLetters: number }> {
  const topics = await RawTopics.open(stack.broker.brokers);
  let history: History | undefined;
  try {
    await eventually(async () => {
      history = undefined;
      const { texts, ...record } = await readRecord(stack.databaseUrl);
      await topics.isCaughtUp();
      const { events } = topics;
      const [last] = events
        .filter((each) => each.type === 'countersign.call.requested.v1')
        .toSorted((a, b) => b.timestampMs - a.timestampMs);
      history = {
        ...record,
        calls: made,
        executions: spy.executions(),
        events,
        writings: [...texts, ...serviceNames.map((name) => stack.programs[name].written)],
        canaries,
        server: 'spy',
        survivor: String(last?.data['ingress']),
        policyKey: stack.policyKey,
        approvalKey: stack.approvalKey,
        refusalBoundMs,
      };
      const stillComing = new Set(['event-lost', 'call-left-open']);
      const [coming] = anomaliesOf(history).filter(({ kind }) => stillComing.has(kind));
      if (coming !== undefined) throw new Error(`${coming.kind} ${coming.detail}`);
    }, settleMs).catch((error: unknown) => {
      // What has not come by now is lost, and the checker says so.
      if (history === undefined) throw error;
    });
    if (history === undefined) throw new Error('nothing was read');
    const isOpen = openCalls(history).length;
    if (isOpen > callers + 1) throw new Error(`${isOpen} calls are open, more than were in flight`);
    return { history, deadLetters: topics.deadLetters.length };
  } finally {
    await topics.close();
  }
}
