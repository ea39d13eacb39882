import type { ApprovalView } from './approval-view.js';
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

/** An approval in plain words, every foreign piece made harmless and cut. */
export function plainTextOf(view: ApprovalView): PlainText {
  const who = piece(view.requester.displayName ?? view.requester.objectId);
  const what = piece(view.kind === 'grant' ? `a grant on ${view.server}` : view.resource);
  const scope = view.kind === 'grant' ? view.grant?.scope : undefined;
  const lines = [
    ['Who', `${who} (${view.requesterKind})`],
    ['What', `${what} on ${piece(view.server)}`],
    ['Tools', scope?.resources.map((tool) => piece(tool)).join(', ')],
    ['Condition', scope === undefined ? undefined : piece(scope.when ?? 'any arguments')],
    ['Calls', scope === undefined ? undefined : String(scope.calls ?? 'any number')],
    ['For', view.grant?.seconds == null ? undefined : `${view.grant.seconds} s`],
    ['Why', view.justification === null ? undefined : piece(view.justification)],
    ['Risk', view.risk.level],
    ['Rules', view.rules.map(({ id, message }) => piece(message ?? id)).join(' ')],
    ['Arguments', visibleLines(view.maskedArguments, argumentLimits).join('\n')],
    [
      'Decided by',
      view.decision?.by.map((each) => piece(each.displayName ?? each.objectId)).join(', '),
    ],
    ['Reason', view.decision === null ? undefined : piece(view.decision.reason)],
    [
      view.decision === null ? 'Until' : 'Decided',
      (view.decision?.at ?? view.expiresAt).toISOString(),
    ],
    ['Digest', view.digest.slice(0, 16)],
    ['Page', view.url],
  ] as const;
  const body = lines
    .filter(([, text]) => text !== undefined && text !== '')
    .map(([name, text]) => `${name}: ${text}`)
    .join('\n');
  return { subject: `${who} · ${what}: ${states[view.state]}`, body };
}

function piece(text: string): string {
  return visibleLine(text, maxPiece);
}
