import type { EntityManager } from 'typeorm';

/** Orders copies of approvals in the transaction that makes them true; delivering them is for later. */
export class Copies {
  constructor(private readonly channels: readonly string[]) {}

  /** Has every channel asked where this approval is to be shown now. */
  async place(work: EntityManager, approvalId: string): Promise<void> {
    for (const channel of this.channels) {
      await work.query('insert into placement (approval_id, channel) values ($1, $2)', [
        approvalId,
        channel,
      ]);
    }
  }
}
