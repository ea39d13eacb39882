import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import type { Delivery } from '../event-log.js';
import { InProcessLog } from './in-process-log.js';
import { PartitionReader } from './partition-reader.js';
import { RecentRecords } from './recent-records.js';
import { RecordStore } from './record-store.js';

const folder = mkdtempSync(join(tmpdir(), 'countersign-store-'));
afterAll(() => rmSync(folder, { recursive: true }));
const newFile = () => join(folder, `${randomUUID()}.sqlite`);

const recordOf = (topic: string, n: number, bytes = 1) => ({
  topic,
  key: 'key',
  value: Buffer.from(`${n}`.padEnd(bytes, ' ')),
  headers: {},
});
const numberOf = ({ value }: { readonly value: Buffer }) => Number(value.toString());

test('when the file is full, then appends are refused, and every acknowledged record is read, in order, once', async () => {
  const log = new InProcessLog(newFile(), { partitions: 1, maxFileBytes: 150_000 });
  const acknowledged: number[] = [];
  const refused: number[] = [];
  const read: number[] = [];
  await log.subscribe(
    { group: 'a', topics: ['t'], startAt: 'committed' },
    {
      mode: 'batch',
      maxRecords: 10,
      handle: async (some) => void read.push(...some.map(numberOf)),
    },
  );

  for (let n = 0; n < 60; n += 1) {
    // Small ones still find room where a large one does not.
    const work = log.append(recordOf('t', n, n % 2 === 0 ? 20_000 : 1));
    await work.then(
      () => acknowledged.push(n),
      (error: unknown) => {
        expect(error).toMatchObject({ code: 'BROKER_UNAVAILABLE' });
        refused.push(n);
      },
    );
  }

  expect(refused.length).toBeGreaterThan(0);
  expect(acknowledged.at(-1)).toBeGreaterThan(refused[0] ?? Infinity);
  await vi.waitFor(() => expect(read).toEqual(acknowledged));
  await log.close();
});

test('when a topic is new in an append that fails, then its records never come under another', () => {
  const store = new RecordStore(newFile(), 1, 100_000);
  expect(() => store.append([recordOf('a', 1, 500_000)], 0)).toThrow(/full/);

  store.append([recordOf('b', 2)], 0);
  store.append([recordOf('a', 3)], 0);

  expect(store.read('b', 0, 0n, 10).map(numberOf)).toEqual([2]);
  expect(store.read('a', 0, 0n, 10).map(numberOf)).toEqual([3]);
  store.close();
});

test('when everything has expired, then the next record gets a position of its own, also after a start', () => {
  const file = newFile();
  const first = new RecordStore(file, 1);
  first.append([recordOf('t', 0), recordOf('t', 1)], 1000);
  first.expire('t', 2000);
  first.close();

  const second = new RecordStore(file, 1);
  const [record] = second.append([recordOf('t', 2)], 3000);

  expect(record?.offset).toBe(2n);
  second.close();
});

test('when records expire before a slow reader has come to them, then it goes on behind them and remembers that', async () => {
  const store = new RecordStore(newFile(), 1);
  const write = (n: number) => store.append([recordOf('t', n)], n);
  for (const n of [0, 1, 2, 3]) write(n);
  store.expire('t', 2);
  const read: number[] = [];
  const handle = async (record: { readonly value: Buffer }) => void read.push(numberOf(record));
  const delivery: Delivery = { mode: 'each', handle };
  const reader: PartitionReader = new PartitionReader(
    { topic: 't', partition: 0, start: 0n },
    new RecentRecords(store),
    { deliveryNow: () => delivery, goOn: () => reader.wake() },
  );

  reader.wake();

  await vi.waitFor(() => expect(read).toEqual([2, 3]));
  await vi.waitFor(() => expect(reader.takeMoved()).toBe(4n));
  store.close();
});
