import type { Actor } from '#contracts';
import type { ApprovalView, GrantScope } from '../approval-view.js';
import { type CardElement, duration, row, utc } from './card-text.js';

/** Shortens every text alike, for cards that would become too large. */
export type Scale = (codePoints: number) => number;

const mostRules = 4;
const mostSets = 4;
const mostLabels = 4;
const mostVotes = 5;
const mostSimilar = 2;
const mostReasons = 4;
const mostTools = 6;

/** Who asks, with what. */
export function requesterRows(view: ApprovalView, scale: Scale): CardElement[] {
  const kinds = { person: 'person', workload: 'program', agent: 'AI agent' };
  const client = view.client === null ? [] : [view.client.name, view.client.version];
  return [
    row('Requester', `${nameOf(view.requester)} (${kinds[view.requesterKind]})`, scale(120)),
    row('Requester id', view.requester.objectId, 40),
    row('Client', [...client, view.clientApp].join(' · '), scale(120)),
  ];
}

/** What is asked for, and where. */
export function targetRows(view: ApprovalView, scale: Scale): CardElement[] {
  const labels = Object.entries(view.labels).slice(0, mostLabels);
  return [
    row('Server', view.server, scale(80), { weight: 'Bolder' }),
    row('Tool', `${view.resource} (${view.method})`, scale(160), { weight: 'Bolder' }),
    ...labels.map(([name, value]) => row('Label', `${name} = ${value}`, scale(70))),
    ...more('labels', Object.keys(view.labels).length - mostLabels),
  ];
}

/** How dangerous it looks. */
export function riskRows(view: ApprovalView, scale: Scale): CardElement[] {
  const colors = { low: 'Good', medium: 'Warning', high: 'Attention' } as const;
  const style = { weight: 'Bolder', color: colors[view.risk.level] } as const;
  const drift =
    view.drift === null
      ? []
      : [
          row(
            'Warning',
            `the tool's definition has changed since ${utc(view.drift.lastApprovedAt)}`,
            120,
            {
              color: 'Attention',
            },
          ),
        ];
  return [
    row('Risk', view.risk.level, 20, style),
    ...view.risk.reasons.slice(0, mostReasons).map((reason) => row('Because', reason, scale(100))),
    ...drift,
  ];
}

/** Which rule asks, and whom. */
export function ruleRows(view: ApprovalView, scale: Scale): CardElement[] {
  return [
    ...view.rules
      .slice(0, mostRules)
      .flatMap(({ id, message }) => [
        row('Rule', id, scale(60)),
        ...(message === null ? [] : [row('It says', message, scale(120))]),
      ]),
    ...more('rules', view.rules.length - mostRules),
    ...view.sets.slice(0, mostSets).map((set) => {
      const groups = set.groups.slice(0, 3).map((group) => group.name ?? group.id);
      const others = set.groups.length > 3 ? ` and ${set.groups.length - 3} more` : '';
      const label = set.isEscalation ? 'Asked since escalation' : 'You are asked as one of';
      const count = `${set.signed} of ${set.quorum} signed`;
      return row(label, `${groups.join(', ')}${others} – ${count}`, scale(150));
    }),
    ...more('groups of signers', view.sets.length - mostSets),
  ];
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
    return row('Before', `${each.outcome}${by} at ${utc(each.decidedAt)}${said}`, scale(170));
  });
}

/** Exactly what a grant lets somebody do. */
export function scopeRows(label: string, scope: GrantScope, scale: Scale): CardElement[] {
  const others = scope.resources.length - mostTools;
  const tools = scope.resources.slice(0, mostTools).join(', ');
  const beyond = others > 0 ? ` and ${others} more` : '';
  const count = scope.calls === null ? 'any number of calls' : `at most ${scope.calls} calls`;
  return [
    row(label, `${scope.server}: ${tools}${beyond}; ${count}`, scale(260)),
    ...(scope.when === null ? [] : [row('Only where', scope.when, scale(200))]),
  ];
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
