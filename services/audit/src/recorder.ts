import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Bus, type LogRecord, TryAgainLater } from '#bus';
import { isOutage } from '#storage';
import { Events } from './events.js';
import { bare, keep, type Kept } from './keeping.js';

/** Records of one partition that the bus hands over at once. */
const maxRun = 500;
/** Records, and bytes of them, of one transaction. */
const maxRecords = 2_000;
const maxBytes = 8_388_608;
const keptInOneTurn = 16;

interface Waiting {
  readonly records: readonly LogRecord[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Stores every record of its topics. Runs of all partitions that arrive within the linger time share
 * one transaction, so that recording costs the same for few calls as for many. A run is finished on
 * the bus only when it is committed; while the database is away, runs are tried again and again.
 */
@Injectable()
export class Recorder implements OnModuleInit {
  readonly #logger = new Logger('recorder');
  #queue: Waiting[] = [];
  #isFlushing = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly bus: Bus,
    private readonly events: Events,
    private readonly settings: { readonly topics: readonly string[]; readonly lingerMs: number },
  ) {}

  onModuleInit(): void {
    this.bus.tap(this.settings.topics, maxRun, async (records) => this.#record(records));
  }

  async #record(records: readonly LogRecord[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ records, resolve, reject });
      this.#flushSoon();
    });
  }

  #flushSoon(): void {
    if (this.#isFlushing || this.#timer !== undefined || this.#queue.length === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#flush();
    }, this.settings.lingerMs);
  }

  async #flush(): Promise<void> {
    this.#isFlushing = true;
    const batch = this.#queue.splice(0);
    try {
      for (const some of inPortions(batch.flatMap((each) => each.records))) await this.#store(some);
      for (const each of batch) each.resolve();
    } catch (error) {
      const refusal = new TryAgainLater('the record cannot be written now', { cause: error });
      for (const each of batch) each.reject(refusal);
    }
    this.#isFlushing = false;
    this.#flushSoon();
  }

  /** One record that the database does not take must not hold up the others, nor be lost. */
  async #store(records: readonly LogRecord[]): Promise<void> {
    try {
      await this.events.append(await keepAll(records));
    } catch (error) {
      if (isOutage(error)) throw error;
      this.#logger.error(
        `a batch was not taken, so its records are stored one by one: ${String(error)}`,
      );
      for (const record of records) await this.#storeAlone(record);
    }
  }

  async #storeAlone(record: LogRecord): Promise<void> {
    try {
      await this.events.append([keep(record)]);
    } catch (error) {
      if (isOutage(error)) throw error;
      const place = `${record.topic}/${record.partition}/${record.offset}`;
      this.#logger.error(`${place} is kept by its hash alone: ${String(error)}`);
      await this.events.append([bare(record, 'unstorable')]);
    }
  }
}

/** Keeps records a few at a time, so that whatever shares the process has its turn in between. */
async function keepAll(records: readonly LogRecord[]): Promise<Kept[]> {
  const kept: Kept[] = [];
  for (const record of records) {
    if (kept.length % keptInOneTurn === 0) await nextTurn();
    kept.push(keep(record));
  }
  return kept;
}

/** Splits records, in their order, into what one transaction may hold. */
function inPortions(records: readonly LogRecord[]): LogRecord[][] {
  const portions: LogRecord[][] = [];
  let bytes = 0;
  for (const record of records) {
    const current = portions.at(-1);
    bytes += record.value.byteLength;
    if (current === undefined || current.length >= maxRecords || bytes > maxBytes) {
      portions.push([record]);
      bytes = record.value.byteLength;
    } else {
      current.push(record);
    }
  }
  return portions;
}
