import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import type { CopyBinding } from './desk.js';

const address = z.record(z.string(), z.string());
const rowSchema = z.object({
  key: z.string(),
  audience: z.enum(['approvers', 'requester']),
  address,
  message: address,
});

/** What presses on copies are checked against. */
@Injectable()
export class CopyBindings {
  constructor(private readonly database: DataSource) {}

  /** The copies of an approval that were posted in a channel, and the proof that they carry; undefined without approval. */
  async of(approvalId: string, channel: string): Promise<CopyBinding | undefined> {
    const found: { nonce: string }[] = await this.database.query(
      'select nonce from approval where id = $1',
      [approvalId],
    );
    const [approval] = found;
    if (approval === undefined) return undefined;
    const rows: unknown = await this.database.query(
      `select key, audience, address, message from approval_copy
       where approval_id = $1 and channel = $2 and message is not null`,
      [approvalId, channel],
    );
    const copies = z.array(rowSchema).parse(rows);
    return {
      nonce: approval.nonce,
      copies: copies.map(({ message, ...place }) => ({ place, message })),
    };
  }
}
