import {
  type BeforeApplicationShutdown,
  Injectable,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { z } from 'zod';
import type { ApprovalList } from './approval-list.js';
import { approvalSchema } from './approval.js';
import { approvalTable } from './approvals.table.js';
import type { ApprovalChannel } from './channel.js';
import { clock } from './clock.js';
import { Loop } from './loop.js';
import { plainTextOf } from './plain-text.js';
import { type Decisions, summaryText } from './summary-text.js';

const batch = 50;
/** Of an approval's time, what is left when its approvers are reminded. */
const leftWhenReminded = 0.25;

const decisionsSchema = z.array(
  z.object({ outcome: z.string(), ruleIds: z.string(), count: z.coerce.number() }),
);

/** What the nudges are made with. */
export interface NudgeParts {
  readonly list: ApprovalList;
  readonly channels: readonly ApprovalChannel[];
  readonly pollMs: number;
  /** Between two summaries, hours; 0 for none. */
  readonly summaryHours: number;
}

/** Reminds once of what is about to expire, and sums up what was decided. Each is queued in one transaction with its mark. */
@Injectable()
export class Nudges implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #loop: Loop;

  constructor(
    private readonly database: DataSource,
    private readonly parts: NudgeParts,
  ) {
    this.#loop = new Loop('nudges', parts.pollMs, async () => this.#pass());
  }

  onApplicationBootstrap(): void {
    if (this.parts.channels.length > 0) this.#loop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#loop.stop();
  }

  async #pass(): Promise<boolean> {
    const reminded = await this.database.transaction(async (work) => this.#remind(work));
    if (this.parts.summaryHours > 0) {
      for (const channel of this.parts.channels) await this.#sumUp(channel);
    }
    return reminded === batch;
  }

  async #remind(work: EntityManager): Promise<number> {
    const rows = await work
      .getRepository(approvalTable)
      .createQueryBuilder('approval')
      .setLock('pessimistic_write')
      .setOnLocked('skip_locked')
      .where(`approval.status in ('pending', 'unreviewed')`)
      .andWhere(`approval.remindedAt is null`)
      .andWhere(
        `approval.expiresAt - clock_timestamp() <= (approval.expiresAt - approval.requestedAt) * :left`,
        { left: leftWhenReminded },
      )
      .take(batch)
      .getMany();
    const now = await clock(work);
    for (const row of rows) {
      const approval = approvalSchema.parse(row);
      const { body, subject } = plainTextOf(this.parts.list.brief(approval, { groups: [] }));
      await work.getRepository(approvalTable).update({ id: row.id }, { remindedAt: now });
      await work.query(
        `insert into notice (channel, kind, place, message, text)
         select channel, 'reminder',
           jsonb_build_object('key', key, 'audience', audience, 'address', address), message, $2
         from approval_copy
         where approval_id = $1 and audience = 'approvers' and message is not null
           and gone_reason is null`,
        [row.id, `Still waiting. ${subject}\n${body}`],
      );
    }
    return rows.length;
  }

  /** Once per period and channel, whichever replica comes first. */
  async #sumUp(channel: ApprovalChannel): Promise<void> {
    if (channel.summaryPlaces === undefined) return;
    const places = await channel.summaryPlaces();
    await this.database.transaction(async (work) => {
      const since = await this.#period(work, channel.name);
      if (since === undefined) return;
      const text = summaryText(since, await decisionsSince(work, since));
      if (text === undefined) return;
      for (const place of places) {
        await work.query(
          `insert into notice (channel, kind, place, text) values ($1, 'summary', $2, $3)`,
          [channel.name, place, text],
        );
      }
    });
  }

  /** The beginning of the period that has just ended, taken by this call; undefined where none has. */
  async #period(work: EntityManager, channel: string): Promise<Date | undefined> {
    await work.query(
      `insert into summary_state (channel, told_until) values ($1, clock_timestamp())
       on conflict do nothing`,
      [channel],
    );
    const rows: { since: Date }[] = await work.query(
      `select told_until as since from summary_state
       where channel = $1 and told_until <= clock_timestamp() - make_interval(hours => $2)
       for update skip locked`,
      [channel, this.parts.summaryHours],
    );
    const [found] = rows;
    if (found === undefined) return undefined;
    await work.query('update summary_state set told_until = clock_timestamp() where channel = $1', [
      channel,
    ]);
    return found.since;
  }
}

async function decisionsSince(work: EntityManager, since: Date): Promise<Decisions> {
  const rows: unknown = await work.query(
    `select case when status in ('approved', 'leased', 'used') then 'approved' else status end
         as outcome,
       array_to_string(array(select jsonb_array_elements_text(rule_ids)), ', ') as "ruleIds",
       count(*) as count
     from approval
     where decided_at > $1 and decided_at <= clock_timestamp()
     group by 1, 2 order by 3 desc limit 200`,
    [since],
  );
  const live: { count: string }[] = await work.query(
    `select count(*) as count from access_grant where status = 'live'`,
  );
  const unreviewed: { count: string }[] = await work.query(
    `select count(*) as count from approval where status = 'unreviewed'`,
  );
  return {
    decided: decisionsSchema.parse(rows),
    liveGrants: Number(live[0]?.count ?? 0),
    unreviewed: Number(unreviewed[0]?.count ?? 0),
  };
}
