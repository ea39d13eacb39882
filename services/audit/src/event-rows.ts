import type { EntityManager } from 'typeorm';
import type { ChainRow } from './chain.js';
import type { Kept } from './keeping.js';

/** A row of the record, before the database adds its number, transaction and time. */
export interface StoredRow extends Kept, ChainRow {
  readonly isDuplicate: boolean;
  readonly opensCall: boolean;
}

/** Columns, their types, and where a row's value comes from: written once, for the insert. */
const columns: readonly (readonly [string, string, (row: StoredRow) => unknown])[] = [
  ['day', 'date', (row) => new Date(Number(row.timestampMs)).toISOString().slice(0, 10)],
  ['topic', 'text', (row) => row.topic],
  ['partition', 'int', (row) => row.partition],
  ['generation', 'int', (row) => row.generation],
  ['"offset"', 'bigint', (row) => row.offset],
  ['position', 'bigint', (row) => row.position],
  ['timestamp_ms', 'bigint', (row) => row.timestampMs],
  ['key', 'text', (row) => row.key],
  ['state', 'text', (row) => row.state],
  ['raw_hash', 'text', (row) => row.rawHash],
  ['raw_bytes', 'int', (row) => row.rawBytes],
  ['event', 'text', (row) => row.event],
  ['hash', 'text', (row) => row.hash],
  ['is_duplicate', 'boolean', (row) => row.isDuplicate],
  ['opens_call', 'boolean', (row) => row.opensCall],
  ['event_id', 'text', (row) => row.eventId],
  ['type', 'text', (row) => row.type],
  ['time', 'timestamptz', (row) => row.time],
  ['call_id', 'text', (row) => row.callId],
  ['session_id', 'text', (row) => row.sessionId],
  ['tenant_id', 'text', (row) => row.tenantId],
  ['principal_id', 'text', (row) => row.principalId],
  ['server', 'text', (row) => row.server],
  ['method', 'text', (row) => row.method],
  ['resource', 'text', (row) => row.resource],
  ['effect', 'text', (row) => row.effect],
  ['rule_ids', 'text', (row) => JSON.stringify(row.ruleIds)],
  ['approval_id', 'text', (row) => row.approvalId],
  ['approver_ids', 'text', (row) => JSON.stringify(row.approverIds)],
  ['code', 'text', (row) => row.code],
  ['outcome', 'text', (row) => row.outcome],
];

const listed = new Set(['rule_ids', 'approver_ids']);
const names = columns.map(([name]) => name);
const values = names.map((name) =>
  listed.has(name) ? `array(select jsonb_array_elements_text(r.${name}::jsonb))` : `r.${name}`,
);
const parameters = columns.map(([, type], index) => `$${index + 1}::${type}[]`);
const insertSql = `insert into event (${names.join(', ')}) select ${values.join(', ')}
  from unnest(${parameters.join(', ')}) as r(${names.join(', ')}) on conflict do nothing`;

/** Stores rows, all or none. */
export async function insertRows(work: EntityManager, rows: readonly StoredRow[]): Promise<void> {
  await work.query(
    insertSql,
    columns.map(([, , valueOf]) => rows.map((row) => valueOf(row))),
  );
}
