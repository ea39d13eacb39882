import { Injectable, Logger } from '@nestjs/common';
import type { ApprovalView } from '../approval-view.js';
import {
  type ApprovalChannel,
  type ChannelAddress,
  DeliveryError,
  type Notice,
  type Place,
} from '../channel.js';
import { approvalCard, noticeCard } from './card.js';
import type { ConnectorClient, Message } from './connector.client.js';
import type { Conversations, KnownConversation } from './conversations.js';
import { type PostTargets, targetConversations, targetPeople } from './post-targets.js';

/** Whom this channel asks and tells. */
export interface TeamsChannelSettings extends PostTargets {
  readonly tenant: string;
  /** Gets the summaries; `conversation` unless said. */
  readonly summary?: string | undefined;
}

/**
 * Approvals as cards in Teams: one in every conversation that the configuration names for the groups that are asked,
 * one for each person it names, one for the requester; the last two as far as they have installed the app.
 */
@Injectable()
export class TeamsChannel implements ApprovalChannel {
  readonly name = 'teams';
  readonly #logger = new Logger('teams');
  /** Conversations that the log has named as unusable, so that it names each once. */
  readonly #missed = new Set<string>();

  constructor(
    private readonly settings: TeamsChannelSettings,
    private readonly conversations: Conversations,
    private readonly connector: ConnectorClient,
  ) {}

  async places(view: ApprovalView): Promise<readonly Place[]> {
    const shared = await this.#usable(targetConversations(view, this.settings));
    const people = await this.conversations.withPeople(targetPeople(view, this.settings));
    const requester = await this.#requester(view);
    return [
      ...shared.map((each) => placeOf(`conversation:${each.conversationId}`, 'approvers', each)),
      ...people.map((each) => placeOf(`person:${each.personId ?? ''}`, 'approvers', each)),
      ...requester.map((each) => placeOf(`requester:${each.personId ?? ''}`, 'requester', each)),
    ];
  }

  async summaryPlaces(): Promise<readonly Place[]> {
    const id = this.settings.summary ?? this.settings.conversation;
    const usable = await this.#usable(id === undefined ? [] : [id]);
    return usable.map((each) => placeOf(`summary:${each.conversationId}`, 'approvers', each));
  }

  async post(place: Place, view: ApprovalView, nonce: string): Promise<ChannelAddress> {
    const { serviceUrl, conversationId } = conversationIn(place.address);
    const card = approvalCard(view, place.audience, nonce);
    const activityId = await this.connector.post(serviceUrl, conversationId, card);
    return { serviceUrl, conversationId, activityId };
  }

  async update(
    place: Place,
    message: ChannelAddress,
    view: ApprovalView,
    nonce: string,
  ): Promise<void> {
    await this.connector.update(messageIn(message), approvalCard(view, place.audience, nonce));
  }

  async tell(place: Place, message: ChannelAddress | null, notice: Notice): Promise<void> {
    const { serviceUrl, conversationId } = conversationIn(place.address);
    // Below a post of a channel the reply goes to its thread; chats have none.
    const isThread = message !== null && place.address['kind'] === 'channel';
    const thread = isThread ? `;messageid=${messageIn(message).activityId}` : '';
    await this.connector.post(serviceUrl, `${conversationId}${thread}`, noticeCard(notice.text));
  }

  async #requester(view: ApprovalView): Promise<readonly KnownConversation[]> {
    const { requester, requesterKind } = view;
    const isHere = requesterKind === 'person' && requester.tenantId === this.settings.tenant;
    return isHere ? this.conversations.withPeople([requester.objectId]) : [];
  }

  /** A channel of a team that the bot is in can be written to although nothing has ever been said of it. */
  async #usable(ids: readonly string[]): Promise<readonly KnownConversation[]> {
    if (ids.length === 0) return [];
    const known = await this.conversations.among(ids);
    const unknown = ids.filter((id) => !known.some((each) => each.conversationId === id));
    if (unknown.length === 0) return known;
    const left = await this.conversations.leftAmong(unknown);
    const serviceUrl = await this.conversations.latestServiceUrl();
    const guessed = unknown.flatMap((conversationId) => {
      const isUsable = serviceUrl !== undefined && !left.includes(conversationId);
      if (!isUsable) this.#miss(conversationId);
      return isUsable ? [{ conversationId, serviceUrl, kind: 'channel', personId: null }] : [];
    });
    return [...known, ...guessed];
  }

  #miss(conversationId: string): void {
    if (this.#missed.has(conversationId)) return;
    this.#missed.add(conversationId);
    this.#logger.warn(`cannot write to ${conversationId}: install the app there`);
  }
}

function placeOf(key: string, audience: Place['audience'], known: KnownConversation): Place {
  const { conversationId, kind, serviceUrl } = known;
  return { key, audience, address: { serviceUrl, conversationId, kind } };
}

function conversationIn(address: ChannelAddress): Omit<Message, 'activityId'> {
  const { serviceUrl, conversationId } = address;
  if (serviceUrl === undefined || conversationId === undefined) {
    throw new DeliveryError('the address names no conversation', true);
  }
  return { serviceUrl, conversationId };
}

function messageIn(address: ChannelAddress): Message {
  const { activityId } = address;
  if (activityId === undefined) throw new DeliveryError('the address names no message', true);
  return { ...conversationIn(address), activityId };
}
