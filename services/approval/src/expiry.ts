import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Approvals } from './approvals.js';
import { Loop } from './loop.js';
import { expire } from './transitions.js';

const batch = 100;
/** How long handled event ids and stated events are remembered, beyond the longest topic's retention. */
const keepDays = 31;
const tidyMs = 3_600_000;

/** Ends what nobody signed in time, and frees leases that lapsed. The database's clock judges. */
@Injectable()
export class Expiry implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #logger = new Logger('expiry');
  readonly #loop: Loop;
  #tidiedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly approvals: Approvals,
    private readonly database: DataSource,
    sweepMs: number,
  ) {
    this.#loop = new Loop('expiry', sweepMs, async () => this.#pass());
  }

  onApplicationBootstrap(): void {
    this.#loop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#loop.stop();
  }

  async #pass(): Promise<boolean> {
    await this.#tidy();
    for (const id of await this.approvals.due(batch)) {
      await this.approvals.change(id, (approval, { now }) => ({ approval: expire(approval, now) }));
    }
    return false;
  }

  async #tidy(): Promise<void> {
    if (performance.now() - this.#tidiedAtMs < tidyMs) return;
    const old = `now() - interval '${keepDays} days'`;
    await this.database.query(`delete from inbox where seen_at < ${old}`);
    await this.database.query(`delete from outbox where sent_at < ${old}`);
    this.#tidiedAtMs = performance.now();
    this.#logger.debug('forgot what is old');
  }
}
