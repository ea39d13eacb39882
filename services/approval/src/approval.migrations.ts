import type { MigrationInterface, QueryRunner } from 'typeorm';
import { pageTables } from './page/page.migrations.js';
import { teamsTables } from './teams/teams.migrations.js';

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

const deskStatements = [
  'alter table approval drop constraint approval_status_check',
  `alter table approval add constraint approval_status_check check (status in
    ('pending', 'approved', 'leased', 'used', 'granted', 'refused', 'expired', 'withdrawn',
     'unreviewed', 'reviewed'))`,
  `alter table approval
    add column kind text not null default 'call' check (kind in ('call', 'grant', 'break-glass')),
    add column version int not null default 1,
    add column client jsonb,
    add column labels jsonb not null default '{}',
    add column definition jsonb,
    add column rules jsonb not null default '[]',
    add column group_names jsonb not null default '{}',
    add column justification text,
    add column nonce text not null default encode(sha256(gen_random_uuid()::text::bytea), 'hex'),
    add column escalated_at timestamptz,
    add column abandoned_at timestamptz,
    add column reminded_at timestamptz,
    add column scope jsonb,
    add column grant_seconds int,
    add column grant_id uuid,
    add column grant_until timestamptz,
    add column changed_at timestamptz not null default clock_timestamp()`,
  'create index approval_changed on approval (changed_at)',
  `create index approval_pending on approval ((requester ->> 'objectId')) where status = 'pending'`,
  `create index approval_recent on approval ((requester ->> 'objectId'), requested_at)`,
  'create index approval_tool on approval (server, resource, decided_at desc) where decided_at is not null',
  // A right that lasts, from the wish to its end. Only the database says whether it lives and what is left of it.
  `create table access_grant (
    id uuid primary key,
    seq bigint generated always as identity unique,
    status text not null check (status in
      ('asked', 'pending', 'refused', 'live', 'revoked', 'ended')),
    principal jsonb not null,
    principal_kind text not null,
    client_app text not null,
    holder text not null,
    scope jsonb not null,
    seconds int not null check (seconds > 0),
    justification text not null,
    extends uuid,
    approval_id uuid references approval (id),
    asked_groups text[] not null default '{}',
    votes jsonb not null default '[]',
    requested_at timestamptz not null,
    issued_at timestamptz,
    granted_until timestamptz,
    calls_left int check (calls_left >= 0),
    ended_at timestamptz,
    ended_by jsonb,
    message text not null default ''
  )`,
  `create index access_grant_live on access_grant (granted_until) where status = 'live'`,
  'create index access_grant_holder on access_grant (holder, seq)',
  'create index access_grant_groups on access_grant using gin (asked_groups)',
  // Where copies are to be posted: asked of each channel once for the request and once for its escalation.
  `create table placement (
    id bigint generated always as identity primary key,
    approval_id uuid not null references approval (id),
    channel text not null,
    next_at timestamptz not null default clock_timestamp(),
    attempts int not null default 0
  )`,
  'create index placement_due on placement (next_at)',
  // Every copy shows a version; the one that lags behind is posted or updated.
  `create table approval_copy (
    approval_id uuid not null references approval (id),
    channel text not null,
    key text not null,
    audience text not null check (audience in ('approvers', 'requester')),
    address jsonb not null,
    message jsonb,
    shown_version int not null default 0,
    next_at timestamptz not null default clock_timestamp(),
    attempts int not null default 0,
    gone_reason text,
    primary key (approval_id, channel, key)
  )`,
  `create table notice (
    id bigint generated always as identity primary key,
    channel text not null,
    kind text not null check (kind in ('reminder', 'summary')),
    place jsonb not null,
    message jsonb,
    text text not null,
    next_at timestamptz not null default clock_timestamp(),
    attempts int not null default 0
  )`,
  'create index notice_due on notice (next_at)',
  'create table summary_state (channel text primary key, told_until timestamptz not null)',
  // Somebody else may sign in one's place until a time.
  `create table delegation (
    id uuid primary key,
    tenant_id uuid not null,
    from_id uuid not null,
    from_name text,
    to_id uuid not null,
    created_at timestamptz not null default clock_timestamp(),
    ends_at timestamptz not null
  )`,
  'create index delegation_to on delegation (tenant_id, to_id, ends_at)',
  ...teamsTables,
  ...pageTables,
];

/** The signing desk: grants, copies in channels, notices, delegations. */
export class CreatesDesk1764300000000 implements MigrationInterface {
  readonly name = 'CreatesDesk1764300000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of deskStatements) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('forward only: restore a backup instead');
  }
}
