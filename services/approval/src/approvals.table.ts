import { EntitySchema } from 'typeorm';
import type { RowOf } from '#storage';
import type { Approval } from './approval.js';

/** A row: all fields of all states, and what the database adds to find it by. */
export type ApprovalRow = RowOf<Approval> & {
  /** Order of persistence; a bigint, hence text. */
  readonly seq: string;
  /** Every group of the requirement, for "what may I see". */
  readonly approverGroups: string[];
  /** The first approval.requested event without its data: the cause of every vote. */
  readonly origin: string;
  readonly changedAt: Date;
  /** When its approvers were reminded; null before. */
  readonly remindedAt: Date | null;
};

const date = 'timestamptz';

export const approvalTable = new EntitySchema<ApprovalRow>({
  name: 'approval',
  columns: {
    id: { type: 'uuid', primary: true },
    seq: { type: 'bigint', generated: 'increment' },
    status: { type: 'text' },
    kind: { type: 'text' },
    version: { type: 'int' },
    requestKey: { type: 'text', name: 'request_key' },
    requester: { type: 'jsonb' },
    requesterKind: { type: 'text', name: 'requester_kind' },
    clientApp: { type: 'text', name: 'client_app' },
    client: { type: 'jsonb', nullable: true },
    protocol: { type: 'text' },
    server: { type: 'text' },
    labels: { type: 'jsonb' },
    method: { type: 'text' },
    resource: { type: 'text' },
    digest: { type: 'text' },
    definition: { type: 'jsonb', nullable: true },
    bundle: { type: 'text' },
    ruleIds: { type: 'jsonb', name: 'rule_ids' },
    rules: { type: 'jsonb' },
    groupNames: { type: 'jsonb', name: 'group_names' },
    facts: { type: 'jsonb' },
    maskedArguments: { type: 'text', name: 'masked_arguments' },
    justification: { type: 'text', nullable: true },
    requirement: { type: 'jsonb' },
    approverGroups: { type: 'text', array: true, name: 'approver_groups' },
    votes: { type: 'jsonb' },
    nonce: { type: 'text' },
    origin: { type: 'text' },
    requestedAt: { type: date, name: 'requested_at' },
    expiresAt: { type: date, name: 'expires_at' },
    escalatedAt: { type: date, name: 'escalated_at', nullable: true },
    abandonedAt: { type: date, name: 'abandoned_at', nullable: true },
    scope: { type: 'jsonb', nullable: true },
    grantSeconds: { type: 'int', name: 'grant_seconds', nullable: true },
    grantId: { type: 'uuid', name: 'grant_id', nullable: true },
    grantUntil: { type: date, name: 'grant_until', nullable: true },
    decidedAt: { type: date, name: 'decided_at', nullable: true },
    decidedBy: { type: 'jsonb', name: 'decided_by', nullable: true },
    reason: { type: 'text', nullable: true },
    leaseCallId: { type: 'uuid', name: 'lease_call_id', nullable: true },
    leaseNotAfter: { type: date, name: 'lease_not_after', nullable: true },
    usedAt: { type: date, name: 'used_at', nullable: true },
    remindedAt: { type: date, name: 'reminded_at', nullable: true },
    changedAt: { type: date, name: 'changed_at', default: () => 'clock_timestamp()' },
  },
});

/** A call that hangs on an approval. */
export interface WaitingCallRow {
  readonly callId: string;
  readonly seq: string;
  readonly approvalId: string;
  readonly ingress: string;
  /** The call.decided event without its data: the cause of what the call is told. */
  readonly decided: string;
  /** False once it was told its outcome or went away. */
  readonly isWaiting: boolean;
}

export const waitingCallTable = new EntitySchema<WaitingCallRow>({
  name: 'waiting_call',
  columns: {
    callId: { type: 'uuid', name: 'call_id', primary: true },
    seq: { type: 'bigint', generated: 'increment' },
    approvalId: { type: 'uuid', name: 'approval_id' },
    ingress: { type: 'text' },
    decided: { type: 'text' },
    isWaiting: { type: 'boolean', name: 'is_waiting' },
  },
});
