import type { ApprovalView, VoteView } from '../approval-view.js';
import { decisionSection } from './decision-view.js';
import { callSection, factsSection, similarSection, votesSection, warnings } from './facts-view.js';
import { type Content, type Element, h } from './html.js';
import { riskTag, stateTag } from './inbox-view.js';
import { layout, moment, type PageContext } from './layout.js';
import { isSame } from './standing.js';
import { isOpen, missingSignatures } from '../wish.js';
import { callerWords, nameOf, shown, stateWords, voteWord, wish } from './words.js';

/**
 * Everything about one approval, and what the reader may do. `afterPress`: the reader comes from a form; what came
 * of it is read from the approval itself, so that no address can claim a decision that was not made.
 */
export function detailPage(view: ApprovalView, afterPress: boolean, context: PageContext): Element {
  const title = `${stateWords[view.state].words}: ${shown(view.resource, 60)} on ${shown(view.server, 40)}`;
  return layout(
    {
      title: `${title} · Countersign`,
      content: [
        h('p', { class: 'back' }, h('a', { href: '/approvals', 'data-up': '' }, '← All approvals')),
        h(
          'article',
          { class: 'detail', 'data-approval': view.id },
          h(
            'div',
            { class: 'said' },
            heading(view, context),
            outcome(view, afterPress, context),
            h('div', { id: 'warnings', 'data-live': '' }, warnings(view, context)),
            callSection(view),
          ),
          decisionSection(view, context),
          h(
            'div',
            { class: 'more' },
            votesSection(view, context),
            similarSection(view, context),
            factsSection(view, context),
          ),
        ),
      ],
    },
    context,
  );
}

function heading(view: ApprovalView, { now }: PageContext): Element {
  return h(
    'div',
    { id: 'heading', 'data-live': '' },
    h('p', { class: 'meta' }, stateTag(view), riskTag(view)),
    h('h1', {}, h('span', { class: 'who' }, nameOf(view.requester)), ' ', wish(view)),
    h(
      'p',
      { class: 'why' },
      view.justification === null
        ? view.isJustificationRequired
          ? 'No reason given yet. A reason is required before anybody can approve.'
          : 'No reason given.'
        : ['Reason: ', h('strong', {}, shown(view.justification, 2000))],
    ),
    h('p', { class: 'hint' }, callerWords(view)),
    h(
      'p',
      { class: 'hint' },
      'Asked ',
      moment(view.requestedAt, now),
      isOpen(view) && deadline(view, now),
    ),
  );
}

function deadline(view: ApprovalView, now: Date): Content {
  if (view.kind === 'break-glass') return null;
  return [', expires ', moment(view.expiresAt, now)];
}

/** How it stands or ended, with the reader's own part in it. */
function outcome(view: ApprovalView, afterPress: boolean, context: PageContext): Element {
  const { now, reader } = context;
  const mine = view.votes.find(({ voter }) => isSame(voter, reader));
  const isStranger = mine === undefined && !isSame(view.requester, reader);
  return h(
    'div',
    {
      id: 'outcome',
      class: `outcome ${stateWords[view.state].tone}`,
      role: 'status',
      'data-live': '',
    },
    mine !== undefined && signed(view, mine, now),
    afterPress && isStranger && !isOpen(view) && tooLate,
    isOpen(view) ? mine !== undefined && h('p', {}, remaining(view)) : ended(view, context),
  );
}

const tooLate = h('p', {}, h('strong', {}, 'Too late: your press changed nothing.'));

function signed(view: ApprovalView, { decision, votedAt }: VoteView, now: Date): Element {
  return h(
    'p',
    {},
    h('strong', {}, `You ${voteWord(view, decision)} this`),
    ' ',
    moment(votedAt, now),
  );
}

function ended(view: ApprovalView, { now, reader }: PageContext): Content {
  const { decision, state } = view;
  const signers = decision?.by ?? [];
  // Of the reader's own word the line above tells.
  const isMine = signers.every((each) => isSame(each, reader));
  const by = isMine ? '' : signers.map((each) => nameOf(each)).join(', ');
  const { words } = stateWords[state];
  return [
    h(
      'p',
      {},
      h('strong', {}, by === '' ? words : `${words} by ${by}`),
      ' ',
      decision !== null && moment(decision.at, now),
    ),
    decision !== null && decision.reason !== '' && h('p', {}, `“${shown(decision.reason, 2000)}”`),
    view.grant !== null &&
      view.grant.until !== null &&
      h('p', {}, 'The access ends ', moment(view.grant.until, now)),
  ];
}

function remaining(view: ApprovalView): string {
  const missing = missingSignatures(view);
  return missing === 1 ? 'One more person has to sign.' : `${missing} more people have to sign.`;
}
