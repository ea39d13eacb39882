import type { ApprovalView } from '../approval-view.js';
import { visibleLines } from '../visible-text.js';
import { isOpen, missingSignatures } from '../wish.js';
import {
  type Audience,
  exactRows,
  isShownWhole,
  outcomeRows,
  riskRows,
  ruleRows,
  type Scale,
  scopeRows,
  similarRows,
  voteRows,
  wishLine,
} from './card-rows.js';
import { offerOf, standingOf } from './card-standing.js';
import { box, type CardElement, duration, group, line, row, runs, utc } from './card-text.js';
import type { Verb } from './press.js';

/** An Adaptive Card as plain JSON. */
export interface AdaptiveCard {
  readonly type: 'AdaptiveCard';
  readonly $schema: string;
  readonly version: string;
  readonly fallbackText: string;
  readonly body: readonly CardElement[];
  readonly actions?: readonly CardElement[];
}

/** Bytes of JSON that a card may have: Teams documents limits between 28 and 100 KB. */
export const maxCardBytes = 24_576;

const maxArgumentPoints = 1500;
const maxArgumentLines = 30;
/** Of a settled one: enough to tell which it was. */
const maxSettledPoints = 500;
const maxSettledLines = 8;
const maxIndentedLength = 65_536;
/** Renderers drop ordinary spaces at the beginning of a line. */
const indent = '\u00a0\u00a0';
const reasonLimits = { maxCodePoints: 500, maxLines: 6 };

/**
 * The card of an approval as one audience sees it: Adaptive Card 1.5, universal actions. All text that is not a
 * constant stands in TextRuns, visible and cut; when even that is too much, everything is cut shorter still.
 */
export function approvalCard(view: ApprovalView, audience: Audience, nonce: string): AdaptiveCard {
  const build = (scale: number): AdaptiveCard => {
    const shorten: Scale = (points) => Math.max(16, Math.floor(points * scale));
    const body = isOpen(view) ? openBody(view, audience, shorten) : closedBody(view, shorten);
    const actions = isOpen(view) ? openActions(view, audience, nonce, shorten) : [];
    return card([banner(view, audience, shorten), ...body], actions);
  };
  return [1, 0.5, 0.25].map(build).find(isSmallEnough) ?? build(0.1);
}

/** A word besides, as a card too: plain text of a message would be read as Markdown. */
export function noticeCard(text: string): AdaptiveCard {
  const lines = visibleLines(text, { maxCodePoints: 2000, maxLines: maxArgumentLines });
  return card(
    lines.map((each) => line(runs(each === '' ? ' ' : each))),
    [],
  );
}

function card(body: readonly CardElement[], actions: readonly CardElement[]): AdaptiveCard {
  return {
    type: 'AdaptiveCard',
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    version: '1.5',
    fallbackText: 'A word from Countersign that this client cannot show.',
    body,
    ...(actions.length === 0 ? {} : { actions }),
  };
}

function isSmallEnough(card: AdaptiveCard): boolean {
  return Buffer.byteLength(JSON.stringify(card)) <= maxCardBytes;
}

function banner(view: ApprovalView, audience: Audience, scale: Scale): CardElement {
  const { title, style } = standingOf(view, audience);
  return {
    type: 'Container',
    style,
    bleed: true,
    items: [
      line([{ type: 'TextRun', text: title, weight: 'Bolder', size: 'Large' }]),
      wishLine(view, scale),
    ],
  };
}

function openBody(view: ApprovalView, audience: Audience, scale: Scale): CardElement[] {
  return [
    group([
      ...(view.kind === 'grant' ? wishRows(view, scale) : []),
      ...riskRows(view, scale),
      ...ruleRows(view, audience, scale),
      ...voteRows(view, scale),
    ]),
    ...justification(view, scale),
    ...argumentBox(view, { maxCodePoints: scale(maxArgumentPoints), maxLines: maxArgumentLines }),
    ...some([...similarRows(view, scale), ...expiryRow(view)]),
    ...(audience === 'approvers' ? some(pressRows(view, scale)) : []),
    exactRows(view, scale),
    ...(audience === 'approvers' ? [reasonInput(view)] : []),
  ];
}

function closedBody(view: ApprovalView, scale: Scale): CardElement[] {
  const limits = { maxCodePoints: scale(maxSettledPoints), maxLines: maxSettledLines };
  return [group(outcomeRows(view, scale)), ...argumentBox(view, limits), exactRows(view, scale)];
}

/** What a press would do: the exact scope where it would let somebody call again without being asked. */
function pressRows(view: ApprovalView, scale: Scale): CardElement[] {
  if (view.kind !== 'call') return [];
  const missing = missingSignatures(view);
  const once =
    missing > 1
      ? `counts as one of ${missing} signatures that are missing; then the call runs, one time`
      : 'the call runs now, this one time';
  const offer = offerOf(view);
  if (offer === null) return [row('Approve once', once, 120)];
  if (!isShownWhole(offer.scope, scale)) return [row('Approve once', once, 120), elsewhere];
  const who = view.requester.displayName ?? view.requester.objectId;
  return [
    row('Approve once', once, 120),
    row(
      `Approve for ${duration(offer.maxSeconds)}`,
      `${who} may call this again without asking`,
      scale(160),
    ),
    ...scopeRows('Exactly', offer.scope, scale),
  ];
}

const elsewhere = row('For a time', 'only in the details: its scope does not fit in here', 120, {
  color: 'Warning',
});

function wishRows(view: ApprovalView, scale: Scale): CardElement[] {
  if (view.grant === null) return [];
  const { scope, seconds } = view.grant;
  return [
    ...scopeRows('Wanted', scope, scale),
    ...(seconds === null ? [] : [row('For', duration(seconds), 40)]),
    ...(isShownWhole(scope, scale) ? [] : [elsewhere]),
  ];
}

function justification(view: ApprovalView, scale: Scale): CardElement[] {
  if (view.justification !== null) {
    const limits = { ...reasonLimits, maxCodePoints: scale(reasonLimits.maxCodePoints) };
    return [box('Reason given by the requester', view.justification, limits)];
  }
  return view.isJustificationRequired
    ? [row('Reason', 'required, and not given yet', 40, { color: 'Warning' })]
    : [];
}

function argumentBox(
  { maskedArguments }: ApprovalView,
  limits: { readonly maxCodePoints: number; readonly maxLines: number },
): CardElement[] {
  if (maskedArguments === '') return [];
  return [box('Arguments, masked', indented(maskedArguments), limits, { fontType: 'Monospace' })];
}

function expiryRow({ expiresAt, state }: ApprovalView): CardElement[] {
  return state === 'pending' ? [row('Expires', utc(expiresAt), 40)] : [];
}

function some(rows: readonly CardElement[]): CardElement[] {
  return rows.length === 0 ? [] : [group(rows)];
}

/** Whether it is needed is checked when it arrives: a required input would block every other button too. */
function reasonInput(view: ApprovalView): CardElement {
  const label = view.kind === 'break-glass' ? 'Note' : 'Reason (required to deny)';
  return {
    type: 'Input.Text',
    id: 'reason',
    label,
    isMultiline: true,
    maxLength: 500,
    spacing: 'Medium',
  };
}

function openActions(
  view: ApprovalView,
  audience: Audience,
  nonce: string,
  scale: Scale,
): CardElement[] {
  const details = detailsAction(view);
  if (audience === 'requester') {
    // The one thing that is the requester's to do: say why.
    return view.isJustificationRequired && view.justification === null ? details : [];
  }
  const button = (verb: Verb, title: string, style?: 'positive' | 'destructive'): CardElement => ({
    type: 'Action.Execute',
    title,
    verb,
    data: { approvalId: view.id, nonce },
    ...(style === undefined ? {} : { style }),
  });
  if (view.kind === 'break-glass') return [button('review', 'Reviewed', 'positive'), ...details];
  const grants = grantTitles(view, scale);
  return [
    ...(view.kind === 'grant' ? [] : [button('approve', 'Approve once', 'positive')]),
    ...grants.asked.map((title) => button('approve', title, 'positive')),
    ...grants.offered.map((title) => button('grant', title)),
    button('refuse', 'Deny', 'destructive'),
    ...details,
  ];
}

/** Buttons that give more than one call: only where the card shows all of what they give. */
function grantTitles(view: ApprovalView, scale: Scale): Record<'asked' | 'offered', string[]> {
  const { grant, kind } = view;
  const offer = offerOf(view);
  const isOffered = offer !== null && isShownWhole(offer.scope, scale);
  const isAsked = kind === 'grant' && grant !== null && isShownWhole(grant.scope, scale);
  const seconds = isAsked ? (grant?.seconds ?? null) : null;
  const asked = seconds === null ? 'Approve as asked' : `Approve for ${duration(seconds)}`;
  return {
    asked: isAsked ? [asked] : [],
    offered: isOffered ? [`Approve for ${duration(offer.maxSeconds)}`] : [],
  };
}

/** The page of the approval; left out where its address is not one that a browser may be sent to. */
function detailsAction(view: ApprovalView): CardElement[] {
  const isWeb = URL.canParse(view.url) && /^https?:$/.test(new URL(view.url).protocol);
  return isWeb ? [{ type: 'Action.OpenUrl', title: 'Details', url: view.url }] : [];
}

/** One member on a line; what is no JSON, or so much that nobody would see its end, stays as it is. */
function indented(json: string): string {
  if (json.length > maxIndentedLength) return json;
  try {
    return JSON.stringify(JSON.parse(json), null, indent);
  } catch {
    return json;
  }
}
