import type { MigrationInterface, QueryRunner } from 'typeorm';

const statements = [
  `create table approval (
    id uuid primary key,
    seq bigint generated always as identity unique,
    status text not null check (status in
      ('pending', 'approved', 'leased', 'used', 'refused', 'expired', 'withdrawn')),
    request_key text not null,
    requester jsonb not null,
    requester_kind text not null,
    client_app text not null,
    protocol text not null,
    server text not null,
    method text not null,
    resource text not null,
    digest text not null,
    bundle text not null,
    rule_ids jsonb not null,
    facts jsonb not null,
    masked_arguments text not null,
    requirement jsonb not null,
    approver_groups text[] not null,
    votes jsonb not null,
    origin text not null,
    requested_at timestamptz not null,
    expires_at timestamptz not null,
    decided_at timestamptz,
    decided_by jsonb,
    reason text,
    lease_call_id uuid,
    lease_not_after timestamptz,
    used_at timestamptz
  )`,
  // The database settles whether a request is open already.
  `create unique index approval_open on approval (request_key)
    where status in ('pending', 'approved', 'leased')`,
  `create index approval_due on approval (expires_at)
    where status in ('pending', 'approved', 'leased')`,
  'create index approval_groups on approval using gin (approver_groups)',
  `create index approval_requester on approval ((requester ->> 'objectId'), seq)`,
  `create table waiting_call (
    call_id uuid primary key,
    seq bigint generated always as identity,
    approval_id uuid not null references approval (id),
    ingress text not null,
    decided text not null,
    is_waiting boolean not null
  )`,
  'create index waiting_call_approval on waiting_call (approval_id) where is_waiting',
  `create table inbox (
    event_id text primary key,
    seen_at timestamptz not null default now()
  )`,
  'create index inbox_seen on inbox (seen_at)',
  `create table outbox (
    id bigint generated always as identity primary key,
    key text not null,
    type text not null,
    event text not null,
    queued_at timestamptz not null default now(),
    sent_at timestamptz
  )`,
  'create index outbox_unsent on outbox (id) where sent_at is null',
  'create index outbox_sent on outbox (sent_at) where sent_at is not null',
];

/** Approvals, the calls that wait on them, inbox and outbox. */
export class CreatesApprovals1764000000000 implements MigrationInterface {
  readonly name = 'CreatesApprovals1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of statements) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('forward only: restore a backup instead');
  }
}
