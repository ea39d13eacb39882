import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { Loop } from './loop.js';

const rowSchema = z.object({ id: z.uuid(), changed: z.string() });

/** Between two looks, milliseconds. */
const pollMs = 250;
/** Transactions may commit so much later than their changes are stamped, seconds. */
const overlapSeconds = 10;

/**
 * Tells which approvals have changed, whichever replica changed them: a look at the database while anybody listens.
 * Looks overlap, so that a change that was committed late is seen too; what was told already is not told again.
 */
export class ChangeFeed {
  readonly #listeners = new Set<(approvalId: string) => void>();
  readonly #loop: Loop;
  #told = new Map<string, string>();
  #isPrimed = false;

  constructor(private readonly database: Pick<DataSource, 'query'>) {
    this.#loop = new Loop('changes', pollMs, async () => this.#look());
  }

  /** Calls back after every change from now on; returns how to stop. */
  subscribe(listener: (approvalId: string) => void): () => void {
    this.#listeners.add(listener);
    this.#loop.start();
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    await this.#loop.stop();
  }

  async #look(): Promise<boolean> {
    if (this.#listeners.size === 0) {
      this.#isPrimed = false;
      return false;
    }
    const rows: unknown = await this.database.query(
      `select id, changed_at::text as changed from approval
       where changed_at > clock_timestamp() - make_interval(secs => $1)`,
      [overlapSeconds],
    );
    const found = z.array(rowSchema).parse(rows);
    const news = found.filter(({ changed, id }) => this.#told.get(id) !== changed);
    this.#told = new Map(found.map(({ changed, id }) => [id, changed]));
    if (this.#isPrimed) for (const { id } of news) this.#tell(id);
    this.#isPrimed = true;
    return false;
  }

  #tell(id: string): void {
    for (const listener of this.#listeners) listener(id);
  }
}
