import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { actorSchema, definitionSchema } from '#contracts';
import { type Approval, approvalSchema } from './approval.js';
import type { ApprovalView } from './approval-view.js';

/** What was decided before on the same tool. */
export interface Precedents {
  /** Newest first. */
  readonly similar: ApprovalView['similar'];
  /** The tool's definition when it was last approved. */
  readonly lastDefinition: { readonly digest: string; readonly approvedAt: Date } | null;
}

/** Nothing was decided before. */
export const noPrecedents: Precedents = { similar: [], lastDefinition: null };

const shownDecisions = 5;
const statuses = approvalSchema.options.map((option) => option.shape.status.value);

const rowSchema = z.object({
  approvalId: z.uuid(),
  outcome: z.enum(statuses),
  requester: actorSchema,
  decidedBy: actorSchema.nullable(),
  votes: approvalSchema.options[0].shape.votes,
  decidedAt: z.date(),
  reason: z.string().nullable(),
  definition: definitionSchema.nullable(),
});
type Row = z.infer<typeof rowSchema>;

/** Whose eyes the decisions are for: members of these groups, and perhaps somebody who sees their own. */
export interface Eyes {
  readonly groups: readonly string[];
  readonly objectId: string | null;
}

/**
 * People's decisions on calls of the same server and tool in the tenant, as far as the reader may know of them; what a
 * grant covered was decided with it.
 */
export async function precedentsOf(
  database: Pick<DataSource, 'query'>,
  { id, requester, resource, server }: Approval,
  eyes: Eyes,
): Promise<Precedents> {
  const rows: unknown = await database.query(
    `select id as "approvalId", status as outcome, requester, decided_by as "decidedBy", votes,
       decided_at as "decidedAt", reason, definition
     from approval
     where server = $1 and resource = $2 and requester ->> 'tenantId' = $3 and id <> $4
       and kind = 'call' and scope is null and decided_at is not null
       and status in ('approved', 'leased', 'used', 'refused')
       and (approver_groups && $6::text[] or requester ->> 'objectId' = $7)
     order by decided_at desc limit $5`,
    [server, resource, requester.tenantId, id, shownDecisions, eyes.groups, eyes.objectId],
  );
  const found = z.array(rowSchema).parse(rows);
  const last = found.find((row) => row.outcome !== 'refused' && row.definition !== null);
  return {
    similar: found.map((row) => similarOf(row)),
    lastDefinition: last?.definition
      ? { digest: last.definition.digest, approvedAt: last.decidedAt }
      : null,
  };
}

function similarOf(row: Row): Precedents['similar'][number] {
  const last = row.votes.at(-1);
  return {
    approvalId: row.approvalId,
    outcome: row.outcome,
    requester: row.requester.displayName,
    decidedBy: row.decidedBy?.displayName ?? last?.voter.displayName ?? null,
    decidedAt: row.decidedAt,
    reason: row.reason ?? last?.reason ?? '',
  };
}
