import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Bus } from '#bus';
import { auditRead, type DataOf } from '#contracts';
import { Problem } from '#runtime';

/** Reading the record is itself recorded, before anything is shown. */
@Injectable()
export class Reads {
  constructor(private readonly bus: Bus) {}

  /** @throws Problem 503 when the read cannot be recorded: then nothing is shown. */
  async record(read: Omit<DataOf<typeof auditRead>, 'readId' | 'at'>): Promise<void> {
    const at = new Date().toISOString();
    try {
      await this.bus.publish(auditRead, { ...read, readId: randomUUID(), at });
    } catch (cause) {
      const detail = 'The read cannot be recorded now, so nothing is shown.';
      throw new Problem(503, 'AUDIT_READ_UNRECORDED', detail, { cause });
    }
  }
}
