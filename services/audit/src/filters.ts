import { z } from 'zod';
import { searchable } from './facets.js';

const word = z.string().min(1).max(2000);
/** People are found by who they are; a name would find nobody, and look as if nothing had happened. */
const objectId = z.guid({ error: 'must be the object id of a person or program' }).toLowerCase();
const time = z.iso.datetime({ offset: true, error: 'must be a time such as 2026-11-24T08:00:00Z' });

const common = {
  since: time.optional(),
  until: time.optional(),
  principal: objectId.optional(),
  server: word.optional(),
  resource: word.optional(),
  method: word.optional(),
  verdict: z.enum(['allow', 'deny', 'review']).optional(),
  rule: word.optional(),
  approver: objectId.optional(),
  type: word.optional(),
  code: word.optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  cursor: z.string().max(1000).optional(),
};

/** What events and calls are searched by; a name that is not listed is refused. */
export const filtersSchema = z.strictObject(common);
export type Filters = z.infer<typeof filtersSchema>;

/** A condition in SQL; `?` stands for the value. */
interface Condition {
  readonly sql: string;
  readonly value: string;
}

/** Conditions that a single row meets by itself. */
export function rowConditions(filters: Filters): Condition[] {
  return given([
    ['e.time >= ?::timestamptz', filters.since],
    ['e.time < ?::timestamptz', filters.until],
    ['e.principal_id = ?', filters.principal],
    ['e.server = ?', filters.server],
    ['e.resource = ?', filters.resource],
    ['e.method = ?', filters.method],
  ]);
}

/** Conditions on what was said of a call: met by the row itself, or by some event of the call. */
export function storyConditions(filters: Filters): Condition[] {
  return given([
    ['e.effect = ?', filters.verdict],
    ['e.rule_ids @> array[?]', filters.rule],
    ['e.approver_ids @> array[?]', filters.approver],
    ['e.type = ?', filters.type],
    ['e.code = ?', filters.code],
  ]);
}

/** The filters as the record of the read names them. */
export function namedFilters(filters: Filters): Record<string, string> {
  const named = Object.entries(filters).filter(([, value]) => value !== undefined);
  return Object.fromEntries(named.map(([name, value]) => [name, String(value)]));
}

function given(all: readonly (readonly [string, string | undefined])[]): Condition[] {
  return all.flatMap(([sql, value]) =>
    value === undefined ? [] : [{ sql, value: searchable(value) }],
  );
}
