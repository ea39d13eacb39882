import type { Actor } from '#contracts';
import type { ApprovalState, ApprovalView, GrantScope, SignatureSet } from '../approval-view.js';
import { standingWords } from '../standing-words.js';
import { visibleLine } from '../visible-text.js';
import { wishWords } from '../wish.js';
import {
  type CardElement,
  duration,
  labelRun,
  line,
  row,
  runs,
  smallPrint,
  utc,
  words,
} from './card-text.js';

/** Whom a card is for. */
export type Audience = 'approvers' | 'requester';

/** Shortens every text alike, for cards that would become too large. */
export type Scale = (codePoints: number) => number;

const mostRules = 4;
const mostSets = 4;
const mostLabels = 4;
const mostVotes = 5;
const mostSimilar = 2;
const mostReasons = 4;
const mostTools = 6;
const toolPoints = 260;
const serverPoints = 80;
const conditionPoints = 300;

/** Who wants what, as a sentence; what is foreign in it looks otherwise than the words between. */
export function wishLine(view: ApprovalView, scale: Scale): CardElement {
  const name = { fontType: 'Monospace' } as const;
  return line(
    [
      ...words({ text: nameOf(view.requester), max: scale(120) }, { weight: 'Bolder' }),
      ...words({ text: ` ${wishWords(view)} `, max: scale(80) }),
      ...words({ text: view.resource, max: scale(160) }, name),
      ...runs(' on '),
      ...words({ text: view.server, max: scale(80) }, name),
    ],
    'None',
  );
}

/** What pins down who asks for what, exactly. */
export function exactRows(view: ApprovalView, scale: Scale): CardElement {
  const { client, clientApp, digest, id, method, requester, resource, server } = view;
  const kinds = { person: 'person', workload: 'program', agent: 'AI agent' };
  const who = `${nameOf(requester)} (${kinds[view.requesterKind]}) · ${requester.objectId}`;
  const named = client === null ? [] : [`${client.name} ${client.version}`];
  return smallPrint([
    ['Requester', who, scale(160)],
    ['Client', [...named, clientApp].join(' · '), scale(120)],
    ['Tool', `${resource} (${method})`, scale(160)],
    ['Server', server, scale(80)],
    ...labelRows(view.labels, scale),
    ['Digest (SHA-256)', digest.slice(0, 16), 20],
    ['Request', id, 40],
  ]);
}

function labelRows(
  labels: ApprovalView['labels'],
  scale: Scale,
): readonly (readonly [string, string, number])[] {
  const all = Object.entries(labels);
  const beyond = all.length > mostLabels ? [`${all.length - mostLabels} more`] : [];
  const shown = all.slice(0, mostLabels).map(([name, value]) => `${name} = ${value}`);
  return all.length === 0 ? [] : [['Labels', [...shown, ...beyond].join(', '), scale(240)]];
}

/** How dangerous it looks, and why. */
export function riskRows(view: ApprovalView, scale: Scale): CardElement[] {
  const colors = { low: 'Good', medium: 'Warning', high: 'Attention' } as const;
  const { drift, risk } = view;
  const level = words(
    { text: risk.level, max: 20 },
    { weight: 'Bolder', color: colors[risk.level] },
  );
  const reasons = risk.reasons
    .slice(0, mostReasons)
    .flatMap((reason) => words({ text: ` ${reason}`, max: scale(100) }));
  const dash = reasons.length === 0 ? [] : runs(' –');
  return [
    line([labelRun('Risk'), ...level, ...dash, ...reasons], 'None'),
    ...standingRows(view),
    ...(drift === null ? [] : [driftRow(drift)]),
  ];
}

function standingRows(view: ApprovalView): CardElement[] {
  const text = standingWords(view);
  return text === undefined ? [] : [row('Warning', text, 120, { color: 'Attention' })];
}

function driftRow({ lastApprovedAt }: NonNullable<ApprovalView['drift']>): CardElement {
  const text = `the tool's definition has changed since ${utc(lastApprovedAt)}`;
  return row('Warning', text, 120, { color: 'Attention' });
}

/** Which rule asks, and whom. */
export function ruleRows(view: ApprovalView, audience: Audience, scale: Scale): CardElement[] {
  return [
    ...view.rules.slice(0, mostRules).map(({ id, message }) => {
      const said = message === null ? [] : words({ text: ` – ${message}`, max: scale(120) });
      return line([labelRun('Rule'), ...words({ text: id, max: scale(60) }), ...said], 'None');
    }),
    ...more('rules', view.rules.length - mostRules),
    ...view.sets.slice(0, mostSets).map((set) => setRow(set, view, audience, scale)),
    ...more('groups of signers', view.sets.length - mostSets),
  ];
}

function setRow(
  set: SignatureSet,
  view: ApprovalView,
  audience: Audience,
  scale: Scale,
): CardElement {
  const { groups, isEscalation, quorum, signed } = set;
  const names = groups.slice(0, 3).map((group) => group.name ?? group.id);
  const others = groups.length > 3 ? ` and ${groups.length - 3} more` : '';
  const all = `${names.join(', ')}${others}`;
  if (isEscalation) return row('Asked too, since nobody signed', all, scale(150));
  const done = view.kind === 'break-glass' ? 'reviewed' : 'signed';
  const label = audience === 'approvers' ? 'You are asked as one of' : 'Asked';
  return row(label, `${all} – ${signed} of ${quorum} ${done}`, scale(150));
}

/** Who has signed so far. */
export function voteRows(view: ApprovalView, scale: Scale): CardElement[] {
  return view.votes.slice(0, mostVotes).map((vote) => {
    const verb = vote.decision === 'approve' ? 'approved' : 'denied';
    const said = vote.reason === '' ? '' : `: ${vote.reason}`;
    return row(
      'Signed',
      `${nameOf(vote.voter)} ${verb} at ${utc(vote.votedAt)}${said}`,
      scale(170),
    );
  });
}

/** What was decided on the same tool before. */
export function similarRows(view: ApprovalView, scale: Scale): CardElement[] {
  return view.similar.slice(0, mostSimilar).map((each) => {
    const by = each.decidedBy === null ? '' : ` by ${each.decidedBy}`;
    const said = each.reason === '' ? '' : `: ${each.reason}`;
    return row(
      'Before',
      `${outcomeWord(each.outcome)}${by} at ${utc(each.decidedAt)}${said}`,
      scale(170),
    );
  });
}

function outcomeWord(outcome: ApprovalState): string {
  if (outcome === 'refused') return 'denied';
  return outcome === 'leased' || outcome === 'used' ? 'approved' : outcome;
}

/** Exactly what a grant lets somebody do. How often comes last and apart, so that no long name pushes it away. */
export function scopeRows(label: string, scope: GrantScope, scale: Scale): CardElement[] {
  const others = scope.resources.length - mostTools;
  const beyond = others > 0 ? [`${others} more`] : [];
  const tools = [...scope.resources.slice(0, mostTools), ...beyond].join(', ');
  const count = scope.calls === null ? 'any number of calls' : `at most ${scope.calls} calls`;
  return [
    row(label, tools, scale(toolPoints)),
    row('On', scope.server, scale(serverPoints)),
    scope.when === null
      ? row('With', 'any arguments', 40)
      : row('Only where', scope.when, scale(conditionPoints)),
    row('How often', count, 60),
  ];
}

/** Whether these rows show all of a scope: nobody signs here for what they cannot see. */
export function isShownWhole({ resources, server, when }: GrantScope, scale: Scale): boolean {
  const fits = (text: string, max: number): boolean =>
    visibleLine(text, scale(max)) === visibleLine(text, Number.MAX_SAFE_INTEGER);
  return (
    resources.length <= mostTools &&
    fits(resources.join(', '), toolPoints) &&
    fits(server, serverPoints) &&
    fits(when ?? '', conditionPoints)
  );
}

/** How it ended. */
export function outcomeRows(view: ApprovalView, scale: Scale): CardElement[] {
  return [...decisionRows(view, scale), ...modeRows(view, scale)];
}

function decisionRows({ decision }: ApprovalView, scale: Scale): CardElement[] {
  if (decision === null) return [];
  const names = decision.by.map(nameOf).join(', ');
  return [
    ...(names === '' ? [] : [row('By', names, scale(200))]),
    row('When', utc(decision.at), 40),
    ...(decision.reason === '' ? [] : [row('Note', decision.reason, scale(500))]),
  ];
}

function modeRows(view: ApprovalView, scale: Scale): CardElement[] {
  if (!isSigned(view)) return [];
  if (view.grant === null) return [row('Mode', 'this call only, once', 40)];
  const { scope, seconds, until } = view.grant;
  const length = seconds === null ? [] : [row('For', duration(seconds), 40)];
  return [
    ...scopeRows('Granted for', scope, scale),
    ...(until === null ? length : [row('Until', utc(until), 40)]),
  ];
}

function isSigned(view: ApprovalView): boolean {
  return ['approved', 'leased', 'used', 'granted'].includes(view.state);
}

function nameOf(actor: Actor): string {
  return actor.displayName ?? actor.objectId;
}

function more(what: string, count: number): CardElement[] {
  return count > 0 ? [row('And', `${count} more ${what}`, 60)] : [];
}
