import { setTimeout as pause } from 'node:timers/promises';
import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { type Bus, type LogRecord, type Mark, TryAgainLater } from '#bus';
import {
  type DataOf,
  definitionKey,
  definitionNameSchema,
  definitionRecorded,
  maxDefinitionsPerServer,
  readEvent,
} from '#contracts';
import {
  type FoundStanding,
  isHeld,
  type PinnedUse,
  type RecordedDefinition,
  standingOf,
} from './pinned.js';

const maxRecords = 500;
const lookMs = 250;

type Recorded = DataOf<typeof definitionRecorded>;

/**
 * What approval has recorded of definitions, as its topic tells from its beginning. A definition that is missing
 * here would pass for a new one, so nothing is judged before the topic has been read to where it ended at the
 * start, nor while it is not being read.
 */
@Injectable()
export class LiveDefinitions implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger('policy');
  readonly #recorded = new Map<string, Recorded | 'unreadable'>();
  /** Number of definitions by the server's part of their keys: a damaged record has nothing else. */
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

  /**
   * What is not recorded may be anything where it never is: of a server that has more definitions than are kept,
   * and under a name that is not.
   */
  #of({ name, pin, server }: PinnedUse): RecordedDefinition | undefined {
    if (!definitionNameSchema.safeParse(name).success) return 'unreadable';
    const key = definitionKey({ server, kind: pin.kind, name });
    const isFull = (this.#perServer.get(serverIn(key)) ?? 0) >= maxDefinitionsPerServer;
    return this.#recorded.get(key) ?? (isFull ? 'unreadable' : undefined);
  }

  #take({ key, value }: LogRecord): void {
    const before = this.#recorded.get(key);
    const server = serverIn(key);
    if (before === undefined) this.#perServer.set(server, (this.#perServer.get(server) ?? 0) + 1);
    try {
      const { data } = readEvent(definitionRecorded, value);
      if (definitionKey(data) !== key) throw new TypeError('the record is another definition’s');
      if (!isRepeat(data, before)) this.#recorded.set(key, data);
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

/**
 * Records come at least once, and an earlier one must not undo a later. The revision alone does not tell: approval
 * counts from one again where it has lost its memory.
 */
function isRepeat(data: Recorded, before: Recorded | 'unreadable' | undefined): boolean {
  if (before === undefined || before === 'unreadable') return false;
  const isEarlier = Date.parse(data.recordedAt) < Date.parse(before.recordedAt);
  return data.revision < before.revision && isEarlier;
}

function serverIn(key: string): string {
  return key.slice(0, key.indexOf('/'));
}
