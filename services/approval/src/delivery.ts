import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { isOutage } from '#storage';
import { ApprovalError } from './approval-error.js';
import type { ApprovalList } from './approval-list.js';
import { type ApprovalChannel, type ChannelAddress, DeliveryError, type Place } from './channel.js';
import { Loop } from './loop.js';
import { updatedRows } from './outbox.js';
import { pauseAfter } from './pause-after.js';

/** A piece of work is another replica's until so much later, seconds: longer than any channel takes. */
const claimSeconds = 60;
const batch = 20;
/** Tries of one piece of work before it is given up. */
const maxAttempts = 30;

const address = z.record(z.string(), z.string());
const placementSchema = z.object({
  id: z.string(),
  approvalId: z.uuid(),
  channel: z.string(),
  attempts: z.int(),
});
const copySchema = z.object({
  approvalId: z.uuid(),
  channel: z.string(),
  key: z.string(),
  audience: z.enum(['approvers', 'requester']),
  address,
  message: address.nullable(),
  attempts: z.int(),
  nonce: z.string(),
});
type Copy = z.infer<typeof copySchema>;
const noticeSchema = z.object({
  id: z.string(),
  channel: z.string(),
  kind: z.enum(['reminder', 'summary']),
  place: z.object({ key: z.string(), audience: z.enum(['approvers', 'requester']), address }),
  message: address.nullable(),
  text: z.string(),
  attempts: z.int(),
});

/**
 * Brings approvals to the channels and keeps every copy showing the present state. Work is claimed for a time, so
 * replicas share it; it is tried again with growing pauses, and what a crash interrupts is done again. A copy that
 * cannot be had any more is left alone. No decision waits for any of it.
 */
@Injectable()
export class Delivery implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #logger = new Logger('delivery');
  readonly #loop: Loop;
  readonly #channels: ReadonlyMap<string, ApprovalChannel>;

  constructor(
    private readonly database: DataSource,
    private readonly list: ApprovalList,
    channels: readonly ApprovalChannel[],
    pollMs: number,
  ) {
    this.#channels = new Map(channels.map((channel) => [channel.name, channel]));
    this.#loop = new Loop('delivery', pollMs, async () => this.#pass());
  }

  onApplicationBootstrap(): void {
    if (this.#channels.size > 0) this.#loop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#loop.stop();
  }

  async #pass(): Promise<boolean> {
    const placed = await this.#placeSome();
    const shown = await this.#showSome();
    const said = await this.#saySome();
    return Math.max(placed, shown, said) === batch;
  }

  async #placeSome(): Promise<number> {
    const rows = await this.#claimed(
      `update placement set attempts = attempts + 1,
         next_at = clock_timestamp() + make_interval(secs => $1)
       where id in (select id from placement where next_at <= clock_timestamp()
         and channel = any($2) order by next_at limit $3 for update skip locked)
       returning id::text, approval_id as "approvalId", channel, attempts`,
    );
    const placements = z.array(placementSchema).parse(rows);
    await Promise.all(placements.map(async (each) => this.#place(each)));
    return placements.length;
  }

  async #place({ approvalId, attempts, channel, id }: z.infer<typeof placementSchema>) {
    const done = async (): Promise<unknown> =>
      this.database.query('delete from placement where id = $1', [id]);
    await this.#attempt(`placing ${approvalId} in ${channel}`, attempts, {
      work: async () => {
        const view = await this.#view(approvalId, 'approvers');
        const places = view === undefined ? [] : await this.#channels.get(channel)?.places(view);
        for (const place of places ?? []) await this.#keepPlace(approvalId, channel, place);
        await done();
      },
      giveUp: done,
      later: async (seconds) =>
        this.database.query(
          'update placement set next_at = clock_timestamp() + make_interval(secs => $2) where id = $1',
          [id, seconds],
        ),
    });
  }

  async #keepPlace(approvalId: string, channel: string, place: Place): Promise<void> {
    await this.database.query(
      `insert into approval_copy (approval_id, channel, key, audience, address)
       values ($1, $2, $3, $4, $5) on conflict do nothing`,
      [approvalId, channel, place.key, place.audience, place.address],
    );
  }

  async #showSome(): Promise<number> {
    const rows = await this.#claimed(
      `update approval_copy c set attempts = c.attempts + 1,
         next_at = clock_timestamp() + make_interval(secs => $1)
       from approval a
       where a.id = c.approval_id and (c.approval_id, c.channel, c.key) in
         (select d.approval_id, d.channel, d.key from approval_copy d
          join approval b on b.id = d.approval_id
          where d.shown_version < b.version and d.gone_reason is null
            and d.next_at <= clock_timestamp() and d.channel = any($2)
          order by d.next_at limit $3 for update of d skip locked)
       returning c.approval_id as "approvalId", c.channel, c.key, c.audience, c.address, c.message,
         c.attempts, a.nonce`,
    );
    const copies = z.array(copySchema).parse(rows);
    await Promise.all(copies.map(async (each) => this.#show(each)));
    return copies.length;
  }

  async #show(copy: Copy): Promise<void> {
    const where = 'where approval_id = $1 and channel = $2 and key = $3';
    const key = [copy.approvalId, copy.channel, copy.key];
    await this.#attempt(`showing ${copy.approvalId} in ${copy.channel}`, copy.attempts, {
      work: async () => {
        const { message, version } = await this.#showNow(copy);
        await this.database.query(
          `update approval_copy set message = $4, shown_version = $5, attempts = 0,
             next_at = clock_timestamp() ${where}`,
          [...key, message, version],
        );
      },
      giveUp: async (why) =>
        this.database.query(`update approval_copy set gone_reason = $4 ${where}`, [...key, why]),
      later: async (seconds) =>
        this.database.query(
          `update approval_copy set next_at = clock_timestamp() + make_interval(secs => $4) ${where}`,
          [...key, seconds],
        ),
    });
  }

  async #showNow(copy: Copy): Promise<{ message: ChannelAddress; version: number }> {
    const channel = this.#channels.get(copy.channel);
    const view = await this.#view(copy.approvalId, copy.audience);
    if (channel === undefined || view === undefined) throw new DeliveryError('gone', true);
    const { address: of, audience, key, message, nonce } = copy;
    const place = { key, audience, address: of };
    if (message === null) {
      return { message: await channel.post(place, view, nonce), version: view.version };
    }
    await channel.update(place, message, view, nonce);
    return { message, version: view.version };
  }

  async #saySome(): Promise<number> {
    const rows = await this.#claimed(
      `update notice set attempts = attempts + 1,
         next_at = clock_timestamp() + make_interval(secs => $1)
       where id in (select id from notice where next_at <= clock_timestamp()
         and channel = any($2) order by next_at limit $3 for update skip locked)
       returning id::text, channel, kind, place, message, text, attempts`,
    );
    const notices = z.array(noticeSchema).parse(rows);
    await Promise.all(notices.map(async (each) => this.#say(each)));
    return notices.length;
  }

  async #say(notice: z.infer<typeof noticeSchema>): Promise<void> {
    const { attempts, channel, id, kind, message, place, text } = notice;
    const done = async (): Promise<unknown> =>
      this.database.query('delete from notice where id = $1', [id]);
    await this.#attempt(`a ${kind} in ${channel}`, attempts, {
      work: async () => {
        await this.#channels.get(channel)?.tell(place, message, { id, kind, text });
        await done();
      },
      giveUp: done,
      later: async (seconds) =>
        this.database.query(
          'update notice set next_at = clock_timestamp() + make_interval(secs => $2) where id = $1',
          [id, seconds],
        ),
    });
  }

  async #claimed(sql: string): Promise<unknown[]> {
    const names = [...this.#channels.keys()];
    return this.database.query(sql, [claimSeconds, names, batch]).then(updatedRows);
  }

  async #view(id: string, audience: Place['audience']) {
    try {
      return await this.list.copy(await this.list.any(id), audience);
    } catch (error) {
      if (error instanceof ApprovalError) return undefined;
      throw error;
    }
  }

  /** Does a piece of work; what fails is tried again later, or given up where that is useless. */
  async #attempt(
    what: string,
    attempts: number,
    doing: {
      readonly work: () => Promise<void>;
      readonly giveUp: (why: string) => Promise<unknown>;
      readonly later: (seconds: number) => Promise<unknown>;
    },
  ): Promise<void> {
    try {
      await doing.work();
    } catch (error) {
      if (isOutage(error)) throw error;
      const fault = this.#asFault(what, error);
      if (fault.isFinal || attempts >= maxAttempts) {
        this.#logger.warn(`${what}: given up: ${fault.message}`);
        await doing.giveUp(fault.message);
        return;
      }
      this.#logger.debug(`${what}: again later: ${fault.message}`);
      await doing.later(pauseAfter(attempts, fault.retryAfterMs, Math.random()));
    }
  }

  /** What nobody foresaw is told, and tried again like the rest: it must not hold up other copies. */
  #asFault(what: string, error: unknown): DeliveryError {
    if (error instanceof DeliveryError) return error;
    this.#logger.error(`${what}: ${String(error)}`);
    return new DeliveryError('unforeseen', false, undefined, { cause: error });
  }
}
