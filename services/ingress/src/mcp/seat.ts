import type { Refusal } from '../gate/refusal.js';
import type { JsonObject } from './message.js';

/** Receives what a server says. */
export interface Listener {
  say(message: JsonObject): void;
  /** Nothing more will come, and why. */
  end(why: Refusal): void;
}

/** All URIs of one session together, in characters. */
const maxUris = 65_536;

/** One session of a client at a conversation. */
export class Seat {
  stream: Listener | undefined;
  lastUsedMs = Date.now();
  readonly #uris = new Set<string>();
  #length = 0;

  constructor(
    readonly id: string,
    /** Whose session it is. */
    readonly caller: string,
  ) {}

  /** The resources of whose changes it is to be told. */
  get uris(): ReadonlySet<string> {
    return this.#uris;
  }

  /** Whether one more resource can be kept in mind. */
  hasRoomFor(uri: string): boolean {
    return this.#uris.has(uri) || this.#length + uri.length < maxUris;
  }

  subscribe(uri: string): void {
    if (!this.#uris.has(uri)) this.#length += uri.length + 1;
    this.#uris.add(uri);
  }

  unsubscribe(uri: string): void {
    if (this.#uris.delete(uri)) this.#length -= uri.length + 1;
  }
}
