import { z } from 'zod';

/** Hosts of the Bot Connector, as Microsoft names them: public, GCC, GCC High, DoD. */
const knownServiceHosts = [
  'smba.trafficmanager.net',
  'smba.infra.gcc.teams.microsoft.com',
  'smba.infra.gov.teams.microsoft.us',
  'smba.infra.dod.teams.microsoft.us',
];

const entraId = z.uuid().toLowerCase();

/** Keys and tokens travel over it: https, or http to this very machine, as stand-ins need it. */
const safeUrl = z.url({ protocol: /^https?$/ }).refine(isSafeUrl, {
  error: 'must be an https URL',
  when: ({ issues }) => issues.length === 0,
});

const serviceHost = z
  .string()
  .refine((host) => knownServiceHosts.includes(host) || isLoopback(host), {
    error: `must be one of ${knownServiceHosts.join(', ')}`,
  });

const conversationId = z.string().min(1).max(500);
const groupName = z.string().min(1);

const postSchema = z.strictObject({
  /** Approver groups, by object id or by their name in `groups`. */
  groups: z.array(groupName).min(1),
  conversation: conversationId,
});

/** The section `teams` of `countersign.yaml`; whatever is secret comes from the environment. */
export const teamsSchema = z
  .strictObject({
    /** Of the bot: its application (client) id. */
    appId: entraId,
    /** Where the bot is registered and its people work; the first of `entra.tenants` unless said. */
    tenant: entraId.optional(),
    /** In US Government `https://login.microsoftonline.us`. */
    loginUrl: safeUrl.default('https://login.microsoftonline.com'),
    /** In US Government `https://api.botframework.us/.default`. */
    scope: z.string().min(1).default('https://api.botframework.com/.default'),
    /** In US Government `https://login.botframework.azure.us/v1/.well-known/openidconfiguration`. */
    openIdUrl: safeUrl.default('https://login.botframework.com/v1/.well-known/openidconfiguration'),
    /** In US Government `https://api.botframework.us`. */
    issuer: z.string().min(1).default('https://api.botframework.com'),
    /** Hosts that the bot's token may be sent to and activities may name. */
    serviceHosts: z.array(serviceHost).min(1).default(['smba.trafficmanager.net']),
    /** Which conversations are asked for which groups. */
    post: z.array(postSchema).default([]),
    /** Asked for groups that `post` does not name. */
    conversation: conversationId.optional(),
    /** Gets the summaries of what was decided; `conversation` unless said. */
    summary: conversationId.optional(),
    /** People who get a copy of their own, by group; as far as they have installed the app. */
    people: z.record(groupName, z.array(entraId).min(1)).default({}),
  })
  .refine(
    ({ post, conversation, people }) =>
      post.length > 0 || conversation !== undefined || Object.keys(people).length > 0,
    { error: 'nobody would be asked: give post, conversation or people' },
  );
export type TeamsConfig = z.infer<typeof teamsSchema>;

function isSafeUrl(text: string): boolean {
  const url = new URL(text);
  return url.protocol === 'https:' || isLoopback(url.host);
}

/** A host, with or without a port, that cannot leave this machine. */
function isLoopback(host: string): boolean {
  return /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/.test(host);
}
