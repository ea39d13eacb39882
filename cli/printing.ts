import { standingWords } from '../services/approval/src/standing-words.js';
import { visibleLine, visibleLines } from '../services/approval/src/visible-text.js';
import type { ApprovalAnswer, GrantAnswer } from './answers.js';

/** Where the words of a command go. */
export type Write = (text: string) => void;

const argumentLimits = { maxCodePoints: 4000, maxLines: 60 };
const longest = 300;

/** Foreign text on one line, with nothing in it that a terminal would obey. */
export function line(text: string): string {
  return visibleLine(text, longest);
}

/** Rows under headings, columns as wide as they need. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows.map((row) => row.map((cell) => line(cell)))];
  const widths = headings.map((_, column) =>
    Math.max(...all.map((row) => (row[column] ?? '').length)),
  );
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Approvals, one a line. */
export function approvalTable(approvals: readonly ApprovalAnswer[]): string {
  const rows = approvals.map((each) => [
    each.id,
    each.status,
    each.requester.displayName ?? each.requester.objectId,
    `${each.server}/${each.resource}`,
    each.risk.level,
    each.expiresAt,
  ]);
  return table(['ID', 'STATUS', 'WHO', 'WHAT', 'RISK', 'UNTIL'], rows);
}

/** Grants, one a line. */
export function grantTable(grants: readonly GrantAnswer[]): string {
  const rows = grants.map((each) => [
    each.id,
    each.status,
    each.principal.displayName ?? each.principal.objectId,
    `${each.scope.server}/${each.scope.resources.join(',')}`,
    each.grantedUntil ?? '',
    each.callsLeft === null ? '' : String(each.callsLeft),
  ]);
  return table(['ID', 'STATUS', 'WHO', 'WHAT', 'UNTIL', 'CALLS LEFT'], rows);
}

/** Everything that an approver has to know of one approval. */
export function approvalText(approval: ApprovalAnswer): string {
  return [
    ...factsOf(approval),
    '',
    'Arguments (masked)',
    ...argumentLines(approval.maskedArguments),
    '',
    approval.url,
  ].join('\n');
}

function factsOf(approval: ApprovalAnswer): string[] {
  const {
    client,
    decision,
    definitionStanding = null,
    drift,
    grantOffer,
    requester,
    risk,
  } = approval;
  const who = requester.displayName ?? requester.objectId;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['Status', approval.status],
    ['Who', `${who} (${approval.requesterKind})`],
    ['Through', client === null ? approval.clientApp : `${client.name} ${client.version}`],
    ['What', `${approval.server}/${approval.resource}`],
    ['Why', approval.justification ?? undefined],
    ['Risk', `${risk.level}: ${risk.reasons.join(' ')}`],
    ['Rules', approval.rules.map(({ id, message }) => `${id} ${message ?? ''}`).join('; ')],
    ['Why you', groupNames(approval.because)],
    ['Signed', approval.sets.map((set) => `${set.signed}/${set.quorum}`).join(', ')],
    ['Definition', standingWords({ definitionStanding })],
    ['Changed', drift === null ? undefined : `the tool, since ${drift.lastApprovedAt}`],
    ['Before', beforeOf(approval)],
    ['May grant', grantOffer === null ? undefined : `up to ${grantOffer.maxSeconds} s`],
    ...grantFacts(approval),
    ['Decided', decision === null ? undefined : decidedOf(decision)],
    ['Until', approval.expiresAt],
    ['Digest', approval.digest],
    ['ID', approval.id],
  ];
  return facts
    .filter(([, text]) => text !== undefined && text !== '')
    .map(([name, text]) => `${name.padEnd(10)} ${line(text ?? '')}`);
}

/** All that a grant covers: a signer must not miss a tool. */
function grantFacts({ grant, kind }: ApprovalAnswer): (readonly [string, string | undefined])[] {
  if (grant === null || kind !== 'grant') return [];
  const { calls, resources, when } = grant.scope;
  return [
    ...resources.map((tool) => ['Tool', tool] as const),
    ['Condition', when ?? 'any arguments'],
    ['Calls', String(calls ?? 'any number')],
    ['For', grant.seconds === null ? undefined : `${grant.seconds} s`],
  ];
}

function beforeOf({ similar }: ApprovalAnswer): string {
  return similar
    .map(({ decidedAt, decidedBy, outcome }) => `${outcome} ${decidedAt} ${decidedBy ?? ''}`)
    .join('; ');
}

function decidedOf(decision: NonNullable<ApprovalAnswer['decision']>): string {
  const by = decision.by.map((each) => each.displayName ?? each.objectId).join(', ');
  return `${decision.at} ${by} ${decision.reason}`;
}

function groupNames(groups: ApprovalAnswer['because']): string {
  return groups.map(({ id, name }) => name ?? id).join(', ');
}

function argumentLines(value: unknown): readonly string[] {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  return visibleLines(text, argumentLimits).map((each) => `  ${each}`);
}
