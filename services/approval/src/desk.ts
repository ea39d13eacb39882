import type { Principal } from '#contracts';
import type { ApprovalState, ApprovalView } from './approval-view.js';
import type { ChannelAddress, Place } from './channel.js';

/** Where somebody acts. */
export type Channel = 'rest' | 'page' | 'teams';

/** What somebody does to an approval. */
export interface DeskPress {
  readonly decision: 'approve' | 'refuse';
  readonly reason: string;
  /** Seconds to grant instead of a single call; absent for this once. */
  readonly grantSeconds?: number | undefined;
  readonly channel: Channel;
}

/** What a reader asks for. */
export interface DeskQuery {
  readonly states?: readonly ApprovalState[] | undefined;
  readonly server?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** One page, newest first. `next` is null on the last. */
export interface DeskPage {
  readonly approvals: readonly ApprovalView[];
  readonly next: string | null;
}

/** A press that was refused before it could count, for the record. */
export interface RefusedPress {
  readonly channel: Channel;
  /** A stable code: `TOKEN_REFUSED`, `TENANT_REFUSED`, … */
  readonly code: string;
  /** For auditors; never a token. */
  readonly detail: string;
  readonly approvalId: string | null;
  readonly tenantId: string | null;
  readonly objectId: string | null;
  readonly remoteAddress: string | null;
}

/** What a copy of an approval is bound to. */
export interface CopyBinding {
  readonly nonce: string;
  readonly copies: readonly { readonly place: Place; readonly message: ChannelAddress }[];
}

/**
 * The signing desk: everything that people can do to approvals, the same for REST, the page and Teams. The rules
 * (requester never, people only, groups of now, once) are kept behind it. Methods throw `ApprovalError` with its
 * codes, on record before it is thrown where something was to change, and errors for which `isOutage` of #storage holds when the database is away.
 */
export abstract class Desk {
  /** The approvals that the reader asked for or may sign. */
  abstract page(reader: Principal, query: DeskQuery): Promise<DeskPage>;
  /** One of them, with `because` filled for the reader. */
  abstract view(reader: Principal, id: string): Promise<ApprovalView>;
  /** Signs or refuses. */
  abstract press(by: Principal, id: string, press: DeskPress): Promise<ApprovalView>;
  /** The requester takes the request back. */
  abstract withdraw(by: Principal, id: string, channel: Channel): Promise<ApprovalView>;
  /** The requester says why. */
  abstract justify(
    by: Principal,
    id: string,
    justification: string,
    channel: Channel,
  ): Promise<ApprovalView>;
  /** As a copy that many read shows it. @throws ApprovalError `APPROVAL_NOT_FOUND` */
  abstract publicView(id: string): Promise<ApprovalView>;
  /** What presses on copies of this channel are checked against; undefined for no such approval. */
  abstract binding(id: string, channel: string): Promise<CopyBinding | undefined>;
  /** Puts a refused press on record. Never throws. */
  abstract recordRefused(press: RefusedPress): Promise<void>;
  /** Calls back soon after any approval has changed, on every replica; returns how to stop. Ids may repeat. */
  abstract onChange(listener: (approvalId: string) => void): () => void;
}
