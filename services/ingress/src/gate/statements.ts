import type { ApprovalStatement, EventOf, Verdict, callApproved, callDecided } from '#contracts';
import type { Verifier } from '#trust';
import type { AskedCall } from './call.js';

/** What a signed statement must name to be about this call (law 2). */
export interface Subject {
  readonly call: AskedCall;
  readonly digest: string;
}

/** Why a statement does not count. */
export type StatementFault = 'SIGNATURE' | 'ANOTHER_CALL' | 'EXPIRED';

/** What is wrong with a verdict for this call at this time; undefined when it holds. */
export async function faultOfVerdict(
  event: EventOf<typeof callDecided>,
  subject: Subject,
  now: Date,
  policy: Verifier,
): Promise<StatementFault | undefined> {
  const { verdict, signature } = event.data;
  if (!(await policy.verify('verdict', verdict, signature))) return 'SIGNATURE';
  return faultOfStatement(verdict, subject, now);
}

/** What is wrong with an approval for this call at this time; undefined when it holds. */
export async function faultOfApproval(
  event: EventOf<typeof callApproved>,
  subject: Subject,
  now: Date,
  approval: Verifier,
): Promise<StatementFault | undefined> {
  const { statement, signature } = event.data;
  if (!(await approval.verify('approval', statement, signature))) return 'SIGNATURE';
  return faultOfStatement(statement, subject, now);
}

function faultOfStatement(
  statement: Verdict | ApprovalStatement,
  subject: Subject,
  now: Date,
): StatementFault | undefined {
  const { call, digest } = subject;
  const isAboutThisCall =
    statement.callId === call.callId &&
    statement.digest === digest &&
    statement.tenantId === call.principal.tenantId &&
    statement.objectId === call.principal.objectId &&
    statement.server === call.server &&
    statement.method === call.method &&
    statement.resource === call.resource;
  if (!isAboutThisCall) return 'ANOTHER_CALL';
  return now.getTime() < Date.parse(statement.notAfter) ? undefined : 'EXPIRED';
}
