import type { Definition, DefinitionKind, Facts, MaskObligation, Pin, Principal } from '#contracts';
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
  /** The resource as its server last described it here; absent where it never did. */
  readonly definition?: Definition | undefined;
  /** What is to be done where that is not accepted; absent where the operation uses none. */
  readonly pin?: Pin | undefined;
  /** What is to be done with definitions that the answer brings. */
  readonly pinning: Pinning;
  /** Why the caller asks, in its own words. */
  readonly justification?: string | undefined;
  /** The caller demands to be let through at once. */
  readonly breakGlass?: true | undefined;
  /** The one open approval that the call may wait for; absent where it may open one. */
  readonly joins?: string | undefined;
  /** The answer is masked at least like this, whatever policy orders: it belongs to an earlier call. */
  readonly leastMask?: MaskObligation | undefined;
}

/** What the configuration says of definitions that nobody has accepted. */
export type Pinning = Omit<Pin, 'kind'>;

/** What an upstream said of the items that it lists. */
export interface Described {
  readonly kind: DefinitionKind;
  readonly items: readonly {
    readonly name: string;
    /** SHA-256 over the canonical JSON of the definition. */
    readonly digest: string;
    readonly definition: Json;
  }[];
}

/** A piece of an upstream's answer. */
export interface AnswerPart {
  readonly content: Json;
  /** True on the part that answers the call; notes before it are not the last. */
  readonly last: boolean;
  /** Goes to the caller with the part, unmasked: words of the adapter, never of a server. */
  readonly mark?: Mark | undefined;
}

/** Where an answer may be taken up again, by whoever lost it on the way. */
export interface Mark {
  readonly id?: string | undefined;
  /** How long to wait before that, in milliseconds. */
  readonly retryMs?: number | undefined;
}

/** What a server asks of its caller in the middle of a call, in words for all protocols. */
export type Question = Pick<AskedCall, 'method' | 'resource' | 'arguments' | 'extras' | 'facts'>;

/** What an adapter may ask and has to heed while it forwards. */
export interface Forwarding {
  /** How the answer is masked. */
  readonly mask: MaskObligation;
  /** Whether calls of this caller may have to wait for people there. */
  readonly asksPeople: boolean;
  /**
   * Whether policy lets the server ask this of the caller; on record either way. What would have to be
   * signed is refused: nobody signs in the middle of a call.
   */
  lets(question: Question): Promise<boolean>;
  /** Which of these resources the caller may see. What was said of each of them is put on record before. */
  visible(
    method: string,
    resources: readonly string[],
    described?: Described,
  ): Promise<ReadonlySet<string>>;
  /** Aborted when the grant of the call has ended: the upstream is to be let go at once. Absent without one. */
  readonly ended?: AbortSignal;
}

/** How a call reaches its upstream. Called at most once, after everything else is on record. */
export interface Upstream {
  /** Yields the answer in parts. @throws Refusal of stage `upstream`. */
  forward(forwarding: Forwarding): AsyncIterable<AnswerPart>;
}

/**
 * Why a call was given up, as the reason of an aborted `withdrawn`: taken back by its client, ended by a
 * gateway that stops, or left by a client that comes back for it.
 */
export type Withdrawal = 'client' | 'gateway' | 'later';

/** The people who are asked, for whoever waits for them. */
export interface Pending {
  readonly approvalId: string;
  /** Names of the approver groups, or their ids where they have none. */
  readonly approvers: readonly string[];
  /** When nobody can sign any more. */
  readonly expiresAt: string;
}

/** The one who waits for a call. */
export interface Caller {
  /** How long it can wait for people, in milliseconds. */
  readonly holdMs: number;
  /** Aborted, with a {@link Withdrawal} as reason, when the call is given up before it ran. */
  readonly withdrawn: AbortSignal;
  /** People have been asked. May be called once. */
  onPending(pending: Pending): void;
  /**
   * The caller and the resource as they are now, after people were waited for.
   * @throws Refusal of stage `forward` when the caller cannot be identified any more.
   */
  renewed(): Promise<Pick<AskedCall, 'principal' | 'definition'>>;
  /** Takes one masked part. Parts come in order, one at a time. */
  release(part: AnswerPart): Promise<void>;
}
