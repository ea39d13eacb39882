import { z } from 'zod';
import type { ConnectorToken } from './connector-tokens.js';
import { serviceBase } from './service-url.js';
import { TeamsRefusal } from './teams-refusal.js';

const text = z.string().max(2000).nullish();
const named = z.object({ id: text, name: text }).nullish();
/** A missing part and an empty one mean the same, so that readers need not ask. */
const part = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z
    .object(shape)
    .nullish()
    .transform((value): Partial<z.infer<z.ZodObject<Shape>>> => value ?? {});

/** Somebody in a conversation. */
const party = {
  id: text,
  name: text,
  aadObjectId: text,
  role: text,
  tenantId: text,
  agenticUserId: z.unknown().optional(),
  agenticAppId: z.unknown().optional(),
};
const membersSchema = z
  .array(z.object({ id: text }))
  .max(1000)
  .nullish()
  .transform((members) => members ?? []);

/** What is read of an activity of the Bot Framework; all of it is untrusted until {@link checkActivity} has passed. */
export const activitySchema = z.object({
  type: z.string().max(200),
  name: text,
  action: text,
  channelId: text,
  serviceUrl: text,
  replyToId: text,
  from: part(party),
  recipient: part(party),
  membersRemoved: membersSchema,
  conversation: part({ id: text, name: text, conversationType: text, tenantId: text }),
  channelData: part({
    eventType: text,
    tenant: named,
    team: named,
    channel: named,
    settings: z.object({ selectedChannel: named }).nullish(),
  }),
  value: z.unknown().optional(),
});
export type Activity = z.infer<typeof activitySchema>;

/** What an activity must agree with. */
export interface ActivityRules {
  readonly tenant: string;
  readonly serviceHosts: readonly string[];
}

const channel = 'msteams';

/**
 * The checks that tie an activity to the token it came with and to this installation, one at a time, in a fixed order.
 * @throws TeamsRefusal `ACTIVITY_REFUSED`, `TENANT_REFUSED`, `SERVICE_URL_REFUSED`
 */
export function checkActivity(
  activity: Activity,
  token: ConnectorToken,
  rules: ActivityRules,
): void {
  if (activity.channelId !== channel) {
    throw new TeamsRefusal('ACTIVITY_REFUSED', `channel ${JSON.stringify(activity.channelId)}`);
  }
  if (!token.endorsements.includes(channel)) {
    throw new TeamsRefusal('ACTIVITY_REFUSED', 'the signing key is not endorsed for the channel');
  }
  checkTenants(activity, rules.tenant);
  const { serviceUrl } = activity;
  if (serviceUrl === undefined || serviceUrl === null) {
    throw new TeamsRefusal('SERVICE_URL_REFUSED', 'the activity names no service address');
  }
  if (serviceBase(serviceUrl, rules.serviceHosts) === undefined) {
    throw new TeamsRefusal('SERVICE_URL_REFUSED', `not on the list: ${JSON.stringify(serviceUrl)}`);
  }
  if (serviceUrl !== token.serviceUrl) {
    throw new TeamsRefusal('SERVICE_URL_REFUSED', 'the token was made for another service address');
  }
}

/** Not every activity states its tenant in both places; where it does it must be ours, and one has to. */
function checkTenants(activity: Activity, tenant: string): void {
  const stated = [activity.conversation.tenantId, activity.channelData.tenant?.id].filter(
    (each) => each !== undefined && each !== null,
  );
  if (stated.length > 0 && stated.every((each) => each.toLowerCase() === tenant)) return;
  throw new TeamsRefusal('TENANT_REFUSED', `tenants ${JSON.stringify(stated)}`);
}
