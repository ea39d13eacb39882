import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { z } from 'zod';
import { Bus } from '#bus';
import { contractOf, readEvent } from '#contracts';
import { Loop } from './loop.js';

const rowSchema = z.object({
  id: z.string(),
  key: z.string(),
  type: z.string(),
  event: z.string(),
});
type Row = z.infer<typeof rowSchema>;

/** One relay at a time states events, so that those of one key stay in order over all replicas. */
const relayLock = 7_215_001;
const maxEvents = 100;

/**
 * States the outbox on the bus: in order per key, marked as sent after the acknowledgement. A crash
 * in between states an event again under the same id.
 */
@Injectable()
export class OutboxRelay implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #logger = new Logger('outbox');
  readonly #loop: Loop;

  constructor(
    private readonly database: DataSource,
    private readonly bus: Bus,
    pollMs: number,
  ) {
    this.#loop = new Loop('outbox', pollMs, async () => this.#pass());
  }

  onApplicationBootstrap(): void {
    this.#loop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#loop.stop();
  }

  /** Something was queued just now. */
  wake(): void {
    this.#loop.wake();
  }

  async #pass(): Promise<boolean> {
    const unsent: unknown[] = await this.database.query(
      'select 1 from outbox where sent_at is null limit 1',
    );
    if (unsent.length === 0) return false;
    return this.database.transaction(async (work) => this.#sendSome(work));
  }

  /** True where more may be waiting. */
  async #sendSome(work: EntityManager): Promise<boolean> {
    const [lock]: { isMine: boolean }[] = await work.query(
      'select pg_try_advisory_xact_lock($1) as "isMine"',
      [relayLock],
    );
    if (lock?.isMine !== true) return false;
    const found: unknown = await work.query(
      `select id, key, type, event from outbox where sent_at is null
       order by id limit ${maxEvents} for update skip locked`,
    );
    const rows = z.array(rowSchema).parse(found);
    const byKey = Map.groupBy(rows, (row) => row.key);
    const sent = await Promise.all(
      [...byKey.values()].map(async (each) => this.#sendInOrder(each)),
    );
    const ids = sent.flat();
    await work.query('update outbox set sent_at = now() where id = any($1::bigint[])', [ids]);
    return ids.length === rows.length && rows.length === maxEvents;
  }

  /** Ids of what was acknowledged; stops at the first that was not. */
  async #sendInOrder(rows: readonly Row[]): Promise<string[]> {
    const sent: string[] = [];
    for (const row of rows) {
      try {
        await this.#send(row);
        sent.push(row.id);
      } catch (error) {
        this.#logger.warn(`${row.type} is not stated yet: ${String(error)}`);
        break;
      }
    }
    return sent;
  }

  async #send(row: Row): Promise<void> {
    const contract = contractOf(row.type);
    if (contract === undefined) throw new TypeError(`${row.type} has no contract`);
    await this.bus.republish(contract, readEvent(contract, Buffer.from(row.event, 'utf8')));
  }
}
