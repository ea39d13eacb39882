import { setTimeout as pause } from 'node:timers/promises';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import {
  ContractError,
  createEvent,
  deadLetterTopic,
  readEvent,
  type DataOf,
  type Envelope,
  type EventContract,
  type EventOf,
  type Topic,
} from '#contracts';
import {
  type BatchHandler,
  type EventLog,
  type LogRecord,
  type OutgoingRecord,
  PublishError,
  type StartAt,
  type Subscription,
  type SubscriptionOptions,
} from './event-log.js';
import { headersOf, typeOf, addresseeOf } from './headers.js';
import { RecentIds } from './recent-ids.js';

/** Thrown by a handler that cannot work now (its database is down): try the event again, in place, for as long as it takes. */
export class TryAgainLater extends Error {
  override readonly name = 'TryAgainLater';
}

/** What a bus tells the one who runs it. */
export interface BusObserver {
  /** An event went to the dead letters. */
  deadLettered(record: LogRecord, reason: string, cause: unknown): void;
  /** A handler failed and the event is tried again. */
  retried(record: LogRecord, attempt: number, cause: unknown): void;
}

/** Who this bus speaks for and how it reads. */
export interface BusOptions {
  /** Consumer group; the service's name, except where every replica must see everything. */
  readonly group: string;
  readonly startAt: StartAt;
  /** Skip events that are addressed to another ingress replica. */
  readonly addressee?: string;
  /** Pauses before the second and later tries of a failing handler, milliseconds. Default 50, 250, 1000. */
  readonly retryPausesMs?: readonly number[];
  /** How long a {@link TryAgainLater} waits before the next try, milliseconds. Default 500. */
  readonly laterPauseMs?: number;
  /** How long events may gather before they are read, for a service that nobody waits for, milliseconds. Default 0. */
  readonly gatherMs?: number;
  readonly now?: () => Date;
  readonly observer?: BusObserver;
}

/** A place in a topic that readers pass some time. */
export interface Mark {
  isPassed(): Promise<boolean>;
}

/** How an event travels. */
export type Travel = Pick<OutgoingRecord, 'patienceMs'>;

interface Registration {
  readonly contract: EventContract;
  readonly handle: (event: EventOf<EventContract>) => Promise<void>;
}

const defaultRetryPausesMs = [50, 250, 1000];
const defaultLaterPauseMs = 500;
const connectPauseMs = 500;

/**
 * The way events travel: a Nest transport strategy over an {@link EventLog}.
 *
 * Guarantees: at least once; in order per key; repeats by event id are dropped while they are recent,
 * and a handler must bear the rest; a failing handler is tried again with growing pauses, then the
 * event goes to `<topic>.dead` with its reason and later events still arrive; an event that breaks its
 * contract reaches no handler; a type nobody asked for is skipped; `publish` resolves only when the
 * event is durable.
 */
export class Bus implements CustomTransportStrategy {
  readonly #registrations = new Map<string, Registration>();
  readonly #taps: { topics: readonly string[]; handle: BatchHandler; maxRecords: number }[] = [];
  readonly #subscriptions: Subscription[] = [];
  readonly #recent = new RecentIds(50_000);
  #isListening = false;
  #isClosing = false;

  constructor(
    private readonly log: EventLog,
    private readonly options: BusOptions,
  ) {}

  /**
   * Registers the handler of a contract; one for each.
   * @throws TypeError when the bus already listens or the contract has a handler.
   */
  on<C extends EventContract>(
    contract: C,
    handler: (event: EventOf<C>) => Promise<void> | void,
  ): void {
    if (this.#isListening) throw new TypeError(`${contract.type}: register before the bus listens`);
    if (this.#registrations.has(contract.type)) {
      throw new TypeError(`${contract.type} has a handler already`);
    }
    // The event handed over was read with this very contract.
    const handle = async (event: EventOf<EventContract>) => handler(event);
    this.#registrations.set(contract.type, { contract, handle });
  }

  /**
   * Marks the end of a topic as it is now. The mark is passed once the group of this bus has finished everything
   * that was stated there before, whichever of its members did.
   */
  async mark(topic: Topic): Promise<Mark> {
    const ends = await this.log.ends(topic);
    const isPassed = async (): Promise<boolean> => {
      const finished = await this.log.finished(this.options.group, topic);
      return ends.every(({ next, partition }) =>
        finished.some((each) => each.partition === partition && each.next >= next),
      );
    };
    return { isPassed };
  }

  /** Hands over raw records of whole topics, in runs per partition: for the service that records everything. */
  tap(topics: readonly string[], maxRecords: number, handle: BatchHandler): void {
    if (this.#isListening) throw new TypeError('register before the bus listens');
    this.#taps.push({ topics, handle, maxRecords });
  }

  /**
   * States a fact. Resolves with the event once it is durable.
   * @throws PublishError when it is not; ContractError when the data breaks the schema.
   */
  async publish<C extends EventContract>(
    contract: C,
    data: DataOf<C>,
    cause?: Envelope,
    travel: Travel = {},
  ): Promise<EventOf<C>> {
    const event = createEvent(contract, data, { time: this.#now(), cause });
    await this.republish(contract, event, travel);
    return event;
  }

  /** States an event that exists already, under its own id: for an outbox. @throws PublishError */
  async republish<C extends EventContract>(
    contract: C,
    event: EventOf<C>,
    travel: Travel = {},
  ): Promise<void> {
    await this.log.append({
      ...travel,
      topic: contract.topic,
      key: event.subject,
      value: Buffer.from(JSON.stringify(event), 'utf8'),
      headers: headersOf(event, contract.addressee?.(event.data)),
    });
  }

  /**
   * Starts reading; Nest calls it. Waits for a broker that is not there yet, not ready meanwhile. A bus
   * with nobody to hand events to refuses to start.
   */
  async listen(callback: (error?: unknown) => void): Promise<void> {
    try {
      await this.#connect();
      await this.#subscribe();
      this.#isListening = true;
    } catch (error) {
      callback(error);
      return;
    }
    callback();
  }

  /** True while events can be both stated and read. */
  isReady(): boolean {
    return (
      this.#isListening &&
      this.log.canAppend() &&
      this.#subscriptions.every((each) => each.isLive())
    );
  }

  /** Stops reading, the events in hand finished. The log stays open for whoever made it. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all(this.#subscriptions.splice(0).map((each) => each.close()));
  }

  async #connect(): Promise<void> {
    while (!this.#isClosing) {
      try {
        await this.log.connect();
        return;
      } catch (error) {
        if (!(error instanceof PublishError) || error.code !== 'BROKER_UNAVAILABLE') throw error;
        await pause(connectPauseMs);
      }
    }
  }

  async #subscribe(): Promise<void> {
    const { group, startAt, gatherMs = 0 } = this.options;
    if (this.#registrations.size === 0 && this.#taps.length === 0) {
      throw new TypeError(`bus ${group}: nothing registered; call app.init() before listening`);
    }
    const topics = [
      ...new Set([...this.#registrations.values()].map((each) => each.contract.topic)),
    ];
    if (topics.length > 0) {
      const options: SubscriptionOptions = { group, topics, startAt, gatherMs };
      const handle = async (record: LogRecord) => this.#receive(record);
      this.#subscriptions.push(await this.log.subscribe(options, { mode: 'each', handle }));
    }
    for (const [index, tap] of this.#taps.entries()) {
      const name = index === 0 && topics.length === 0 ? group : `${group}-tap${index || ''}`;
      const options = { group: name, topics: tap.topics, startAt, gatherMs };
      const { handle, maxRecords } = tap;
      this.#subscriptions.push(
        await this.log.subscribe(options, { mode: 'batch', handle, maxRecords }),
      );
    }
  }

  /** Takes one record: skip, or hand over until it is handled or dead. Rejects only while closing. */
  async #receive(record: LogRecord): Promise<void> {
    const registration = this.#registrations.get(typeOf(record));
    if (registration === undefined || this.#isForAnother(record)) return;
    const event = await this.#read(record, registration.contract);
    if (event === undefined || this.#recent.has(event.id)) return;
    if (await this.#handOver(record, registration, event)) this.#recent.add(event.id);
  }

  #isForAnother(record: LogRecord): boolean {
    const { addressee } = this.options;
    const named = addresseeOf(record);
    return addressee !== undefined && named !== undefined && named !== addressee;
  }

  async #read(
    record: LogRecord,
    contract: EventContract,
  ): Promise<EventOf<EventContract> | undefined> {
    try {
      return readEvent(contract, record.value);
    } catch (error) {
      const reason = error instanceof ContractError ? error.code : 'EVENT_UNREADABLE';
      await this.#setAside(record, reason, error);
      return undefined;
    }
  }

  async #handOver(
    record: LogRecord,
    registration: Registration,
    event: EventOf<EventContract>,
  ): Promise<boolean> {
    const pauses = this.options.retryPausesMs ?? defaultRetryPausesMs;
    for (let attempt = 0; ;) {
      try {
        await registration.handle(event);
        return true;
      } catch (error) {
        if (this.#isClosing) throw error;
        this.options.observer?.retried(record, attempt + 1, error);
        if (isPassing(error)) {
          await pause(this.options.laterPauseMs ?? defaultLaterPauseMs);
          continue;
        }
        const wait = pauses[attempt];
        if (wait === undefined) {
          await this.#setAside(record, 'HANDLER_FAILED', error);
          return false;
        }
        attempt += 1;
        await pause(wait);
      }
    }
  }

  async #setAside(record: LogRecord, reason: string, cause: unknown): Promise<void> {
    await this.log.append({
      topic: deadLetterTopic(record.topic),
      key: record.key,
      value: record.value,
      headers: {
        ...record.headers,
        'dead-reason': reason,
        'dead-group': this.options.group,
        'dead-position': `${record.topic}/${record.partition}/${record.offset}`,
      },
    });
    this.options.observer?.deadLettered(record, reason, cause);
  }

  #now(): Date {
    return this.options.now?.() ?? new Date();
  }
}

/** A log or a database that is away comes back; the event waits for it and is no dead letter. */
function isPassing(error: unknown): boolean {
  if (error instanceof TryAgainLater) return true;
  return error instanceof PublishError && error.code !== 'RECORD_TOO_LARGE';
}
