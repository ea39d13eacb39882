import { z } from 'zod';

/** Who calls: keyed by tenant and object id, never by a name (law 8). */
export const principalSchema = z.object({
  tenantId: z.uuid(),
  objectId: z.uuid(),
  /** `person` signs in; `workload` is an app-only identity; `agent` an Entra Agent ID identity. */
  kind: z.enum(['person', 'workload', 'agent']),
  /** Client application id the token was issued to (`azp`). */
  clientApp: z.string(),
  /** For people to read, never to decide by. */
  displayName: z.string().nullable(),
  /** Object ids of groups, as the token states them now. */
  groups: z.array(z.string()),
  roles: z.array(z.string()),
});
export type Principal = z.infer<typeof principalSchema>;

/** What the caller's program says of itself. Untrusted text. */
export const clientSchema = z.object({ name: z.string(), version: z.string() });

/** What an adapter knows of the effect of a call. `complete: false` means that it cannot know all of it. */
export const factsSchema = z.object({
  action: z.enum(['read', 'write', 'admin', 'execute', 'connect']),
  objects: z.array(z.string()),
  complete: z.boolean(),
});
export type Facts = z.infer<typeof factsSchema>;

/** A SHA-256 in lower-case hexadecimal. */
export const digestSchema = z.string().regex(/^[0-9a-f]{64}$/);

/** A tool as its server last described it: the digest of all of that, and the hints it gives on its effect. */
export const definitionSchema = z.object({
  digest: digestSchema,
  /** MCP's `annotations` that are booleans: `readOnlyHint`, `destructiveHint`. Untrusted. */
  hints: z.record(z.string(), z.boolean()),
});
export type Definition = z.infer<typeof definitionSchema>;

/** What a server says of itself and may change at any time: of a tool, of a prompt, or how to use it at all. */
export const definitionKindSchema = z.enum(['tool', 'prompt', 'instructions']);
export type DefinitionKind = z.infer<typeof definitionKindSchema>;

/** Whether what nobody has accepted may be used. */
const pinEffectSchema = z.enum(['pass', 'hold']);

/** What the configuration says of a server's definitions. */
export const pinSchema = z.object({
  kind: definitionKindSchema,
  /** A definition that is seen for the first time: `pass` accepts it, `hold` waits for a person. */
  new: pinEffectSchema,
  /** One that differs from all that were accepted. */
  changed: pinEffectSchema,
});
export type Pin = z.infer<typeof pinSchema>;

/** How a definition stands: `new`: nobody has accepted any of it; `unknown`: nobody has seen it either. */
const standingSchema = z.enum(['accepted', 'new', 'changed', 'unknown']);
export type Standing = z.infer<typeof standingSchema>;

/** A definition as a judged call carries it. */
export const judgedDefinitionSchema = definitionSchema.extend({
  standing: standingSchema.optional(),
});

/** A string-to-string map of a server's labels. */
export const labelsSchema = z.record(z.string(), z.string());

/** One person's or program's identity in a record: ids to decide by, a name to read. */
export const actorSchema = z.object({
  tenantId: z.uuid(),
  objectId: z.uuid(),
  displayName: z.string().nullable(),
});
export type Actor = z.infer<typeof actorSchema>;

/** More chunks than any answer within the limits has. */
const maxChunks = 1024;

/** Chunks of a part that is larger than one bus message: `chunk` counts from 0 to `chunks` - 1. */
export const partFields = {
  part: z.int().min(0),
  last: z.boolean(),
  chunk: z
    .int()
    .min(0)
    .max(maxChunks - 1),
  chunks: z.int().min(1).max(maxChunks),
};
