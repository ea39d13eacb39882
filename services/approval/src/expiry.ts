import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { isOutage } from '#storage';
import { escalatedEvent } from './announcements.js';
import type { Approval } from './approval.js';
import type { Approvals, Change, Circumstances } from './approvals.js';
import type { Grants } from './grants.js';
import { Loop } from './loop.js';
import type { Settlement } from './settlement.js';
import { escalate, expire, forget } from './transitions.js';

const batch = 100;
/** How long handled event ids and stated events are remembered, beyond the longest topic's retention. */
const keepDays = 31;
const tidyMs = 3_600_000;

/** What time works with. */
export interface ExpiryParts {
  readonly approvals: Approvals;
  readonly grants: Pick<Grants, 'endDue'>;
  readonly settlement: Settlement;
  /** Between two looks, milliseconds. */
  readonly sweepMs: number;
  /** How long an approval outlives its caller, seconds. */
  readonly abandonSeconds: number;
}

/** Ends what nobody signed in time, and frees leases that lapsed. The database's clock judges. */
@Injectable()
export class Expiry implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #logger = new Logger('expiry');
  readonly #loop: Loop;
  #tidiedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly database: DataSource,
    private readonly parts: ExpiryParts,
  ) {
    this.#loop = new Loop('expiry', parts.sweepMs, async () => this.#pass());
  }

  onApplicationBootstrap(): void {
    this.#loop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#loop.stop();
  }

  async #pass(): Promise<boolean> {
    await this.#tidy();
    const { abandonSeconds, approvals, grants, settlement } = this.parts;
    await grants.endDue(batch);
    const due = await approvals.due(batch, abandonSeconds);
    if (due.some(({ isLeased }) => isLeased)) await settlement.look();
    for (const { id } of due) {
      await this.#age(id);
    }
    return false;
  }

  /** One that cannot be changed must not stop time for the others. */
  async #age(id: string): Promise<void> {
    try {
      await this.parts.approvals.change(id, (approval, given) => this.#aged(approval, given));
    } catch (error) {
      if (isOutage(error)) throw error;
      this.#logger.error(`approval ${id}: ${String(error)}`);
    }
  }

  /** What time makes of an approval. */
  #aged(approval: Approval, { now, origin }: Circumstances): Change {
    const left = forget(expire(approval, now), now, this.parts.abandonSeconds);
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
    await this.database.query(
      `delete from waiting_call w using approval a
       where a.id = w.approval_id and not w.is_waiting and a.decided_at < ${old}`,
    );
    await this.database.query(
      `delete from access_grant where status = 'refused' and ended_at < ${old}`,
    );
    await this.database.query(`delete from delegation where ends_at < ${old}`);
    await this.database.query(
      `delete from approval_copy c using approval a
       where a.id = c.approval_id and a.decided_at < ${old}`,
    );
    this.#tidiedAtMs = performance.now();
    this.#logger.debug('forgot what is old');
  }
}
