import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { Bus } from '#bus';
import { auditCheckpointed } from '#contracts';
import { canonicalJson, type Signer } from '#trust';
import { Events } from './events.js';

/** Days whose partitions are made ahead. */
const daysAhead = 7;

/**
 * Signs the heads of all chains, again and again and once more at the end, and keeps them outside the
 * database: on the bus. Also makes the partitions of the days to come.
 */
@Injectable()
export class Checkpoints implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #logger = new Logger('checkpoints');
  #timer: NodeJS.Timeout | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(
    private readonly events: Events,
    private readonly bus: Bus,
    private readonly signer: Signer,
    private readonly checkpointMs: number,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.events.makeDays(daysAhead);
    this.#timer = setInterval(() => {
      this.#last = this.#last.then(async () => this.#try());
    }, this.checkpointMs);
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    await this.#last;
    await this.#try();
  }

  async #try(): Promise<void> {
    try {
      await this.events.makeDays(daysAhead);
      await this.#checkpoint();
    } catch (error) {
      this.#logger.warn(`no checkpoint this time: ${String(error)}`);
    }
  }

  async #checkpoint(): Promise<void> {
    const heads = await this.events.heads();
    if (heads.length === 0) return;
    const statement = { log: 'record', heads, at: new Date().toISOString() };
    const signature = this.signer.sign('checkpoint', statement);
    await this.bus.publish(auditCheckpointed, { ...statement, signature });
    await this.events.addCheckpoint(canonicalJson(statement), signature);
  }
}
