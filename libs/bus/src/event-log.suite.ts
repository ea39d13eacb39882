import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startLogProgram, type LogDescription } from '../../../test/broker/log-process.js';
import type {
  BatchHandler,
  EventLog,
  LogRecord,
  OutgoingRecord,
  RecordHandler,
} from './event-log.js';

/** Limits that a test makes small. */
export interface SmallLimits {
  readonly maxQueuedRecords?: number;
  readonly maxRecordBytes?: number;
}

/** A place where a back end keeps its records, for the tests of one file. */
export interface LogStorage {
  /** Opens and connects it. One at a time, as one process would. */
  open(limits?: SmallLimits): Promise<EventLog>;
  /** A new, empty topic. */
  topic(): Promise<string>;
  /** How another process opens the same storage, once this one has closed it. */
  readonly description: LogDescription;
  remove(): Promise<void>;
}

const patience = { timeout: 20_000, interval: 20 };

/** What every event log promises. Both back ends run it. */
export function eventLogSuite(name: string, setup: () => Promise<LogStorage>): void {
  describe(`event log: ${name}`, { timeout: 60_000 }, () => {
    let storage: LogStorage;
    const opened: EventLog[] = [];
    const open = async (limits?: SmallLimits) => {
      const log = await storage.open(limits);
      opened.push(log);
      return log;
    };

    beforeAll(async () => {
      storage = await setup();
    }, 120_000);
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((log) => log.close()));
    });
    afterAll(async () => storage.remove());

    test('when records of one key are appended without waiting, then they are read in that order', async () => {
      const [log, topic, reader] = [await open(), await storage.topic(), collector()];
      await log.subscribe(whole(topic), each(reader.handle));

      await Promise.all(numbers(200).map((n) => log.append(recordOf(topic, `key-${n % 3}`, n))));

      await vi.waitFor(() => expect(reader.records).toHaveLength(200), patience);
      for (const key of ['key-0', 'key-1', 'key-2']) {
        const read = reader.records.filter((record) => record.key === key).map(numberOf);
        expect(read).toEqual(read.toSorted((a, b) => a - b));
      }
    });

    test('when one record is not finished, then its key waits and all other keys go on', async () => {
      const [log, topic, reader] = [await open(), await storage.topic(), collector()];
      const gate = Promise.withResolvers<void>();
      const slow: RecordHandler = async (record) => {
        if (numberOf(record) === 0) await gate.promise;
        await reader.handle(record);
      };
      await log.subscribe(whole(topic), each(slow));

      await log.append(recordOf(topic, 'slow', 0));
      await log.append(recordOf(topic, 'slow', 1));
      // More keys than partitions: some share the slow one's.
      await appendAll(
        log,
        numbers(30).map((n) => recordOf(topic, `quick-${n}`, n + 2)),
      );

      await vi.waitFor(() => expect(reader.records).toHaveLength(30), patience);
      expect(reader.records.map((record) => record.key)).not.toContain('slow');
      gate.resolve();
      await vi.waitFor(() => expect(reader.records).toHaveLength(32), patience);
      expect(reader.records.filter((record) => record.key === 'slow').map(numberOf)).toEqual([
        0, 1,
      ]);
    });

    test('when two groups read a topic, then each reads everything', async () => {
      const [log, topic] = [await open(), await storage.topic()];
      const [one, two] = [collector(), collector()];
      await log.subscribe(whole(topic), each(one.handle));
      await log.subscribe(whole(topic), each(two.handle));

      await appendAll(
        log,
        numbers(20).map((n) => recordOf(topic, `key-${n}`, n)),
      );

      await vi.waitFor(() => expect(one.numbers()).toEqual(numbers(20)), patience);
      await vi.waitFor(() => expect(two.numbers()).toEqual(numbers(20)), patience);
    });

    test('when two members of a group read, then each record reaches one of them', async () => {
      const [log, topic, group] = [await open(), await storage.topic(), randomUUID()];
      const [one, two] = [collector(), collector()];
      await log.subscribe(whole(topic, group), each(one.handle));
      await log.subscribe(whole(topic, group), each(two.handle));

      await appendAll(
        log,
        numbers(60).map((n) => recordOf(topic, `key-${n}`, n)),
      );

      await vi.waitFor(() => {
        expect([...one.records, ...two.records].map(numberOf).toSorted(ascending)).toEqual(
          numbers(60),
        );
      }, patience);
      expect(one.records.length).toBeGreaterThan(0);
      expect(two.records.length).toBeGreaterThan(0);
    });

    test('when one of two members leaves, then the other reads its share', async () => {
      const [log, topic, group] = [await open(), await storage.topic(), randomUUID()];
      const [stays, leaves] = [collector(), collector()];
      await log.subscribe(whole(topic, group), each(stays.handle));
      const leaving = await log.subscribe(whole(topic, group), each(leaves.handle));

      await leaving.close();
      await appendAll(
        log,
        numbers(30).map((n) => recordOf(topic, `key-${n}`, n)),
      );

      await vi.waitFor(() => expect(stays.numbers()).toEqual(numbers(30)), patience);
      expect(leaves.records).toEqual([]);
    });

    test('when a log is opened again, then finished records are not read again and unfinished ones are', async () => {
      const [topic, group] = [await storage.topic(), randomUUID()];
      const [before, after] = [collector(), collector()];
      const first = await open();
      await appendAll(
        first,
        numbers(12).map((n) => recordOf(topic, `key-${n % 4}`, n)),
      );
      const finishesBelow = (limit: number): RecordHandler => {
        return async (record) => {
          if (numberOf(record) >= limit) throw new Error('cannot be finished now');
          await before.handle(record);
        };
      };
      await first.subscribe(whole(topic, group), each(finishesBelow(8)));
      await vi.waitFor(() => expect(before.records).toHaveLength(8), patience);

      await first.close();
      const second = await open();
      await second.subscribe(whole(topic, group), each(after.handle));

      await vi.waitFor(() => expect(after.records.length).toBeGreaterThanOrEqual(4), patience);
      expect(after.numbers()).toEqual(expect.arrayContaining([8, 9, 10, 11]));
      const perKey = Map.groupBy(after.records, (record) => record.key);
      for (const records of perKey.values()) {
        expect(records.map(numberOf)).toEqual(records.map(numberOf).toSorted(ascending));
      }
    });

    test('when everything was finished before a log is closed, then it reads nothing again', async () => {
      const [topic, group] = [await storage.topic(), randomUUID()];
      const [before, after] = [collector(), collector()];
      const first = await open();
      await first.subscribe(whole(topic, group), each(before.handle));
      await appendAll(
        first,
        numbers(40).map((n) => recordOf(topic, `key-${n}`, n)),
      );
      await vi.waitFor(() => expect(before.records).toHaveLength(40), patience);

      await first.close();
      const second = await open();
      await second.subscribe(whole(topic, group), each(after.handle));
      await second.append(recordOf(topic, 'last', 99));

      await vi.waitFor(() => expect(after.records.map(numberOf)).toContain(99), patience);
      expect(after.records.map(numberOf)).toEqual([99]);
    });

    test('when a reader is killed, then what it had not finished is read by the next one, in order', async () => {
      const [topic, group] = [await storage.topic(), randomUUID()];
      const log = await open();
      await appendAll(
        log,
        numbers(10).map((n) => recordOf(topic, 'key', n)),
      );
      await log.close();
      const program = await startLogProgram(storage.description, {
        does: 'read',
        topic,
        group,
        until: 4,
      });
      await program.hasSaid('began 4');

      await program.kill();
      const reader = collector();
      const next = await open();
      await next.subscribe(whole(topic, group), each(reader.handle));

      await vi.waitFor(() => expect(reader.records.map(numberOf)).toContain(9), patience);
      const read = reader.records.map(numberOf);
      expect(read).toEqual(numbers(10).slice(-read.length));
      expect(read.length).toBeGreaterThanOrEqual(6);
    });

    test('when a writer is killed, then everything that was acknowledged to it is there', async () => {
      const topic = await storage.topic();
      const program = await startLogProgram(storage.description, { does: 'append', topic });
      await program.hasSaid('acknowledged 200');

      await program.kill();
      const reader = collector();
      const log = await open();
      await log.subscribe(whole(topic), each(reader.handle));

      const acknowledged = program.said('acknowledged');
      await vi.waitFor(() => {
        expect(reader.numbers()).toEqual(expect.arrayContaining(acknowledged));
      }, patience);
    });

    test('when a handler rejects, then its record is tried again in place and other keys go on', async () => {
      const [log, topic, reader] = [await open(), await storage.topic(), collector()];
      let isBroken = true;
      let tries = 0;
      const fails: RecordHandler = async (record) => {
        if (record.key === 'bad' && isBroken) {
          tries += 1;
          // The class that kafkajs takes for a reason to stop for good.
          throw new TypeError('not now');
        }
        await reader.handle(record);
      };
      await log.subscribe(whole(topic), each(fails));
      await log.append(recordOf(topic, 'bad', 0));
      await log.append(recordOf(topic, 'bad', 1));
      await vi.waitFor(() => expect(tries).toBeGreaterThan(2), patience);

      await appendAll(
        log,
        numbers(30).map((n) => recordOf(topic, `good-${n}`, n + 2)),
      );

      await vi.waitFor(() => expect(reader.records).toHaveLength(30), patience);
      isBroken = false;
      await vi.waitFor(() => expect(reader.records).toHaveLength(32), patience);
      expect(reader.records.slice(-2).map(numberOf)).toEqual([0, 1]);
    });

    test('when a topic is read in runs, then each run continues its partition and is no longer than asked', async () => {
      const [log, topic] = [await open(), await storage.topic()];
      const runs: (readonly LogRecord[])[] = [];
      await appendAll(
        log,
        numbers(300).map((n) => recordOf(topic, `key-${n}`, n)),
      );

      await log.subscribe(
        whole(topic),
        batch(25, async (records) => void runs.push(records)),
      );

      await vi.waitFor(() => expect(runs.flat()).toHaveLength(300), patience);
      expect(Math.max(...runs.map((run) => run.length))).toBeLessThanOrEqual(25);
      for (const run of runs) expect(new Set(run.map((record) => record.partition)).size).toBe(1);
      for (const records of Map.groupBy(runs.flat(), (record) => record.partition).values()) {
        expect(records.map(({ offset }) => offset)).toEqual(records.map((_, at) => BigInt(at)));
      }
    });

    test('when a run is rejected, then it is handed over again before anything after it', async () => {
      const [log, topic] = [await open(), await storage.topic()];
      const handled: number[] = [];
      let rejections = 0;
      const fails: BatchHandler = async (records) => {
        if (rejections < 3) {
          rejections += 1;
          throw new Error('not now');
        }
        handled.push(...records.map(numberOf));
      };
      await log.subscribe(whole(topic), batch(10, fails));

      await appendAll(
        log,
        numbers(50).map((n) => recordOf(topic, 'key', n)),
      );

      await vi.waitFor(() => expect(handled).toEqual(numbers(50)), patience);
    });

    test('when a reader begins at the end, then it misses nothing from then on and reads nothing before', async () => {
      const [log, topic, reader] = [await open(), await storage.topic(), collector()];
      let next = 0;
      const stop = new AbortController();
      const write = async () => {
        while (!stop.signal.aborted) {
          const n = next++;
          await log.append(recordOf(topic, `key-${n % 20}`, n));
        }
      };
      const writers = numbers(4).map(write);
      await vi.waitFor(() => expect(next).toBeGreaterThan(50), patience);

      await log.subscribe({ ...whole(topic), startAt: 'end' }, each(reader.handle));
      const from = next;
      await vi.waitFor(() => expect(next).toBeGreaterThan(from + 200), patience);
      stop.abort();
      await Promise.all(writers);

      const expected = numbers(next).slice(from);
      await vi.waitFor(() => {
        expect(reader.numbers().filter((n) => n >= from)).toEqual(expected);
      }, patience);
      expect(reader.numbers()[0]).toBeGreaterThan(0);
    });

    test('when a reader that began at the end comes back, then it begins at the end again', async () => {
      const [log, topic, group] = [await open(), await storage.topic(), randomUUID()];
      const [before, after] = [collector(), collector()];
      const options = { ...whole(topic, group), startAt: 'end' as const };
      const first = await log.subscribe(options, each(before.handle));
      await log.append(recordOf(topic, 'key', 1));
      await vi.waitFor(() => expect(before.numbers()).toEqual([1]), patience);
      await first.close();
      await log.append(recordOf(topic, 'key', 2));

      await log.subscribe(options, each(after.handle));
      await log.append(recordOf(topic, 'key', 3));

      await vi.waitFor(() => expect(after.records.map(numberOf)).toContain(3), patience);
      expect(after.records.map(numberOf)).toEqual([3]);
    });

    test('when a group is new, then it begins at the beginning', async () => {
      const [log, topic, reader] = [await open(), await storage.topic(), collector()];
      await appendAll(
        log,
        numbers(15).map((n) => recordOf(topic, `key-${n}`, n)),
      );

      await log.subscribe(whole(topic), each(reader.handle));

      await vi.waitFor(() => expect(reader.numbers()).toEqual(numbers(15)), patience);
    });

    test('when a subscription is closed, then the record in hand is finished and no other begins', async () => {
      const [log, topic] = [await open(), await storage.topic()];
      const begun: number[] = [];
      const gate = Promise.withResolvers<void>();
      let isFinished = false;
      const slow: RecordHandler = async (record) => {
        begun.push(numberOf(record));
        await gate.promise;
        isFinished = true;
      };
      const subscription = await log.subscribe(whole(topic), each(slow));
      await appendAll(
        log,
        numbers(5).map((n) => recordOf(topic, 'key', n)),
      );
      await vi.waitFor(() => expect(begun).toEqual([0]), patience);
      expect(subscription.isLive()).toBe(true);

      const closing = subscription.close();
      gate.resolve();
      await closing;
      await subscription.close();

      expect(isFinished).toBe(true);
      expect(begun).toEqual([0]);
      expect(subscription.isLive()).toBe(false);
    });

    test('when a log is closed, then it refuses to append and to read', async () => {
      const [log, topic] = [await open(), await storage.topic()];
      expect(log.canAppend()).toBe(true);

      await log.close();
      await log.close();

      expect(log.canAppend()).toBe(false);
      await expect(log.append(recordOf(topic, 'key', 1))).rejects.toMatchObject({
        code: 'LOG_CLOSED',
      });
      await expect(
        log.subscribe(
          whole(topic),
          each(async () => undefined),
        ),
      ).rejects.toMatchObject({
        code: 'LOG_CLOSED',
      });
    });

    test('when a log is closed while appends wait, then they are finished first', async () => {
      const [log, topic, reader] = [await open(), await storage.topic(), collector()];
      const appends = numbers(100).map((n) => log.append(recordOf(topic, `key-${n}`, n)));

      await log.close();
      await Promise.all(appends);

      const again = await open();
      await again.subscribe(whole(topic), each(reader.handle));
      await vi.waitFor(() => expect(reader.numbers()).toEqual(numbers(100)), patience);
    });

    test('when a record may wait, then it travels with the next one, or alone in its time, or at the end', async () => {
      const [log, topic, reader] = [await open(), await storage.topic(), collector()];
      await log.subscribe(whole(topic), each(reader.handle));
      const longMs = 2000;

      const patient = log.append({ ...recordOf(topic, 'key', 0), patienceMs: longMs });
      await log.append(recordOf(topic, 'key', 1));
      await patient;
      await log.append({ ...recordOf(topic, 'key', 2), patienceMs: 5 });
      const last = log.append({ ...recordOf(topic, 'key', 3), patienceMs: longMs });

      await vi.waitFor(() => expect(reader.records.map(numberOf)).toEqual([0, 1, 2]), patience);
      await log.close();
      await last;
      const again = collector();
      await (await open()).subscribe(whole(topic), each(again.handle));
      await vi.waitFor(() => expect(again.records.map(numberOf)).toEqual([0, 1, 2, 3]), patience);
    });

    test('when records may gather, then those of a while are handed over together, in order, none left', async () => {
      const [log, topic] = [await open(), await storage.topic()];
      const runs: number[][] = [];
      const handle: BatchHandler = async (records) => void runs.push(records.map(numberOf));
      const reading = { ...whole(topic), gatherMs: 1500 };
      await log.subscribe(reading, { mode: 'batch', handle, maxRecords: 500 });

      for (const n of numbers(20)) await log.append(recordOf(topic, 'key', n));
      await vi.waitFor(() => expect(runs.flat()).toEqual(numbers(20)), patience);
      const early = runs.length;
      for (const n of numbers(20)) await log.append(recordOf(topic, 'key', n + 20));

      await vi.waitFor(() => expect(runs.flat()).toEqual(numbers(40)), patience);
      expect(early).toBeLessThan(20);
    });

    test('when too many appends wait, then the rest is refused and exactly the others are stored', async () => {
      const [log, topic, reader] = [
        await open({ maxQueuedRecords: 10 }),
        await storage.topic(),
        collector(),
      ];
      const outcomes = await Promise.allSettled(
        numbers(50).map((n) => log.append(recordOf(topic, `key-${n}`, n))),
      );

      const stored = numbers(50).filter((n) => outcomes[n]?.status === 'fulfilled');
      const refusals = outcomes.filter((outcome) => outcome.status === 'rejected');
      expect(stored).toEqual(numbers(10));
      for (const { reason } of refusals) expect(reason).toMatchObject({ code: 'QUEUE_FULL' });
      await log.append(recordOf(topic, 'last', 50));
      await log.subscribe(whole(topic), each(reader.handle));
      await vi.waitFor(() => expect(reader.numbers()).toEqual([...stored, 50]), patience);
    });

    test('when a record is too large, then it alone is refused', async () => {
      const [log, topic, reader] = [
        await open({ maxRecordBytes: 5000 }),
        await storage.topic(),
        collector(),
      ];
      await log.subscribe(whole(topic), each(reader.handle));
      const large = { ...recordOf(topic, 'key', 0), value: Buffer.alloc(6000) };

      const outcomes = await Promise.allSettled([
        log.append(recordOf(topic, 'key', 1)),
        log.append(large),
        log.append(recordOf(topic, 'key', 2)),
      ]);

      expect(outcomes.map((outcome) => outcome.status)).toEqual([
        'fulfilled',
        'rejected',
        'fulfilled',
      ]);
      expect(outcomes[1]).toMatchObject({ reason: { code: 'RECORD_TOO_LARGE' } });
      await vi.waitFor(() => expect(reader.numbers()).toEqual([1, 2]), patience);
    });

    test('when a group has finished everything before an end, then it says so, and not before', async () => {
      const [log, topic] = [await open(), await storage.topic()];
      expect(await log.ends(topic)).toEqual([]);
      const group = randomUUID();
      const held: (() => void)[] = [];
      await appendAll(
        log,
        numbers(20).map((n) => recordOf(topic, `key-${n}`, n)),
      );
      const ends = await log.ends(topic);
      const isPassed = async (): Promise<boolean> => {
        const finished = await log.finished(group, topic);
        return ends.every(({ next, partition }) =>
          finished.some((each) => each.partition === partition && each.next >= next),
        );
      };
      await log.subscribe(
        whole(topic, group),
        each(async (record) => {
          if (numberOf(record) === 7) await new Promise<void>((resolve) => held.push(resolve));
        }),
      );
      await vi.waitFor(() => expect(held).toHaveLength(1), patience);

      expect(ends.reduce((sum, { next }) => sum + next, 0n)).toBe(20n);
      expect(await isPassed()).toBe(false);
      // What comes later does not move the end.
      await log.append(recordOf(topic, 'key-later', 21));
      held[0]?.();
      await vi.waitFor(async () => expect(await isPassed()).toBe(true), patience);
    });

    test('when a record is read, then it is what was appended, byte for byte', async () => {
      const [log, topic, reader] = [await open(), await storage.topic(), collector()];
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      const headers = { ce_type: 'x.y', ingress: 'Straße 東京 \u{1f512}', empty: '' };
      const begunAt = Date.now();

      const given = Buffer.from(bytes);
      await log.append({ topic, key: 'schlüssel/☃', value: given, headers });
      given.fill(0);
      await log.subscribe(whole(topic), each(reader.handle));

      await vi.waitFor(() => expect(reader.records).toHaveLength(1), patience);
      const [record] = reader.records;
      expect(record).toMatchObject({ topic, key: 'schlüssel/☃', headers, offset: 0n });
      expect(Buffer.compare(record?.value ?? Buffer.alloc(0), bytes)).toBe(0);
      expect(Math.abs((record?.timestampMs ?? 0) - begunAt)).toBeLessThan(10_000);
    });
  });
}

function whole(topic: string, group: string = randomUUID()) {
  return { group, topics: [topic], startAt: 'committed' as const };
}

function each(handle: RecordHandler) {
  return { mode: 'each' as const, handle };
}

function batch(maxRecords: number, handle: BatchHandler) {
  return { mode: 'batch' as const, maxRecords, handle };
}

function recordOf(topic: string, key: string, n: number): OutgoingRecord {
  return { topic, key, value: Buffer.from(String(n)), headers: { n: String(n) } };
}

function numberOf(record: LogRecord): number {
  return Number(record.value.toString());
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

function ascending(a: number, b: number): number {
  return a - b;
}

async function appendAll(log: EventLog, records: readonly OutgoingRecord[]): Promise<void> {
  await Promise.all(records.map((record) => log.append(record)));
}

function collector() {
  const records: LogRecord[] = [];
  return {
    records,
    /** What was read, each number once, ascending. */
    numbers: () => [...new Set(records.map(numberOf))].toSorted(ascending),
    handle: async (record: LogRecord) => void records.push(record),
  };
}
