import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { canBreakBrokers, startBroker, type Broker } from '../../../../test/broker/broker.js';
import { isWithoutBroker } from '../../../../test/broker/global-setup.js';
import type { ProducerParts } from './kafka-producer.js';
import {
  Load,
  lost,
  newTopic,
  numberOf,
  openLog,
  patience,
  quiet,
  storedIn,
} from './outage.suite.js';
import { withoutReceipt } from './receipts.js';

/** A roll without the check loses something in eight of nine cases, so this many leave no doubt. */
const mostRolls = 6;

describe.skipIf(isWithoutBroker() || !canBreakBrokers())(
  'outages of a cluster',
  { timeout: 300_000 },
  () => {
    let cluster: Broker;

    beforeAll(async () => {
      cluster = await startBroker({ nodes: 3 });
    }, 180_000);
    afterAll(async () => cluster.clean());

    async function roll(): Promise<void> {
      for (const node of [1, 2, 3]) {
        await cluster.stop(node);
        await cluster.resume(node);
      }
    }

    async function begin(parts: Partial<ProducerParts>) {
      const topic = await newTopic(cluster.brokers, 3);
      const log = await openLog(quiet(cluster.brokers), parts);
      const load = new Load(log, topic, 8);
      await load.acknowledges(100);
      return {
        log,
        topic,
        load,
        lostSoFar: async () => {
          const acknowledged = new Set(load.acknowledged);
          const stored = await storedIn(quiet(cluster.brokers), topic);
          return [...acknowledged].filter((n) => !stored.has(n));
        },
      };
    }

    test('when brokers restart in turn, then nothing acknowledged is lost, and without the check of receipts it is', async () => {
      let holes = 0;
      const checked = await begin({
        withoutReceipt: (records, placeOf, receipts) => {
          const leftOut = withoutReceipt(records, placeOf, receipts);
          holes += leftOut.length;
          return leftOut;
        },
      });
      const unchecked = await begin({ withoutReceipt: () => [] });
      const read = new Set<number>();
      const subscription = await checked.log.subscribe(
        { group: randomUUID(), topics: [checked.topic], startAt: 'committed' },
        { mode: 'each', handle: async (record) => void read.add(numberOf(record)) },
      );

      let rolls = 0;
      let missing: number[] = [];
      while (missing.length === 0 && rolls < mostRolls) {
        await roll();
        rolls += 1;
        missing = await unchecked.lostSoFar();
      }
      await Promise.all([checked.load.acknowledges(100), unchecked.load.acknowledges(1)]);
      await Promise.all([checked.load.stop(), unchecked.load.stop()]);

      console.info(
        `${rolls} rolls: ${missing.length} lost unchecked; ${holes} holes found by the check`,
      );
      expect(missing).not.toEqual([]);
      expect(lost(checked.load, await storedIn(quiet(cluster.brokers), checked.topic))).toEqual([]);
      await vi.waitFor(() => {
        expect(lost(checked.load, read)).toEqual([]);
      }, patience);
      await vi.waitFor(() => expect(subscription.isLive()).toBe(true), patience);
      await Promise.all([checked.log.close(), unchecked.log.close()]);
    });
  },
);
