import { z } from 'zod';
import {
  clientSchema,
  definitionKindSchema,
  definitionSchema,
  digestSchema,
  factsSchema,
  labelsSchema,
  pinSchema,
  principalSchema,
} from './call-shapes.js';
import { publicField, sensitiveField } from './classification.js';
import { defineEvent } from './define-event.js';
import { definitionKey, definitionNameSchema } from './definition-key.js';

const topic = 'countersign.calls.v1';
const publishedBy = 'ingress';

/** A principal wants something of a server. Durable before anything else happens to the call. */
export const callRequested = defineEvent({
  type: 'countersign.call.requested.v1',
  topic,
  publishedBy,
  key: (data) => data.callId,
  data: z.object({
    callId: publicField(z.uuid()),
    ingress: publicField(z.string()),
    protocol: publicField(z.string()),
    server: publicField(z.string()),
    labels: publicField(labelsSchema),
    /** The operation in the protocol's own words: `tools/call`, `resources/read`. */
    method: publicField(z.string()),
    /** The tool, prompt or URI named; empty where the operation names none. */
    resource: publicField(z.string()),
    kind: publicField(z.enum(['statement', 'session'])),
    sessionId: publicField(z.string().nullable()),
    parentCallId: publicField(z.uuid().nullable()),
    principal: publicField(principalSchema),
    client: publicField(clientSchema.nullable()),
    facts: publicField(factsSchema),
    /** SHA-256 over the canonical JSON of what is asked; see `callDigest` in libs/trust. */
    digest: publicField(digestSchema),
    /** The masked copy, as JSON text. */
    maskedArguments: sensitiveField(z.string()),
    /** AES-256-GCM under the arguments key. */
    sealedArguments: z.string(),
    /** After this time nobody waits for a verdict any more. */
    deadline: publicField(z.iso.datetime()),
    /** The tool as it was last listed here; absent where it never was. */
    definition: publicField(definitionSchema.optional()),
    /** What is to be done where the definition is not accepted; absent where the operation uses none. */
    pin: publicField(pinSchema.optional()),
    /** Why the caller asks, in its own words, masked. */
    justification: sensitiveField(z.string().optional()),
    /** True where the caller demands to be let through at once, and to answer for it later. */
    breakGlass: publicField(z.literal(true).optional()),
    /** The one open approval that this call may wait for; absent where it may open one. */
    joins: publicField(z.uuid().optional()),
  }),
});

/** People signed a held call; policy is asked once more, with the caller as it is now, before it goes on. */
export const callResumed = defineEvent({
  type: 'countersign.call.resumed.v1',
  topic,
  publishedBy,
  key: (data) => data.callId,
  data: callRequested.data.extend({ approvalId: publicField(z.uuid()) }),
});

/** The call is about to go upstream: durable before its first byte does (law 1). */
export const callForwarded = defineEvent({
  type: 'countersign.call.forwarded.v1',
  topic,
  publishedBy,
  key: (data) => data.callId,
  data: z.object({
    callId: publicField(z.uuid()),
    ingress: publicField(z.string()),
    digest: publicField(digestSchema),
    /** Id of the event that carried the policy's signed verdict. */
    verdictEventId: publicField(z.string()),
    approvalId: publicField(z.uuid().nullable()),
    /** The grant that covered the call; absent where it had a signature of its own, or needed none. */
    grantId: publicField(z.uuid().optional()),
  }),
});

/** The whole answer went to the client, or was withheld after the upstream had acted. */
export const callCompleted = defineEvent({
  type: 'countersign.call.completed.v1',
  topic,
  publishedBy,
  key: (data) => data.callId,
  data: z.object({
    callId: publicField(z.uuid()),
    ingress: publicField(z.string()),
    /** `error`: the upstream itself reported a failure, and the client got that report. */
    outcome: publicField(z.enum(['ok', 'error'])),
    parts: publicField(z.int().min(0)),
    /** Bytes of masked answer given to the client. */
    bytes: publicField(z.int().min(0)),
    upstreamMs: publicField(z.number().min(0)),
    totalMs: publicField(z.number().min(0)),
  }),
});

/** The call was refused or broke: the client got a typed refusal instead of an answer. */
export const callFailed = defineEvent({
  type: 'countersign.call.failed.v1',
  topic,
  publishedBy,
  key: (data) => data.callId,
  data: z.object({
    callId: publicField(z.uuid()),
    ingress: publicField(z.string()),
    /** A stable refusal code, e.g. `DENIED`, `VERDICT_TIMEOUT`, `ANSWER_WITHHELD`. */
    code: publicField(z.string()),
    message: publicField(z.string()),
    stage: publicField(z.enum(['intake', 'verdict', 'approval', 'forward', 'upstream', 'mask'])),
    /** Whether the upstream has acted: `yes` with a withheld answer is said plainly (law 4). */
    executed: publicField(z.enum(['no', 'yes', 'unknown'])),
    server: publicField(z.string().nullable()),
    method: publicField(z.string().nullable()),
    resource: publicField(z.string().nullable()),
    principal: publicField(principalSchema.nullable()),
    approvalId: publicField(z.uuid().nullable()),
    /** Network address of the caller, kept for refusals that have no principal. */
    remoteAddress: publicField(z.string().nullable()),
  }),
});

/** Nobody waits for the call any more: the client took it back, or went away before it ran. */
export const callCancelled = defineEvent({
  type: 'countersign.call.cancelled.v1',
  topic,
  publishedBy,
  key: (data) => data.callId,
  data: z.object({
    callId: publicField(z.uuid()),
    ingress: publicField(z.string()),
    by: publicField(z.enum(['client', 'gateway'])),
    stage: publicField(z.enum(['verdict', 'approval', 'forward', 'upstream', 'mask'])),
    executed: publicField(z.enum(['no', 'yes', 'unknown'])),
  }),
});

/** An upstream listed what it offers; policy says which of it this caller may see. */
export const catalogListed = defineEvent({
  type: 'countersign.catalog.listed.v1',
  topic,
  publishedBy,
  key: (data) => data.callId,
  discriminator: (data) => String(data.part),
  data: z.object({
    callId: publicField(z.uuid()),
    ingress: publicField(z.string()),
    part: publicField(z.int().min(0)),
    protocol: publicField(z.string()),
    server: publicField(z.string()),
    labels: publicField(labelsSchema),
    /** The operation each item would be used with: `tools/call` for a list of tools. */
    method: publicField(z.string()),
    resources: publicField(z.array(z.string())),
    principal: publicField(principalSchema),
    /** What is to be done with definitions that are not accepted; absent where none are pinned. */
    pin: publicField(pinSchema.optional()),
    /** Digests of the definitions, one for each of `resources`, in their order; given with `pin`. */
    digests: publicField(z.array(digestSchema).optional()),
  }),
});

/** A server described one of its tools or prompts, or itself, in words not reported lately. Durable before anybody is shown it. */
export const definitionSeen = defineEvent({
  type: 'countersign.definition.seen.v1',
  topic,
  publishedBy,
  key: definitionKey,
  discriminator: (data) => `${definitionKey(data)}:${data.digest}`,
  data: z.object({
    /** The call whose answer brought it. */
    callId: publicField(z.uuid()),
    ingress: publicField(z.string()),
    protocol: publicField(z.string()),
    server: publicField(z.string()),
    kind: publicField(definitionKindSchema),
    /** Empty for instructions. */
    name: publicField(definitionNameSchema),
    digest: publicField(digestSchema),
    pin: publicField(pinSchema.omit({ kind: true })),
    /** The masked copy, as JSON text. */
    maskedDefinition: sensitiveField(z.string()),
  }),
});

/** A client and a server agreed to talk. */
export const sessionOpened = defineEvent({
  type: 'countersign.session.opened.v1',
  topic,
  publishedBy,
  key: (data) => data.sessionId,
  data: z.object({
    sessionId: publicField(z.string()),
    ingress: publicField(z.string()),
    protocol: publicField(z.string()),
    protocolVersion: publicField(z.string().nullable()),
    server: publicField(z.string()),
    principal: publicField(principalSchema),
    client: publicField(clientSchema.nullable()),
  }),
});

/** A session ended. */
export const sessionClosed = defineEvent({
  type: 'countersign.session.closed.v1',
  topic,
  publishedBy,
  key: (data) => data.sessionId,
  data: z.object({
    sessionId: publicField(z.string()),
    ingress: publicField(z.string()),
    server: publicField(z.string()),
    principal: publicField(principalSchema),
    reason: publicField(z.enum(['client', 'upstream', 'idle', 'shutdown'])),
  }),
});
