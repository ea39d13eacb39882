import { describe, expect, test, vi } from 'vitest';
import type { OutgoingRecord } from '../event-log.js';
import { KafkaProducer, type ProducerLimits, type ProducerParts } from './kafka-producer.js';
import type { Sender, Sent } from './kafka-sender.js';
import { withoutReceipt, type Place } from './receipts.js';

const limits: ProducerLimits = { deadlineMs: 1000, maxQueuedRecords: 100, maxRecordBytes: 1000 };

describe('KafkaProducer', () => {
  test('when appends meet in one turn, then they travel in one batch, and the next waits for its answer', async () => {
    const { connect, senders } = fakeSenders();
    const producer = await connected({ connect });

    const first = [append(producer, 1), append(producer, 2)];
    await vi.waitFor(() => expect(senders[0]?.batches).toHaveLength(1));
    const second = append(producer, 3);
    senders[0]?.answer();
    await Promise.all(first);
    await vi.waitFor(() => expect(senders[0]?.batches).toHaveLength(2));
    senders[0]?.answer();
    await second;

    expect(senders[0]?.batches.map((batch) => batch.map(numberOf))).toEqual([[1, 2], [3]]);
  });

  test('when a receipt leaves a partition out, then its records are sent again by a new sender, in order', async () => {
    const { connect, senders } = fakeSenders();
    const producer = await connected({ connect });
    const settled: number[] = [];
    const appends = [1, 2, 3, 4].map((n) => append(producer, n).then(() => settled.push(n)));
    await vi.waitFor(() => expect(senders[0]?.batches).toHaveLength(1));
    appends.push(append(producer, 6).then(() => settled.push(6)));

    senders[0]?.answer((place) => place.partition !== 0);
    await vi.waitFor(() => expect(senders[1]?.batches).toHaveLength(1));
    expect(settled).toEqual([1, 3]);
    expect(senders[0]?.isClosed).toBe(true);
    senders[1]?.answer();
    await Promise.all(appends);

    expect(senders[1]?.batches.map((batch) => batch.map(numberOf))).toEqual([[2, 4, 6]]);
  });

  test('when receipts were not checked, then the test above would see a record acknowledged and never sent', async () => {
    const { connect, senders } = fakeSenders();
    const producer = await connected({ connect, withoutReceipt: () => [] });
    const appends = [append(producer, 1), append(producer, 2)];
    await vi.waitFor(() => expect(senders[0]?.batches).toHaveLength(1));

    senders[0]?.answer((place) => place.partition !== 0);
    await Promise.all(appends);

    expect(senders).toHaveLength(1);
  });

  test('when a partition is left out twice, then its records are refused', async () => {
    const { connect, senders } = fakeSenders();
    const producer = await connected({ connect });
    const appended = append(producer, 2);
    await vi.waitFor(() => expect(senders[0]?.batches).toHaveLength(1));

    senders[0]?.answer(() => false);
    await vi.waitFor(() => expect(senders[1]?.batches).toHaveLength(1));
    senders[1]?.answer(() => false);

    await expect(appended).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
  });

  test('when a batch fails, then what waits is refused, its sender is never used again, and the next one is', async () => {
    const { connect, senders } = fakeSenders();
    const producer = await connected({ connect });
    const inFlight = append(producer, 1);
    await vi.waitFor(() => expect(senders[0]?.batches).toHaveLength(1));
    const waiting = append(producer, 2);

    senders[0]?.fail();

    await expect(inFlight).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await expect(waiting).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    await vi.waitFor(() => expect(producer.canAppend()).toBe(true));
    const next = append(producer, 3);
    await vi.waitFor(() => expect(senders[1]?.batches).toHaveLength(1));
    senders[1]?.answer();
    await next;
    expect(senders[0]?.batches).toHaveLength(1);
    expect(senders[0]?.isClosed).toBe(true);
  });

  test('when no answer comes, then the deadline of each append holds from its call', async () => {
    const { connect, senders } = fakeSenders();
    const producer = await connected({ connect }, { ...limits, deadlineMs: 100 });
    const begunAt = performance.now();
    const inFlight = append(producer, 1);
    await vi.waitFor(() => expect(senders[0]?.batches).toHaveLength(1));
    const waiting = append(producer, 2);

    await expect(inFlight).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await expect(waiting).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });

    expect(performance.now() - begunAt).toBeGreaterThan(95);
    expect(performance.now() - begunAt).toBeLessThan(500);
    senders[0]?.answer();
    await producer.close();
  });

  test('when no new sender can be had, then publishing is refused at once until one can', async () => {
    const { connect, senders } = fakeSenders();
    let isDown = false;
    const flaky = async () => {
      if (isDown) throw new Error('down');
      return connect();
    };
    const producer = await connected({ connect: flaky });
    const inFlight = append(producer, 1);
    await vi.waitFor(() => expect(senders[0]?.batches).toHaveLength(1));
    isDown = true;
    senders[0]?.fail();
    await expect(inFlight).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });

    expect(producer.canAppend()).toBe(false);
    await expect(append(producer, 2)).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    isDown = false;

    await vi.waitFor(() => expect(producer.canAppend()).toBe(true), { timeout: 5000 });
    await producer.close();
    expect(senders.every((sender) => sender.isClosed)).toBe(true);
  });

  test('when batches would be too large for one request, then they are cut', async () => {
    const { connect, senders } = fakeSenders();
    const producer = await connected({ connect }, { ...limits, maxRecordBytes: 1_000_000 });
    const large = (n: number) => producer.append({ ...recordOf(n), value: Buffer.alloc(300_000) });
    const appends = [large(1), large(2), large(3)];

    for (const batches of [1, 2, 3]) {
      await vi.waitFor(() => expect(senders[0]?.batches).toHaveLength(batches));
      senders[0]?.answer();
    }
    await Promise.all(appends);

    expect(senders[0]?.batches.map((batch) => batch.length)).toEqual([1, 1, 1]);
  });
});

async function connected(
  parts: Partial<ProducerParts> & Pick<ProducerParts, 'connect'>,
  given = limits,
): Promise<KafkaProducer> {
  const producer = new KafkaProducer(given, { withoutReceipt, ...parts });
  await producer.connect();
  return producer;
}

async function append(producer: KafkaProducer, n: number): Promise<void> {
  await producer.append(recordOf(n));
}

/** Even numbers go to partition 0, odd ones to partition 1. */
function recordOf(n: number): OutgoingRecord {
  return { topic: 't', key: String(n % 2), value: Buffer.from(String(n)), headers: {} };
}

function placeOf(record: OutgoingRecord): Place {
  return { topic: record.topic, partition: Number(record.key) };
}

function numberOf(record: OutgoingRecord): number {
  return Number(record.value.toString());
}

class FakeSender implements Sender {
  readonly batches: (readonly OutgoingRecord[])[] = [];
  isClosed = false;
  #outcome = Promise.withResolvers<Sent>();

  async send(records: readonly OutgoingRecord[]): Promise<Sent> {
    this.#outcome = Promise.withResolvers();
    this.batches.push(records);
    return this.#outcome.promise;
  }

  placeOf(record: OutgoingRecord): Place {
    return placeOf(record);
  }

  /** Acknowledges the partitions of the last batch, all or those that are kept. */
  answer(keep: (place: Place) => boolean = () => true): void {
    const receipts = (this.batches.at(-1) ?? []).map(placeOf).filter(keep);
    this.#outcome.resolve({ receipts, homeless: [] });
  }

  fail(): void {
    this.#outcome.reject(new Error('no answer'));
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

function fakeSenders() {
  const senders: FakeSender[] = [];
  const connect = async () => {
    const sender = new FakeSender();
    senders.push(sender);
    return sender;
  };
  return { senders, connect };
}
