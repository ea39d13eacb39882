import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { canBreakBrokers, startBroker, type Broker } from '../../../../test/broker/broker.js';
import { isWithoutBroker } from '../../../../test/broker/global-setup.js';
import { KafkaLog } from './kafka-log.js';
import { connectSender, KnownTopics } from './kafka-sender.js';
import type { ProducerParts } from './kafka-producer.js';
import {
  Load,
  lost,
  newTopic,
  numbered,
  numberOf,
  openLog,
  patience,
  quiet,
  reusing,
  storedIn,
} from './outage.suite.js';

describe.skipIf(isWithoutBroker() || !canBreakBrokers())(
  'outages of one broker',
  { timeout: 90_000 },
  () => {
    let broker: Broker;

    beforeAll(async () => {
      broker = await startBroker();
    }, 120_000);
    afterAll(async () => broker.clean());

    /** Publishes across a freeze so that one outcome is unknown; returns what was acknowledged and is not there. */
    async function lostAcrossAFreeze(parts?: Partial<ProducerParts>): Promise<number[]> {
      const options = quiet(broker.brokers);
      const topic = await newTopic(broker.brokers, 1);
      const log = await openLog(options, parts);
      const acknowledged: number[] = [];
      const append = async (n: number) => {
        // Of one key, so that all meet in one partition.
        await log.append({ ...numbered(topic, n), key: 'key' });
        acknowledged.push(n);
      };
      await append(100);
      await append(101);
      await broker.freeze();
      await expect(append(102)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
      await broker.thaw();
      // The frozen broker had the request in its socket, and writes it now.
      await vi.waitFor(async () => expect(await storedIn(options, topic)).toContain(102), patience);
      await vi.waitUntil(() => log.canAppend(), patience);
      for (const n of [103, 104, 105]) await append(n);
      await log.close();
      const stored = await storedIn(options, topic);
      return acknowledged.filter((n) => !stored.has(n));
    }

    test('when a publish of unknown outcome is stored after all, then the next ones are stored too', async () => {
      expect(await lostAcrossAFreeze()).toEqual([]);
    });

    test('when the producer object were kept after it, then this test would see the loss', async () => {
      const options = quiet(broker.brokers);
      const connect = reusing(async () => connectSender(options, new KnownTopics(options)));

      expect(await lostAcrossAFreeze({ connect })).toEqual([103]);
    });

    test('when the broker hangs, then publishing is refused in time, and goes on after it', async () => {
      const options = quiet(broker.brokers);
      const topic = await newTopic(broker.brokers, 1);
      const log = await openLog(options);
      const load = new Load(log, topic, 8);
      await load.acknowledges(200);

      await broker.freeze();
      await vi.waitUntil(() => load.refusals.length > 50, patience);
      expect(log.canAppend()).toBe(false);
      await broker.thaw();
      await load.acknowledges(200);
      await load.stop();
      expect(log.canAppend()).toBe(true);
      await log.close();

      expect(lost(load, await storedIn(options, topic))).toEqual([]);
      expect(Math.max(...load.refusals.map((refusal) => refusal.tookMs))).toBeLessThan(3500);
      const codes = new Set(load.refusals.map((refusal) => refusal.code));
      expect(codes).toEqual(new Set(['OUTCOME_UNKNOWN', 'BROKER_UNAVAILABLE']));
    });

    test('when the deadline is shorter than the client needs, then it holds all the same', async () => {
      const options = { ...quiet(broker.brokers), publishDeadlineMs: 300 };
      const topic = await newTopic(broker.brokers, 1);
      const log = await openLog(options);
      await log.append(numbered(topic, 1));
      await broker.freeze();
      const begunAt = performance.now();

      const refused = log.append(numbered(topic, 2));

      await expect(refused).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
      expect(performance.now() - begunAt).toBeLessThan(800);
      await broker.thaw();
      await vi.waitFor(() => log.append(numbered(topic, 3)), patience);
      await log.close();
    });

    test('when the broker is killed and comes back, then both sides go on and nothing acknowledged is lost', async () => {
      // A session shorter than the outage: the group must not need a new member.
      const options = { ...quiet(broker.brokers), sessionMs: 2000 };
      const topic = await newTopic(broker.brokers, 1);
      const log = await openLog(options);
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
      const load = new Load(log, topic, 8);
      await load.acknowledges(200);

      await broker.kill();
      const isDead = () => subscriptions.every((each) => !each.isLive()) && !log.canAppend();
      await vi.waitUntil(isDead, patience);
      await broker.resume();
      await load.acknowledges(200);
      await load.stop();

      await vi.waitFor(() => {
        expect([lost(load, committed), lost(load, fromEnd)]).toEqual([[], []]);
      }, patience);
      expect(subscriptions.map((each) => each.isLive())).toEqual([true, true]);
      expect(lost(load, await storedIn(options, topic))).toEqual([]);
      await log.close();
    });

    test('when a topic does not exist, then its records are refused and the others of the batch are stored', async () => {
      const options = quiet(broker.brokers);
      const topic = await newTopic(broker.brokers, 1);
      const log = await openLog(options);

      const [known, unknown] = await Promise.allSettled([
        log.append(numbered(topic, 1)),
        log.append(numbered(`${topic}.dead`, 2)),
      ]);

      expect(known.status).toBe('fulfilled');
      expect(unknown).toMatchObject({ reason: { code: 'BROKER_UNAVAILABLE' } });
      expect(log.canAppend()).toBe(true);
      await log.close();
    });

    test('when there is no broker, then connecting and publishing are refused, and connecting later works', async () => {
      const options = quiet(broker.brokers);
      const topic = await newTopic(broker.brokers, 1);
      await broker.stop();
      const log = new KafkaLog(options);

      await expect(log.connect()).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
      await expect(log.append(numbered(topic, 1))).rejects.toMatchObject({
        code: 'BROKER_UNAVAILABLE',
      });

      await broker.resume();
      await vi.waitFor(() => log.connect(), patience);
      await vi.waitFor(() => log.append(numbered(topic, 2)), patience);
      await log.close();
      expect(await storedIn(options, topic)).toEqual(new Set([2]));
    });
  },
);
