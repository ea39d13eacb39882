import { z } from 'zod';

/** Longest text in a column that is searched, in characters: index entries have a limit. */
const maxChars = 400;

const text = z.string().nullish().catch(undefined);
const texts = z.array(z.string()).optional().catch(undefined);
const someone = z.object({ tenantId: text, objectId: text }).nullish().catch(undefined);

/** The places where events name what the record is searched by. Whatever else an event holds does not matter here. */
const dataSchema = z.object({
  callId: text,
  sessionId: text,
  server: text,
  method: text,
  resource: text,
  /** Of a definition: the tool or prompt. */
  name: text,
  code: text,
  outcome: text,
  approvalId: text,
  ruleIds: texts,
  principal: someone,
  requester: someone,
  reader: someone,
  voter: someone,
  by: someone,
  verdict: z
    .object({
      effect: text,
      ruleIds: texts,
      server: text,
      method: text,
      resource: text,
      tenantId: text,
      objectId: text,
    })
    .optional()
    .catch(undefined),
  statement: z
    .object({ approvalId: text, approvers: z.array(z.object({ objectId: z.string() })) })
    .optional()
    .catch(undefined),
});

type Said = z.infer<typeof dataSchema>;

/** What a row is searched by. */
export interface Facets {
  readonly callId: string | null;
  readonly sessionId: string | null;
  readonly tenantId: string | null;
  readonly principalId: string | null;
  readonly server: string | null;
  readonly method: string | null;
  readonly resource: string | null;
  readonly effect: string | null;
  readonly ruleIds: readonly string[];
  readonly approvalId: string | null;
  readonly approverIds: readonly string[];
  readonly code: string | null;
  readonly outcome: string | null;
}

/** Facets of what was not kept. */
export const noFacets: Facets = {
  callId: null,
  sessionId: null,
  tenantId: null,
  principalId: null,
  server: null,
  method: null,
  resource: null,
  effect: null,
  ruleIds: [],
  approvalId: null,
  approverIds: [],
  code: null,
  outcome: null,
};

/** Takes the facets out of an event's data. Never throws. */
export function facetsOf(data: unknown): Facets {
  const parsed = dataSchema.safeParse(data);
  if (!parsed.success) return noFacets;
  const said = parsed.data;
  return {
    ...resourceOf(said),
    ...principalOf(said),
    callId: column(said.callId),
    sessionId: column(said.sessionId),
    effect: column(said.verdict?.effect),
    ruleIds: rulesOf(said).map((each) => searchable(each)),
    approvalId: column(said.approvalId, said.statement?.approvalId),
    approverIds: approversOf(said),
    code: column(said.code),
    outcome: column(said.outcome),
  };
}

/** A text as a searched column holds it: short, and without what Postgres cannot hold. */
export function searchable(value: string): string {
  return value.slice(0, maxChars).toWellFormed().replaceAll('\0', '\uFFFD');
}

/** The first value that is there. */
function column(...values: readonly (string | null | undefined)[]): string | null {
  const value = values.find((each) => typeof each === 'string');
  return value === undefined ? null : searchable(value);
}

function resourceOf({ server, method, name, resource, verdict }: Said) {
  return {
    server: column(server, verdict?.server),
    method: column(method, verdict?.method),
    resource: column(resource, verdict?.resource, name),
  };
}

function principalOf(said: Said): Pick<Facets, 'tenantId' | 'principalId'> {
  const who = said.principal ?? said.requester ?? said.reader ?? said.verdict;
  return { tenantId: column(who?.tenantId), principalId: column(who?.objectId) };
}

function rulesOf(said: Said): readonly string[] {
  return said.verdict?.ruleIds ?? said.ruleIds ?? [];
}

/** Who voted or signed; the one who withdrew their own request is no approver. */
function approversOf(said: Said): string[] {
  const refuser = said.code === 'APPROVAL_REFUSED' ? said.by : undefined;
  const people = [said.voter, refuser, ...(said.statement?.approvers ?? [])];
  return people.flatMap((each) =>
    typeof each?.objectId === 'string' ? [searchable(each.objectId)] : [],
  );
}
