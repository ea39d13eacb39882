import type { ApprovalView } from './approval-view.js';
import { standingWords } from './standing-words.js';
import { visibleLine, visibleLines } from './visible-text.js';

/** A message as people forward it: a subject of one line, and a body that fits on a screen. */
export interface PlainText {
  readonly subject: string;
  readonly body: string;
}

const states: Readonly<Record<ApprovalView['state'], string>> = {
  pending: 'waits for a signature',
  approved: 'approved',
  leased: 'approved',
  used: 'approved',
  granted: 'granted',
  refused: 'refused',
  expired: 'expired, not approved',
  withdrawn: 'withdrawn',
  unreviewed: 'ran on break-glass, to be reviewed',
  reviewed: 'ran on break-glass, reviewed',
};

/** Longest piece of foreign text, in characters. */
const maxPiece = 200;
const argumentLimits = { maxCodePoints: 600, maxLines: 15 };

type Line = readonly [name: string, text: string | undefined];

/** An approval in plain words, every foreign piece made harmless and cut. */
export function plainTextOf(view: ApprovalView): PlainText {
  const who = piece(view.requester.displayName ?? view.requester.objectId);
  const what = piece(view.kind === 'grant' ? `a grant on ${view.server}` : view.resource);
  const lines: readonly Line[] = [
    ['Who', `${who} (${view.requesterKind})`],
    ['What', `${what} on ${piece(view.server)}`],
    ...wishLines(view),
    ['Why', view.justification === null ? undefined : piece(view.justification)],
    ['Risk', view.risk.level],
    ['Definition', standingWords(view)],
    ...view.rules.map(({ id, message }): Line => ['Rule', piece(message ?? id)]),
    ['Arguments', visibleLines(view.maskedArguments, argumentLimits).join('\n')],
    ...endLines(view),
    ['Digest', view.digest.slice(0, 16)],
    ['Page', view.url],
  ];
  const body = lines
    .filter(([, text]) => text !== undefined && text !== '')
    .map(([name, text]) => `${name}: ${text}`)
    .join('\n');
  return { subject: `${who} · ${what}: ${states[view.state]}`, body };
}

/** All that a grant would cover, where one is asked for. */
function wishLines({ grant, kind }: ApprovalView): readonly Line[] {
  if (kind !== 'grant' || grant === null) return [];
  const { calls, resources, when } = grant.scope;
  return [
    ...resources.map((tool): Line => ['Tool', piece(tool)]),
    ['Condition', piece(when ?? 'any arguments')],
    ['Calls', String(calls ?? 'any number')],
    ['For', grant.seconds === null ? undefined : `${grant.seconds} s`],
  ];
}

/** Until when it waits, or how it ended. */
function endLines({ decision, expiresAt }: ApprovalView): readonly Line[] {
  if (decision === null) return [['Until', timeOf(expiresAt)]];
  const by = decision.by.map((each) => piece(each.displayName ?? each.objectId)).join(', ');
  return [
    ['Decided by', by],
    ['Reason', piece(decision.reason)],
    ['Decided', timeOf(decision.at)],
  ];
}

/** UTC, to the second. */
function timeOf(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function piece(text: string): string {
  return visibleLine(text, maxPiece);
}
