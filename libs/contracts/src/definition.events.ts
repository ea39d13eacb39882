import { z } from 'zod';
import { actorSchema, definitionKindSchema, digestSchema } from './call-shapes.js';
import { publicField } from './classification.js';
import { defineEvent } from './define-event.js';
import { definitionKey, definitionNameSchema } from './definition-key.js';

/** Digests of one definition that stay accepted; the newest count. */
export const maxAcceptedDigests = 10;

/** Definitions of one server that are kept; it cannot crowd out what was accepted by describing more. */
export const maxDefinitionsPerServer = 5000;

/** How a definition stands now: what was accepted of it, and what its server said last. */
export const definitionRecorded = defineEvent({
  type: 'countersign.definition.recorded.v1',
  topic: 'countersign.definitions.v1',
  publishedBy: 'approval',
  key: definitionKey,
  discriminator: (data) => String(data.revision),
  data: z.object({
    server: publicField(z.string()),
    kind: publicField(definitionKindSchema),
    /** Empty for instructions. */
    name: publicField(definitionNameSchema),
    /** Digests that may be used, newest first; empty where nobody accepted any. */
    accepted: publicField(z.array(digestSchema).max(maxAcceptedDigests)),
    latest: publicField(digestSchema),
    /** `held`: the latest is not among the accepted ones. */
    state: publicField(z.enum(['accepted', 'held'])),
    cause: publicField(z.enum(['first-use', 'changed', 'accepted'])),
    /** Who accepted it; null where nobody was asked. */
    by: publicField(actorSchema.nullable()),
    /** Counts what was told of this definition. */
    revision: publicField(z.int().min(1)),
    recordedAt: publicField(z.iso.datetime()),
  }),
});
