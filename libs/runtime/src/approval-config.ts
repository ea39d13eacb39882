import { z } from 'zod';
import { safeUrl } from './safe-url.js';

const entraId = z.uuid().toLowerCase();
const origin = z
  .url({ protocol: /^https?$/ })
  .transform((url) => new URL(url))
  .refine(({ hash, pathname, search }) => pathname === '/' && search === '' && hash === '', {
    error: 'must be an origin, without a path',
  })
  .transform((url) => url.origin);

const webhookSchema = z.strictObject({
  /** Names it in the database; a new name is a new webhook. */
  name: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, 'write small letters, digits and dashes'),
  /** https, or http to this very machine: it tells who asks for what. */
  url: safeUrl,
  /** The variable that holds the secret which signs: `whsec_` and base64 (Standard Webhooks). */
  secret: z.string().regex(/^\$\{[A-Z][A-Z0-9_]*\}$/, 'write ${NAME} of a variable'),
});

const pageSchema = z.strictObject({
  /** Client id of the registration that people sign in with. */
  clientId: entraId,
  /** The scope for approvals in full; the gateway's audience with `entra.approvalScope` unless said. */
  scope: z.string().min(1).optional(),
});

const graphSchema = z.strictObject({
  url: z
    .url({ protocol: /^https$/, error: 'must be an https URL' })
    .default('https://graph.microsoft.com'),
  /** Client id of the registration that may read memberships. */
  clientId: entraId,
});

/** The section `approval` of `countersign.yaml`. */
export const approvalSchema = z
  .strictObject({
    /** How long a signed approval may wait to be used by its call. */
    leaseSeconds: z.int().min(1).max(600).default(30),
    /** How long an approval outlives a caller that went away. */
    abandonAfterSeconds: z.int().min(0).max(3600).default(20),
    /** Approvals of one person or program that may be pending at once: approvers are people. */
    pendingPerRequester: z.int().min(1).max(100_000).default(100),
    /** The origin under which browsers reach the page; `publicUrl` unless said. */
    url: origin.optional(),
    /** Where the groups of a person are looked up at the press: in their own token, in Graph, or in `members`. */
    directory: z.enum(['token', 'graph', 'members']).default('token'),
    graph: graphSchema.optional(),
    /** People by group, by its name or object id. A group that is not listed has no members. */
    members: z.record(z.string().min(1), z.array(entraId).min(1)).default({}),
    /** The page for people who sign; without it there is none. */
    page: pageSchema.optional(),
    webhooks: z.array(webhookSchema).default([]),
    /** Between two summaries of what was decided, hours; 0 for none. */
    summaryHours: z.int().min(0).max(744).default(24),
  })
  .refine(({ directory, graph }) => directory !== 'graph' || graph !== undefined, {
    error: 'directory: graph needs the section graph',
  })
  .refine(({ directory, members }) => directory !== 'members' || Object.keys(members).length > 0, {
    error: 'directory: members needs members, or nobody could ever sign',
  })
  .refine(({ webhooks }) => new Set(webhooks.map(({ name }) => name)).size === webhooks.length, {
    error: 'webhooks: each needs a name of its own',
  });
