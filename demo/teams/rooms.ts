import { randomUUID } from 'node:crypto';

/** A conversation of the stand-in. */
export interface Room {
  /** `19:…@thread.tacv2` for a channel, `19:…@thread.v2` for a group chat, `a:…` for a personal chat. */
  readonly id: string;
  readonly kind: 'channel' | 'groupChat' | 'personal';
  readonly name: string;
  /** Of a channel. */
  readonly teamId: string | null;
  /** Object ids of its people. */
  readonly members: readonly string[];
  /** True while the app is installed in it. */
  isInstalled: boolean;
}

/** A message of the bot. */
export interface RoomMessage {
  readonly activityId: string;
  readonly roomId: string;
  /** The first message of its thread; of itself outside channels. */
  readonly rootId: string;
  readonly postedAt: Date;
  /** As everybody sees it. */
  card: unknown;
  /** As people see it who were answered with a card of their own, by object id. */
  readonly ownCards: Map<string, unknown>;
  updates: number;
}

/** All conversations and what stands in them, in memory. */
export class Rooms {
  readonly #rooms = new Map<string, Room>();
  readonly #messages: RoomMessage[] = [];
  readonly #listeners = new Set<() => void>();
  #lastId = Date.now();

  /** Opens a conversation, or gives the one that is there. */
  open(kind: Room['kind'], name: string, members: readonly string[], id?: string): Room {
    const known = this.all().find((room) => room.kind === kind && room.name === name);
    if (known !== undefined) return known;
    const own = randomUUID().replaceAll('-', '');
    const ids = {
      channel: `19:${own}@thread.tacv2`,
      groupChat: `19:${own}@thread.v2`,
      personal: `a:1${own}`,
    };
    const teamId = kind === 'channel' ? `19:team${own}@thread.tacv2` : null;
    const room = { id: id ?? ids[kind], kind, name, teamId, members, isInstalled: false };
    this.#rooms.set(room.id, room);
    return room;
  }

  all(): readonly Room[] {
    return [...this.#rooms.values()];
  }

  /** The conversation of an id, which in a channel may name a thread: `…;messageid=<root>`. */
  find(id: string): { readonly room: Room; readonly rootId: string | undefined } | undefined {
    const [roomId = '', ...parts] = id.split(';');
    const room = this.#rooms.get(roomId);
    if (room === undefined) return undefined;
    const rootId = parts.find((part) => part.startsWith('messageid='))?.slice('messageid='.length);
    return { room, rootId };
  }

  add(room: Room, rootId: string | undefined, card: unknown): RoomMessage {
    // Teams numbers messages by the millisecond; two in the same one differ all the same.
    this.#lastId = Math.max(this.#lastId + 1, Date.now());
    const activityId = String(this.#lastId);
    const message = {
      activityId,
      roomId: room.id,
      rootId: rootId ?? activityId,
      postedAt: new Date(),
      card,
      ownCards: new Map<string, unknown>(),
      updates: 0,
    };
    this.#messages.push(message);
    this.changed();
    return message;
  }

  messages(roomId?: string): readonly RoomMessage[] {
    return this.#messages.filter((each) => roomId === undefined || each.roomId === roomId);
  }

  message(roomId: string, activityId: string): RoomMessage | undefined {
    return this.messages(roomId).find((each) => each.activityId === activityId);
  }

  /** Takes a message away, as people can. */
  remove(message: RoomMessage): void {
    this.#messages.splice(this.#messages.indexOf(message), 1);
    this.changed();
  }

  /** Tells listeners that something is to be drawn anew. */
  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
