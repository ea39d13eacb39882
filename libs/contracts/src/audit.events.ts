import { z } from 'zod';
import { digestSchema, principalSchema } from './call-shapes.js';
import { publicField } from './classification.js';
import { defineEvent } from './define-event.js';

const topic = 'countersign.checkpoints.v1';
const publishedBy = 'audit';

/** The heads of all chains at one moment, signed: kept outside the database. */
export const auditCheckpointed = defineEvent({
  type: 'countersign.audit.checkpointed.v1',
  topic,
  publishedBy,
  key: (data) => data.log,
  discriminator: (data) => data.at,
  data: z.object({
    log: publicField(z.string()),
    heads: publicField(
      z.array(
        z.object({
          topic: z.string(),
          partition: z.int().min(0),
          nextOffset: z.string(),
          rows: z.string(),
          hash: digestSchema,
        }),
      ),
    ),
    at: publicField(z.iso.datetime()),
    /** Ed25519 over the canonical JSON of the other members, base64url. */
    signature: publicField(z.string()),
  }),
});

/** Somebody read the record. */
export const auditRead = defineEvent({
  type: 'countersign.audit.read.v1',
  topic,
  publishedBy,
  key: (data) => data.readId,
  data: z.object({
    readId: publicField(z.uuid()),
    reader: publicField(principalSchema),
    route: publicField(z.string()),
    filters: publicField(z.record(z.string(), z.string())),
    outcome: publicField(z.enum(['read', 'refused'])),
    at: publicField(z.iso.datetime()),
  }),
});
