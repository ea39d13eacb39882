import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The role that the service works as: it adds rows and reads them, and can do nothing else. */
export const writerRole = 'countersign_audit_writer';

/** Columns that the service may write; `seq`, `xid` and `stored_at` are the database's own. */
const given = `day, topic, partition, generation, "offset", position, timestamp_ms, key, state, raw_hash,
  raw_bytes, event, hash, is_duplicate, opens_call, event_id, type, time, call_id, session_id,
  tenant_id, principal_id, server, method, resource, effect, rule_ids, approval_id, approver_ids,
  code, outcome`;

const tables = [
  `create table chain (
    topic text not null,
    partition int not null,
    generation int not null,
    next_offset bigint not null,
    rows bigint not null,
    hash text not null,
    primary key (topic, partition)
  )`,
  `create table event (
    day date not null,
    topic text not null,
    partition int not null,
    generation int not null,
    "offset" bigint not null,
    position bigint not null,
    seq bigint generated always as identity,
    xid xid8 not null default pg_current_xact_id(),
    stored_at timestamptz not null default clock_timestamp(),
    timestamp_ms bigint not null,
    key text not null,
    state text not null check (state in ('kept', 'unknown', 'unreadable', 'unstorable')),
    raw_hash text not null,
    raw_bytes int not null,
    event text,
    hash text not null,
    is_duplicate boolean not null,
    opens_call boolean not null,
    event_id text,
    type text,
    time timestamptz,
    call_id text,
    session_id text,
    tenant_id text,
    principal_id text,
    server text,
    method text,
    resource text,
    effect text,
    rule_ids text[] not null,
    approval_id text,
    approver_ids text[] not null,
    code text,
    outcome text,
    primary key (day, topic, partition, generation, "offset")
  ) partition by range (day)`,
  'create table event_other partition of event default',
  'create index event_order on event (xid, seq)',
  'create index event_chain on event (topic, partition, position)',
  'create index event_offset on event (topic, partition, generation, "offset")',
  'create index event_id on event (event_id)',
  'create index event_call on event (call_id) where call_id is not null',
  'create index event_calls on event (xid, seq) where opens_call',
  'create index event_approval on event (approval_id) where approval_id is not null',
  'create index event_principal on event (principal_id, xid, seq) where principal_id is not null',
  'create index event_resource on event (server, resource) where server is not null',
  'create index event_rules on event using gin (rule_ids)',
  'create index event_approvers on event using gin (approver_ids)',
  `create table checkpoint (
    seq bigint generated always as identity primary key,
    statement text not null,
    signature text not null
  )`,
];

/** A partition for each day, made ahead by whoever works; late records go to `event_other`. */
const days = `create function make_event_days(first date, days int) returns void
  language plpgsql security definer set search_path = audit as $$
  declare
    each date;
  begin
    for each in select first + generate_series(0, days - 1) loop
      if to_regclass('event_' || to_char(each, 'YYYYMMDD')) is null then
        begin
          execute format('create table %I partition of event for values from (%L) to (%L)',
            'event_' || to_char(each, 'YYYYMMDD'), each, each + 1);
          execute format('create trigger is_not_emptied before truncate on %I
            for each statement execute function refuse_change()',
            'event_' || to_char(each, 'YYYYMMDD'));
        exception when check_violation or duplicate_table then null;
        end;
      end if;
    end loop;
  end $$`;

/** The second line, for a login that owns the tables: rows are never changed, whoever asks. */
const guards = [
  `create function refuse_change() returns trigger language plpgsql as $$
    begin
      raise exception 'the record is never changed' using errcode = 'insufficient_privilege';
    end $$`,
  `create trigger event_is_kept before update or delete on event
    for each row execute function refuse_change()`,
  `create trigger event_is_not_emptied before truncate on event
    for each statement execute function refuse_change()`,
  `create trigger other_is_not_emptied before truncate on event_other
    for each statement execute function refuse_change()`,
  `create trigger checkpoint_is_kept before update or delete on checkpoint
    for each row execute function refuse_change()`,
];

/** The role belongs to the whole server, so another database may have made it, even this instant. */
const role = `do $$
  begin
    if not exists (select from pg_roles where rolname = '${writerRole}') then
      create role ${writerRole} nologin;
    end if;
    if not (select rolsuper from pg_roles where rolname = current_user) then
      grant ${writerRole} to current_user;
    end if;
  exception when insufficient_privilege or duplicate_object or unique_violation then null;
  end $$`;

const grants = `do $$
  begin
    if exists (select from pg_roles where rolname = '${writerRole}') then
      grant usage on schema audit to ${writerRole};
      grant select on all tables in schema audit to ${writerRole};
      grant insert (${given}) on event to ${writerRole};
      grant insert (statement, signature) on checkpoint to ${writerRole};
      grant insert, update on chain to ${writerRole};
      grant execute on function make_event_days(date, int) to ${writerRole};
    end if;
  end $$`;

/** The record, its chains, its checkpoints, and a role that can only add to them. */
export class CreatesRecord1764000000000 implements MigrationInterface {
  readonly name = 'CreatesRecord1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    const revoke = 'revoke execute on function make_event_days(date, int) from public';
    for (const statement of [...tables, days, revoke, ...guards, role, grants]) {
      await runner.query(statement);
    }
  }

  async down(): Promise<void> {
    throw new Error('forward only: restore a backup instead');
  }
}
