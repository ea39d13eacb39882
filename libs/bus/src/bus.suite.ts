import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { createEvent, deadLetterTopic, defineEvent, type EventOf } from '#contracts';
import { Bus, TryAgainLater, type BusOptions } from './bus.js';
import type { LogStorage } from './event-log.suite.js';
import type { EventLog, LogRecord } from './event-log.js';
import { headersOf } from './headers.js';

const patience = { timeout: 20_000, interval: 20 };
const time = new Date('2026-01-01T00:00:00.000Z');

const thingAsked = defineEvent({
  type: 'countersign.thing.asked.v1',
  topic: 'countersign.calls.v1',
  publishedBy: 'ingress',
  key: (data) => data.thing,
  discriminator: (data) => String(data.part),
  addressee: (data) => data.ingress,
  data: z.object({ thing: z.string(), part: z.number(), ingress: z.string() }),
});
const thingAnswered = defineEvent({
  type: 'countersign.thing.answered.v1',
  topic: 'countersign.verdicts.v1',
  publishedBy: 'policy',
  key: (data) => data.thing,
  data: z.object({ thing: z.string() }),
});
type ThingAsked = EventOf<typeof thingAsked>;

/** What the bus promises over any event log. */
export function busSuite(name: string, setup: () => Promise<LogStorage>): void {
  describe(`bus: ${name}`, { timeout: 60_000 }, () => {
    let storage: LogStorage;
    let log: EventLog;
    const buses: Bus[] = [];

    /** A bus over the log, not yet listening. Its group is new and reads from now on. */
    const busOf = (options: Partial<BusOptions> = {}) => {
      const bus = new Bus(log, {
        group: randomUUID(),
        startAt: 'end',
        retryPausesMs: [5, 5],
        ...options,
      });
      buses.push(bus);
      return bus;
    };
    const deadLettersOf = async (topic: string) => {
      const records: LogRecord[] = [];
      const options = {
        group: randomUUID(),
        topics: [deadLetterTopic(topic)],
        startAt: 'end' as const,
      };
      await log.subscribe(options, {
        mode: 'each',
        handle: async (record) => void records.push(record),
      });
      return records;
    };

    beforeAll(async () => {
      storage = await setup();
    }, 120_000);
    afterEach(async () => {
      await Promise.all(buses.splice(0).map((bus) => bus.close()));
      await log.close();
    });
    afterAll(async () => storage.remove());

    const given = async () => {
      log = await storage.open();
      return { thing: randomUUID(), deadLetters: await deadLettersOf(thingAsked.topic) };
    };

    test('when an event is published, then its handler gets it, and a follow-up names cause and correlation', async () => {
      const { thing } = await given();
      const answers: EventOf<typeof thingAnswered>[] = [];
      const bus = busOf();
      bus.on(thingAsked, async (event) => {
        await bus.publish(thingAnswered, { thing: event.data.thing }, event);
      });
      bus.on(thingAnswered, (event) => void answers.push(event));
      await listening(bus);

      const asked = await bus.publish(thingAsked, { thing, part: 1, ingress: 'a' });

      await vi.waitFor(() => expect(answers).toHaveLength(1), patience);
      expect(asked.correlationid).toBe(asked.id);
      expect(asked.causationid).toBeUndefined();
      expect(answers[0]).toMatchObject({
        specversion: '1.0',
        source: '/countersign/policy',
        subject: thing,
        type: thingAnswered.type,
        correlationid: asked.id,
        causationid: asked.id,
        data: { thing },
      });
      expect(answers[0]?.id).not.toBe(asked.id);
    });

    test('when an event cannot be read, then it is set aside with the reason and the next one arrives', async () => {
      const { thing, deadLetters } = await given();
      const handled: ThingAsked[] = [];
      const bus = busOf();
      bus.on(thingAsked, (event) => void handled.push(event));
      await listening(bus);
      const good = createEvent(thingAsked, { thing, part: 1, ingress: 'a' }, { time });
      const bad = (value: string) => ({ ...recordOf(good), value: Buffer.from(value) });

      await log.append(bad('{'));
      await log.append(bad('{}'));
      await log.append(bad(JSON.stringify({ ...good, data: { thing: 7 } })));
      await log.append(recordOf(good));

      await vi.waitFor(() => expect(handled).toHaveLength(1), patience);
      await vi.waitFor(() => expect(deadLetters).toHaveLength(3), patience);
      expect(deadLetters.map((record) => record.headers['dead-reason'])).toEqual([
        'EVENT_NOT_JSON',
        'EVENT_ENVELOPE_INVALID',
        'EVENT_DATA_INVALID',
      ]);
      expect(deadLetters[0]?.key).toBe(thing);
      expect(deadLetters[0]?.value.toString()).toBe('{');
      expect(deadLetters[0]?.headers['ce_id']).toBe(good.id);
    });

    test('when a handler keeps failing, then the event is set aside after its tries and the next one arrives', async () => {
      const { thing, deadLetters } = await given();
      const tries: number[] = [];
      const bus = busOf({ retryPausesMs: [5, 5] });
      bus.on(thingAsked, (event) => {
        tries.push(event.data.part);
        if (event.data.part === 1) throw new TypeError('always');
      });
      await listening(bus);

      const failing = await bus.publish(thingAsked, { thing, part: 1, ingress: 'a' });
      await bus.publish(thingAsked, { thing, part: 2, ingress: 'a' });

      await vi.waitFor(() => expect(tries).toEqual([1, 1, 1, 2]), patience);
      await vi.waitFor(() => expect(deadLetters).toHaveLength(1), patience);
      expect(deadLetters[0]?.headers).toMatchObject({
        'dead-reason': 'HANDLER_FAILED',
        'dead-group': expect.any(String),
        'dead-position': expect.stringMatching(/^countersign\.calls\.v1\/\d+\/\d+$/),
        ce_id: failing.id,
      });
    });

    test('when a handler says later, then the event waits in its place and is never set aside', async () => {
      const { thing, deadLetters } = await given();
      const tries: number[] = [];
      const bus = busOf({ retryPausesMs: [], laterPauseMs: 5 });
      bus.on(thingAsked, (event) => {
        tries.push(event.data.part);
        if (tries.length < 8) throw new TryAgainLater('no database');
      });
      await listening(bus);

      await bus.publish(thingAsked, { thing, part: 1, ingress: 'a' });
      await bus.publish(thingAsked, { thing, part: 2, ingress: 'a' });

      await vi.waitFor(() => expect(tries).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 2]), patience);
      expect(deadLetters).toEqual([]);
    });

    test('when a type has no handler or is for another ingress, then it is skipped', async () => {
      const { thing, deadLetters } = await given();
      const handled: ThingAsked[] = [];
      const bus = busOf({ addressee: 'a' });
      bus.on(thingAsked, (event) => void handled.push(event));
      await listening(bus);
      const foreign = recordOf(createEvent(thingAsked, { thing, part: 0, ingress: 'b' }, { time }));

      await log.append({ ...foreign, headers: { ce_type: 'countersign.unheard.of.v1' } });
      await log.append({ ...foreign, headers: {} });
      await log.append(foreign);
      await bus.publish(thingAsked, { thing, part: 1, ingress: 'a' });

      await vi.waitFor(() => expect(handled).toHaveLength(1), patience);
      expect(handled[0]?.data.part).toBe(1);
      expect(deadLetters).toEqual([]);
    });

    test('when an event is repeated, then its handler gets it once', async () => {
      const { thing } = await given();
      const handled: number[] = [];
      const bus = busOf();
      bus.on(thingAsked, (event) => void handled.push(event.data.part));
      await listening(bus);

      const first = await bus.publish(thingAsked, { thing, part: 1, ingress: 'a' });
      await bus.republish(thingAsked, first);
      await bus.publish(thingAsked, { thing, part: 1, ingress: 'a' });
      await bus.publish(thingAsked, { thing, part: 2, ingress: 'a' });

      await vi.waitFor(() => expect(handled).toContain(2), patience);
      expect(handled).toEqual([1, 2]);
    });

    test('when a topic is tapped, then whole records arrive in runs', async () => {
      const { thing } = await given();
      const tapped: LogRecord[] = [];
      const bus = busOf();
      bus.tap(
        [thingAsked.topic, thingAnswered.topic],
        50,
        async (records) => void tapped.push(...records),
      );
      await listening(bus);

      const asked = await bus.publish(thingAsked, { thing, part: 1, ingress: 'a' });
      const answered = await bus.publish(thingAnswered, { thing }, asked);

      await vi.waitFor(() => expect(tapped).toHaveLength(2), patience);
      const ids = new Set(tapped.map((record) => record.headers['ce_id']));
      expect(ids).toEqual(new Set([asked.id, answered.id]));
    });

    test('when the log is closed, then publishing is refused and the bus is not ready', async () => {
      const { thing } = await given();
      const bus = busOf();
      bus.on(thingAsked, () => undefined);
      await listening(bus);
      expect(bus.isReady()).toBe(true);

      await log.close();

      expect(bus.isReady()).toBe(false);
      await expect(bus.publish(thingAsked, { thing, part: 1, ingress: 'a' })).rejects.toMatchObject(
        {
          name: 'PublishError',
          code: 'LOG_CLOSED',
        },
      );
    });

    test('when nothing is registered, then the bus refuses to listen', async () => {
      await given();
      const bus = busOf();

      await expect(listening(bus)).rejects.toThrow('nothing registered');
    });
  });
}

async function listening(bus: Bus): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    void bus.listen((error) => {
      if (error === undefined) resolve();
      else reject(error instanceof Error ? error : new Error('not an error'));
    });
  });
}

function recordOf(event: ThingAsked) {
  return {
    topic: thingAsked.topic,
    key: event.subject,
    value: Buffer.from(JSON.stringify(event)),
    headers: headersOf(event, event.data.ingress),
  };
}
