import type { ApprovalView } from './approval-view.js';

/** Anything that JSON can say and a channel understands: a conversation, a message. */
export type ChannelAddress = Readonly<Record<string, string>>;

/** A place that shows a copy of an approval. */
export interface Place {
  /** Tells the places of one channel and approval apart; the same place has the same key again. */
  readonly key: string;
  readonly audience: 'approvers' | 'requester';
  readonly address: ChannelAddress;
}

/** A message was not delivered. `isFinal`: trying again is useless. */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError';
  constructor(
    message: string,
    readonly isFinal: boolean,
    /** How long the other side wants to be left alone, milliseconds. */
    readonly retryAfterMs?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A word besides the copies. */
export interface Notice {
  /** The same each time that it is tried. */
  readonly id: string;
  readonly kind: 'reminder' | 'summary';
  /** Plain text, hostile parts already made harmless. */
  readonly text: string;
}

/**
 * A way to ask people and to tell them. Delivery is the outbox's matter: it calls `post` once for each place
 * and `update` for every later state, again after pauses when a {@link DeliveryError} says that it may.
 * No decision depends on a channel.
 */
export interface ApprovalChannel {
  /** `teams`, `webhook`. Stored with every copy. */
  readonly name: string;
  /** Where this approval is to be shown now; asked again when it is escalated. */
  places(view: ApprovalView): Promise<readonly Place[]>;
  /** Posts a copy and answers what names it. `nonce` proves that a press comes from a copy. @throws DeliveryError */
  post(place: Place, view: ApprovalView, nonce: string): Promise<ChannelAddress>;
  /** Makes a posted copy show the present state. @throws DeliveryError */
  update(place: Place, message: ChannelAddress, view: ApprovalView, nonce: string): Promise<void>;
  /** Where a summary of what was decided goes; absent where the channel takes none. */
  summaryPlaces?(): Promise<readonly Place[]>;
  /** Says something besides, below a copy or in a channel. @throws DeliveryError */
  tell(place: Place, message: ChannelAddress | null, notice: Notice): Promise<void>;
}
