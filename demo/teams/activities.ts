import { createHash, randomUUID } from 'node:crypto';
import type { DemoIdentity } from '../entra/identities.js';
import type { ExecuteAction } from './card-rules.js';
import type { Room, RoomMessage } from './rooms.js';

/** The bot and its surroundings, as every activity names them. */
export interface Surroundings {
  readonly appId: string;
  readonly tenant: string;
  readonly serviceUrl: string;
}

/** Somebody who does something. */
export type Actor = Pick<DemoIdentity, 'oid' | 'name'>;

/** An activity as Teams sends it: plain JSON, so that tests can spoil it. */
export type ActivityJson = Record<string, unknown>;

/** The press of a button. */
export function pressActivity(
  around: Surroundings,
  room: Room,
  message: RoomMessage,
  press: { readonly by: Actor; readonly action: ExecuteAction },
): ActivityJson {
  const thread = room.kind === 'channel' ? `;messageid=${message.rootId}` : '';
  const { data, title, verb } = press.action;
  return {
    ...envelope(around, room, press.by, thread),
    type: 'invoke',
    name: 'adaptiveCard/action',
    replyToId: message.activityId,
    value: { action: { type: 'Action.Execute', title, verb, data }, trigger: 'manual' },
  };
}

/** What Teams says when the app is added to a conversation: that the bot is a member now, and that it was installed. */
export function installActivities(around: Surroundings, room: Room, by: Actor): ActivityJson[] {
  const bot = { id: botId(around) };
  return [
    {
      ...envelope(around, room, by),
      type: 'conversationUpdate',
      membersAdded: [bot],
      ...(room.kind === 'channel' ? eventData(around, room, 'teamMemberAdded') : {}),
    },
    { ...envelope(around, room, by), type: 'installationUpdate', action: 'add' },
  ];
}

/** The same when it is removed. */
export function removeActivities(around: Surroundings, room: Room, by: Actor): ActivityJson[] {
  return [
    {
      ...envelope(around, room, by),
      type: 'conversationUpdate',
      membersRemoved: [{ id: botId(around) }],
      ...(room.kind === 'channel' ? eventData(around, room, 'teamMemberRemoved') : {}),
    },
    { ...envelope(around, room, by), type: 'installationUpdate', action: 'remove' },
  ];
}

function envelope(around: Surroundings, room: Room, by: Actor, thread = ''): ActivityJson {
  return {
    id: `f:${randomUUID()}`,
    timestamp: new Date().toISOString(),
    channelId: 'msteams',
    serviceUrl: around.serviceUrl,
    from: { id: mriOf(by.oid), name: by.name, aadObjectId: by.oid },
    recipient: { id: botId(around), name: 'Countersign' },
    conversation: {
      id: `${room.id}${thread}`,
      conversationType: room.kind,
      tenantId: around.tenant,
      ...(room.kind === 'personal' ? {} : { isGroup: true }),
      ...(room.kind === 'groupChat' ? { name: room.name } : {}),
    },
    channelData: channelData(around, room),
    locale: 'en-GB',
  };
}

function channelData(around: Surroundings, room: Room): object {
  const team =
    room.teamId === null
      ? {}
      : { team: { id: room.teamId, name: room.name }, channel: { id: room.id, name: room.name } };
  return { tenant: { id: around.tenant }, ...team };
}

function eventData(around: Surroundings, room: Room, eventType: string): object {
  return { channelData: { ...channelData(around, room), eventType } };
}

function botId({ appId }: Surroundings): string {
  return `28:${appId}`;
}

/** People have an id of their own for each bot. */
function mriOf(objectId: string): string {
  return `29:${createHash('sha256').update(objectId).digest('base64url')}`;
}
