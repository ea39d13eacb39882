import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { escalatedEvent } from './announcements.js';
import type { Approval } from './approval.js';
import { Approvals, type Change, type Circumstances } from './approvals.js';
import type { Grants } from './grants.js';
import { Loop } from './loop.js';
import { escalate, expire, forget } from './transitions.js';

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
    private readonly grants: Pick<Grants, 'endDue'>,
    private readonly database: DataSource,
    sweepMs: number,
    /** How long an approval outlives its caller, seconds. */
    private readonly abandonSeconds: number,
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
    await this.grants.endDue(batch);
    for (const id of await this.approvals.due(batch, this.abandonSeconds)) {
      await this.approvals.change(id, (approval, given) => this.#aged(approval, given));
    }
    return false;
  }

  /** What time makes of an approval. */
  #aged(approval: Approval, { now, origin }: Circumstances): Change {
    const left = forget(expire(approval, now), now, this.abandonSeconds);
    const further = escalate(left, now);
    const isEscalated = further !== left;
    return {
      approval: further,
      said: isEscalated ? escalatedEvent(further, { time: now, origin }) : undefined,
    };
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
