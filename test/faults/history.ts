/** How one request of the client ended, as the client saw it. */
export type Outcome =
  | { readonly kind: 'answered' }
  /** A refusal that names its code, and says whether the upstream has acted; `UNTYPED` where it names none. */
  | { readonly kind: 'refused'; readonly code: string; readonly executed: string }
  /** The connection broke: both fates of the call are lawful, but only one of them may be on record. */
  | { readonly kind: 'lost' };

/** Recorder 1: the client. */
export interface ClientCall {
  readonly nonce: string;
  readonly outcome: Outcome;
  /** The whole body as it came. */
  readonly text: string;
  /** From the request to its end, milliseconds. */
  readonly ms: number;
}

/** Recorder 2: the upstream. */
export interface Execution {
  readonly nonce: string;
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly atMs: number;
}

/** Recorder 3: a record as the broker keeps it. */
export interface LoggedEvent {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  /** SHA-256 of its bytes. */
  readonly rawHash: string;
  readonly id: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Recorder 4: a row of the record in Postgres. */
export interface Row {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly rawHash: string;
  readonly eventId: string | null;
  readonly isDuplicate: boolean;
}

/** What all recorders saw of one run. */
export interface History {
  readonly calls: readonly ClientCall[];
  readonly executions: readonly Execution[];
  /** All topics but the dead letters. */
  readonly events: readonly LoggedEvent[];
  readonly rows: readonly Row[];
  /** Chains of the record that do not verify. */
  readonly brokenChains: readonly string[];
  /** What else was written where canaries must not appear: logs, the record. */
  readonly writings: readonly string[];
  readonly canaries: readonly string[];
  /** The upstream's name in the gateway's configuration. */
  readonly server: string;
  /** The ingress replica that lives; calls of another may have been left open by its death. */
  readonly survivor: string;
  /** SubjectPublicKeyInfo PEM. */
  readonly policyKey: string;
  readonly approvalKey: string;
  /** No refusal may take longer, milliseconds. */
  readonly refusalBoundMs: number;
}
