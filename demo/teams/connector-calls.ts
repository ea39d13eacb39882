import { z } from 'zod';
import { mistakeIn } from './card-rules.js';
import type { Room, Rooms } from './rooms.js';

const activitySchema = z.looseObject({
  type: z.literal('message'),
  attachments: z
    .array(
      z.looseObject({
        contentType: z.literal('application/vnd.microsoft.card.adaptive'),
        content: z.unknown(),
      }),
    )
    .length(1),
});
const newConversationSchema = z.looseObject({
  tenantId: z.string().optional(),
  members: z.array(z.looseObject({ id: z.string() })).default([]),
  channelData: z
    .looseObject({
      tenant: z.looseObject({ id: z.string() }).optional(),
      channel: z.looseObject({ id: z.string() }).optional(),
    })
    .optional(),
  activity: z.unknown().optional(),
});

/** A call that the connector refuses, in its words. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** A new message, in a channel a new thread unless the conversation names one. @throws Refused */
export function post(rooms: Rooms, conversation: string, body: unknown): { id: string } {
  const { room, rootId } = roomOf(rooms, conversation);
  return { id: rooms.add(room, rootId, cardOf(body)).activityId };
}

/** Another card in the place of a message's. @throws Refused */
export function put(
  rooms: Rooms,
  conversation: string,
  activity: string,
  body: unknown,
): { id: string } {
  const { room } = roomOf(rooms, conversation);
  const message = rooms.message(room.id, activity);
  if (message === undefined) {
    throw new Refused(404, 'ActivityNotFoundInConversation', 'no such message');
  }
  message.card = cardOf(body);
  // An update is for everybody: it takes the place of what single people were answered.
  message.ownCards.clear();
  message.updates += 1;
  rooms.changed();
  return { id: message.activityId };
}

/** A new thread of a channel, or the personal chat with somebody who has installed the app. @throws Refused */
export function create(rooms: Rooms, tenant: string, body: unknown): object {
  const wish = newConversationSchema.safeParse(body).data;
  if (wish === undefined) throw new Refused(400, 'BadSyntax', 'not a new conversation');
  const { activity, channelData, members, tenantId } = wish;
  if (channelData?.channel !== undefined) {
    const { room } = roomOf(rooms, channelData.channel.id);
    const { activityId } = rooms.add(room, undefined, cardOf(activity));
    return { id: `${room.id};messageid=${activityId}`, activityId };
  }
  if ((tenantId ?? channelData?.tenant?.id) !== tenant) {
    throw new Refused(403, 'BotNotInConversationRoster', 'another tenant');
  }
  const { room } = chatWith(rooms, members[0]?.id);
  if (activity === undefined) return { id: room.id };
  return { id: room.id, activityId: rooms.add(room, undefined, cardOf(activity)).activityId };
}

/** A member is named by the object id. */
function chatWith(rooms: Rooms, id: string | undefined): { room: Room } {
  const chat = rooms
    .all()
    .find((room) => room.kind === 'personal' && room.members.some((each) => each === id));
  if (chat === undefined) throw new Refused(403, 'BotNotInConversationRoster', 'not installed');
  return roomOf(rooms, chat.id);
}

function roomOf(rooms: Rooms, id: string): { room: Room; rootId: string | undefined } {
  const found = rooms.find(id);
  if (found === undefined) throw new Refused(404, 'ConversationNotFound', 'no such conversation');
  if (!found.room.isInstalled) {
    throw new Refused(403, 'BotNotInConversationRoster', 'the app is not installed here');
  }
  return found;
}

/** The one card of a message. @throws Refused */
export function cardOf(body: unknown): unknown {
  const activity = activitySchema.safeParse(body);
  if (!activity.success) throw new Refused(400, 'BadSyntax', z.prettifyError(activity.error));
  const card = activity.data.attachments[0]?.content;
  const mistake = mistakeIn(card);
  if (mistake === 'too large') throw new Refused(413, 'MessageSizeTooBig', mistake);
  if (mistake !== undefined) throw new Refused(400, 'BadArgument', mistake);
  return card;
}
