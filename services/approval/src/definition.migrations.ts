import type { MigrationInterface, QueryRunner } from 'typeorm';

const statements = [
  `create table definition (
    seq bigint generated always as identity unique,
    server text not null,
    kind text not null check (kind in ('tool', 'prompt', 'instructions')),
    name text not null,
    accepted text[] not null,
    accepted_copy text,
    accepted_at timestamptz,
    accepted_by jsonb,
    latest text not null,
    latest_copy text not null,
    revision int not null,
    first_seen_at timestamptz not null,
    changed_at timestamptz not null,
    seen_at timestamptz not null,
    is_held boolean generated always as (not latest = any(accepted)) stored,
    primary key (server, kind, name)
  )`,
  'create index definition_held on definition (seq) where is_held',
];

/** What servers say of their tools, and what of it is accepted. */
export class CreatesDefinitions1764400000000 implements MigrationInterface {
  readonly name = 'CreatesDefinitions1764400000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of statements) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('forward only: restore a backup instead');
  }
}
