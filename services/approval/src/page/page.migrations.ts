/**
 * Tables of the approval page, in the schema of approvals. A session's id is kept as its SHA-256 alone, its tokens
 * are sealed: who reads the table can neither come in nor act elsewhere.
 */
export const pageTables: readonly string[] = [
  `create table page_session (
    id_hash text primary key,
    tenant_id uuid not null,
    object_id uuid not null,
    sealed_tokens text not null,
    tokens_version integer not null default 1,
    access_until timestamptz not null,
    renewal_claimed_until timestamptz not null default '-infinity',
    created_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    ends_at timestamptz not null
  )`,
  'create index page_session_person on page_session (tenant_id, object_id)',
  'create index page_session_seen on page_session (seen_at)',
];
