import { randomUUID } from 'node:crypto';
import type { Json } from '#masking';
import type { Refusal } from '../gate/refusal.js';
import { type Channel, type OpenChannel, serverEnded } from './channel.js';
import { isSubscription } from './era.js';
import { Handshake } from './handshake.js';
import { type Asked, hearingOf } from './hearing.js';
import { Kept } from './kept.js';
import type { JsonObject, RequestId } from './message.js';
import type { Listener, Seat } from './seat.js';

/** Whose conversation it is, and who wants to know of its end. */
export interface ConversationParts {
  /** The caller; undefined where several callers share it. */
  readonly owner: string | undefined;
  /** Called once. */
  onEnd(by: 'gateway' | 'server'): void;
}

/** One process or stream of a server, and all that is asked of it. */
export class Conversation {
  readonly handshake = new Handshake();
  readonly #channel: Channel;
  readonly #gone = Promise.withResolvers<void>();
  readonly #asked: Asked[] = [];
  readonly #seats = new Set<Seat>();
  readonly #kept = new Kept();
  #ended: Refusal | undefined;
  #isRetired = false;
  lastUsedMs = Date.now();

  /** @throws Refusal when the server cannot be started. */
  constructor(
    open: OpenChannel,
    private readonly parts: ConversationParts,
  ) {
    this.#channel = open({
      say: (message) => this.#hear(message),
      end: (why) => this.#end(why, 'server'),
    });
  }

  get owner(): string | undefined {
    return this.parts.owner;
  }

  get isAlive(): boolean {
    return this.#ended === undefined;
  }

  /** True while somebody waits for an answer or listens. */
  get isBusy(): boolean {
    return this.#asked.length > 0 || this.seats.some(({ stream }) => stream !== undefined);
  }

  get seats(): readonly Seat[] {
    return [...this.#seats];
  }

  /** Resolves when messages go out, or is known that none ever will. */
  get opened(): Promise<void> {
    return this.#channel.opened;
  }

  /** Resolves when nothing of it is left. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  /** True while somebody of a session waits for an answer or listens. */
  isInUse(seat: Seat): boolean {
    return seat.stream !== undefined || this.#asked.some((each) => each.seat === seat);
  }

  sit(seat: Seat): void {
    this.#seats.add(seat);
  }

  /** A session has ended: what it alone was told of is not wanted any more. With the last, all ends. */
  leave(seat: Seat): void {
    this.#seats.delete(seat);
    seat.stream?.end(serverEnded());
    seat.stream = undefined;
    if (this.#seats.size === 0) {
      this.close();
      return;
    }
    for (const uri of seat.uris) {
      if (this.isWatched(uri)) continue;
      const method = 'resources/unsubscribe';
      const body = { jsonrpc: '2.0', id: randomUUID(), method, params: { uri } };
      void this.send(body).catch(() => undefined);
    }
  }

  /** Whether a session, other than one, is to be told of a resource. */
  isWatched(uri: string, except?: Seat): boolean {
    return this.seats.some((seat) => seat !== except && seat.uris.has(uri));
  }

  /** Sends a message that gets no answer. @throws Refusal when the server has not taken it */
  async send(body: JsonObject): Promise<void> {
    this.lastUsedMs = Date.now();
    await this.#channel.send(body);
  }

  /** Sends a request; its progress and its answer go to its listener. */
  request(asked: Asked): void {
    if (this.#ended !== undefined) {
      asked.listener.end(this.#ended);
      return;
    }
    this.#asked.push(asked);
    this.send(asked.message.body).catch((why: Refusal) => {
      if (this.#take(asked.message.id) !== undefined) asked.listener.end(why);
    });
  }

  /** Forgets a request whose answer is not wanted any more. */
  forget(id: RequestId): void {
    this.#take(id);
  }

  /** Gives a session's own stream what belongs to no request; returns how to stop. */
  listen(seat: Seat, listener: Listener): () => void {
    seat.stream = listener;
    for (const message of this.#kept.take()) listener.say(message);
    return () => {
      if (seat.stream === listener) seat.stream = undefined;
    };
  }

  /** Ends as soon as nothing is asked any more; streams that only listen do not keep it. */
  retire(): void {
    this.#isRetired = true;
    this.#closeIfDone();
  }

  /** Ends at once. */
  close(): void {
    this.#end(serverEnded(), 'gateway');
  }

  #hear(message: JsonObject): void {
    if (this.#ended !== undefined) return;
    if ('method' in message) this.#hearOwn(message);
    // An answer to nobody belongs to a request that was given up.
    else this.#take(message['id'])?.listener.say(message);
  }

  #hearOwn(message: JsonObject): void {
    const room = { asked: this.#asked, seats: this.seats, isShared: this.owner === undefined };
    const hearing = hearingOf(message, room);
    if (hearing.kind === 'told') for (const each of hearing.to) each.say(hearing.message);
    if (hearing.kind === 'answered') void this.#channel.send(hearing.answer).catch(() => undefined);
    if (hearing.kind === 'kept') this.#kept.add(message);
  }

  #take(id: Json | undefined): Asked | undefined {
    const index = this.#asked.findIndex(({ message }) => message.id === id);
    const [taken] = index < 0 ? [] : this.#asked.splice(index, 1);
    this.#closeIfDone();
    return taken;
  }

  #closeIfDone(): void {
    if (this.#isRetired && this.#asked.every(({ message }) => isSubscription(message))) {
      this.close();
    }
  }

  #end(why: Refusal, by: 'gateway' | 'server'): void {
    if (this.#ended !== undefined) return;
    this.#ended = why;
    for (const { listener } of this.#asked.splice(0)) listener.end(why);
    for (const { stream } of this.#seats) stream?.end(why);
    this.handshake.fail();
    void this.#channel.close().then(this.#gone.resolve);
    this.parts.onEnd(by);
  }
}
