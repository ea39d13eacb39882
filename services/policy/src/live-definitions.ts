import { setTimeout as pause } from 'node:timers/promises';
import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { type Bus, type LogRecord, type Mark, TryAgainLater } from '#bus';
import { definitionKey, definitionRecorded, maxDefinitionsPerServer, readEvent } from '#contracts';
import {
  type FoundStanding,
  isHeld,
  type PinnedUse,
  placeOf,
  type RecordedDefinition,
  standingOf,
} from './pinned.js';

const maxRecords = 500;
const lookMs = 250;

/**
 * What approval has recorded of definitions, as its topic tells from its beginning. A definition that is missing
 * here would pass for a new one, so nothing is judged before the topic has been read to where it ended at the
 * start, nor while it is not being read.
 */
@Injectable()
export class LiveDefinitions implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger('policy');
  readonly #recorded = new Map<string, RecordedDefinition>();
  readonly #perServer = new Map<string, number>();
  #isRead = false;
  #isClosing = false;

  constructor(private readonly bus: Bus) {
    // Raw records: one that cannot be read must count against its definition, not go to the dead letters.
    bus.tap([definitionRecorded.topic], maxRecords, async (records) => {
      for (const record of records) this.#take(record);
    });
  }

  onApplicationBootstrap(): void {
    void this.#read();
  }

  onApplicationShutdown(): void {
    this.#isClosing = true;
  }

  /** Whether what is known here is what is recorded. */
  async isReady(): Promise<boolean> {
    return this.#isRead && this.bus.isReady();
  }

  /** @throws TryAgainLater while what is known here may be out of date */
  async checkCurrent(): Promise<void> {
    if (await this.isReady()) return;
    throw new TryAgainLater('the recorded definitions are not read');
  }

  /** How the definition of a call stands. `own` is its digest at the gateway that asks, if it has seen one. */
  ofCall(
    use: PinnedUse,
    own: string | undefined,
  ): { readonly standing: FoundStanding; readonly latest: string | undefined } {
    const recorded = this.#of(use);
    const latest = recorded === 'unreadable' ? undefined : recorded?.latest;
    return { standing: standingOf(recorded, own, false), latest };
  }

  /** Whether an item of a list that was given just now is left out. */
  isListedHeld(use: PinnedUse, digest: string | undefined): boolean {
    return isHeld(use.pin, standingOf(this.#of(use), digest, true));
  }

  /** Of a server that has more definitions than are kept, what is not recorded may be anything. */
  #of(use: PinnedUse): RecordedDefinition | undefined {
    const isFull = (this.#perServer.get(use.server) ?? 0) >= maxDefinitionsPerServer;
    return this.#recorded.get(placeOf(use)) ?? (isFull ? 'unreadable' : undefined);
  }

  #take({ key, value }: LogRecord): void {
    try {
      const { data } = readEvent(definitionRecorded, value);
      if (definitionKey(data) !== key) throw new TypeError('the record is another definition’s');
      const isKnown = this.#recorded.has(key);
      if (!isKnown) this.#perServer.set(data.server, (this.#perServer.get(data.server) ?? 0) + 1);
      this.#recorded.set(key, { accepted: data.accepted, latest: data.latest });
    } catch (error) {
      this.#recorded.set(key, 'unreadable');
      this.#logger.error(`the record of definition ${key} cannot be read: ${String(error)}`);
    }
  }

  async #read(): Promise<void> {
    let mark: Mark | undefined;
    while (!this.#isClosing) {
      try {
        mark ??= await this.bus.mark(definitionRecorded.topic);
        if (await mark.isPassed()) {
          this.#isRead = true;
          return;
        }
      } catch (error) {
        this.#logger.warn(`the recorded definitions cannot be read yet: ${String(error)}`);
      }
      await pause(lookMs, undefined, { ref: false });
    }
  }
}
