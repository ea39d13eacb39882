import type { EntityManager } from 'typeorm';
import type { DataOf, EventContract, EventOf } from '#contracts';

/** Events that wait, in the transaction that made them true, to be stated on the bus. */
export class Outbox {
  /** Queues a whole event: stated again after a crash, it has the same id and time. */
  async add<C extends EventContract>(
    work: EntityManager,
    event: EventOf<C> & { readonly data: DataOf<C> },
  ): Promise<void> {
    await work.query('insert into outbox (key, type, event) values ($1, $2, $3)', [
      event.subject,
      event.type,
      JSON.stringify(event),
    ]);
  }
}

/** Claims an event for its one handling. False where it was handled before. */
export async function claim(work: EntityManager, eventId: string): Promise<boolean> {
  const rows: unknown[] = await work.query(
    'insert into inbox (event_id) values ($1) on conflict do nothing returning event_id',
    [eventId],
  );
  return rows.length === 1;
}

/** Whether something was claimed before. */
export async function isClaimed(work: EntityManager, eventId: string): Promise<boolean> {
  const rows: unknown[] = await work.query('select 1 from inbox where event_id = $1', [eventId]);
  return rows.length === 1;
}

/** TypeORM answers an UPDATE with its rows and their number; these are the rows. */
export function updatedRows(answer: [unknown[], number]): unknown[] {
  return answer[0];
}
