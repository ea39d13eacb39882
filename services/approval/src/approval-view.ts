import type { Actor } from '#contracts';

/** What is asked for: one call, a grant ahead of need, or a look at a call that ran on break-glass. */
export type ApprovalKind = 'call' | 'grant' | 'break-glass';

/** Where an approval stands. `unreviewed` and `reviewed` are of break-glass alone, `granted` of grants asked for ahead. */
export type ApprovalState =
  | 'pending'
  | 'approved'
  | 'leased'
  | 'used'
  | 'granted'
  | 'refused'
  | 'expired'
  | 'withdrawn'
  | 'unreviewed'
  | 'reviewed';

/** A group with the name that the configuration gives it, if it gives one. */
export interface NamedGroup {
  readonly id: string;
  readonly name: string | null;
}

/** One set of the requirement: any of its groups, so many distinct people of them. */
export interface SignatureSet {
  readonly groups: readonly NamedGroup[];
  readonly quorum: number;
  /** How many people have signed for it. */
  readonly signed: number;
  /** True for the groups that are asked since the request was escalated. */
  readonly isEscalation: boolean;
}

/** One person's word as others may read it. */
export interface VoteView {
  readonly voter: Actor;
  readonly decision: 'approve' | 'refuse';
  readonly reason: string;
  /** `rest`, `page`, `teams`. */
  readonly channel: string;
  readonly votedAt: Date;
  /** Seconds that the voter granted; null for this once. */
  readonly grantSeconds: number | null;
}

/** A right that lasts: what, how often, until when. */
export interface GrantScope {
  readonly server: string;
  /** Names of tools (resources). */
  readonly resources: readonly string[];
  /** Condition on the arguments, in the policy's expression language; null means none. */
  readonly when: string | null;
  /** How many calls; null means no count. */
  readonly calls: number | null;
}

/** What a rule lets an approver grant instead of a single call. */
export interface GrantOffer {
  readonly scope: GrantScope;
  readonly maxSeconds: number;
}

/** What is shown of an approval: the one shape behind card, page, REST and command line. All texts are hostile. */
export interface ApprovalView {
  readonly id: string;
  readonly kind: ApprovalKind;
  readonly state: ApprovalState;
  /** Grows with every change that is shown; what becomes of a signature once it is given is none. */
  readonly version: number;
  readonly requester: Actor;
  readonly requesterKind: 'person' | 'workload' | 'agent';
  /** Client application id of the token (`azp`). */
  readonly clientApp: string;
  /** What the client says of itself. */
  readonly client: { readonly name: string; readonly version: string } | null;
  readonly protocol: string;
  readonly server: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly method: string;
  readonly resource: string;
  /** The masked copy of the arguments, as JSON text; empty where there are none (a grant). */
  readonly maskedArguments: string;
  readonly digest: string;
  readonly bundle: string;
  readonly rules: readonly { readonly id: string; readonly message: string | null }[];
  readonly sets: readonly SignatureSet[];
  /** Groups of the requirement that the reader is in: why they are asked. Empty for a copy that many read. */
  readonly because: readonly NamedGroup[];
  readonly justification: string | null;
  readonly isJustificationRequired: boolean;
  readonly risk: { readonly level: 'low' | 'medium' | 'high'; readonly reasons: readonly string[] };
  /** Nobody has accepted what the server says of the tool now, though the configuration lets it be used. */
  readonly definitionStanding: 'new' | 'changed' | null;
  /** The tool's definition is another than when the tool was last approved. */
  readonly drift: { readonly lastApprovedAt: Date } | null;
  /** Newest first; decisions on the same server and tool. */
  readonly similar: readonly {
    readonly approvalId: string;
    readonly outcome: ApprovalState;
    readonly requester: string | null;
    readonly decidedBy: string | null;
    readonly decidedAt: Date;
    readonly reason: string;
  }[];
  readonly votes: readonly VoteView[];
  /** How it ended; null while it is open. */
  readonly decision: {
    readonly by: readonly Actor[];
    readonly at: Date;
    readonly reason: string;
  } | null;
  /** Null where the rule allows single calls only. */
  readonly grantOffer: GrantOffer | null;
  /** The grant that this approval asks for (kind `grant`) or led to. */
  readonly grant: {
    readonly id: string | null;
    readonly scope: GrantScope;
    readonly until: Date | null;
    readonly seconds: number | null;
  } | null;
  readonly requestedAt: Date;
  readonly expiresAt: Date;
  /** Absolute https address of the page of this approval. */
  readonly url: string;
}
