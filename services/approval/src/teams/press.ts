import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Principal } from '#contracts';
import type { CopyBinding } from '../desk.js';
import type { Activity } from './activity.js';
import { conversationOf } from './service-url.js';

/** Why a press does not count, before the rules of the approval are asked. Published: never renamed, never reused. */
export type PressRefusalCode =
  | 'PRESS_UNREADABLE'
  | 'ACTION_UNKNOWN'
  | 'TRIGGER_REFUSED'
  | 'APPROVAL_NOT_FOUND'
  | 'NONCE_REFUSED'
  | 'COPY_REFUSED'
  | 'ACTOR_REFUSED'
  | 'REASON_MISSING'
  | 'REASON_REFUSED';

/** A press that does not count. */
export class PressRefusal extends Error {
  override readonly name = 'PressRefusal';
  constructor(readonly code: PressRefusalCode) {
    super(code);
  }
}

/** The buttons of a card. */
const verbs = ['approve', 'grant', 'refuse', 'review'] as const;
export type Verb = (typeof verbs)[number];

/** What a press on a card says; everything in it is chosen by the client. */
export interface Press {
  readonly verb: Verb;
  readonly approvalId: string;
  readonly nonce: string;
  readonly reason: string;
}

const maxReasonLength = 2000;

const pressSchema = z.object({
  action: z.object({
    verb: z.string().max(200),
    data: z.object({
      approvalId: z.uuid(),
      nonce: z.string().max(200),
      reason: z.string().max(100_000).nullish(),
    }),
  }),
  trigger: z.string().max(200).nullish(),
});

/** Reads an `adaptiveCard/action`. @throws PressRefusal */
export function readPress(activity: Activity): Press {
  const parsed = pressSchema.safeParse(activity.value);
  if (!parsed.success) throw new PressRefusal('PRESS_UNREADABLE');
  const { action, trigger } = parsed.data;
  const verb = verbs.find((each) => each === action.verb);
  if (verb === undefined) throw new PressRefusal('ACTION_UNKNOWN');
  // A client that refreshes a card by itself is nobody's hand; our cards ask for no refresh.
  if ((trigger ?? 'manual') !== 'manual') throw new PressRefusal('TRIGGER_REFUSED');
  const { approvalId, nonce } = action.data;
  return {
    verb,
    approvalId: approvalId.toLowerCase(),
    nonce,
    reason: (action.data.reason ?? '').trim(),
  };
}

/** The press comes from a copy that was posted for approvers, and knows its secret. @throws PressRefusal */
export function checkCopy(press: Press, activity: Activity, binding: CopyBinding): void {
  if (!isSame(press.nonce, binding.nonce)) throw new PressRefusal('NONCE_REFUSED');
  const conversation = conversationOf(activity.conversation.id ?? '');
  const isCopy = binding.copies.some(
    ({ place, message }) =>
      place.audience === 'approvers' &&
      message['activityId'] !== undefined &&
      message['activityId'] === activity.replyToId &&
      conversationOf(message['conversationId'] ?? '') === conversation,
  );
  if (!isCopy) throw new PressRefusal('COPY_REFUSED');
}

/** Who pressed: a person of this tenant, known by object id. An agent or a bot is nobody here. @throws PressRefusal */
export function presserOf({ from }: Activity, tenantId: string): Principal {
  const objectId = z.uuid().safeParse(from.aadObjectId).data?.toLowerCase();
  const isOurs = (from.tenantId ?? tenantId).toLowerCase() === tenantId;
  if (objectId === undefined || !isOurs || !isPerson(from)) throw new PressRefusal('ACTOR_REFUSED');
  return {
    tenantId,
    objectId,
    kind: 'person',
    clientApp: 'teams',
    displayName: from.name ?? null,
    groups: [],
    roles: [],
  };
}

function isPerson({ agenticAppId, agenticUserId, id, role }: Activity['from']): boolean {
  const isAgent = (agenticUserId ?? agenticAppId ?? null) !== null;
  const isBot = id?.startsWith('28:') === true;
  return ['', 'user'].includes(role ?? '') && !isAgent && !isBot;
}

/** A refusal needs its reason, and every reason can be kept. @throws PressRefusal */
export function checkReason({ verb, reason }: Press): void {
  if (verb === 'refuse' && reason === '') throw new PressRefusal('REASON_MISSING');
  const isStorable = !reason.includes('\0') && reason.isWellFormed();
  if (reason.length > maxReasonLength || !isStorable) throw new PressRefusal('REASON_REFUSED');
}

/** In a time that does not tell how much of it was right. */
function isSame(given: string, expected: string): boolean {
  const [one, other] = [given, expected].map((each) => createHash('sha256').update(each).digest());
  return expected !== '' && one !== undefined && other !== undefined && timingSafeEqual(one, other);
}
