import { z } from 'zod';
import { visibleLine } from '../visible-text.js';
import type { Activity } from './activity.js';
import { conversationOf } from './service-url.js';

/** A conversation that the bot is in. */
export interface Conversation {
  readonly conversationId: string;
  readonly kind: 'channel' | 'groupChat' | 'personal';
  readonly serviceUrl: string;
  /** As people call it; for people to read. */
  readonly name: string | null;
  readonly teamId: string | null;
  /** Object id of the person on the other side of a personal chat. */
  readonly personId: string | null;
  /** The bot's own id in Teams: `28:` and its application id. */
  readonly botId: string;
}

/** What an activity tells of conversations. */
export type ConversationNews =
  | { readonly kind: 'learned'; readonly conversation: Conversation }
  | { readonly kind: 'left'; readonly conversationId: string }
  | { readonly kind: 'left-team'; readonly teamId: string };

const kindSchema = z.enum(['channel', 'groupChat', 'personal']);
const deletedTeam = ['teamDeleted', 'teamHardDeleted', 'teamArchived'];

/** Reads `conversationUpdate` and `installationUpdate`; nothing else tells anything. The activity has passed its checks. */
export function newsOf(activity: Activity): readonly ConversationNews[] {
  if (!['conversationUpdate', 'installationUpdate'].includes(activity.type)) return [];
  const kind = kindSchema.safeParse(activity.conversation.conversationType).data;
  const id = conversationOf(activity.conversation.id ?? '');
  if (kind === undefined || id === '') return [];
  const gone = departure(activity, id);
  if (gone.length > 0) return gone;
  const named = kind === 'channel' ? channelsOf(activity) : [];
  const ids = [...new Set([id, ...named.map((channel) => channel.id)])];
  return ids.map((conversationId) => ({
    kind: 'learned',
    conversation: {
      conversationId,
      kind,
      serviceUrl: activity.serviceUrl ?? '',
      name: nameOf(activity, named.find((channel) => channel.id === conversationId)?.name),
      teamId: activity.channelData.team?.id ?? null,
      personId: kind === 'personal' ? personOf(activity) : null,
      botId: activity.recipient.id ?? '',
    },
  }));
}

/** What the bot is no longer in, if that is what is told. */
function departure(activity: Activity, id: string): ConversationNews[] {
  const { channel, eventType, team } = activity.channelData;
  if (eventType === 'channelDeleted') {
    return [{ kind: 'left', conversationId: conversationOf(channel?.id ?? id) }];
  }
  const isDeleted = deletedTeam.some((each) => each === eventType);
  if (!isDeleted && !isRemoval(activity)) return [];
  const left: ConversationNews = { kind: 'left', conversationId: id };
  return team?.id ? [left, { kind: 'left-team', teamId: team.id }] : [left];
}

/** The bot itself was removed. */
function isRemoval({ action, membersRemoved, recipient, type }: Activity): boolean {
  if (type === 'installationUpdate') return action?.startsWith('remove') === true;
  return membersRemoved.some((member) => Boolean(member.id) && member.id === recipient.id);
}

/** The channel that the news is about, and the one that was chosen when the app was installed. */
function channelsOf({ channelData }: Activity): { id: string; name: string | undefined }[] {
  return [channelData.channel, channelData.settings?.selectedChannel].flatMap((channel) =>
    channel?.id ? [{ id: conversationOf(channel.id), name: channel.name ?? undefined }] : [],
  );
}

function nameOf(activity: Activity, channel: string | undefined): string | null {
  const { channelData, conversation, from } = activity;
  const isPersonal = conversation.conversationType === 'personal';
  const own = isPersonal ? from.name : (channel ?? conversation.name ?? channelData.team?.name);
  return own ? visibleLine(own, 200) : null;
}

function personOf({ from }: Activity): string | null {
  return z.uuid().safeParse(from.aadObjectId).data?.toLowerCase() ?? null;
}
