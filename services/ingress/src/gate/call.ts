import type { Facts, Principal } from '#contracts';
import type { Json } from '#masking';

/** A call as an adapter understood it, in words for all protocols. */
export interface AskedCall {
  readonly callId: string;
  readonly protocol: string;
  readonly server: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly method: string;
  readonly resource: string;
  readonly kind: 'statement' | 'session';
  readonly sessionId: string | null;
  readonly parentCallId: string | null;
  readonly principal: Principal;
  readonly client: { readonly name: string; readonly version: string } | null;
  readonly facts: Facts;
  /** The one parse of the request: judged, signed, and serialised again for the upstream. */
  readonly arguments: Json;
  /** What else goes upstream with the call. Signed with it, but no rule reads it. */
  readonly extras: Json;
}

/** A piece of an upstream's answer. */
export interface AnswerPart {
  readonly content: Json;
  /** True on the part that answers the call; notes before it are not the last. */
  readonly last: boolean;
}

/** What an adapter may ask while it forwards. */
export interface Forwarding {
  /** Which of these resources the caller may see. */
  visible(method: string, resources: readonly string[]): Promise<ReadonlySet<string>>;
}

/** How a call reaches its upstream. Called at most once, after everything else is on record. */
export interface Upstream {
  /** Yields the answer in parts. @throws Refusal of stage `upstream`. */
  forward(forwarding: Forwarding): AsyncIterable<AnswerPart>;
}

/** The one who waits for a call. */
export interface Caller {
  /** How long it can wait for people, in milliseconds. */
  readonly holdMs: number;
  /** Aborted when it takes the call back before it ran. */
  readonly withdrawn: AbortSignal;
  /** People have been asked. May be called once. */
  onPending(approvalId: string): void;
  /** Takes one masked part. Parts come in order, one at a time. */
  release(part: AnswerPart): Promise<void>;
}
