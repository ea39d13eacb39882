import type { ApprovalStatement, EventOf, Verdict, callApproved, callDecided } from '#contracts';
import { canonicalJson, type Verifier } from '#trust';
import type { AskedCall } from './call.js';

/** What a signed statement must name to be about this call (law 2). */
export interface Subject {
  readonly call: AskedCall;
  readonly digest: string;
  /** The signed approval whose release policy was asked for; absent for the request itself. */
  readonly releases?: string;
}

/** Why a statement does not count. */
export type StatementFault = 'SIGNATURE' | 'ANOTHER_CALL' | 'ANOTHER_APPROVAL' | 'EXPIRED';

/** What is wrong with a verdict for this call at this time; undefined when it holds. */
export async function faultOfVerdict(
  event: EventOf<typeof callDecided>,
  subject: Subject,
  now: Date,
  policy: Verifier,
): Promise<StatementFault | undefined> {
  const { verdict, signature } = event.data;
  if (!(await policy.verify('verdict', verdict, signature))) return 'SIGNATURE';
  if (verdict.releases !== subject.releases) return 'ANOTHER_APPROVAL';
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

/** Why an approval that holds no longer fits what policy says now; undefined when it does. */
export function stalenessOf(
  statement: ApprovalStatement,
  asked: Verdict,
  release: Verdict,
): string | undefined {
  if (release.effect === 'allow') return undefined;
  if (release.bundle !== statement.bundle) return 'The policy changed while people were asked';
  // The same rules may ask for more of a caller whose groups are others by now.
  const isSame = canonicalJson(release.approval) === canonicalJson(asked.approval);
  return isSame ? undefined : 'Policy now asks for other signatures than those that were given';
}

/** Whether people signed another definition of the resource than the one that is known now. */
export function isRedefined(
  statement: ApprovalStatement,
  now: Pick<AskedCall, 'definition'>,
): boolean {
  if (statement.definition === undefined || now.definition === undefined) return false;
  return statement.definition !== now.definition.digest;
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
