import { randomUUID } from 'node:crypto';
import type { OpenChannel } from './channel.js';
import { Conversation } from './conversation.js';
import type { Era } from './methods.js';
import { givingWay, type Places } from './places.js';
import { Seat } from './seat.js';
import { Starts, steadyMs } from './starts.js';
import { configuredAnew, upstreamRefusal } from './upstream.js';

/** A conversation that nobody has used for this long is ended, in milliseconds. */
const idleMs = 30 * 60_000;
/** Each conversation is a process or a connection, and nobody takes them all. */
const standardPlaces = { all: 100, perCaller: 10 };
/** Sessions cost little where several share a process. */
const seatPlaces = { all: 10_000, perCaller: 100 };

/** What conversations of one server are opened with. */
export interface ConversationsParts {
  readonly open: OpenChannel;
  /** How many a server has: one for each session, for each caller, or one. */
  readonly per: 'session' | 'caller' | 'all';
  readonly places?: Places | undefined;
}

/** A session and the conversation that it is part of. */
export interface Place {
  readonly seat: Seat;
  readonly conversation: Conversation;
}

/** The open conversations with one server, and whose sessions they are. */
export class Conversations {
  readonly #open = new Set<Conversation>();
  readonly #places = new Map<string, Place>();
  readonly #starts = new Starts();
  readonly #sweep: NodeJS.Timeout;
  /** Those that others may join. */
  readonly #joined = new Map<string, Conversation>();
  #isRetired = false;

  constructor(private readonly parts: ConversationsParts) {
    this.#sweep = setInterval(() => this.#endIdle(), 60_000).unref();
  }

  /** A new session. @throws Refusal when it cannot be had now. */
  join(caller: string): Place {
    this.#checkInUse();
    const unused = givingWay(this.#seated(), caller, seatPlaces);
    if (unused !== undefined) this.leave(unused.place);
    const own = this.parts.per === 'session';
    const conversation = own ? this.#start(caller) : this.#shared(caller, 'legacy');
    const place = { seat: new Seat(randomUUID(), caller), conversation };
    conversation.sit(place.seat);
    this.#places.set(place.seat.id, place);
    return place;
  }

  /** Where a caller is served without a session. @throws Refusal when that cannot be had now. */
  sessionless(caller: string): Conversation {
    this.#checkInUse();
    return this.#shared(caller, 'modern');
  }

  /** Where a caller is served without a session, if that is open. */
  known(caller: string): Conversation | undefined {
    return this.#joined.get(this.#keyOf(caller, 'modern'));
  }

  /** A session that lasts; undefined for any other. */
  find(id: string): Place | undefined {
    const place = this.#places.get(id);
    if (place !== undefined) place.seat.lastUsedMs = Date.now();
    return place;
  }

  /** Ends a session. */
  leave({ conversation, seat }: Place): void {
    this.#places.delete(seat.id);
    conversation.leave(seat);
  }

  /** Opens no more, and ends each when what was asked in it is answered. Resolves when all have ended. */
  async retire(): Promise<void> {
    this.#isRetired = true;
    await this.#endAll((each) => each.retire());
  }

  /** Ends all at once. Resolves when nothing of them is left. */
  async close(): Promise<void> {
    this.#isRetired = true;
    await this.#endAll((each) => each.close());
  }

  async #endAll(end: (conversation: Conversation) => void): Promise<void> {
    clearInterval(this.#sweep);
    const all = [...this.#open];
    for (const each of all) end(each);
    await Promise.all(all.map(async ({ gone }) => gone));
  }

  #shared(caller: string, era: Era): Conversation {
    const key = this.#keyOf(caller, era);
    const known = this.#joined.get(key);
    if (known !== undefined) return known;
    const conversation = this.#start(this.parts.per === 'all' ? undefined : caller);
    this.#joined.set(key, conversation);
    return conversation;
  }

  /** Servers of both eras speak that one on a connection in which it began: the other needs one of its own. */
  #keyOf(caller: string, era: Era): string {
    return JSON.stringify(this.parts.per === 'all' ? [era] : [era, caller]);
  }

  #start(owner: string | undefined): Conversation {
    const startedMs = performance.now();
    this.#starts.check(startedMs);
    const places = this.parts.places ?? standardPlaces;
    const all = [...this.#open];
    // What ends takes a place as well, until it is gone: there, nothing gives way.
    givingWay(all.filter(({ isAlive }) => !isAlive).map(ending), owner, places);
    const taken = all.filter(({ isAlive }) => isAlive).map(placed);
    givingWay(taken, owner, places)?.conversation.close();
    const steady = setTimeout(() => this.#starts.steady(), steadyMs).unref();
    const conversation = new Conversation(this.parts.open, {
      owner,
      onEnd: (by) => {
        clearTimeout(steady);
        if (by === 'server') this.#starts.ended(startedMs, performance.now());
        this.#forget(conversation);
      },
    });
    this.#open.add(conversation);
    void conversation.gone.then(() => this.#open.delete(conversation));
    return conversation;
  }

  #forget(conversation: Conversation): void {
    for (const { id } of conversation.seats) this.#places.delete(id);
    for (const [key, joined] of this.#joined) {
      if (joined === conversation) this.#joined.delete(key);
    }
  }

  #seated() {
    return [...this.#places.values()].map((place) => {
      const { conversation, seat } = place;
      const { caller, lastUsedMs } = seat;
      return { place, caller, lastUsedMs, isBusy: conversation.isInUse(seat) };
    });
  }

  #checkInUse(): void {
    if (!this.#isRetired) return;
    throw upstreamRefusal('UPSTREAM_UNAVAILABLE', configuredAnew, 'no');
  }

  #endIdle(): void {
    const now = Date.now();
    for (const each of this.#open) {
      if (!each.isBusy && now - each.lastUsedMs > idleMs) each.close();
    }
  }
}

function placed(conversation: Conversation) {
  const { isBusy, lastUsedMs, owner: caller } = conversation;
  return { conversation, caller, lastUsedMs, isBusy };
}

function ending({ lastUsedMs, owner: caller }: Conversation) {
  return { caller, lastUsedMs, isBusy: true };
}
