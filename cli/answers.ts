import { z } from 'zod';

const actor = z.object({ objectId: z.string(), displayName: z.string().nullable() });
const group = z.object({ id: z.string(), name: z.string().nullable() });
const scope = z.object({
  server: z.string(),
  resources: z.array(z.string()),
  when: z.string().nullable(),
  calls: z.number().nullable(),
});

/** An approval as the gateway shows it: the members that are printed. */
export const approvalAnswer = z.looseObject({
  id: z.string(),
  kind: z.string(),
  status: z.string(),
  requester: actor,
  requesterKind: z.string(),
  client: z.object({ name: z.string(), version: z.string() }).nullable(),
  clientApp: z.string(),
  server: z.string(),
  resource: z.string(),
  maskedArguments: z.unknown(),
  digest: z.string(),
  rules: z.array(z.object({ id: z.string(), message: z.string().nullable() })),
  sets: z.array(z.object({ groups: z.array(group), quorum: z.number(), signed: z.number() })),
  because: z.array(group),
  justification: z.string().nullable(),
  risk: z.object({ level: z.string(), reasons: z.array(z.string()) }),
  /** Absent from gateways that do not pin definitions. */
  definitionStanding: z.enum(['new', 'changed']).nullish(),
  drift: z.object({ lastApprovedAt: z.string() }).nullable(),
  similar: z.array(
    z.object({ outcome: z.string(), decidedBy: z.string().nullable(), decidedAt: z.string() }),
  ),
  decision: z.object({ by: z.array(actor), at: z.string(), reason: z.string() }).nullable(),
  grantOffer: z.object({ maxSeconds: z.number(), scope }).nullable(),
  grant: z.object({ scope, seconds: z.number().nullable() }).nullable(),
  requestedAt: z.string(),
  expiresAt: z.string(),
  url: z.string(),
});
export type ApprovalAnswer = z.infer<typeof approvalAnswer>;

/** A page of approvals. */
export const approvalsAnswer = z.object({
  approvals: z.array(approvalAnswer),
  next: z.string().nullable(),
});

/** A grant. */
export const grantAnswer = z.looseObject({
  id: z.string(),
  status: z.string(),
  principal: actor,
  scope,
  seconds: z.number(),
  justification: z.string(),
  approvalId: z.string().nullable(),
  grantedUntil: z.string().nullable(),
  callsLeft: z.number().nullable(),
  message: z.string(),
});
export type GrantAnswer = z.infer<typeof grantAnswer>;

/** All grants that one may see. */
export const grantsAnswer = z.object({ grants: z.array(grantAnswer) });

/** Somebody may sign in somebody's place. */
export const delegationAnswer = z.looseObject({
  id: z.string(),
  from: actor,
  toId: z.string(),
  endsAt: z.string(),
});

/** All delegations that one gave or got. */
export const delegationsAnswer = z.object({ delegations: z.array(delegationAnswer) });

/** What a server says of a tool, a prompt or itself. */
export const definitionAnswer = z.looseObject({
  server: z.string(),
  kind: z.string(),
  name: z.string(),
  state: z.string(),
  latest: z.string(),
  changedAt: z.string(),
  acceptedAt: z.string().nullable(),
  acceptedBy: actor.nullable(),
});
export type DefinitionAnswer = z.infer<typeof definitionAnswer>;

/** A page of definitions. */
export const definitionsAnswer = z.object({
  definitions: z.array(definitionAnswer),
  next: z.string().nullable(),
});

/** One definition, with the masked copies of the latest and of the accepted one. */
export const definitionTextAnswer = definitionAnswer.extend({
  latestDefinition: z.unknown(),
  acceptedDefinition: z.unknown(),
});
