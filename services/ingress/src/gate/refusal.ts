import type { Pending } from './call.js';

/** Where on its way a call was stopped. */
export type Stage = 'intake' | 'verdict' | 'approval' | 'forward' | 'upstream' | 'mask';

/** Whether the upstream has acted. */
export type Executed = 'no' | 'yes' | 'unknown';

/** Every reason for which a call gets no answer. Never renamed, never reused. */
export type RefusalCode =
  | 'REQUEST_UNREADABLE'
  | 'REQUEST_NOT_ONE_MESSAGE'
  | 'PARAMS_REFUSED'
  | 'REQUEST_TOO_LARGE'
  | 'REQUEST_HEADERS_REFUSED'
  | 'VERSION_UNSUPPORTED'
  | 'METHOD_UNKNOWN'
  | 'VERB_REFUSED'
  | 'ORIGIN_REFUSED'
  | 'MEDIA_TYPE_REFUSED'
  | 'IDENTITY_REFUSED'
  | 'IDENTITY_UNAVAILABLE'
  | 'SERVER_UNKNOWN'
  | 'SESSION_UNKNOWN'
  | 'CONTINUATION_UNKNOWN'
  | 'CAPABILITY_MISSING'
  | 'OVERLOADED'
  | 'RATE_LIMITED'
  | 'RECORD_UNAVAILABLE'
  | 'VERDICT_TIMEOUT'
  | 'VERDICT_INVALID'
  | 'DENIED'
  | 'APPROVAL_PENDING'
  | 'APPROVAL_REFUSED'
  | 'APPROVAL_EXPIRED'
  | 'APPROVAL_INVALID'
  | 'APPROVAL_TIMEOUT'
  | 'APPROVAL_STALE'
  | 'GRANT_ENDED'
  | 'CANCELLED'
  | 'UPSTREAM_UNAVAILABLE'
  | 'UPSTREAM_TIMEOUT'
  | 'UPSTREAM_UNREADABLE'
  | 'ANSWER_TOO_LARGE'
  | 'ANSWER_WITHHELD';

/** What else is known of a refusal. */
export interface RefusalFacts {
  readonly executed?: Executed;
  readonly approvalId?: string | undefined;
  /** Who is asked, of a call that waits for people. */
  readonly pending?: Pending | undefined;
  /** When it may be worth asking again, milliseconds from now. */
  readonly retryAfterMs?: number;
  /** The caller must not learn that the resource exists. */
  readonly hidden?: boolean;
  /** Who gave up a call that was taken back; the client unless said. */
  readonly by?: 'client' | 'gateway';
}

/** A call is refused: typed, recorded, and told to the caller in the words of its protocol. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly executed: Executed;
  readonly approvalId: string | undefined;
  readonly pending: Pending | undefined;
  readonly retryAfterMs: number | undefined;
  readonly hidden: boolean;
  readonly by: 'client' | 'gateway';

  constructor(
    readonly code: RefusalCode,
    readonly stage: Stage,
    message: string,
    facts: RefusalFacts = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.executed = facts.executed ?? 'no';
    this.approvalId = facts.approvalId ?? facts.pending?.approvalId;
    this.pending = facts.pending;
    this.retryAfterMs = facts.retryAfterMs;
    this.hidden = facts.hidden ?? false;
    this.by = facts.by ?? 'client';
  }
}
