/**
 * What the Teams adapter keeps: the conversations that the bot is in, learned from what Teams says. Messages that were
 * posted are kept with the approvals.
 */
export const teamsTables: readonly string[] = [
  `create table teams_conversation (
    tenant_id uuid not null,
    conversation_id text not null,
    kind text not null check (kind in ('channel', 'groupChat', 'personal')),
    service_url text not null,
    name text,
    team_id text,
    person_id uuid,
    bot_id text not null,
    learned_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    removed_at timestamptz,
    primary key (tenant_id, conversation_id)
  )`,
  `create index teams_conversation_person on teams_conversation (tenant_id, person_id)
    where person_id is not null and removed_at is null`,
  `create index teams_conversation_team on teams_conversation (tenant_id, team_id)
    where team_id is not null`,
];
