import { randomUUID } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { canBreakBrokers, startBroker, type Broker } from '../../../../test/broker/broker.js';
import { isWithoutBroker } from '../../../../test/broker/global-setup.js';
import { newTopic, numbered, numberOf, openLog, patience, quiet } from './outage.suite.js';

describe.skipIf(isWithoutBroker() || !canBreakBrokers())(
  'a consumer behind a network that fails',
  { timeout: 90_000 },
  () => {
    let broker: Broker;
    let wire: Wire;

    beforeAll(async () => {
      wire = await openWire();
      // Clients go where the broker says it is: to the wire.
      const advertised = `PLAINTEXT://127.0.0.1:${wire.port}`;
      broker = await startBroker({ properties: { 'advertised.listeners': advertised } });
      wire.leadTo(broker.brokers[0] ?? '');
    }, 120_000);
    afterAll(async () => {
      await broker.clean();
      wire.close();
    });

    test('when its connections fall silent, then it says so, and reads on over new ones, missing nothing', async () => {
      const brokers = [`127.0.0.1:${wire.port}`];
      const topic = await newTopic(brokers, 1);
      const log = await openLog({ ...quiet(brokers), sessionMs: 2000 });
      const [committed, fromEnd] = [new Set<number>(), new Set<number>()];
      const subscriptions = [
        await log.subscribe(
          { group: randomUUID(), topics: [topic], startAt: 'committed' },
          { mode: 'each', handle: async (record) => void committed.add(numberOf(record)) },
        ),
        await log.subscribe(
          { group: randomUUID(), topics: [topic], startAt: 'end' },
          { mode: 'each', handle: async (record) => void fromEnd.add(numberOf(record)) },
        ),
      ];
      for (const n of [1, 2, 3]) await log.append(numbered(topic, n));
      await vi.waitFor(() => expect(committed.size + fromEnd.size).toBe(6), patience);

      wire.cutSilently();
      for (const n of [4, 5, 6]) await vi.waitFor(() => log.append(numbered(topic, n)), patience);
      await vi.waitUntil(() => subscriptions.every((each) => !each.isLive()), patience);

      const all = new Set([1, 2, 3, 4, 5, 6]);
      await vi.waitFor(() => expect([committed, fromEnd]).toEqual([all, all]), patience);
      expect(subscriptions.map((each) => each.isLive())).toEqual([true, true]);
      await log.close();
    });
  },
);

/** A way to the broker that can lose what travels on it without a word. */
interface Wire {
  readonly port: number;
  leadTo(address: string): void;
  /** Nothing passes any more on the connections there are; new ones work. */
  cutSilently(): void;
  close(): void;
}

async function openWire(): Promise<Wire> {
  const ends = new Set<Socket>();
  let target = 0;
  const server: Server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    near.pipe(far).pipe(near);
    for (const end of [near, far]) {
      ends.add(end);
      end.on('error', () => undefined);
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    leadTo: (broker) => {
      target = Number(broker.split(':')[1]);
    },
    cutSilently: () => {
      for (const end of ends) {
        end.unpipe();
        end.pause();
      }
      ends.clear();
    },
    close: () => {
      server.close();
      for (const end of ends) end.destroy();
    },
  };
}
