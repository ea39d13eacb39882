import { upstreamRefusal } from './upstream.js';
import type { Refusal } from '../gate/refusal.js';
import type { JsonObject } from './message.js';

/** What comes over a channel. */
export interface ChannelEvents {
  say(message: JsonObject): void;
  /** Nothing more will come, and why. Told once, also after `close`. */
  end(why: Refusal): void;
}

/** A way to one process or stream of a server, over which both sides send messages at any time. */
export interface Channel {
  /** Resolves when messages go out, or is known that none ever will. */
  readonly opened: Promise<void>;
  /** Resolves when the message is on its way. @throws Refusal when the server has not taken it. */
  send(body: JsonObject): Promise<void>;
  /** Ends it. Resolves when nothing of it is left; may be called again. */
  close(): Promise<void>;
}

/** Opens a channel; what goes wrong later is told by `end`. @throws Refusal when nothing can be opened */
export type OpenChannel = (events: ChannelEvents) => Channel;

/** The server is gone, and whoever waits does not learn what it did. */
export function serverEnded(): Refusal {
  const message = 'The server ended before it answered.';
  return upstreamRefusal('UPSTREAM_UNREADABLE', message, 'unknown');
}

/** What a server said cannot be followed, and so nothing that it says later either. */
export function noMessage(cause?: unknown): Refusal {
  const message = 'The server wrote something that is no message.';
  return upstreamRefusal('UPSTREAM_UNREADABLE', message, 'unknown', cause);
}
