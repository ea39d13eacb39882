import { z } from 'zod';
import { partFields } from './call-shapes.js';
import { publicField, sensitiveField } from './classification.js';
import { defineEvent } from './define-event.js';
import { maskObligationSchema } from './verdict.events.js';

const partName = (data: { part: number; chunk: number }): string => `${data.part}.${data.chunk}`;

/** A part of the upstream's answer, sealed for masking alone. Kept for minutes. */
export const callAnswered = defineEvent({
  type: 'countersign.call.answered.v1',
  topic: 'countersign.answers.v1',
  publishedBy: 'ingress',
  key: (data) => data.callId,
  discriminator: partName,
  data: z.object({
    callId: publicField(z.uuid()),
    ingress: publicField(z.string()),
    part: publicField(partFields.part),
    last: publicField(partFields.last),
    chunk: publicField(partFields.chunk),
    chunks: publicField(partFields.chunks),
    mask: publicField(maskObligationSchema),
    /** A chunk of the sealed part: AES-256-GCM under the answers key, base64. */
    sealed: z.string(),
  }),
});

/** A part of an answer as the client may see it. What the client gets is exactly this (law 4). */
export const callMasked = defineEvent({
  type: 'countersign.call.masked.v1',
  topic: 'countersign.results.v1',
  publishedBy: 'masking',
  key: (data) => data.callId,
  discriminator: partName,
  addressee: (data) => data.ingress,
  data: z.object({
    callId: publicField(z.uuid()),
    ingress: publicField(z.string()),
    part: publicField(partFields.part),
    last: publicField(partFields.last),
    chunk: publicField(partFields.chunk),
    chunks: publicField(partFields.chunks),
    /** A chunk of the masked part's JSON text; empty when withheld. */
    content: sensitiveField(z.string()),
    /** How many values of each kind were masked in the whole part. */
    counts: publicField(z.record(z.string(), z.int())),
    /** Why nothing may be shown; null when there is content. */
    withheld: publicField(z.object({ code: z.string(), message: z.string() }).nullable()),
  }),
});
